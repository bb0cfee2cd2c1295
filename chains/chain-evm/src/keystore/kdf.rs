//! From a password to the two halves of a derived key, within bounds.

use hmac::Hmac;
use scrypt::Params;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::error::Flaw;
use super::{KeystoreWarning, Password, ScryptCost};

/// What deriving one key may take: scrypt's memory, and its work N · r · p (a second or so for each 2²¹).
const MOST_SCRYPT_MEMORY: u64 = 1 << 30;
const MOST_SCRYPT_WORK: u64 = 1 << 24;
/// Beyond this no wallet goes, and r · p alone would take memory that the bound on N does not see.
const MOST_SCRYPT_R_OR_P: u64 = 32;
/// Some seconds.
const MOST_PBKDF2_ROUNDS: u64 = 10_000_000;
const LEAST_PBKDF2_ROUNDS: u64 = 262_144;
/// N = 2¹⁷ with r = 8.
const LEAST_SCRYPT_KIB: u64 = 1 << 17;

/// How the key is derived. Its parameters are within bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kdf {
    Scrypt { log_n: u8, r: u32, p: u32, salt: Vec<u8> },
    Pbkdf2 { rounds: u32, salt: Vec<u8> },
}

/// The derived key: the cipher's half and the MAC's.
#[derive(Default)]
pub(super) struct DerivedKey {
    pub(super) cipher: Zeroizing<[u8; 16]>,
    pub(super) mac: Zeroizing<[u8; 16]>,
}

impl Kdf {
    /// What new keystores use.
    pub(super) const fn standard(cost: ScryptCost, salt: Vec<u8>) -> Self {
        Self::Scrypt { log_n: cost.log_n(), r: 8, p: 1, salt }
    }

    pub(super) fn scrypt(n: u64, r: u64, p: u64, salt: Vec<u8>) -> Result<Self, Flaw> {
        if n < 2 || !n.is_power_of_two() {
            return Err(Flaw::Bounds("scrypt n is not a power of two"));
        }
        let (r, p) = (scrypt_factor(r)?, scrypt_factor(p)?);
        let memory = n.checked_mul(128).and_then(|bytes| bytes.checked_mul(u64::from(r)));
        if memory.is_none_or(|bytes| bytes > MOST_SCRYPT_MEMORY) {
            return Err(Flaw::Bounds("scrypt asks for more than 1 GiB of memory"));
        }
        let work = n.checked_mul(u64::from(r)).and_then(|work| work.checked_mul(u64::from(p)));
        if work.is_none_or(|work| work > MOST_SCRYPT_WORK) {
            return Err(Flaw::Bounds("scrypt asks for too much time"));
        }
        let log_n = u8::try_from(n.trailing_zeros()).map_err(|_too_large| Flaw::Bounds("scrypt n"))?;
        let kdf = Self::Scrypt { log_n, r, p, salt };
        kdf.params().map(|_valid| kdf.clone()).ok_or(Flaw::Bounds("scrypt"))
    }

    pub(super) fn pbkdf2(rounds: u64, salt: Vec<u8>) -> Result<Self, Flaw> {
        match u32::try_from(rounds) {
            Ok(count) if (1..=MOST_PBKDF2_ROUNDS).contains(&rounds) => {
                Ok(Self::Pbkdf2 { rounds: count, salt })
            }
            _ => Err(Flaw::Bounds("pbkdf2 rounds")),
        }
    }

    /// Why guessing the password is too cheap, if it is.
    pub(super) fn weakness(&self) -> Option<KeystoreWarning> {
        let (kdf, cost, least) = match self {
            // N · r · 128 bytes, in KiB.
            Self::Scrypt { log_n, r, .. } => {
                let kib = 1_u64.checked_shl(u32::from(*log_n))?.checked_mul(u64::from(*r))?.checked_div(8)?;
                ("scrypt", kib, LEAST_SCRYPT_KIB)
            }
            Self::Pbkdf2 { rounds, .. } => ("pbkdf2", u64::from(*rounds), LEAST_PBKDF2_ROUNDS),
        };
        (cost < least).then_some(KeystoreWarning::WeakKdf { kdf, cost, least })
    }

    /// Derives the 32 bytes that the format uses; a longer `dklen` has the same first 32. Blocks. `None` cannot happen for
    /// parameters that were checked.
    pub(super) fn derive(&self, password: &Password) -> Option<DerivedKey> {
        let mut output = Zeroizing::new([0; 32]);
        match self {
            Self::Scrypt { salt, .. } => {
                scrypt::scrypt(password.as_bytes(), salt, &self.params()?, output.as_mut_slice()).ok()?;
            }
            Self::Pbkdf2 { rounds, salt } => {
                pbkdf2::pbkdf2::<Hmac<Sha256>>(password.as_bytes(), salt, *rounds, output.as_mut_slice())
                    .ok()?;
            }
        }
        let (cipher, mac) = output.split_at(16);
        let mut derived = DerivedKey::default();
        derived.cipher.copy_from_slice(cipher);
        derived.mac.copy_from_slice(mac);
        Some(derived)
    }

    fn params(&self) -> Option<Params> {
        match self {
            Self::Scrypt { log_n, r, p, .. } => Params::new(*log_n, *r, *p).ok(),
            Self::Pbkdf2 { .. } => None,
        }
    }
}

fn scrypt_factor(value: u64) -> Result<u32, Flaw> {
    match u32::try_from(value) {
        Ok(factor) if (1..=MOST_SCRYPT_R_OR_P).contains(&value) => Ok(factor),
        _ => Err(Flaw::Bounds("scrypt r or p")),
    }
}
