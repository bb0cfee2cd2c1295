//! Transactions and reads. The node signs: every account that sends is unlocked on it, and no key is in this process.

use std::time::Duration;

use alloy::eips::BlockId;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, TxHash, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::sol_types::SolCall;
use alloy::transports::{TransportError, TransportResult};

use crate::error::{DevnetError, Result};

/// Enough for the largest deployment; the node's block limit is 30 M.
const GAS: u64 = 15_000_000;
/// The gas of a transfer of ether between accounts without code.
const PLAIN_TRANSFER: u64 = 21_000;
/// A transaction that no block has taken after this long is not going to be taken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A transaction that the node has accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) operation: &'static str,
    pub(crate) hash: TxHash,
}

/// The node, seen as something that takes calls.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    provider: DynProvider,
    /// What the transactions offer for a unit of gas; the node's own suggestion where there is none.
    bid: Option<u128>,
}

/// Names the operation in a failed request.
pub(crate) fn refused(operation: &'static str) -> impl FnOnce(TransportError) -> DevnetError {
    move |source| DevnetError::Rpc { operation, source }
}

impl Chain {
    pub(crate) const fn new(provider: DynProvider) -> Self {
        Self { provider, bid: None }
    }

    pub(crate) const fn set_bid(&mut self, bid: Option<u128>) {
        self.bid = bid;
    }

    pub(crate) const fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// Gives the node one transaction from an account that is unlocked on it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the devnet's own accounts live on anvil, which signs for them"
    )]
    async fn hand_over(&self, mut request: TransactionRequest) -> TransportResult<TxHash> {
        if let Some(bid) = self.bid {
            request = request.with_max_fee_per_gas(bid).with_max_priority_fee_per_gas(bid);
        }
        Ok(*self.provider.send_transaction(request).await?.tx_hash())
    }

    /// Gives the node a transaction that somebody else has signed.
    #[expect(clippy::disallowed_methods, reason = "the devnet's relay broadcasts what its clients signed")]
    pub(crate) async fn send_raw(&self, raw: &[u8]) -> Result<TxHash> {
        let sent = self.provider.send_raw_transaction(raw).await;
        sent.map(|pending| *pending.tx_hash()).map_err(refused("eth_sendRawTransaction"))
    }

    /// Sends nothing from an account to itself, with this nonce and this offer for a unit of gas.
    pub(crate) async fn use_nonce(&self, account: Address, nonce: u64, offer: u128) -> Result<TxHash> {
        let request = TransactionRequest::default()
            .with_from(account)
            .with_to(account)
            .with_nonce(nonce)
            .with_gas_limit(PLAIN_TRANSFER)
            .with_max_fee_per_gas(offer)
            .with_max_priority_fee_per_gas(offer);
        self.hand_over(request).await.map_err(refused("eth_sendTransaction"))
    }

    /// Sends a call and does not wait for it.
    pub(crate) async fn send<C: SolCall>(&self, from: Address, to: Address, call: &C) -> Result<Sent> {
        self.send_with(from, to, call, U256::ZERO, GAS).await
    }

    /// Sends a call with a value and a gas limit of its own, and does not wait for it.
    pub(crate) async fn send_with<C: SolCall>(
        &self,
        from: Address,
        to: Address,
        call: &C,
        value: U256,
        gas: u64,
    ) -> Result<Sent> {
        let request = TransactionRequest::default()
            .with_from(from)
            .with_to(to)
            .with_value(value)
            .with_gas_limit(gas)
            .with_input(call.abi_encode());
        let hash = self.hand_over(request).await.map_err(refused(C::SIGNATURE))?;
        Ok(Sent { operation: C::SIGNATURE, hash })
    }

    /// Sends a call and waits until it is mined. A revert is an error.
    pub(crate) async fn execute<C: SolCall>(
        &self,
        from: Address,
        to: Address,
        call: &C,
    ) -> Result<TransactionReceipt> {
        let sent = self.send(from, to, call).await?;
        self.confirm(sent).await
    }

    /// Deploys a contract and returns its address.
    pub(crate) async fn deploy(
        &self,
        from: Address,
        operation: &'static str,
        code: Bytes,
    ) -> Result<Address> {
        let request =
            TransactionRequest::default().with_from(from).with_gas_limit(GAS).with_deploy_code(code);
        let hash = self.hand_over(request).await.map_err(refused(operation))?;
        let receipt = self.confirm(Sent { operation, hash }).await?;
        receipt.contract_address.ok_or_else(|| DevnetError::unknown(operation))
    }

    /// Waits until a transaction is mined. A revert is an error.
    pub(crate) async fn confirm(&self, sent: Sent) -> Result<TransactionReceipt> {
        let receipt = self.mined(sent).await?;
        if receipt.status() {
            return Ok(receipt);
        }
        let reason = self.revert_reason(sent.hash).await;
        Err(DevnetError::Reverted { operation: sent.operation, reason })
    }

    /// Waits until a transaction is mined, reverted or not.
    pub(crate) async fn mined(&self, sent: Sent) -> Result<TransactionReceipt> {
        let waiting = tokio::time::timeout(PATIENCE, self.receipt(sent));
        waiting.await.map_err(|_elapsed| {
            let Sent { operation, hash } = sent;
            DevnetError::NotMined { operation, hash }
        })?
    }

    /// Waits for all of them, in order.
    pub(crate) async fn confirm_all(
        &self,
        sent: impl IntoIterator<Item = Sent>,
    ) -> Result<Vec<TransactionReceipt>> {
        let mut receipts = Vec::new();
        for one in sent {
            receipts.push(self.confirm(one).await?);
        }
        Ok(receipts)
    }

    async fn receipt(&self, sent: Sent) -> Result<TransactionReceipt> {
        let mut pause = Duration::from_millis(1);
        loop {
            let found =
                self.provider.get_transaction_receipt(sent.hash).await.map_err(refused(sent.operation))?;
            if let Some(receipt) = found {
                return Ok(receipt);
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(Duration::from_millis(50));
        }
    }

    /// Repeats a reverted transaction as a call, to hear why. The state has moved on, so this is a hint.
    async fn revert_reason(&self, hash: TxHash) -> String {
        let Ok(Some(transaction)) = self.provider.get_transaction_by_hash(hash).await else {
            return String::from("unknown");
        };
        let request: TransactionRequest = transaction.into_request();
        match self.provider.call(request).await {
            Ok(_) => String::from("no longer reverts"),
            Err(error) => error.to_string(),
        }
    }

    /// Calls a view function on the latest block.
    pub(crate) async fn read<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return> {
        let request = TransactionRequest::default().with_to(to).with_input(call.abi_encode());
        // Alloy's default is the pending block, which shows what is not mined.
        let call = self.provider.call(request).block(BlockId::latest());
        let answer = call.await.map_err(refused(C::SIGNATURE))?;
        C::abi_decode_returns(&answer).map_err(|source| DevnetError::Abi {
            operation: C::SIGNATURE,
            contract: to,
            source,
        })
    }
}
