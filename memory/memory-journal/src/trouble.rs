//! What goes wrong inside, before it becomes the port's error.

use std::sync::Arc;

use agent_core::ports::JournalError;

/// A failure that can be told to everybody who waited for the same commit.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// The storage, or the entry itself, would not do.
    Failed { doing: &'static str, cause: Arc<dyn std::error::Error + Send + Sync> },
    /// The file does not say what it must.
    Damaged { at: u64, what: String },
}

/// An entry that the journal does not write down, because it cannot mean what its writer thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misfit {
    #[error("only an entry that opens an intent can hold claims")]
    Claims,
    #[error("only an entry that opens, replaces or closes an intent can hold reservations")]
    Reservations,
    #[error("the entry is too long to be written")]
    TooLong,
}

/// The file was written by a program that we do not understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the journal's format is {found}, this program knows {known} (0 is a file that is no journal)")]
pub(crate) struct UnknownFormat {
    pub(crate) found: u64,
    pub(crate) known: u64,
}

/// The journal is what was left of a damaged one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it holds the {kept} entries that were salvaged from a damaged one, and what was signed after them is not known to it; \
     compare nonces and balances on the chain, then confirm it (`keepwright journal repair --confirm`)"
)]
pub(crate) struct Unconfirmed {
    pub(crate) kept: u64,
}

/// The storage panicked; what it said went to the panic hook.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the storage engine panicked")]
pub(crate) struct Panicked;

/// The cause of every later failure, once one write has failed.
#[derive(Debug, thiserror::Error)]
#[error("an earlier write failed ({0}); reopen the journal to find out what it holds")]
struct Earlier(JournalError);

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Told(Arc<dyn std::error::Error + Send + Sync>);

impl Trouble {
    pub(crate) fn failed<E>(doing: &'static str) -> impl FnOnce(E) -> Self
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        move |cause| Self::Failed { doing, cause: Arc::new(cause) }
    }

    /// A failure of redb. Its corruption is damage: no retry makes it better.
    pub(crate) fn redb<E: Into<redb::Error>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |error| {
            let error = error.into();
            if let redb::Error::Corrupted(what) = &error {
                return Self::damaged(0, format!("the storage is corrupt: {what}"));
            }
            Self::Failed { doing, cause: Arc::new(error) }
        }
    }

    pub(crate) fn damaged(at: u64, what: impl Into<String>) -> Self {
        Self::Damaged { at, what: what.into() }
    }

    /// What everybody hears after this trouble.
    pub(crate) fn earlier(&self) -> Self {
        Self::Failed { doing: "append", cause: Arc::new(Earlier(self.clone().into())) }
    }
}

impl From<Trouble> for JournalError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Failed { doing, cause } => Self::Storage { doing, cause: Box::new(Told(cause)) },
            Trouble::Damaged { at, what } => Self::Damaged { at, what },
        }
    }
}
