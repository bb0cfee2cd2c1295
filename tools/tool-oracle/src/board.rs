//! What is published, and what was tried.

use std::collections::BTreeMap;

use agent_core::{
    Intent, Opportunity, OpportunityId, Outcome, OutcomeReport, Refusal, Settlement,
    ports::Outbox,
    units::{BlockNumber, Timestamp},
};

/// How many blocks what was mined is remembered; the door remembers for ever.
const MEMORY: u64 = 100_000;

/// Why an update is not published though it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shut {
    /// It was mined.
    Done,
    /// It was mined and reverted: gas was paid for nothing, and is not paid again.
    Reverted,
    /// It failed in its simulation; it is tried again after this block.
    Resting(BlockNumber),
}

#[derive(Debug)]
struct Open {
    id: OpportunityId,
    intent: Intent,
}

/// The updates that are open, by feed, and those that were tried.
#[derive(Debug, Default)]
pub(crate) struct Board {
    open: BTreeMap<String, Open>,
    tried: BTreeMap<OpportunityId, (BlockNumber, Shut)>,
}

impl Board {
    /// Publishes a feed's update in place of its last. What says the same as the one that is open is not said again.
    pub(crate) fn publish(&mut self, feed: &str, opportunity: Opportunity, outbox: &mut Outbox) {
        let same = self
            .open
            .get(feed)
            .is_some_and(|open| open.id == opportunity.id && open.intent == opportunity.intent);
        if same {
            return;
        }
        let open = Open { id: opportunity.id, intent: opportunity.intent.clone() };
        if let Some(old) = self.open.insert(feed.to_owned(), open)
            && old.id != opportunity.id
        {
            outbox.withdraw(old.id);
        }
        outbox.publish(opportunity);
    }

    /// Withdraws a feed's update, if there is one.
    pub(crate) fn withdraw(&mut self, feed: &str, outbox: &mut Outbox) {
        if let Some(open) = self.open.remove(feed) {
            outbox.withdraw(open.id);
        }
    }

    /// Withdraws what is too late at `now`, and forgets what was tried long ago.
    pub(crate) fn tidy(&mut self, now: Timestamp, head: BlockNumber, outbox: &mut Outbox) {
        self.open.retain(|_, open| {
            let late = open.intent.deadline <= now;
            if late {
                outbox.withdraw(open.id);
            }
            !late
        });
        self.tried.retain(|_, (at, shut)| match shut {
            Shut::Resting(until) => *until >= head,
            Shut::Done | Shut::Reverted => at.0.saturating_add(MEMORY) > head.0,
        });
    }

    /// Withdraws everything, and forgets what failed or was done: it may have been on blocks that are void. What reverted was paid for,
    /// and where it still stands nobody knows: it stays. Of what was done and stands, the target says so; of what does not, the door
    /// knows whether it may go out again.
    pub(crate) fn void(&mut self, outbox: &mut Outbox) {
        for (_, open) in std::mem::take(&mut self.open) {
            outbox.withdraw(open.id);
        }
        self.tried.retain(|_, (_, shut)| *shut == Shut::Reverted);
    }

    /// Why an update is not to be published.
    pub(crate) fn shut(&self, id: &OpportunityId) -> Option<Shut> {
        self.tried.get(id).map(|(_, shut)| *shut)
    }

    /// Takes note of how one ended; which feed's it was, if it is open. What was dropped or cancelled may be published again.
    pub(crate) fn close(
        &mut self,
        report: &OutcomeReport,
        head: BlockNumber,
        rest: u64,
        outbox: &mut Outbox,
    ) -> Option<Shut> {
        let shut = match &report.outcome {
            Outcome::Closed(Settlement::Settled(_)) | Outcome::Refused(Refusal::AlreadyTaken) => Shut::Done,
            Outcome::Closed(Settlement::Reverted(_)) => Shut::Reverted,
            Outcome::Refused(
                Refusal::SimulationReverts(_) | Refusal::Delta { .. } | Refusal::BehavesDifferently { .. },
            ) => Shut::Resting(BlockNumber(head.0.saturating_add(rest))),
            Outcome::Closed(Settlement::Cancelled(_) | Settlement::Dropped { .. }) | Outcome::Refused(_) => {
                return None;
            }
        };
        // What reverted once stays so, whatever the door says of it later.
        if self.shut(&report.id) != Some(Shut::Reverted) {
            self.tried.insert(report.id, (head, shut));
        }
        let feed = self.open.iter().find(|(_, open)| open.id == report.id).map(|(feed, _)| feed.clone());
        if let Some(feed) = feed {
            self.withdraw(&feed, outbox);
        }
        Some(shut)
    }
}
