//! Looking for liquidations: at every block, and when quotes are in.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{Answered, Head, Opportunity, OpportunityId, ports::Outbox, units::BlockRef};
use alloy_primitives::Address;

use super::{LiquidationStrategy, desk::Pending};
use crate::{
    hunt::{self, DataFee, Doubt, Moments, Pricing, Proposal, Quoted, READS, Target},
    v3_0::{Account, Moment},
    view::{Phase, Skipped},
};

/// How many pairs of one user are quoted: the best at the pool's prices need not be the best to sell.
const PAIRS: usize = 3;
/// How many positions tools can list.
const LISTED: usize = 50;

/// Opportunities with their users, and how each came about.
type Published = (Vec<(Address, Opportunity)>, BTreeMap<OpportunityId, Vec<String>>);

impl LiquidationStrategy {
    /// Computes who can be liquidated, withdraws what is over, and asks what the rest would bring.
    pub(super) fn look(&mut self, outbox: &mut Outbox) {
        let Some(head) = self.course.now else { return };
        let moments = self.moments(head);
        let users = self.positions.take_changed();
        let assets = self.market.prices.take_changed();
        self.mind_unknown_modes(&users);
        self.hunt.watch.update(&moments.late, moments.next, &self.positions, &users, &assets);
        let liquidatable = self.liquidatable();
        self.hunt.board.tidy(head.block.timestamp, head.block.number, &liquidatable, outbox);
        self.quote(head, self.targets(&moments, &liquidatable), outbox);
        self.publish_view();
    }

    /// Takes what was answered about targets, and publishes the best of each user.
    pub(super) fn quoted(
        &mut self,
        head: Head,
        targets: Vec<Target>,
        at: BlockRef,
        answers: &[Answered],
        outbox: &mut Outbox,
    ) {
        if self.course.phase != Phase::Following {
            return;
        }
        // Its question comes after those about the targets.
        let answer = answers.get(targets.len().saturating_mul(READS));
        let Some(data_fee) = DataFee::read(&self.config, answer) else {
            self.hunt.board.clear(outbox);
            let sentence =
                "`data_fee_oracle` does not say what data costs; nothing is proposed until it does";
            return self.desk.warn(sentence.to_owned(), outbox);
        };
        let results: Vec<_> = hunt::read(targets, answers, &self.config, &self.market).collect();
        let mut quoted = Vec::new();
        for (target, result) in results {
            match result {
                Ok((exit, out)) => quoted.push(Quoted { target, exit, out }),
                // At another block the chain may well say something else.
                Err(doubt) if at.hash == head.block.hash => self.mind(&target, doubt, outbox),
                Err(_) => {}
            }
        }
        let (opportunities, explanations) = self.proposals(head, data_fee, &quoted);
        self.hunt.board.replace(opportunities, outbox);
        self.view.lock().explanations = explanations;
        self.publish_view();
    }

    /// Leaves a copy for the tools.
    pub(super) fn publish_view(&self) {
        let mut riskiest: Vec<_> =
            self.hunt.watch.accounts().iter().map(|(user, account)| (*user, *account)).collect();
        let order = |line: &(Address, Account)| (line.1.health, line.0);
        if riskiest.len() > LISTED {
            riskiest.select_nth_unstable_by_key(LISTED, order);
            riskiest.truncate(LISTED);
        }
        riskiest.sort_by_key(order);
        let unwatched = self.hunt.watch.unwatched();
        let open = self.hunt.board.ids();
        let mut snapshot = self.view.lock();
        snapshot.phase = self.course.phase.clone();
        snapshot.at = self.course.now.map(|head| head.block).unwrap_or_default();
        snapshot.riskiest = riskiest;
        snapshot.borrowers = self.hunt.watch.accounts().len();
        snapshot.skipped = Skipped {
            stable_debt: unwatched.stable,
            unpriced: unwatched.unpriced,
            distrusted: self.positions.broken(),
        };
        snapshot.explanations.retain(|id, _| open.contains(id));
    }

