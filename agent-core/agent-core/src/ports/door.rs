//! The door as the loop sees it. Its only implementation is `chain-door`; this port is what keeps the loop from knowing it.

use std::fmt;

use crate::{
    draft::{Draft, Origin},
    mandate::{OrderId, StandingOrder},
    outcome::{Outcome, Refusal},
    ports::{BoxFuture, Command, JournalError, Sent},
};

/// What the door did with an offer.
pub enum Offered {
    /// It said no; nothing was signed.
    Refused(Refusal),
    /// It is recorded, signed and on its way.
    Underway {
        /// The transaction.
        sent: Sent,
        /// Resolves when it is final, after the journal has it. Drop it and the journal learns at the next start.
        outcome: BoxFuture<'static, Result<Outcome, DoorError>>,
    },
}

impl fmt::Debug for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
            Self::Underway { sent, .. } => {
                f.debug_struct("Underway").field("sent", sent).finish_non_exhaustive()
            }
        }
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
}

/// The one door.
pub trait Door: Send + Sync {
    /// Offers a draft: simulate, judge, record, sign, broadcast, in that order, or refuse.
    fn offer(&self, draft: Draft, origin: Origin) -> BoxFuture<'_, Result<Offered, DoorError>>;

    /// Arms or disarms a standing order, durably. `Err` inside is the policy's refusal.
    fn command(&self, command: Command) -> BoxFuture<'_, Result<Result<(), Refusal>, DoorError>>;

    /// Live orders, by id.
    fn orders(&self) -> Vec<OrderStatus>;
}

/// The first live order among `orders` that covers `draft` now.
#[must_use]
pub fn covering(orders: &[OrderStatus], draft: &Draft, now: crate::units::Timestamp) -> Option<OrderId> {
    let covers = |status: &&OrderStatus| status.order.covers(draft, status.used, now).is_ok();
    orders.iter().find(covers).map(|status| status.order.id.clone())
}
