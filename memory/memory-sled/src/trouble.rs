//! What goes wrong in sled, as the port's error.

use agent_core::ports::MemoryError;
use sled::transaction::TransactionError;

/// A failure that can be told to everybody who waited for the same flush.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) doing: &'static str,
    pub(crate) cause: Cause,
}

#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Cause {
    #[error(transparent)]
    Sled(#[from] sled::Error),
    #[error("{0}")]
    Io(std::sync::Arc<std::io::Error>),
    /// What it said went to the panic hook.
    #[error("the storage engine panicked")]
    Panicked,
}

impl Trouble {
    pub(crate) fn sled(doing: &'static str) -> impl Fn(sled::Error) -> Self {
        move |error| Self { doing, cause: error.into() }
    }

    pub(crate) fn transaction(doing: &'static str) -> impl Fn(TransactionError<sled::Error>) -> Self {
        move |error| match error {
            TransactionError::Abort(error) | TransactionError::Storage(error) => {
                Self { doing, cause: error.into() }
            }
        }
    }

    pub(crate) fn io(doing: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |error| Self { doing, cause: Cause::Io(std::sync::Arc::new(error)) }
    }

    pub(crate) const fn panicked(doing: &'static str) -> Self {
        Self { doing, cause: Cause::Panicked }
    }

    /// Whether the files themselves are bad, so that trying again does not help and a repair may.
    pub(crate) fn is_corruption(&self) -> bool {
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};
        match &self.cause {
            // The directory is ours and always opened alike: what sled does not support there is noise.
            Cause::Panicked
            | Cause::Sled(
                sled::Error::Corruption { .. } | sled::Error::ReportableBug(_) | sled::Error::Unsupported(_),
            ) => true,
            Cause::Sled(sled::Error::Io(error)) => matches!(error.kind(), InvalidData | UnexpectedEof),
            Cause::Sled(sled::Error::CollectionNotFound(_)) | Cause::Io(_) => false,
        }
    }
}

impl From<Trouble> for MemoryError {
    fn from(Trouble { doing, cause }: Trouble) -> Self {
        Self::Storage { doing, cause: Box::new(cause) }
    }
}
