//! A private key: as bytes between file and signer, and unlocked, ready for the wallet.

use std::fmt;
use std::time::Duration;

use alloy::hex;
use alloy::network::TxSigner;
use alloy::primitives::{Address, Signature};
use rand::TryRngCore;
use rand::rngs::OsRng;
use secp256k1::{PublicKey, Secp256k1, SecretKey, SignOnly};
use zeroize::Zeroizing;

use super::KeystoreError;

/// How long a secp256k1 private key is.
pub(super) const KEY_BYTES: usize = 32;

/// The bytes of a private key, wiped when dropped. May be out of the curve's range until [`SecretBytes::unlock`] says otherwise.
pub(super) struct SecretBytes(pub(super) Zeroizing<[u8; KEY_BYTES]>);

impl SecretBytes {
    /// Random bytes of the operating system that are a valid key.
    pub(super) fn random() -> Result<Self, KeystoreError> {
        let mut secret = Self(Zeroizing::new([0; KEY_BYTES]));
        loop {
            fill_random(secret.0.as_mut_slice())?;
            // All but about one of 2¹²⁸ drawings are in range.
            if secret.unlock().is_some() {
                return Ok(secret);
            }
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, KeystoreError> {
        let mut secret = Self(Zeroizing::new([0; KEY_BYTES]));
        // The decoder's error would quote the input.
        hex::decode_to_slice(text.trim(), secret.0.as_mut_slice())
            .map_err(|_quotes_input| KeystoreError::InvalidPrivateKey)?;
        secret.unlock().map(|_valid| secret).ok_or(KeystoreError::InvalidPrivateKey)
    }

    /// The key, if the bytes are one: neither zero nor beyond the curve's order.
    pub(super) fn unlock(&self) -> Option<UnlockedKey> {
        SecretKey::from_byte_array(*self.0).ok().map(UnlockedKey::new)
    }
}

/// Fresh random bytes that are no secret: a salt, an iv, a name.
pub(super) fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], KeystoreError> {
    let mut bytes = [0; LENGTH];
    fill_random(&mut bytes)?;
    Ok(bytes)
}

/// Fills `bytes` from the operating system's generator.
fn fill_random(bytes: &mut [u8]) -> Result<(), KeystoreError> {
    OsRng.try_fill_bytes(bytes).map_err(|source| KeystoreError::Randomness { source })
}

/// A key that is ready to sign: unlocked in this process, or elsewhere, where only signatures come from. It shows its address and
/// nothing else: no bytes, no copy, no serialisation. The memory of one in this process is wiped when it is dropped.
///
/// ```compile_fail,E0599
/// fn copy(key: &chain_evm::UnlockedKey) -> chain_evm::UnlockedKey {
///     key.clone()
/// }
/// ```
pub struct UnlockedKey {
    address: Address,
    pub(crate) place: Place,
}

/// Where a key is.
pub(crate) enum Place {
    /// In this process, and deterministic: it gives the same signature each time (RFC 6979).
    Here(Secret),
    /// Elsewhere, and not deterministic for all that is known.
    Elsewhere(Elsewhere),
}

/// A key in this process.
pub(crate) struct Secret {
    /// Behind a pointer, so that a move leaves no copy.
    pub(crate) key: Box<SecretKey>,
    pub(crate) curve: Secp256k1<SignOnly>,
}

/// The way to a key that is elsewhere.
pub(crate) struct Elsewhere {
    pub(crate) signer: Box<dyn TxSigner<Signature> + Send + Sync>,
    /// How long a signature may take.
    pub(crate) patience: Duration,
}

impl UnlockedKey {
    /// A key that is elsewhere (a key management service, a device, a signer of your own), behind one of alloy's signers. It
    /// is asked to sign transactions that the door recorded, and nothing else.
    ///
    /// Its signatures count as unrepeatable: each is written to the journal before it leaves. One that takes longer than
    /// `patience` is given up, and what it was for is dropped: it never leaves, even should it be made after all.
    #[must_use]
    pub fn elsewhere(signer: impl TxSigner<Signature> + Send + Sync + 'static, patience: Duration) -> Self {
        let address = signer.address();
        Self { address, place: Place::Elsewhere(Elsewhere { signer: Box::new(signer), patience }) }
    }

    fn new(secret: SecretKey) -> Self {
        let mut curve = Secp256k1::signing_only();
        // Blinds the arithmetic against who measures it; signatures are the same without.
        if let Ok(seed) = random() {
            curve.seeded_randomize(&seed);
        }
        let public = PublicKey::from_secret_key(&curve, &secret).serialize_uncompressed();
        // The first byte says that the point is not compressed.
        let address = Address::from_raw_public_key(public.get(1..).unwrap_or_default());
        Self { address, place: Place::Here(Secret { key: Box::new(secret), curve }) }
    }

    #[cfg(test)]
    pub(crate) fn from_secret(secret: [u8; KEY_BYTES]) -> Self {
        Self::new(SecretKey::from_byte_array(secret).unwrap())
    }

    /// The address that the key signs for.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.key.non_secure_erase();
    }
}

impl fmt::Debug for UnlockedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UnlockedKey").field("address", &self.address()).finish_non_exhaustive()
    }
}
