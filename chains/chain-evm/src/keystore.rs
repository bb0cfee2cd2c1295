//! Keys at rest: Web3 Secret Storage, version 3, as geth and every common wallet write it.
//!
//! What is read is more than what is written. Any valid version 3 file opens, within bounds that keep a hostile file from taking
//! the machine's memory or hours of its time; weaknesses come back as [`KeystoreWarning`]s. What is written is always scrypt with
//! N ≥ 2¹⁷, in a file of mode 0600 that replaces no other.
//!
//! A key leaves this module only as an [`UnlockedKey`], which shows its address and nothing else; the wallet of this crate signs
//! with it.
//!
//! Deriving a key takes about a second of one core and, at the default cost, 256 MiB for that second: call [`Keystore::unlock`],
//! [`Keystore::generate`] and [`Keystore::import`] where blocking is allowed (`tokio::task::spawn_blocking`).

use std::fs;
use std::path::{Path, PathBuf};

use alloy::primitives::Address;

pub use cost::ScryptCost;
pub use error::KeystoreError;
pub use key::UnlockedKey;
pub(crate) use key::{Elsewhere, Place, Secret};
pub use password::Password;
pub use warning::KeystoreWarning;

use envelope::Envelope;
use kdf::Kdf;

mod cost;
mod disk;
mod envelope;
mod error;
mod json;
mod kdf;
mod key;
#[cfg(feature = "mnemonic")]
mod mnemonic;
mod password;
#[cfg(test)]
mod tests;
mod warning;

/// One keystore file, read and checked for form, still locked. Holds nothing secret.
#[derive(Debug)]
pub struct Keystore {
    path: PathBuf,
    envelope: Envelope,
    warnings: Vec<KeystoreWarning>,
}

impl Keystore {
    /// Makes a new random key and stores it in `directory` (created with mode 0700 if missing) as `<address>.json`.
    ///
    /// After a crash the file is either whole or absent; a leftover `.part` file holds an encrypted key that nobody knows of and may
    /// be deleted.
    ///
    /// # Errors
    /// Refuses an empty password; fails if the system gives no randomness or the file cannot be written durably.
    pub fn generate(directory: &Path, password: &Password, cost: ScryptCost) -> Result<Self, KeystoreError> {
        Self::store(directory, &key::SecretBytes::random()?, password, cost)
    }

    /// Stores an existing private key (64 hexadecimal digits, with or without `0x`) in `directory`, as [`Keystore::generate`] does.
    /// The caller wipes its own copy.
    ///
    /// # Errors
    /// As [`Keystore::generate`]; also refuses a text that is no private key, and a key that the directory already has.
    pub fn import(
        directory: &Path,
        private_key_hex: &str,
        password: &Password,
        cost: ScryptCost,
    ) -> Result<Self, KeystoreError> {
        Self::store(directory, &key::SecretBytes::parse(private_key_hex)?, password, cost)
    }

    /// Reads a keystore file without unlocking it.
    ///
    /// # Errors
    /// Names what is wrong: no such file, not a keystore, or a version, cipher or cost that is not supported.
    pub fn open(path: &Path) -> Result<Self, KeystoreError> {
        let file = disk::read(path)?;
        let envelope = json::parse(&file.text).map_err(|flaw| KeystoreError::from_flaw(path, flaw))?;
        let warnings = file.loose_modes.into_iter().chain(envelope.kdf.weakness()).collect();
        Ok(Self { path: path.to_owned(), envelope, warnings })
    }

    /// Opens every file of `directory`, ordered by path; folders and names that start with a dot are left out. A file that is no
    /// keystore gives its own error, and the others are listed all the same.
    ///
    /// # Errors
    /// Fails if the directory cannot be read.
    pub fn list(directory: &Path) -> Result<Vec<Result<Self, KeystoreError>>, KeystoreError> {
        let unreadable = |source| KeystoreError::from_read(directory, source);
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if !hidden && !path.is_dir() {
                paths.push(path);
            }
        }
        paths.sort_unstable();
        Ok(paths.iter().map(|path| Self::open(path)).collect())
    }

    /// Derives the key and checks it against the file's MAC and address. Blocks for about a second.
    ///
    /// The format's MAC does not cover its `iv`: in a file that names no address, a damaged `iv` gives another key unnoticed.
    /// Compare [`UnlockedKey::address`] with the one that you expect.
    ///
    /// # Errors
    /// [`KeystoreError::WrongPassword`] also covers a damaged file, as the two cannot be told apart.
    pub fn unlock(&self, password: &Password) -> Result<UnlockedKey, KeystoreError> {
        let path = || self.path.clone();
        let secret =
            self.envelope.open(password).ok_or_else(|| KeystoreError::WrongPassword { path: path() })?;
        let key = secret.unlock().ok_or_else(|| KeystoreError::NotAKey { path: path() })?;
        match self.envelope.address {
            Some(claimed) if claimed != key.address() => {
                Err(KeystoreError::AddressMismatch { path: path(), claimed, actual: key.address() })
            }
            _ => Ok(key),
        }
    }

    /// The address that the file claims, if it claims one. Only [`Keystore::unlock`] proves it.
    #[must_use]
    pub const fn address(&self) -> Option<Address> {
        self.envelope.address
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is unsafe about the file although it opens.
    #[must_use]
    pub fn warnings(&self) -> &[KeystoreWarning] {
        &self.warnings
    }

    fn store(
        directory: &Path,
        secret: &key::SecretBytes,
        password: &Password,
        cost: ScryptCost,
    ) -> Result<Self, KeystoreError> {
        if password.is_empty() {
            return Err(KeystoreError::EmptyPassword);
        }
        let address = secret.unlock().ok_or(KeystoreError::InvalidPrivateKey)?.address();
        let path = directory.join(format!("{address:#x}.json"));
        disk::refuse_existing(&path)?;
        let kdf = Kdf::standard(cost, key::random::<32>()?.to_vec());
        let envelope = Envelope::seal(secret.0.as_slice(), Some(address), password, kdf, key::random()?)
            .ok_or(KeystoreError::CostOutOfBounds { log_n: cost.log_n() })?;
        disk::create(directory, &path, json::render(&envelope)?.as_bytes())?;
        Self::open(&path)
    }
}
