//! The task that owns the key. What goes in is a transaction, what comes out its signed bytes; the key stays.

use agent_core::{ports::Sent, units::ChainId};
use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::Encodable2718,
    network::TxSignerSync,
    primitives::{Bytes, TxKind, U256},
    signers::local::PrivateKeySigner,
};
use chain_door::{KillSwitch, Transaction};
use tokio::sync::{mpsc, oneshot};

use super::WalletError;

/// Requests that wait for the key before the next one waits for them.
const WAITING: usize = 64;

/// A signed transaction: as good as money, so its bytes are not shown.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) sent: Sent,
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
    signer: PrivateKeySigner,
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
    pub(super) fn spawn(signer: PrivateKeySigner, chain: ChainId, kill: KillSwitch) -> Key {
        let (asks, mut inbox) = mpsc::channel::<Ask>(WAITING);
        let task = Self { signer, chain, kill };
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
        if from != self.signer.address() {
            return Err(WalletError::WrongSender { expected: self.signer.address(), found: from });
        }
        let mut unsigned = TxEip1559 {
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
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that signs, and only what the door recorded"
        )]
        let signature = self.signer.sign_transaction_sync(&mut unsigned).map_err(WalletError::Signing)?;
        let envelope = TxEnvelope::from(unsigned.into_signed(signature));
        let sent = Sent { transaction: *envelope.tx_hash(), nonce };
        Ok(Signed { sent, bytes: envelope.encoded_2718().into() })
    }
}
