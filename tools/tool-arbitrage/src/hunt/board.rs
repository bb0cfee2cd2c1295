//! What is published, and what was taken.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{
    Opportunity, OpportunityId, Outcome, OutcomeReport, Refusal, Settlement, ports::Outbox,
    units::BlockNumber,
};

/// How many blocks what was taken is remembered; the door remembers for ever.
const MEMORY: u64 = 10_000;

/// For how many blocks what cannot be done is left alone, unless one of its pools changes: then it is another opportunity.
const REST: u64 = 300;

/// The opportunities of this strategy that are open.
#[derive(Debug, Default)]
pub(crate) struct Board {
    open: BTreeSet<OpportunityId>,
    taken: BTreeMap<OpportunityId, BlockNumber>,
    /// Their simulations failed: with the next block they would be the best again, and keep all others from their pools.
    failed: BTreeMap<OpportunityId, BlockNumber>,
    /// They are too large, not the policy's, or a person said no, which may pass: others go before them.
    refused: BTreeMap<OpportunityId, BlockNumber>,
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
        self.failed.retain(|_, at| at.0.saturating_add(REST) > head.0);
        self.refused.retain(|_, at| at.0.saturating_add(REST) > head.0);
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

    /// Takes note of how one ended: what was mined once, the door never lets through again. What was dropped may come back, and
    /// what fails when it is tried, after a rest.
    pub(crate) fn close(&mut self, report: &OutcomeReport, head: BlockNumber, outbox: &mut Outbox) {
        let shut = match &report.outcome {
            Outcome::Closed(Settlement::Settled(_) | Settlement::Reverted(_))
            | Outcome::Refused(Refusal::AlreadyTaken) => &mut self.taken,
            Outcome::Refused(
                Refusal::SimulationReverts(_) | Refusal::Delta { .. } | Refusal::BehavesDifferently { .. },
            ) => &mut self.failed,
            Outcome::Refused(
                Refusal::OverLimit { .. }
                | Refusal::OutsideMandate(_)
                | Refusal::LenderNotAllowed(_)
                | Refusal::Denied
                | Refusal::NoReply,
            ) => {
                self.refused.insert(report.id, head);
                return;
            }
            Outcome::Closed(Settlement::Cancelled(_) | Settlement::Dropped { .. }) | Outcome::Refused(_) => {
                return;
            }
        };
        shut.insert(report.id, head);
        if self.open.remove(&report.id) {
            outbox.withdraw(report.id);
        }
    }

    /// Forgets why anything failed: it failed on blocks that are void.
    pub(crate) fn pardon(&mut self) {
        self.failed.clear();
        self.refused.clear();
    }

    /// Whether one was refused: others go before it.
    pub(crate) fn is_set_back(&self, id: &OpportunityId) -> bool {
        self.refused.contains_key(id)
    }

    /// Whether one was taken, or rests after it failed.
    pub(crate) fn is_shut(&self, id: &OpportunityId) -> bool {
        self.taken.contains_key(id) || self.failed.contains_key(id)
    }

    /// What is open.
    pub(crate) const fn ids(&self) -> &BTreeSet<OpportunityId> {
        &self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is too large is still published, behind others; after a reorg everything is as if it had not been tried.
    #[test]
    fn what_is_too_large_is_set_back_and_what_fails_is_shut_until_a_reorg() {
        let (mut board, mut outbox) = (Board::default(), Outbox::default());
        let limit =
            Refusal::OverLimit { limit: "per transaction".into(), asked: "5".into(), allowed: "2".into() };
        let refusals = [limit, Refusal::SimulationReverts("closed".into()), Refusal::Killed];
        let ids = [1, 2, 3].map(|byte| OpportunityId([byte; 32].into()));
        for (id, refusal) in ids.into_iter().zip(refusals) {
            let (strategy, class, outcome) = (String::new(), String::new(), Outcome::Refused(refusal));
            board.close(&OutcomeReport { id, strategy, class, outcome }, BlockNumber(7), &mut outbox);
        }
        assert_eq!(
            ids.map(|id| (board.is_set_back(&id), board.is_shut(&id))),
            [(true, false), (false, true), (false, false)]
        );
        board.pardon();
        assert_eq!(ids.map(|id| (board.is_set_back(&id), board.is_shut(&id))), [(false, false); 3]);
    }
}
