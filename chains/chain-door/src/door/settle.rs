//! From recorded to settled: hand it to the sender, follow it, and close it in the journal.

use std::sync::Arc;

use agent_core::{
    Action, Mined, Outcome, OutcomeReport, Refusal, Settlement,
    ports::{DoorError, Entry, EntryKind, Followed, Moment, Sent, Underway},
    units::{Asset, Timestamp},
};

use alloy_primitives::Address;

use super::{Shared, offer::no_sender, record::written};
use crate::{
    Page,
    judge::used,
    ladder::{Recorded, RecordedEntry},
};

/// What remains of a [`Recorded`] once it was handed to the sender.
pub(super) struct Handed {
    report: OutcomeReport,
    entry: RecordedEntry,
    deadline: Option<Timestamp>,
}

impl Handed {
    pub(super) fn of(recorded: &Recorded) -> Self {
        let draft = &recorded.draft;
        let report = OutcomeReport {
            id: draft.id,
            strategy: draft.strategy.clone(),
            class: draft.class.clone(),
            outcome: Outcome::Closed(Settlement::Dropped { why: String::new() }),
        };
        let deadline = match &draft.action {
            Action::Execute(intent) => Some(intent.deadline),
            Action::Maintain(_) => None,
        };
        Self { report, entry: recorded.entry.clone(), deadline }
    }

    /// The chain time after which the executor refuses it.
    pub(super) const fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }
}

impl Shared {
    /// Signs and broadcasts. When the kill switch was latched meanwhile, or the sender says that no signature left, the
    /// intent is dropped at once.
    pub(super) async fn underway(
        self: Arc<Self>,
        recorded: Recorded,
    ) -> Result<Result<Underway, Refusal>, DoorError> {
        let (id, watch, handed) = (recorded.id(), recorded.watch.clone(), Handed::of(&recorded));
        if let Err(refusal) = self.is_alive() {
            self.close(handed, Settlement::Dropped { why: refusal.to_string() }).await?;
            return Ok(Err(refusal));
        }
        match self.ports.sender.send(recorded).await {
            Ok(sent) => {
                self.ports.observer.saw(Moment::Sent(id, sent));
                Ok(Ok(self.follow(handed, sent, watch)))
            }
            Err(error) => {
                self.close(handed, Settlement::Dropped { why: error.to_string() }).await?;
                Ok(Err(no_sender(&error)))
            }
        }
    }

    pub(super) fn follow(
        self: Arc<Self>,
        handed: Handed,
        sent: Sent,
        watch: Vec<(Address, Asset)>,
    ) -> Underway {
        let following = self.intents.follow(handed.entry.subject);
        let id = handed.report.id;
        let outcome = async move {
            let settlement = loop {
                if let Followed::Final(settlement) = self.ports.sender.follow(vec![sent], watch.clone()).await
                {
                    break settlement;
                }
            };
            let report = self.close(handed, settlement).await;
            drop(following);
            report
        };
        Underway { id, sent, outcome: Box::pin(outcome) }
    }

    /// Writes the end of an intent: budgets keep what was really used, and nothing of what was dropped.
    pub(super) async fn close(
        &self,
        handed: Handed,
        settlement: Settlement,
    ) -> Result<OutcomeReport, DoorError> {
        let Handed { mut report, entry, .. } = handed;
        let (kind, mined) = match &settlement {
            Settlement::Settled(mined) => (EntryKind::Closed, Some((mined.clone(), false))),
            Settlement::Reverted(mined) => (EntryKind::Closed, Some((mined.clone(), true))),
            Settlement::Cancelled(mined) => (EntryKind::Dropped, Some((mined.clone(), true))),
            Settlement::Dropped { .. } => (EntryKind::Dropped, None),
        };
        let settle = |(mined, reverted): (Mined, bool)| {
            let used = |reserved| used(reserved, mined.gas_paid, reverted);
            self.tell_time(mined.block.timestamp);
            (entry.at.max(mined.block.timestamp), entry.reservations.iter().map(used).collect())
        };
        // Dated as it was mined: what was paid late counts from then on, and not from when it was allowed.
        let (at, reservations) = mined.map_or((entry.at, Vec::new()), settle);
        report.outcome = Outcome::Closed(settlement);
        let payload = Page::Closed { outcome: report.outcome.clone() }.bytes()?;
        let subject = entry.subject;
        let entry = Entry { kind, subject, at, claims: Vec::new(), reservations, payload };
        written(self.ports.journal.append(entry).await?)?;
        self.intents.closed(subject);
        self.ports.observer.saw(Moment::Closed(report.id, &report.outcome));
        Ok(report)
    }
}
