//! The task that owns the key. What goes in is a transaction, what comes out its signed bytes; the key stays.

use agent_core::{ports::Sent, units::ChainId};
use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::Encodable2718,
    primitives::{Address, B256, Bytes, Signature, TxKind, U256},
};
use chain_door::{Gas, KeptSignature, KillSwitch, Transaction};
use secp256k1::Message;
use tokio::sync::{mpsc, oneshot};

use super::WalletError;
use crate::keystore::{Elsewhere, Place, Secret, UnlockedKey};

/// Requests that wait for the key before the next one waits for them.
const WAITING: usize = 64;

/// A signed transaction: as good as money, so its bytes are not shown.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) sent: Sent,
    pub(super) gas: Gas,
    pub(super) bytes: Bytes,
    signature: Signature,
}

impl Signed {
    fn of(unsigned: TxEip1559, gas: Gas, signature: Signature) -> Self {
        let nonce = unsigned.nonce;
        let envelope = TxEnvelope::from(unsigned.into_signed(signature));
        let sent = Sent { transaction: *envelope.tx_hash(), nonce };
        Self { sent, gas, bytes: envelope.encoded_2718().into(), signature }
    }

    /// The transaction with the signature that it was given before.
    pub(super) fn again(transaction: &Transaction, kept: &KeptSignature) -> Result<Self, WalletError> {
        let foreign = || WalletError::Foreign(kept.transaction);
        let signature = Signature::from_raw(&kept.signature).map_err(|_unreadable| foreign())?;
        let unsigned = unsigned(transaction.clone());
        if !is_by(transaction.from, &signature, unsigned.signature_hash()) {
            return Err(foreign());
        }
        let signed = Self::of(unsigned, transaction.gas, signature);
        if signed.sent.transaction == kept.transaction { Ok(signed) } else { Err(foreign()) }
    }

    /// What has to be written down where the same signature cannot be made again.
    pub(super) fn to_keep(&self) -> KeptSignature {
        let signature = self.signature.as_bytes().to_vec().into();
        KeptSignature { transaction: self.sent.transaction, signature }
    }
}

/// What a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be broadcast. Not made once the kill switch is latched.
    Send,
    /// To learn the hash of what may have been sent before. The bytes may only be sent again under the same switch.
    Find,
}

struct Ask {
    transaction: Transaction,
    purpose: Purpose,
    reply: oneshot::Sender<Result<Signed, WalletError>>,
}

/// The key, and what it checks before it signs.
pub(super) struct KeyTask {
    key: UnlockedKey,
    chain: ChainId,
    kill: KillSwitch,
}

/// The way to the key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    asks: mpsc::Sender<Ask>,
    keeps_signatures: bool,
}

impl Key {
    /// Whether what it signs has to be written down before it leaves.
    pub(super) const fn keeps_signatures(&self) -> bool {
        self.keeps_signatures
    }

    /// Has `transaction` signed.
    pub(super) async fn sign(
        &self,
        transaction: &Transaction,
        purpose: Purpose,
    ) -> Result<Signed, WalletError> {
        let (reply, answer) = oneshot::channel();
        let ask = Ask { transaction: transaction.clone(), purpose, reply };
        self.asks.send(ask).await.map_err(|_ended| WalletError::Gone)?;
        answer.await.map_err(|_ended| WalletError::Gone)?
    }
}

impl KeyTask {
    pub(super) fn spawn(key: UnlockedKey, chain: ChainId, kill: KillSwitch) -> Key {
        let (asks, mut inbox) = mpsc::channel::<Ask>(WAITING);
        let keeps_signatures = matches!(key.place, Place::Elsewhere(_));
        let task = Self { key, chain, kill };
        tokio::spawn(async move {
            while let Some(Ask { transaction, purpose, reply }) = inbox.recv().await {
                // Whoever asked may be gone, and with it the signature.
                let _nobody_waits = reply.send(task.sign(transaction, purpose).await);
            }
        });
        Key { asks, keeps_signatures }
    }

    async fn sign(&self, transaction: Transaction, purpose: Purpose) -> Result<Signed, WalletError> {
        let Transaction { chain, from, gas, .. } = transaction;
        if chain != self.chain {
            return Err(WalletError::WrongChain { expected: self.chain, found: chain });
        }
        if from != self.key.address() {
            return Err(WalletError::WrongSender { expected: self.key.address(), found: from });
        }
        let mut unsigned = unsigned(transaction);
        if purpose == Purpose::Send && self.kill.is_latched() {
            return Err(WalletError::Killed);
        }
        let signature = match &self.key.place {
            Place::Here(secret) => sign(secret, unsigned.signature_hash()),
            // To find what was sent, another signature of it is of no use.
            Place::Elsewhere(_) if purpose == Purpose::Find => return Err(WalletError::NotKept),
            Place::Elsewhere(elsewhere) => sign_elsewhere(elsewhere, from, &mut unsigned).await?,
        };
        // Latched while it was made, which elsewhere may take long: then it does not leave either.
        if purpose == Purpose::Send && self.kill.is_latched() {
            return Err(WalletError::Killed);
        }
        Ok(Signed::of(unsigned, gas, signature))
    }
}

