//! One pool that is being read.

use agent_core::{Answered, ChainLog, Query, units::BlockNumber};
use alloy_primitives::Address;

use super::{PoolSnapshot, Unreadable, ticks::Ticks};
use crate::{
    abi::{IPair, decode, query},
    market::Model,
    pool::{V2Pool, V3Event},
};

/// What comes after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The next part is to be asked.
    More,
    /// The same is to be asked again: the answer is of a block from before what was kept.
    Again,
    /// Its liquidity changed between two parts: it has to be read anew.
    Anew,
    /// All is there.
    Whole,
    /// It answered what no pool answers.
    Unreadable,
}

/// A pool of which some parts were read.
#[derive(Debug)]
pub(super) struct Reading {
    pool: Address,
    parts: Parts,
    /// Its logs after this block are kept: at first the newest block when it was first asked about, then the one of the first
    /// part's answer. No answer of an earlier block will do.
    since: BlockNumber,
    kept: Vec<ChainLog>,
}

#[derive(Debug)]
enum Parts {
    /// A pair is one part.
    V2 {
        pair: V2Pool,
        is_read: bool,
    },
    V3(Ticks),
}

impl Reading {
    /// Nothing of the pool that is `empty` when it is made was read, and nothing happened to it since block `head`.
    pub(super) fn new(pool: Address, empty: &Model, head: BlockNumber) -> Self {
        let parts = match empty {
            Model::V2(pair) => Parts::V2 { pair: *pair, is_read: false },
            Model::V3(ticks) => Parts::V3(Ticks::new(ticks.terms())),
        };
        Self { pool, parts, since: head, kept: Vec::new() }
    }

    /// The next questions, at most so many.
    pub(super) fn questions(&self, most: usize) -> Vec<Query> {
        match &self.parts {
            Parts::V2 { .. } => vec![query(self.pool, &IPair::getReservesCall {})],
            Parts::V3(ticks) => ticks.questions(self.pool, most),
        }
    }

    /// Whether its first part was answered.
    pub(super) fn is_begun(&self) -> bool {
        self.parts.is_begun()
    }

    pub(super) fn keep(&mut self, log: &ChainLog) {
        self.kept.push(log.clone());
    }

    /// Takes the answers to the last questions, read at block `at`.
    pub(super) fn take(&mut self, at: BlockNumber, answers: &[Answered]) -> Step {
        if at < self.since {
            return Step::Again;
        }
        let is_first = !self.parts.is_begun();
        if !answers.iter().all(|answer| self.parts.accept(answer)) {
            return Step::Unreadable;
        }
        if is_first {
            self.since = at;
            self.kept.retain(|log| log.block > at);
        }
        let is_whole = self.parts.is_whole();
        // A further part would be read after all that was kept.
        let until = if is_whole { at } else { BlockNumber(u64::MAX) };
        if self.kept.iter().any(|log| log.block <= until && changes_liquidity(log)) {
            return Step::Anew;
        }
        if is_whole { Step::Whole } else { Step::More }
    }

    /// How the pool stood at the first part's block, and what happened since.
    pub(super) fn finish(self) -> Result<PoolSnapshot, Unreadable> {
        let model = match self.parts {
            Parts::V2 { pair, .. } => Model::V2(pair),
            Parts::V3(ticks) => Model::V3(ticks.finish().map_err(|error| error.to_string())?),
        };
        Ok(PoolSnapshot { model, at: self.since, logs: self.kept })
    }
}

impl Parts {
    const fn is_begun(&self) -> bool {
        match self {
            Self::V2 { is_read, .. } => *is_read,
            Self::V3(ticks) => ticks.is_begun(),
        }
    }

    fn is_whole(&self) -> bool {
        match self {
            Self::V2 { is_read, .. } => *is_read,
            Self::V3(ticks) => ticks.is_whole(),
        }
    }

    /// False for what is no answer to the question whose turn it is.
    fn accept(&mut self, answer: &Answered) -> bool {
        match self {
            Self::V2 { pair, is_read } => {
                *is_read = true;
                decode::<IPair::getReservesCall>(answer)
                    .is_some_and(|said| pair.sync([said.reserve0.to(), said.reserve1.to()]).is_ok())
            }
            Self::V3(ticks) => ticks.accept(answer).is_some(),
        }
    }
}

/// A burn of nothing only has fees counted.
fn changes_liquidity(log: &ChainLog) -> bool {
    match V3Event::decode(&log.topics, &log.data) {
        Ok(Some(V3Event::Mint { amount, .. } | V3Event::Burn { amount, .. })) => amount != 0,
        Ok(_) | Err(_) => false,
    }
}
