//! Looking for cycles at every block, and comparing some pools with the chain now and then.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use agent_core::{Answered, Opportunity, OpportunityId, ports::Outbox, units::BlockRef};

use super::{ArbitrageStrategy, desk::Pending};
use crate::{
    hunt::{Proposal, Scene, plan},
    market::Entry,
    prices::Prices,
    search::Cycle,
    view::Snapshot,
};

/// After so many times that they should have been read, prices are not believed any more.
const PATIENCE: u64 = 5;
/// How many reads a pool takes.
const READS: usize = 2;

impl ArbitrageStrategy {
    /// Reads what everything costs, and how some pools stand, when it is time to.
    pub(super) fn check(&mut self, outbox: &mut Outbox) {
        let (head, terms) = (self.course.head(), &self.config.terms);
        let patience = terms.check_blocks.saturating_mul(PATIENCE);
        if self.prices.as_ref().is_some_and(|(_, at)| at.0.saturating_add(patience) < head.0) {
            self.prices = None;
            let sentence = "prices could not be read for too long; nothing is proposed until they are";
            self.desk.warn(sentence.to_owned(), outbox);
        }
        let due = self.desk.last.is_none_or(|last| last.0.saturating_add(terms.check_blocks) <= head.0);
        if !due {
            return;
        }
        self.desk.last = Some(head);
        let entries = self.market.entries();
        let stands = |place: &usize| entries.get(*place).is_some_and(Entry::stands);
        let (first, count) = (self.desk.next, entries.len());
        let round = (first..count).chain(0..first.min(count));
        let places: Vec<usize> = round.filter(stands).take(terms.check_pools).collect();
        self.desk.next = places.last().map_or(0, |last| last.saturating_add(1));
        let pools = places.iter().filter_map(|place| entries.get(*place)).flat_map(|entry| entry.questions());
        let queries = Prices::questions(&self.config).into_iter().chain(pools).collect();
        self.desk.ask(Pending { places }, queries, outbox);
    }

    /// Takes the answers. A pool that is not what the chain says at the same block is left alone from then on.
    pub(super) fn checked(
        &mut self,
        places: &[usize],
        at: BlockRef,
        answers: &[Answered],
        outbox: &mut Outbox,
    ) {
        let (prices, pools) = answers.split_at(Prices::count(&self.config).min(answers.len()));
        match Prices::read(&self.config, prices) {
            Ok(prices) => {
                // Amounts depend on the premium, and on nothing else that is read here.
                if self.prices.as_ref().is_none_or(|(before, _)| before.premium != prices.premium) {
                    self.sized.clear();
                }
                self.prices = Some((prices, at.number));
            }
            Err(sentence) => {
                self.prices = None;
                self.desk.warn(format!("{sentence}; nothing is proposed until it does"), outbox);
            }
        }
        if self.course.now.is_none_or(|head| head.block.hash != at.hash) {
            // At another block the chain may well say something else. They are asked again with the next.
            self.desk.next = places.first().copied().unwrap_or_default();
            return;
        }
        for (place, answers) in places.iter().zip(pools.chunks(READS)) {
            if self.market.get(*place).is_some_and(|entry| !entry.agrees(answers)) {
                self.market.distrust(*place, "the chain says otherwise than its logs");
                self.desk.lost(self.market.get(*place), outbox);
            }
        }
    }

    /// Publishes the best cycles of the newest block.
    pub(super) fn look(&mut self, outbox: &mut Outbox) {
        let Some(head) = self.course.now else { return };
        self.find(outbox);
        self.size();
        let (opportunities, explanations) = self.proposals();
        self.board.replace(opportunities, head.block.number, outbox);
        self.view.lock().explanations = explanations;
    }

    /// Finds the cycles that gain by their rates, and forgets the amounts of those whose pools changed.
    fn find(&mut self, outbox: &mut Outbox) {
        let Some(search) = self.searched() else { return };
        let changed = search.search();
        let full = search.is_full();
        if full {
            search.rescan();
        }
        let standing: BTreeSet<Cycle> = search.standing().iter().copied().collect();
        let overflows = full && search.is_full();
        for cycle in changed {
            self.sized.remove(&cycle);
        }
        self.sized.retain(|cycle, _| standing.contains(cycle));
        if overflows {
            let sentence = "more cycles gain by their rates than can be kept: some are not looked at; deny worthless pools";
            self.desk.warn(sentence.to_owned(), outbox);
        }
    }

    /// Sizes what was not yet, those with the best rates first.
    fn size(&mut self) {
        let (Some(head), Some(search), Some((prices, _))) = (self.course.now, &self.search, &self.prices)
        else {
            return;
        };
        let terms = &self.config.terms;
        let news = |cycle: &&Cycle| cycle.hops() <= terms.hops && !self.sized.contains_key(*cycle);
        let mut cycles: Vec<Cycle> = search.standing().iter().filter(news).copied().collect();
        cycles.sort_by_key(|cycle| (Reverse(cycle.gain()), *cycle));
        cycles.truncate(terms.cycles);
        let scene = Scene { config: &self.config, market: &self.market, prices, head };
        self.sized.extend(cycles.into_iter().map(|cycle| (cycle, plan(scene, search, &cycle))));
    }

    /// Those that pay, the best first but for those that were refused, no two through the same pool: the second would find it
    /// changed. Of the ways through a cycle that is the best one that was not refused.
    fn proposals(&self) -> (Vec<Opportunity>, BTreeMap<OpportunityId, Vec<String>>) {
        let (mut opportunities, mut explanations) = (Vec::new(), BTreeMap::new());
        let (Some(head), Some((prices, _))) = (self.course.now, &self.prices) else {
            return (opportunities, explanations);
        };
        let scene = Scene { config: &self.config, market: &self.market, prices, head };
        let sized = self.sized.values().flatten();
        let mut proposals: Vec<_> = sized.flat_map(|planned| Proposal::all(scene, planned)).collect();
        let is_set_back = |id| self.board.is_set_back(&id);
        // Of two that leave the same, the one of fewer swaps.
        proposals.sort_by_cached_key(|proposal| {
            (proposal.id().is_some_and(is_set_back), Reverse(proposal.net()), proposal.swaps_count())
        });
        let mut used = BTreeSet::new();
        for proposal in proposals {
            let shut = proposal.id().is_none_or(|id| self.board.is_shut(&id));
            let free = !shut && proposal.places().all(|place| !used.contains(&place));
            if free && let Some(opportunity) = proposal.opportunity() {
                used.extend(proposal.places());
                explanations.insert(opportunity.id, proposal.steps());
                opportunities.push(opportunity);
            }
        }
        (opportunities, explanations)
    }

    /// Leaves a copy for the tools.
    pub(super) fn publish_view(&self) {
        let open = self.board.ids();
        let mut snapshot = self.view.lock();
        let Snapshot { phase, at, pools, awaiting, left_alone, explanations, cycles } = &mut *snapshot;
        *phase = self.course.phase.clone();
        *at = self.course.now.map(|head| head.block).unwrap_or_default();
        *left_alone = self.market.left_alone();
        *pools = self.market.known();
        *awaiting = self.market.awaiting().len();
        *cycles = self.search.as_ref().map_or(0, |search| search.standing().len());
        explanations.retain(|id, _| open.contains(id));
    }
}
