//! `FluxAggregator` as its Solidity has it, for two oracles, with a round's answer from its first submission on.

use std::collections::BTreeMap;

use alloy_primitives::{I256, U256};

/// Index of the executor among the oracles.
pub(super) const US: usize = 0;
/// The other oracle.
pub(super) const OTHER: usize = 1;
const MOST_SUBMISSIONS: usize = 2;

#[derive(Debug, Clone, Default)]
struct Round {
    started: u64,
    updated: u64,
    answer: I256,
    submissions: Vec<I256>,
    /// Its details are deleted once all have submitted.
    accepts: bool,
}

#[derive(Debug, Clone, Default)]
struct Oracle {
    last_reported: u32,
    latest: I256,
    withdrawable: u128,
}

/// The aggregator.
#[derive(Debug, Clone)]
pub(super) struct FluxModel {
    rounds: BTreeMap<u32, Round>,
    reporting: u32,
    latest: u32,
    oracles: [Oracle; 2],
    pub(super) bounds: (I256, I256),
    pub(super) available: u128,
    pub(super) payment: u128,
    /// What our account got paid out.
    pub(super) paid_out: u128,
    /// A round stands still for so many seconds before it may be left behind; zero for ever.
    pub(super) timeout: u64,
}

/// As `oracleRoundState(oracle, 0)` says it.
pub(super) struct State {
    pub(super) eligible: bool,
    pub(super) round: u32,
    pub(super) latest: I256,
    pub(super) started: u64,
}

impl FluxModel {
    pub(super) fn new() -> Self {
        Self {
            rounds: BTreeMap::new(),
            reporting: 0,
            latest: 0,
            oracles: Default::default(),
            bounds: (I256::ONE, I256::unchecked_from(1_000_000_000_000_000_i64)),
            available: 10_u128.pow(24),
            payment: 10_u128.pow(16),
            paid_out: 0,
            timeout: 0,
        }
    }

    fn round(&self, id: u32) -> Round {
        self.rounds.get(&id).cloned().unwrap_or_default()
    }

    fn supersedable(&self, id: u32, now: u64) -> bool {
        let round = self.round(id);
        let timed_out = round.started > 0 && self.timeout > 0 && round.started + self.timeout < now;
        round.updated > 0 || timed_out
    }

    fn refused(&self, oracle: usize, id: u32, now: u64) -> bool {
        let unanswered = id + 1 == self.reporting && self.round(self.reporting).updated == 0;
        self.oracles[oracle].last_reported >= id
            || (id != self.reporting && id != self.reporting + 1 && !unanswered)
            || (id != 1 && !self.supersedable(id - 1, now))
    }

    pub(super) fn state(&self, oracle: usize, now: u64) -> State {
        let answered = self.oracles[oracle].last_reported == self.reporting;
        let supersede = answered || !self.round(self.reporting).accepts;
        let next = self.supersedable(self.reporting, now) && supersede || self.reporting == 0;
        let round = if next { self.reporting + 1 } else { self.reporting };
        let eligible = (next || self.round(round).accepts) && !self.refused(oracle, round, now);
        State { eligible, round, latest: self.oracles[oracle].latest, started: self.round(round).started }
    }

    /// Round, answer, started and updated, as `latestRoundData` says them.
    pub(super) fn latest(&self) -> Option<(u32, I256, u64, u64)> {
        let round = self.round(self.latest);
        (self.latest > 0).then_some((self.latest, round.answer, round.started, round.updated))
    }

    /// Whether it was taken.
    pub(super) fn submit(&mut self, oracle: usize, id: U256, value: I256, now: u64) -> Option<()> {
        let id = u32::try_from(id).ok()?;
        if self.refused(oracle, id, now) || value < self.bounds.0 || value > self.bounds.1 {
            return None;
        }
        if id == self.reporting + 1 {
            self.reporting = id;
            self.rounds.insert(id, Round { started: now, accepts: true, ..Round::default() });
        }
        let round = self.rounds.get_mut(&id).filter(|round| round.accepts)?;
        round.submissions.push(value);
        round.submissions.sort();
        // The mean of two, as its median is.
        round.answer = match round.submissions[..] {
            [one] => one,
            [low, high] => (low + high) / I256::unchecked_from(2),
            _ => return None,
        };
        round.updated = now;
        round.accepts = round.submissions.len() < MOST_SUBMISSIONS;
        self.latest = id;
        let oracle = &mut self.oracles[oracle];
        (oracle.last_reported, oracle.latest) = (id, value);
        self.available = self.available.checked_sub(self.payment)?;
        oracle.withdrawable += self.payment;
        Some(())
    }

    pub(super) fn withdraw(&mut self, amount: U256) -> Option<()> {
        let amount = u128::try_from(amount).ok()?;
        let left = self.oracles[US].withdrawable.checked_sub(amount)?;
        self.oracles[US].withdrawable = left;
        self.paid_out += amount;
        Some(())
    }

    /// A round begun by nobody's submission, as a requester may.
    pub(super) fn request(&mut self, now: u64) {
        if self.reporting == 0 || self.supersedable(self.reporting, now) {
            self.reporting += 1;
            self.rounds.insert(self.reporting, Round { started: now, accepts: true, ..Round::default() });
        }
    }
}