fn unsigned(transaction: Transaction) -> TxEip1559 {
    let Transaction { chain, nonce, to, data, gas, .. } = transaction;
    TxEip1559 {
        chain_id: chain.0,
        nonce,
        gas_limit: gas.limit,
        max_fee_per_gas: gas.max_fee,
        max_priority_fee_per_gas: gas.tip,
        to: to.map_or(TxKind::Create, TxKind::Call),
        value: U256::ZERO,
        access_list: Default::default(),
        input: data,
    }
}

/// Whether this is the key's signature of `hash`, in the lower half (EIP-2).
fn is_by(from: Address, signature: &Signature, hash: B256) -> bool {
    signature.normalize_s().is_none()
        && signature.recover_address_from_prehash(&hash).is_ok_and(|signer| signer == from)
}

/// Has `unsigned` signed elsewhere, whole: no hash is ever given to be signed. What comes back is believed once it is seen to
/// be this key's signature of these very bytes.
async fn sign_elsewhere(
    elsewhere: &Elsewhere,
    from: Address,
    unsigned: &mut TxEip1559,
) -> Result<Signature, WalletError> {
    let hash = unsigned.signature_hash();
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that signs, and only what the door recorded"
    )]
    let signing = elsewhere.signer.sign_transaction(unsigned);
    let signed = tokio::time::timeout(elsewhere.patience, signing).await;
    let signature = signed
        .map_err(|_elapsed| WalletError::SignerSilent(elsewhere.patience))?
        .map_err(WalletError::Signer)?;
    let ours = unsigned.signature_hash() == hash && is_by(from, &signature, hash);
    ours.then_some(signature).ok_or(WalletError::NotSigned(from))
}

/// Signs with libsecp256k1: deterministic (RFC 6979) and in the lower half (EIP-2).
fn sign(secret: &Secret, hash: B256) -> Signature {
    let Secret { key, curve } = secret;
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that signs, and only what the door recorded"
    )]
    let signature = curve.sign_ecdsa_recoverable(Message::from_digest(hash.0), key);
    let (recovery, bytes) = signature.serialize_compact();
    // Of the four, the odd ones are those of an odd y.
    Signature::from_bytes_and_parity(&bytes, i32::from(recovery) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use alloy::{
        network::TxSignerSync,
        primitives::keccak256,
        signers::{SignerSync, local::PrivateKeySigner},
    };

    use super::*;

    const SIGNATURES: u64 = 2_000;

    /// A hash for a seed.
    fn hash(domain: &str, seed: u64) -> B256 {
        keccak256([domain.as_bytes(), &seed.to_be_bytes()].concat())
    }

    /// The same key for both libraries.
    fn keys(seed: u64) -> (UnlockedKey, PrivateKeySigner) {
        let secret = hash("key", seed);
        let theirs = PrivateKeySigner::from_bytes(&secret).unwrap();
        (UnlockedKey::from_secret(secret.0), theirs)
    }

    #[test]
    fn signatures_are_those_of_alloys_own_signer() {
        for seed in 0..SIGNATURES {
            let (ours, theirs) = keys(seed / 8);
            assert_eq!(ours.address(), theirs.address());
            let message = hash("message", seed);
            #[expect(clippy::disallowed_methods, reason = "what it is compared with")]
            let expected = theirs.sign_hash_sync(&message).unwrap();
            let Place::Here(secret) = &ours.place else { panic!("elsewhere") };
            let signature = sign(secret, message);
            assert_eq!(signature.as_bytes(), expected.as_bytes(), "seed {seed}");
            assert!(signature.normalize_s().is_none(), "in the lower half");
        }
    }

    #[tokio::test]
    async fn signed_transactions_are_those_of_alloys_own_signer() {
        let folder = tempfile::tempdir().unwrap();
        for seed in 0..100 {
            let (key, theirs) = keys(seed);
            let (chain, from) = (ChainId(seed.saturating_add(1)), key.address());
            let task = KeyTask { key, chain, kill: KillSwitch::at(&folder.path().join("KILL")) };
            let gas = Gas { limit: seed, max_fee: u128::from(seed) << 70, tip: 1 };
            let (to, data) = (Some(from).filter(|_| seed % 3 > 0), Bytes::from(hash("data", seed)));
            let transaction = Transaction { chain, from, nonce: seed, to, data: data.clone(), gas };
            let signed = task.sign(transaction, Purpose::Send).await.unwrap();
            let mut unsigned = TxEip1559 {
                chain_id: chain.0,
                nonce: seed,
                gas_limit: gas.limit,
                max_fee_per_gas: gas.max_fee,
                max_priority_fee_per_gas: gas.tip,
                to: to.map_or(TxKind::Create, TxKind::Call),
                input: data,
                ..TxEip1559::default()
            };
            #[expect(clippy::disallowed_methods, reason = "what it is compared with")]
            let signature = theirs.sign_transaction_sync(&mut unsigned).unwrap();
            let expected = TxEnvelope::from(unsigned.into_signed(signature));
            assert_eq!(signed.sent.transaction, *expected.tx_hash());
            assert_eq!(signed.bytes, Bytes::from(expected.encoded_2718()));
        }
    }
}
