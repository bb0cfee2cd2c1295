//! How dear guessing a password is made.

use super::KeystoreError;

/// The cost of scrypt for a keystore that is written: N = 2^`log_n`, with r = 8 and p = 1. Takes N · 1 KiB of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScryptCost {
    log_n: u8,
}

impl ScryptCost {
    /// N = 2¹⁷: 128 MiB, about half a second.
    pub const LEAST: Self = Self { log_n: 17 };
    /// N = 2¹⁸, as geth has it: 256 MiB, about a second.
    pub const STANDARD: Self = Self { log_n: 18 };
    /// N = 2²⁰: 1 GiB, some seconds. More would not be opened again.
    pub const MOST: Self = Self { log_n: 20 };

    /// N = 2^`log_n`.
    ///
    /// # Errors
    /// Refuses less than [`ScryptCost::LEAST`] and more than [`ScryptCost::MOST`].
    pub const fn new(log_n: u8) -> Result<Self, KeystoreError> {
        if log_n < Self::LEAST.log_n || log_n > Self::MOST.log_n {
            return Err(KeystoreError::CostOutOfBounds { log_n });
        }
        Ok(Self { log_n })
    }

    /// The binary logarithm of N.
    #[must_use]
    pub const fn log_n(self) -> u8 {
        self.log_n
    }
}

impl Default for ScryptCost {
    fn default() -> Self {
        Self::STANDARD
    }
}
