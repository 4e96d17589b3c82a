//! What goes to standard error while a part runs: one line per event, no personal data (rooms log ids and counts only).

/// Sends events of level INFO and above to standard error. Safe to call more than once.
pub fn to_stderr() {
    let _already = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .try_init();
}
