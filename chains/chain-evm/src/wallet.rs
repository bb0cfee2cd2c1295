//! The one place that signs: [`Wallet`].

mod answer;
mod broadcast;
mod failure;
mod follow;
mod key_task;
mod lane;
mod mined;
mod stuck;
mod verdict;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use agent_core::{
    Head,
    ports::{BoxFuture, Followed, Quote, Sender, SenderError, Sent, Standing},
    units::{Asset, BlockNumber, BlockRef, Timestamp, Wei},
};
use alloy::primitives::{Address, B256};
use chain_door::{KillSwitch, OrderFlow, Recorded, Transaction};

pub use self::failure::WalletError;
use self::{
    key_task::{KeyTask, Purpose, Signed},
    lane::{Attempt, Lane},
};
use crate::{
    endpoint::Endpoint,
    fees::{Fees, TipBounds},
    keystore::UnlockedKey,
    relay::OrderFlowRoutes,
};

/// Blocks whose tips are looked at for a quote.
const FEE_BLOCKS: u64 = 10;

/// A head, where none was heard of.
const BEFORE_ALL: BlockRef = BlockRef { number: BlockNumber(0), hash: B256::ZERO, timestamp: Timestamp(0) };

/// How a wallet works.
#[derive(Debug, Clone)]
pub struct WalletConfig {
    /// How deep a transaction must be before it counts as final; 1 is the newest block.
    pub confirmations: u64,
    /// Bounds of the tip.
    pub tip: TipBounds,
    /// How often a transaction under way is looked at.
    pub poll: Duration,
    /// After how many blocks without inclusion a transaction is stuck.
    pub stuck_after: u64,
    /// Where transactions go that not everybody may see.
    pub routes: OrderFlowRoutes,
    /// Below this much of the native coin, the wallet warns that the key needs more.
    pub top_up_below: Wei,
    /// Checked immediately before each signature that may leave, and again before each broadcast.
    pub kill: KillSwitch,
}

/// A key at work on one chain. There is one wallet per (chain, key): two would hand out the same nonce.
#[derive(Debug)]
pub struct Wallet;

impl Wallet {
    /// Moves `key` into a task of its own, which ends, and forgets it, with the last handle.
    ///
    /// # Panics
    /// Outside a tokio runtime, as `tokio::spawn` does.
    #[must_use]
    pub fn spawn(key: UnlockedKey, endpoint: Endpoint, config: WalletConfig) -> WalletHandle {
        let from = key.address();
        let key = KeyTask::spawn(key, endpoint.chain(), config.kill.clone());
        WalletHandle { lane: Arc::new(Lane::new(from, endpoint, key, config)) }
    }
}

/// The way to a wallet: the port through which the door has its [`Recorded`] transactions signed and sent.
///
/// Signing is deterministic (RFC 6979): the same transaction gives the same bytes and the same hash in every process, so
/// that after a crash it can be found, and sending it once more cannot pay twice.
///
/// Nothing but a `Recorded` can be sent, its own transaction included:
///
/// ```compile_fail,E0277
/// use agent_core::ports::Sender;
/// async fn send(wallet: chain_evm::WalletHandle, transaction: chain_door::Transaction) {
///     let _sent = Sender::send(&wallet, transaction).await;
/// }
/// ```
#[derive(Clone)]
pub struct WalletHandle {
    lane: Arc<Lane>,
}

impl WalletHandle {
    /// The address that the wallet signs for.
    #[must_use]
    pub fn address(&self) -> Address {
        self.lane.from
    }

    async fn next_quote(&self) -> Result<Quote, WalletError> {
        let Lane { endpoint, config, from, .. } = &*self.lane;
        let (pending, history, balance, head) = futures::try_join!(
            endpoint.pending_nonce(*from),
            endpoint.fee_history(FEE_BLOCKS),
            endpoint.newest_balance(*from),
            endpoint.latest(),
        )?;
        let next_base_fee = history.base_fee_per_gas.last().ok_or(WalletError::NoBaseFee)?.to();
        let tips = history.reward.unwrap_or_default().into_iter().flatten().map(|tip| tip.to());
        let tips: Vec<u128> = tips.collect();
        let Fees { max_fee, least_fee, tip } =
            Fees::offer(next_base_fee, &tips, config.tip).ok_or(WalletError::FeesTooHigh)?;
        let (chain, from, nonce, head) = (endpoint.chain(), *from, pending, head.block);
        self.lane.saw(head);
        self.lane.balance(Wei(balance));
        Ok(Quote { chain, from, nonce, max_fee, least_fee, tip, balance: Wei(balance), head })
    }

