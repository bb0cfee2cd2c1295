//! What is published, and what was taken.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{
    Opportunity, OpportunityId, Outcome, OutcomeReport, Refusal, Settlement, ports::Outbox,
    units::BlockNumber,
};

/// How many blocks what was taken is remembered; the door remembers for ever.
const MEMORY: u64 = 10_000;

/// The opportunities of this strategy that are open.
#[derive(Debug, Default)]
pub(crate) struct Board {
    open: BTreeSet<OpportunityId>,
    taken: BTreeMap<OpportunityId, BlockNumber>,
}

impl Board {
    /// Publishes these and withdraws all others.
    pub(crate) fn replace(
        &mut self,
        opportunities: Vec<Opportunity>,
        head: BlockNumber,
        outbox: &mut Outbox,
    ) {
        self.taken.retain(|_, at| at.0.saturating_add(MEMORY) > head.0);
        let ids = opportunities.iter().map(|opportunity| opportunity.id).collect();
        for gone in std::mem::replace(&mut self.open, ids) {
            if !self.open.contains(&gone) {
                outbox.withdraw(gone);
            }
        }
        for opportunity in opportunities {
            outbox.publish(opportunity);
        }
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
        if self.open.remove(&report.id) {
            outbox.withdraw(report.id);
        }
    }

    /// Whether one was taken.
    pub(crate) fn is_taken(&self, id: &OpportunityId) -> bool {
        self.taken.contains_key(id)
    }

    /// What is open.
    pub(crate) const fn ids(&self) -> &BTreeSet<OpportunityId> {
        &self.open
    }
}
