//! What is unsafe about a keystore although it opens.

use std::fmt;
use std::path::PathBuf;

/// A weakness of a keystore file. It is for the caller to show: nothing here prints.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeystoreWarning {
    /// Guessing the password is too cheap.
    WeakKdf {
        /// What the file uses: scrypt (cost in KiB of memory) or pbkdf2 (cost in rounds).
        kdf: &'static str,
        /// The file's cost.
        cost: u64,
        /// The least cost that is not warned about.
        least: u64,
    },
    /// Others than the owner may read the file, or change its folder.
    LooseMode {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl fmt::Display for KeystoreWarning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WeakKdf { kdf, cost, least } => write!(
                formatter,
                "the keystore's password is cheap to guess ({kdf} cost {cost}, at least {least} is advised): \
                 import the key again into a new keystore"
            ),
            Self::LooseMode { path, mode } => write!(
                formatter,
                "others may use {} (mode {mode:04o}): take their permissions away with chmod go-rwx",
                path.display()
            ),
        }
    }
}
