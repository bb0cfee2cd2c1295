//! The door as the loop sees it. Its only implementation is `chain-door`; this port is what keeps the loop from knowing it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    draft::{Draft, Origin},
    mandate::{OrderId, StandDown, StandingOrder},
    opportunity::OpportunityId,
    outcome::{OutcomeReport, Refusal},
    ports::{BoxFuture, Command, JournalError, Question, SenderError, Sent, StrategyBooks},
};

use alloy_primitives::{Address, B256};

/// What the door did with an offer.
#[derive(Debug)]
pub enum Offered {
    /// It said no; nothing was signed.
    Refused(Refusal),
    /// It waits for a person, and nothing is recorded yet. Offer it again once the question has its reply.
    Asked(Question),
    /// It is recorded, signed and on its way.
    Underway(Underway),
}

/// A recorded transaction on its way.
pub struct Underway {
    /// The opportunity that it takes.
    pub id: OpportunityId,
    /// The transaction.
    pub sent: Sent,
    /// Resolves when it is final, after the journal has it. Drop it and the journal learns at the next start.
    pub outcome: BoxFuture<'static, Result<OutcomeReport, DoorError>>,
}

impl fmt::Debug for Underway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Underway").field("id", &self.id).field("sent", &self.sent).finish_non_exhaustive()
    }
}

/// A live standing order, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStatus {
    /// The mandate.
    pub order: StandingOrder,
    /// Transactions made under it.
    pub used: u32,
}

/// Everything that the door would tell an operator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorStatus {
    /// Whether the kill switch is latched.
    pub killed: bool,
    /// The policy's hash.
    pub policy: B256,
    /// Whether the operator has confirmed that policy; nothing is recorded before.
    pub confirmed: bool,
    /// Live standing orders, by id.
    pub orders: Vec<OrderStatus>,
    /// What waits for a person, oldest first.
    pub questions: Vec<Question>,
    /// Classes that are stood down.
    pub stood_down: Vec<StandDown>,
    /// The keys at work, the default lane's first.
    pub lanes: Vec<LaneStatus>,
    /// What is recorded and not final, by key and nonce.
    pub under_way: Vec<Pending>,
    /// What each strategy has made and paid, by name.
    pub books: Vec<StrategyBooks>,
}

/// One key at work on the chain. What is under way in one lane waits for nothing in another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneStatus {
    /// The policy's name for it.
    pub name: String,
    /// The key.
    pub key: Address,
    /// The executor contract that the key owns, if it was deployed yet.
    pub executor: Option<Address>,
    /// The nonce of the next transaction, as of the last look at the chain; none before the first look.
    pub next_nonce: Option<u64>,
}

/// A recorded intent that is not final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Its place in the journal.
    pub subject: B256,
    /// The key that signs it.
    pub key: Address,
    /// Its nonce.
    pub nonce: u64,
    /// The hashes under which it may be mined, the latest last; none while it is not signed.
    pub attempts: Vec<B256>,
}

/// Why the door stopped working. Refusals are not errors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoorError {
    /// The journal failed; no money may move.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A journalled payload is not one of this version's.
    #[error("a journalled intent does not decode ({0}); run the version that wrote it, or close it by hand")]
    Payload(String),
    /// The keys are not those that the policy's lanes need. Nothing is opened.
    #[error("{0}")]
    Lanes(String),
    /// Where a recorded transaction stands cannot be found out. It stays open, and holds its nonce and budgets.
    #[error(
        "cannot find out where a recorded transaction stands ({0}); start again when the chain can be asked"
    )]
    Standing(#[source] SenderError),
}

/// The one door.
pub trait Door: Send + Sync {
    /// Offers a draft: simulate, judge, record, sign, broadcast, in that order, or refuse.
    fn offer(&self, draft: Draft, origin: Origin) -> BoxFuture<'_, Result<Offered, DoorError>>;

    /// Does what `origin` asks, durably: who asked is what the door saw, not what the command says. `Err` inside is the
    /// door's refusal.
    fn command(
        &self,
        command: Command,
        origin: Origin,
    ) -> BoxFuture<'_, Result<Result<(), Refusal>, DoorError>>;

    /// Takes up what an earlier process recorded and did not close: follows what the chain knows; of the rest, sends again
    /// what still passes the kill switch, policy, mandate, deadline and a new simulation, and drops what does not.
    fn recover(&self) -> BoxFuture<'_, Result<Vec<Underway>, DoorError>>;

    /// Gets a draft ready that may be offered soon: looks at everything that an offer has to wait for, and decides nothing.
    /// Nothing is approved, recorded or signed; whatever goes wrong, the offer is as good as without. A crash forgets it, and
    /// a block that a reorg replaces makes it worthless.
    fn prepare(&self, draft: Draft, origin: Origin) -> BoxFuture<'_, ()> {
        drop((draft, origin));
        Box::pin(std::future::ready(()))
    }

    /// How things stand.
    fn status(&self) -> DoorStatus;

    /// Live orders, by id.
    fn orders(&self) -> Vec<OrderStatus> {
        self.status().orders
    }
}

/// The first live order among `orders` that covers `draft` now.
#[must_use]
pub fn covering(orders: &[OrderStatus], draft: &Draft, now: crate::units::Timestamp) -> Option<OrderId> {
    let covers = |status: &&OrderStatus| status.order.covers(draft, status.used, now).is_ok();
    orders.iter().find(covers).map(|status| status.order.id.clone())
}
