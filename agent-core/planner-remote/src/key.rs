//! The key of an account at a model's provider.

use std::{fs, io, path::Path};

use secrecy::{ExposeSecret, SecretString};

/// Shorter ones stand for no key at local servers (`none`), and are too likely to occur in an answer by chance.
const SECRET_BYTES: usize = 12;

/// A provider's key. Wiped when dropped, and never part of `Debug`, an error or a log.
#[derive(Debug, Clone)]
pub struct ApiKey(SecretString);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the model's key file: {0}")]
    File(#[from] io::Error),
    /// What is in it is no key.
    #[error("the model's key must be one line of printable ASCII without spaces")]
    NotAKey,
}

impl ApiKey {
    /// A key.
    ///
    /// # Errors
    /// When it is empty, or has characters that a header cannot.
    pub fn new(key: &str) -> Result<Self, KeyError> {
        let key = key.trim();
        let fits = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(SecretString::from(key))) } else { Err(KeyError::NotAKey) }
    }

    /// The key in a file, on a line of its own.
    ///
    /// # Errors
    /// When the file cannot be read, or has no key in it.
    pub fn from_file(file: &Path) -> Result<Self, KeyError> {
        Self::new(SecretString::from(fs::read_to_string(file)?).expose_secret())
    }

    pub(crate) const fn secret(&self) -> &SecretString {
        &self.0
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What must not be in anything that is kept; nothing for a key that is none.
    pub(crate) fn to_scrub(&self) -> Option<&[u8]> {
        Some(self.expose().as_bytes()).filter(|key| key.len() >= SECRET_BYTES)
    }
}
