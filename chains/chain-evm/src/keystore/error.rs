//! Why a keystore could not be read, unlocked or written. No message repeats a password, a key or the file's content.

use std::io;
use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use thiserror::Error;

/// A failed keystore operation; each sentence says what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// No file there.
    #[error("keystore {} does not exist: check the path, or create a keystore first", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file or folder could not be read.
    #[error("keystore {} could not be read: check that this user may read it", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file has another form.
    #[error("{} is not a keystore ({flaw}): give the path of a version 3 keystore file", path.display())]
    NotAKeystore {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        flaw: &'static str,
    },
    /// Another version of the format.
    #[error("keystore {} is not of version 3: export the key as version 3 from the wallet that made it", path.display())]
    UnsupportedVersion {
        /// The file.
        path: PathBuf,
    },
    /// Another key derivation than scrypt and pbkdf2-hmac-sha256.
    #[error("keystore {} derives its key in an unknown way: export it with scrypt or pbkdf2 (hmac-sha256)", path.display())]
    UnsupportedKdf {
        /// The file.
        path: PathBuf,
    },
    /// Another cipher than aes-128-ctr.
    #[error("keystore {} uses an unknown cipher: export it with aes-128-ctr", path.display())]
    UnsupportedCipher {
        /// The file.
        path: PathBuf,
    },
    /// The file asks for more memory or time than a keystore may, or for a cost that does not exist.
    #[error("keystore {} asks for a key derivation out of bounds ({flaw}): do not use a file of unknown origin", path.display())]
    KdfOutOfBounds {
        /// The file.
        path: PathBuf,
        /// Which parameter.
        flaw: &'static str,
    },
    /// The password is wrong, or the file is damaged.
    #[error("password does not open keystore {}: check it, or restore the file if it is damaged", path.display())]
    WrongPassword {
        /// The file.
        path: PathBuf,
    },
    /// The password is right, but what it opens is no private key.
    #[error("keystore {} holds no valid private key: restore it from a backup", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The file claims another address than its key has.
    #[error("keystore {} claims address {claimed} but holds the key of {actual}: do not use it before you know why", path.display())]
    AddressMismatch {
        /// The file.
        path: PathBuf,
        /// The address in the file.
        claimed: Address,
        /// The address of the key.
        actual: Address,
    },
    /// A text that is no private key.
    #[error("import refused: a private key is 64 hexadecimal digits, not zero and below the curve's order")]
    InvalidPrivateKey,
    /// A new keystore needs a password.
    #[error("keystore not created: the password is empty, choose one")]
    EmptyPassword,
    /// A mnemonic phrase lies in clear where others can read it.
    #[cfg(feature = "mnemonic")]
    #[error("others may use {} (mode {mode:04o}): take their permissions away with chmod go-rwx", path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// No phrase of the English word list, with a right checksum.
    #[cfg(feature = "mnemonic")]
    #[error("{} holds no english mnemonic phrase: give a file with its 12 to 24 words and nothing else", path.display())]
    NotAMnemonic {
        /// The file.
        path: PathBuf,
    },
    /// Too cheap to be safe, or too dear to be opened again.
    #[error("scrypt cost 2^{log_n} is out of bounds: choose 2^17 to 2^20")]
    CostOutOfBounds {
        /// The binary logarithm of N.
        log_n: u8,
    },
    /// A file is there already; nothing is ever overwritten.
    #[error("keystore {} exists already: use it, or choose another folder", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be written durably.
    #[error("keystore {} could not be written: check the folder's permissions and free space", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The keystore's text could not be made.
    #[error("keystore could not be encoded")]
    Encode {
        /// What the encoder said.
        #[source]
        source: serde_json::Error,
    },
    /// The operating system gave no randomness.
    #[error("keystore not created: the system gives no randomness")]
    Randomness {
        /// What the system said.
        #[source]
        source: rand::rand_core::OsError,
    },
}

/// What is wrong with a keystore's text, before a path is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Form(&'static str),
    Version,
    Kdf,
    Cipher,
    Bounds(&'static str),
}

impl KeystoreError {
    pub(super) fn from_flaw(path: &Path, flaw: Flaw) -> Self {
        let path = path.to_owned();
        match flaw {
            Flaw::Form(flaw) => Self::NotAKeystore { path, flaw },
            Flaw::Version => Self::UnsupportedVersion { path },
            Flaw::Kdf => Self::UnsupportedKdf { path },
            Flaw::Cipher => Self::UnsupportedCipher { path },
            Flaw::Bounds(flaw) => Self::KdfOutOfBounds { path, flaw },
        }
    }

    pub(super) fn from_read(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::NotFound {
            Self::Missing { path }
        } else {
            Self::Read { path, source }
        }
    }

    pub(super) fn from_write(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() == io::ErrorKind::AlreadyExists {
            Self::Exists { path }
        } else {
            Self::Write { path, source }
        }
    }
}
