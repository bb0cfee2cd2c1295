//! The door as the loop sees it. Its only implementation is `chain-door`; this port is what keeps the loop from knowing it.

use std::fmt;

use crate::{
    draft::{Draft, Origin},
    mandate::{OrderId, StandingOrder},
    opportunity::OpportunityId,
    outcome::{OutcomeReport, Refusal},
    ports::{BoxFuture, Command, JournalError, SenderError, Sent},
};

/// What the door did with an offer.
#[derive(Debug)]
pub enum Offered {
    /// It said no; nothing was signed.
    Refused(Refusal),
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderStatus {
    /// The mandate.
    pub order: StandingOrder,
    /// Transactions made under it.
    pub used: u32,
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

    /// Arms or disarms a standing order, durably, on behalf of `origin`: who armed an order is what the door saw, not
    /// what the order says. `Err` inside is the policy's refusal.
    fn command(
        &self,
        command: Command,
        origin: Origin,
    ) -> BoxFuture<'_, Result<Result<(), Refusal>, DoorError>>;

    /// Takes up what an earlier process recorded and did not close: follows what the chain knows; of the rest, sends again
    /// what still passes the kill switch, policy, mandate, deadline and a new simulation, and drops what does not.
    fn recover(&self) -> BoxFuture<'_, Result<Vec<Underway>, DoorError>>;

    /// Live orders, by id.
    fn orders(&self) -> Vec<OrderStatus>;
}

/// The first live order among `orders` that covers `draft` now.
#[must_use]
pub fn covering(orders: &[OrderStatus], draft: &Draft, now: crate::units::Timestamp) -> Option<OrderId> {
    let covers = |status: &&OrderStatus| status.order.covers(draft, status.used, now).is_ok();
    orders.iter().find(covers).map(|status| status.order.id.clone())
}
