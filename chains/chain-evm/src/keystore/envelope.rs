//! The encrypted key: aes-128-ctr under a derived key, with a keccak MAC.

use aes::Aes128;
use aes::cipher::{KeyIvInit, StreamCipher};
use alloy::primitives::{Address, Keccak256};
use ctr::Ctr128BE;
use hmac::digest::CtOutput;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Password;
use super::kdf::{DerivedKey, Kdf};
use super::key::{KEY_BYTES, SecretBytes};

/// All that a keystore file says. Nothing in it is secret without the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) address: Option<Address>,
    pub(super) kdf: Kdf,
    pub(super) iv: [u8; 16],
    /// 1 to 32 bytes: some old wallets dropped a key's leading zeros.
    pub(super) ciphertext: Vec<u8>,
    pub(super) mac: [u8; 32],
}

impl Envelope {
    /// Encrypts a key. `kdf` and `iv` must be fresh; `None` cannot happen for a `kdf` that was checked.
    pub(super) fn seal(
        secret: &[u8],
        address: Option<Address>,
        password: &Password,
        kdf: Kdf,
        iv: [u8; 16],
    ) -> Option<Self> {
        let derived = kdf.derive(password)?;
        let mut buffer = Zeroizing::new(secret.to_vec());
        crypt(&derived, &iv, &mut buffer);
        let ciphertext = buffer.to_vec();
        let mac = mac(&derived, &ciphertext);
        Some(Self { address, kdf, iv, ciphertext, mac })
    }

    /// The key's bytes, or `None` if the MAC says that the password is wrong.
    pub(super) fn open(&self, password: &Password) -> Option<SecretBytes> {
        let derived = self.kdf.derive(password)?;
        if !same(mac(&derived, &self.ciphertext), self.mac) {
            return None;
        }
        let mut secret = SecretBytes(Zeroizing::new([0; KEY_BYTES]));
        let start = KEY_BYTES.checked_sub(self.ciphertext.len())?;
        let tail = secret.0.get_mut(start..)?;
        tail.copy_from_slice(&self.ciphertext);
        crypt(&derived, &self.iv, tail);
        Some(secret)
    }
}

/// Encrypts or decrypts in place: with a counter mode the two are one.
fn crypt(derived: &DerivedKey, iv: &[u8; 16], buffer: &mut [u8]) {
    Ctr128BE::<Aes128>::new((&*derived.cipher).into(), iv.into()).apply_keystream(buffer);
}

fn mac(derived: &DerivedKey, ciphertext: &[u8]) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    hasher.update(derived.mac.as_slice());
    hasher.update(ciphertext);
    hasher.finalize().0
}

/// Compares in constant time; the type is only there for its length.
fn same(left: [u8; 32], right: [u8; 32]) -> bool {
    CtOutput::<Sha256>::new(left.into()) == CtOutput::new(right.into())
}
