//! What is published, and what was taken.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{
    Opportunity, OpportunityId, Outcome, OutcomeReport, Refusal, Settlement,
    ports::Outbox,
    units::{BlockNumber, Timestamp},
};
use alloy_primitives::Address;

/// How many blocks what was taken is remembered; the door remembers for ever.
const MEMORY: u64 = 10_000;

#[derive(Debug)]
struct Open {
    user: Address,
    deadline: Timestamp,
}

/// The opportunities of this strategy that are open.
#[derive(Debug, Default)]
pub(crate) struct Board {
    open: BTreeMap<OpportunityId, Open>,
    taken: BTreeMap<OpportunityId, BlockNumber>,
}

impl Board {
    /// Publishes these, each with its user, and withdraws all others.
    pub(crate) fn replace(&mut self, opportunities: Vec<(Address, Opportunity)>, outbox: &mut Outbox) {
        let fresh: BTreeSet<OpportunityId> =
            opportunities.iter().map(|(_, opportunity)| opportunity.id).collect();
        self.withdraw(outbox, |id, _| !fresh.contains(id));
        for (user, opportunity) in opportunities {
            if self.taken.contains_key(&opportunity.id) {
                continue;
            }
            self.open.insert(opportunity.id, Open { user, deadline: opportunity.intent.deadline });
            outbox.publish(opportunity);
        }
    }

    /// Withdraws what is too late at `now`, and what is of a user that cannot be liquidated any more.
    pub(crate) fn tidy(
        &mut self,
        now: Timestamp,
        head: BlockNumber,
        liquidatable: &BTreeSet<Address>,
        outbox: &mut Outbox,
    ) {
        self.withdraw(outbox, |_, open| open.deadline <= now || !liquidatable.contains(&open.user));
        self.taken.retain(|_, at| at.0.saturating_add(MEMORY) > head.0);
    }

    /// Withdraws everything.
    pub(crate) fn clear(&mut self, outbox: &mut Outbox) {
        self.withdraw(outbox, |_, _| true);
    }

    /// Takes note of how one ended: what was mined once, the door never lets through again. What was dropped may come back.
    pub(crate) fn close(&mut self, report: &OutcomeReport, head: BlockNumber, outbox: &mut Outbox) {
        let spent = match &report.outcome {
            Outcome::Closed(Settlement::Settled(_) | Settlement::Reverted(_)) => true,
            Outcome::Closed(Settlement::Cancelled(_) | Settlement::Dropped { .. }) => false,
            Outcome::Refused(refusal) => *refusal == Refusal::AlreadyTaken,
        };
        if !spent {
            return;
        }
        self.taken.insert(report.id, head);
        self.withdraw(outbox, |id, _| *id == report.id);
    }

    /// What is open.
    pub(crate) fn ids(&self) -> BTreeSet<OpportunityId> {
        self.open.keys().copied().collect()
    }

    fn withdraw(&mut self, outbox: &mut Outbox, gone: impl Fn(&OpportunityId, &Open) -> bool) {
        self.open.retain(|id, open| {
            let gone = gone(id, open);
            if gone {
                outbox.withdraw(*id);
            }
            !gone
        });
    }
}
