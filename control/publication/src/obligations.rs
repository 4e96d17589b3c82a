//! Legal duties with clocks: not built yet.
