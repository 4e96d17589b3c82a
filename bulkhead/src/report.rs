//! What an operator reads when something did not work: one code, one sentence in German and English, the causes, and
//! the page to open.

use std::{error::Error, fmt::Write as _};

/// Trouble an operator can meet. The number names the page `docs/errors/BH-nnnn.md`.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {sentence}")]
pub struct Trouble {
    /// Which page helps.
    pub code: Code,
    /// German first, English second: what was tried, on what, who must act.
    pub sentence: String,
    /// What lies behind it.
    #[source]
    pub cause: Option<Box<dyn Error + Send + Sync>>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// Every code an operator can meet.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl std::fmt::Display for Code {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$name => $code,)* })
            }
        }
    };
}

codes! {
    /// A configuration file is missing, unreadable or wrong.
    Config = "BH-1001",
    /// The estate has mistakes.
    Estate = "BH-1002",
    /// A folder or file cannot be used.
    Files = "BH-1003",
    /// A key or certificate is missing, too widely readable or wrong.
    Keys = "BH-1004",
    /// A listener cannot be opened.
    Listen = "BH-1005",
    /// Another of our parts cannot be reached.
    Unreached = "BH-2001",
    /// A door refused what was asked.
    Refused = "BH-2002",
    /// A statement cannot be read or must not be signed.
    Statement = "BH-2003",
    /// The site cannot be published or brought to its host.
    Publication = "BH-2004",
    /// People cannot be called out, or the contact book is not usable.
    Callout = "BH-2005",
    /// A step of readiness was not entered, or the booklet cannot be printed.
    Readiness = "BH-2006",
    /// A ledger is damaged or was changed.
    Ledger = "BH-3001",
    /// A spool cannot be opened or is damaged.
    Spool = "BH-3002",
    /// A door's store cannot be opened.
    Store = "BH-3003",
    /// The drill broke a promise.
    Promise = "BH-4001",
    /// The drill could not be carried out.
    Drill = "BH-4002",
}

impl Trouble {
    /// Trouble with nothing known behind it.
    pub fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self {
            code,
            sentence: sentence.into(),
            cause: None,
        }
    }

    /// Trouble with its cause attached, to be printed once where it is handled.
    pub fn because(
        code: Code,
        sentence: impl Into<String>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            code,
            sentence: sentence.into(),
            cause: Some(cause.into()),
        }
    }
}

/// Prints trouble with all its causes to standard error, once.
pub fn trouble(trouble: &Trouble) {
    let mut text = format!("{trouble}\n");
    let mut cause = trouble.source();
    while let Some(error) = cause {
        let _written = writeln!(text, "  weil / because: {error}");
        cause = error.source();
    }
    let _written = writeln!(text, "  Hilfe / help: docs/errors/{}.md", trouble.code);
    eprint!("{text}");
}
