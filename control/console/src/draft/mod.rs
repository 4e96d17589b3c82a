//! Statements on their way to a signature: proposed, previewed, signed, applied, proven. Nothing here signs.
