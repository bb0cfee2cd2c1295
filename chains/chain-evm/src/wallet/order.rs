//! What the wallet needs of a recorded transaction.

use agent_core::{
    ports::{BoxFuture, DoorError},
    units::Timestamp,
};
use chain_door::{KeptSignature, OrderFlow, Recorded, Transaction};

use super::{key_task::Signed, lane::Attempt};

/// A recorded transaction, on which terms it was recorded, and where its signatures are.
#[derive(Clone, Copy)]
pub(super) struct Order<'a> {
    pub(super) transaction: &'a Transaction,
    pub(super) terms: Terms,
    /// Signatures that are written down already.
    pub(super) kept: &'a [KeptSignature],
    /// Where a signature is written down before it leaves; none where it can be made again.
    pub(super) book: Option<&'a dyn Book>,
}

/// Where signatures are written down.
pub(super) trait Book: Send + Sync {
    /// Durable once it resolves.
    fn keep(&self, signature: KeptSignature) -> BoxFuture<'_, Result<(), DoorError>>;
}

impl Book for Recorded {
    fn keep(&self, signature: KeptSignature) -> BoxFuture<'_, Result<(), DoorError>> {
        Box::pin(Recorded::keep(self, signature))
    }
}

impl<'a> Order<'a> {
    pub(super) fn of(recorded: &'a Recorded) -> Self {
        let book: Option<&dyn Book> = if recorded.keeps() { Some(recorded) } else { None };
        Self {
            transaction: recorded.transaction(),
            terms: Terms { flow: recorded.order_flow(), deadline: recorded.deadline() },
            kept: recorded.kept(),
            book,
        }
    }
}

/// On which terms a transaction was recorded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) flow: OrderFlow,
    pub(super) deadline: Option<Timestamp>,
}

impl Terms {
    pub(super) const fn of(self, signed: Signed) -> Attempt {
        let Self { flow, deadline } = self;
        Attempt { signed, flow, deadline }
    }
}
