//! The one place that signs: [`Wallet`].

mod answer;
mod broadcast;
mod failure;
mod follow;
mod key_task;
mod lane;
mod mined;
mod order;
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
use chain_door::{KillSwitch, OrderFlow, Recorded};

pub use self::failure::WalletError;
use self::{
    key_task::{KeyTask, Purpose, Signed},
    lane::Lane,
    order::Order,
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
/// A key of this process signs deterministically (RFC 6979): the same transaction gives the same bytes and the same hash in
/// every process, so that after a crash it can be found, and sending it once more cannot pay twice. A key elsewhere does not:
/// what it signed is in the journal before it leaves, and is read from there in place of a second signature.
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

    async fn carry_out(&self, order: Order<'_>) -> Result<Sent, WalletError> {
        let Order { transaction, terms, kept, .. } = order;
        if terms.flow != OrderFlow::Public && self.lane.config.routes.is_empty() {
            return Err(WalletError::NoPrivateRoute);
        }
        let head = self.head(terms.flow).await?;
        let attempt = terms.of(match kept.last() {
            // It may have left before: another one would have another hash.
            Some(signature) => Signed::again(transaction, signature)?,
            None => self.signed(order).await?,
        });
        let sent = attempt.signed.sent;
        self.lane.remember(attempt.clone());
        self.lane.send(&attempt, head).await.inspect_err(|_never_left| self.lane.take_back(sent))?;
        Ok(sent)
    }

    /// Signs, and writes down what could not be signed the same a second time. Should this process die or be stopped in
    /// between, nothing has left.
    async fn signed(&self, order: Order<'_>) -> Result<Signed, WalletError> {
        let Lane { key, .. } = &*self.lane;
        let Order { transaction, terms, book, .. } = order;
        if key.keeps_signatures() && book.is_none() {
            return Err(WalletError::NotKept);
        }
        let signed = key.sign(transaction, Purpose::Send).await?;
        if let Some(book) = book {
            self.is_in_time(terms.deadline)?;
            book.keep(signed.to_keep()).await?;
        }
        Ok(signed)
    }

    /// A signature from elsewhere may take its time: what the chain would refuse by now is not sent.
    fn is_in_time(&self, deadline: Option<Timestamp>) -> Result<(), WalletError> {
        let heard = self.lane.endpoint.heard().map(|head| head.block);
        let now = heard.into_iter().chain(self.lane.head()).map(|head| head.timestamp).max();
        match (deadline, now) {
            (Some(deadline), Some(now)) if now >= deadline => Err(WalletError::TooLate { deadline, now }),
            _ => Ok(()),
        }
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

    /// Where a transaction stands. Of what may have left, one look never says that it is superseded: following it does, once
    /// that is final.
    async fn standing(&self, order: Order<'_>) -> Result<Standing, WalletError> {
        let Lane { endpoint, from, .. } = &*self.lane;
        let all = self.may_have_left(order).await?;
        // The nonce first: had the transaction been mined before, it is found after.
        let used = endpoint.mined_nonce(*from).await? > order.transaction.nonce;
        let Some(latest) = all.last().map(|signed| signed.sent) else {
            // It can only be mined once it is signed, which nobody does once its nonce is used.
            return Ok(if used { Standing::Superseded } else { Standing::Unsigned });
        };
        // A used nonce and an unknown hash look like another transaction's doing, but a reorg may undo that, and nodes
        // behind one address do not all know the same: whoever follows it looks more than once.
        let mut known = used.then_some(latest);
        for Signed { sent, .. } in &all {
            if known.is_none()
                && (endpoint.receipt(sent.transaction).await?.is_some()
                    || endpoint.has_transaction(sent.transaction).await?)
            {
                known = Some(*sent);
            }
        }
        let Some(known) = known else { return Ok(Standing::Unknown(latest)) };
        for signed in all {
            self.lane.remember(order.terms.of(signed));
        }
        Ok(Standing::Known(known))
    }

    /// Every signature with which a transaction may have left this process or an earlier one.
    async fn may_have_left(&self, order: Order<'_>) -> Result<Vec<Signed>, WalletError> {
        let Lane { key, .. } = &*self.lane;
        let Order { transaction, kept, book, .. } = order;
        match book {
            Some(_) => kept.iter().map(|signature| Signed::again(transaction, signature)).collect(),
            // It was recorded for a key of this process, which alone can tell.
            None if key.keeps_signatures() => Err(WalletError::NotKept),
            None => Ok(vec![key.sign(transaction, Purpose::Find).await?]),
        }
    }
}

impl Sender<Recorded> for WalletHandle {
    fn keeps_signatures(&self) -> bool {
        self.lane.key.keeps_signatures()
    }

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
            let sent = self.carry_out(Order::of(&recorded)).await;
            sent.map_err(|error| error.when("send"))
        })
    }

    fn find<'a>(&'a self, recorded: &'a Recorded) -> BoxFuture<'a, Result<Standing, SenderError>> {
        Box::pin(async {
            let standing = self.standing(Order::of(recorded)).await;
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
