//! The task that owns the key. What goes in is a transaction, what comes out its signed bytes; the key stays.

use agent_core::{ports::Sent, units::ChainId};
use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::Encodable2718,
    primitives::{B256, Bytes, Signature, TxKind, U256},
};
use chain_door::{Gas, KillSwitch, Transaction};
use secp256k1::Message;
use tokio::sync::{mpsc, oneshot};

use super::WalletError;
use crate::keystore::UnlockedKey;

/// Requests that wait for the key before the next one waits for them.
const WAITING: usize = 64;

/// A signed transaction: as good as money, so its bytes are not shown.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) sent: Sent,
    pub(super) gas: Gas,
    pub(super) bytes: Bytes,
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
}

impl Key {
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
        let task = Self { key, chain, kill };
        tokio::spawn(async move {
            while let Some(Ask { transaction, purpose, reply }) = inbox.recv().await {
                // Whoever asked may be gone, and with it the signature.
                let _nobody_waits = reply.send(task.sign(transaction, purpose));
            }
        });
        Key { asks }
    }

    fn sign(&self, transaction: Transaction, purpose: Purpose) -> Result<Signed, WalletError> {
        let Transaction { chain, from, nonce, to, data, gas } = transaction;
        if chain != self.chain {
            return Err(WalletError::WrongChain { expected: self.chain, found: chain });
        }
        if from != self.key.address() {
            return Err(WalletError::WrongSender { expected: self.key.address(), found: from });
        }
        let unsigned = TxEip1559 {
            chain_id: chain.0,
            nonce,
            gas_limit: gas.limit,
            max_fee_per_gas: gas.max_fee,
            max_priority_fee_per_gas: gas.tip,
            to: to.map_or(TxKind::Create, TxKind::Call),
            value: U256::ZERO,
            access_list: Default::default(),
            input: data,
        };
        if purpose == Purpose::Send && self.kill.is_latched() {
            return Err(WalletError::Killed);
        }
        let signature = sign(&self.key, unsigned.signature_hash());
        // Latched while it was made: then it does not leave either.
        if purpose == Purpose::Send && self.kill.is_latched() {
            return Err(WalletError::Killed);
        }
        let envelope = TxEnvelope::from(unsigned.into_signed(signature));
        let sent = Sent { transaction: *envelope.tx_hash(), nonce };
        Ok(Signed { sent, gas, bytes: envelope.encoded_2718().into() })
    }
}

/// Signs with libsecp256k1: deterministic (RFC 6979) and in the lower half (EIP-2).
fn sign(key: &UnlockedKey, hash: B256) -> Signature {
    let (curve, secret) = key.parts();
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that signs, and only what the door recorded"
    )]
    let signature = curve.sign_ecdsa_recoverable(Message::from_digest(hash.0), secret);
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
            let signature = sign(&ours, message);
            assert_eq!(signature.as_bytes(), expected.as_bytes(), "seed {seed}");
            assert!(signature.normalize_s().is_none(), "in the lower half");
        }
    }

    #[test]
    fn signed_transactions_are_those_of_alloys_own_signer() {
        let folder = tempfile::tempdir().unwrap();
        for seed in 0..100 {
            let (key, theirs) = keys(seed);
            let (chain, from) = (ChainId(seed.saturating_add(1)), key.address());
            let task = KeyTask { key, chain, kill: KillSwitch::at(&folder.path().join("KILL")) };
            let gas = Gas { limit: seed, max_fee: u128::from(seed) << 70, tip: 1 };
            let (to, data) = (Some(from).filter(|_| seed % 3 > 0), Bytes::from(hash("data", seed)));
            let transaction = Transaction { chain, from, nonce: seed, to, data: data.clone(), gas };
            let signed = task.sign(transaction, Purpose::Send).unwrap();
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