    async fn sign_and_send(&self, transaction: &Transaction, terms: Terms) -> Result<Sent, WalletError> {
        let Lane { config, key, .. } = &*self.lane;
        if terms.flow != OrderFlow::Public && config.routes.is_empty() {
            return Err(WalletError::NoPrivateRoute);
        }
        let head = self.head(terms.flow).await?;
        let attempt = terms.of(key.sign(transaction, Purpose::Send).await?);
        let sent = attempt.signed.sent;
        self.lane.remember(attempt.clone());
        self.lane.send(&attempt, head).await.inspect_err(|_never_left| self.lane.take_back(sent))?;
        Ok(sent)
    }

    /// The head of the last quote: relays are told for which blocks. Asked for only when there was none, and where that
    /// matters.
    async fn head(&self, flow: OrderFlow) -> Result<BlockRef, WalletError> {
        match self.lane.head() {
            Some(head) => Ok(head),
            None if flow == OrderFlow::Public => Ok(BEFORE_ALL),
            None => Ok(self.lane.endpoint.latest().await?.block),
        }
    }

    /// Where `transaction` stands. One look never says that it is superseded: following it does, once that is final.
    async fn standing(&self, transaction: &Transaction, terms: Terms) -> Result<Standing, WalletError> {
        let Lane { endpoint, from, key, .. } = &*self.lane;
        let signed = key.sign(transaction, Purpose::Find).await?;
        let sent = signed.sent;
        // The nonce first: had the transaction been mined before, it is found after.
        let used = endpoint.mined_nonce(*from).await? > sent.nonce;
        // A used nonce and an unknown hash look like another transaction's doing, but a reorg may undo that, and nodes
        // behind one address do not all know the same: whoever follows it looks more than once.
        let known = used
            || endpoint.receipt(sent.transaction).await?.is_some()
            || endpoint.has_transaction(sent.transaction).await?;
        if !known {
            return Ok(Standing::Unknown(sent));
        }
        self.lane.remember(terms.of(signed));
        Ok(Standing::Known(sent))
    }
}

/// On which terms a transaction was recorded.
#[derive(Debug, Clone, Copy)]
struct Terms {
    flow: OrderFlow,
    deadline: Option<Timestamp>,
}

impl Terms {
    fn recorded(recorded: &Recorded) -> Self {
        Self { flow: recorded.order_flow(), deadline: recorded.deadline() }
    }

    const fn of(self, signed: Signed) -> Attempt {
        let Self { flow, deadline } = self;
        Attempt { signed, flow, deadline }
    }
}

impl Sender<Recorded> for WalletHandle {
    fn quote(&self) -> BoxFuture<'_, Result<Quote, SenderError>> {
        Box::pin(async { self.next_quote().await.map_err(|error| error.when("quote")) })
    }

    /// Relays are told for which blocks: the head is taken note of, as a quote's is.
    fn heard(&self) -> Option<Head> {
        let head = self.lane.endpoint.heard()?;
        self.lane.saw(head.block);
        Some(head)
    }

    fn send(&self, recorded: Recorded) -> BoxFuture<'_, Result<Sent, SenderError>> {
        Box::pin(async move {
            let terms = Terms::recorded(&recorded);
            let sent = self.sign_and_send(recorded.transaction(), terms).await;
            sent.map_err(|error| error.when("send"))
        })
    }

    fn find<'a>(&'a self, recorded: &'a Recorded) -> BoxFuture<'a, Result<Standing, SenderError>> {
        Box::pin(async {
            let standing = self.standing(recorded.transaction(), Terms::recorded(recorded)).await;
            standing.map_err(|error| error.when("find a transaction"))
        })
    }

    fn follow(&self, attempts: Vec<Sent>, watch: Vec<(Address, Asset)>) -> BoxFuture<'static, Followed> {
        Box::pin(follow::until_final(Arc::clone(&self.lane), attempts, watch))
    }
}

impl fmt::Debug for WalletHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WalletHandle({} on {:?})", self.lane.from, self.lane.endpoint)
    }
}