    fn moments(&self, head: Head) -> Moments {
        let now = head.block.timestamp;
        let next = now.plus(self.config.market.block_time);
        Moments { early: self.market.at(now), late: self.market.at(next), next }
    }

    /// A user may choose a mode that no asset is in, and that was therefore never read.
    fn mind_unknown_modes(&mut self, users: &BTreeSet<Address>) {
        let modes =
            users.iter().filter_map(|user| self.positions.get(user)).map(|position| position.category);
        let unknown = modes.filter(|mode| *mode != 0).any(|mode| !self.market.modes.contains_key(&mode));
        if unknown {
            self.course.survey_from(self.course.head());
        }
    }

    fn liquidatable(&self) -> BTreeSet<Address> {
        let users = self.hunt.watch.liquidatable().map(|(user, _)| *user);
        users.filter(|user| !self.positions.is_broken(user)).collect()
    }

    fn targets(&self, moments: &Moments, users: &BTreeSet<Address>) -> Vec<Target> {
        let of = |user: &Address| {
            let position = self.positions.get(user)?;
            Some(Target::all(moments, *user, position, &self.config).into_iter().take(PAIRS))
        };
        let mut targets: Vec<Target> = users.iter().filter_map(of).flatten().collect();
        targets.sort_by_key(|target| std::cmp::Reverse(target.bonus()));
        targets.truncate(self.config.terms.quotes);
        targets
    }

    fn quote(&mut self, head: Head, targets: Vec<Target>, outbox: &mut Outbox) {
        let asked = targets.into_iter().filter_map(|target| {
            let questions = hunt::questions(&target, &self.config, &self.market)?;
            Some((target, questions))
        });
        let (targets, questions): (Vec<Target>, Vec<Vec<_>>) = asked.unzip();
        if targets.is_empty() {
            self.hunt.board.clear(outbox);
            return;
        }
        let questions = questions.into_iter().flatten().chain(DataFee::question(&self.config));
        self.desk.ask(Pending::Quotes { head, targets }, questions.collect(), outbox);
    }

    /// What a doubt about a target means.
    fn mind(&mut self, target: &Target, doubt: Doubt, outbox: &mut Outbox) {
        match doubt {
            Doubt::Position if self.positions.distrust(target.user) => {
                let user = target.user;
                let sentence =
                    format!("the logs of {user} do not give what the chain says; it is left alone");
                self.desk.warn(sentence, outbox);
            }
            Doubt::Price => self.course.survey_from(self.course.head()),
            Doubt::Position | Doubt::Impossible => {}
        }
    }

    /// The best proposal for each user, of what still holds.
    fn proposals(&self, head: Head, data_fee: DataFee, quoted: &[Quoted]) -> Published {
        let pricing = Pricing { config: &self.config, market: &self.market, head, data_fee };
        let Some(now) = self.course.now else { return Published::default() };
        let (liquidatable, moment) = (self.liquidatable(), self.market.at(now.block.timestamp));
        let mut best: BTreeMap<Address, Proposal<'_>> = BTreeMap::new();
        for good in quoted {
            let stands = liquidatable.contains(&good.target.user) && self.holds(&good.target, &moment);
            let Some(proposal) = stands.then(|| Proposal::of(pricing, good)).flatten() else { continue };
            let better = best.get(&good.target.user).is_none_or(|old| old.net() < proposal.net());
            if better {
                best.insert(good.target.user, proposal);
            }
        }
        let mut published = Published::default();
        for (user, proposal) in best {
            if let Some(opportunity) = proposal.opportunity(pricing) {
                published.1.insert(opportunity.id, proposal.steps());
                published.0.push((user, opportunity));
            }
        }
        published
    }

    /// Whether a target's position and prices are still what they were when it was computed.
    fn holds(&self, target: &Target, moment: &Moment) -> bool {
        let terms = moment.terms(&target.position, target.pair.collateral, target.pair.debt);
        self.positions.get(&target.user) == Some(&target.position) && terms == Some(target.terms)
    }
}
