//! From recorded to settled: hand it to the sender, follow it, help it along, and close it in the journal.

use std::sync::Arc;

use agent_core::{
    Draft, Mined, Origin, Outcome, OutcomeReport, Refusal, Settlement,
    ports::{DoorError, Entry, EntryKind, Followed, Moment, Sent, Underway},
    units::Asset,
};
use alloy_primitives::Address;

use super::{Lane, offer::no_sender, record::written};
use crate::{
    Page,
    judge::used,
    ladder::{Recorded, RecordedEntry},
};

/// What remains of a [`Recorded`] once it was handed to the sender.
#[derive(Debug, Clone)]
pub(super) struct Handed {
    pub(super) draft: Draft,
    pub(super) origin: Origin,
    pub(super) watch: Vec<(Address, Asset)>,
    pub(super) entry: RecordedEntry,
}

impl Handed {
    pub(super) fn of(recorded: &Recorded) -> Self {
        let Recorded { draft, origin, watch, entry, .. } = recorded;
        let (draft, origin) = (draft.clone(), origin.clone());
        Self { draft, origin, watch: watch.clone(), entry: entry.clone() }
    }

    fn report(&self, settlement: Settlement) -> OutcomeReport {
        let Draft { id, strategy, class, .. } = self.draft.clone();
        OutcomeReport { id, strategy, class, outcome: Outcome::Closed(settlement) }
    }
}

impl Lane {
    /// Signs and broadcasts. When the kill switch was latched meanwhile, or the sender says that no signature left, the
    /// intent is dropped at once.
    pub(super) async fn underway(
        self: Arc<Self>,
        recorded: Recorded,
    ) -> Result<Result<Underway, Refusal>, DoorError> {
        let handed = Handed::of(&recorded);
        let refusal = match self.send(recorded).await {
            Ok(sent) => return Ok(Ok(self.follow(handed, sent))),
            Err(refusal) => refusal,
        };
        self.close(&handed, Settlement::Dropped { why: refusal.to_string() }).await?;
        Ok(Err(refusal))
    }

    /// Has it signed and broadcast, unless the kill switch is latched by now. A refusal means that no signature left.
    pub(super) async fn send(&self, recorded: Recorded) -> Result<Sent, Refusal> {
        self.shared.is_alive()?;
        let (id, subject, transaction) =
            (recorded.id(), recorded.entry.subject, recorded.transaction().clone());
        let sent = self.sender.send(recorded).await.map_err(|error| no_sender(&error))?;
        self.shared.intents.signed(subject, &transaction, sent);
        self.shared.ports.observer.saw(Moment::Sent(id, sent));
        Ok(sent)
    }

    /// Follows an intent all of whose signed transactions are known.
    pub(super) fn follow(self: Arc<Self>, handed: Handed, sent: Sent) -> Underway {
        let (id, subject) = (handed.draft.id, handed.entry.subject);
        let following = self.shared.intents.follow(subject);
        let outcome = async move {
            let settlement = self.clone().see_through(&handed).await?;
            let report = self.close(&handed, settlement).await;
            drop(following);
            report
        };
        Underway { id, sent, outcome: Box::pin(outcome) }
    }

    /// Until it is final, doing what helps whenever it is stuck.
    async fn see_through(self: Arc<Self>, handed: &Handed) -> Result<Settlement, DoorError> {
        let subject = handed.entry.subject;
        loop {
            let (attempts, watch) = (self.shared.intents.sent(subject), handed.watch.clone());
            match self.sender.follow(attempts, watch).await {
                Followed::Final(settlement) => return Ok(self.shared.intents.as_meant(subject, settlement)),
                Followed::Stuck(stuck) => self.clone().mend(handed, stuck).await?,
            }
        }
    }

    /// Writes the end of an intent: budgets keep what was really used, and nothing of what was dropped.
    pub(super) async fn close(
        &self,
        handed: &Handed,
        settlement: Settlement,
    ) -> Result<OutcomeReport, DoorError> {
        let entry = &handed.entry;
        let (kind, mined) = match &settlement {
            Settlement::Settled(mined) => (EntryKind::Closed, Some((mined.clone(), false))),
            Settlement::Reverted(mined) => (EntryKind::Closed, Some((mined.clone(), true))),
            Settlement::Cancelled(mined) => (EntryKind::Dropped, Some((mined.clone(), true))),
            Settlement::Dropped { .. } => (EntryKind::Dropped, None),
        };
        let settle = |(mined, reverted): (Mined, bool)| {
            let used = |reserved| used(reserved, mined.gas_paid, reverted);
            self.shared.tell_time(mined.block.timestamp);
            (entry.at.max(mined.block.timestamp), entry.reservations.iter().map(used).collect())
        };
        let is_mined = mined.is_some();
        // Dated as it was mined: what was paid late counts from then on, and not from when it was allowed.
        let (at, reservations) = mined.map_or((entry.at, Vec::new()), settle);
        let report = handed.report(settlement.clone());
        let payload = Page::Closed { outcome: report.outcome.clone() }.bytes()?;
        let subject = entry.subject;
        let entry = Entry { kind, subject, at, claims: Vec::new(), reservations, payload };
        written(self.shared.ports.journal.append(entry).await?)?;
        if is_mined {
            self.shared.intents.mined(subject);
        }
        self.shared.intents.closed(subject);
        self.shared.desk().books.ended(subject, &settlement, at);
        self.shared.ports.observer.saw(Moment::Closed(report.id, &report.outcome));
        Ok(report)
    }
}
