//! Reading the pools that the strategy found made already, so that their logs can be followed from there.
//!
//! A pool is read in one part or more, each at the newest block of its moment. The first part says how it stands, and at which
//! block; what its logs say after that block is kept, and put on top in the end. What later parts read of it (the ticks) only
//! its liquidity changes: where a log says that it did in between, the pool is read anew. So there is no block that the
//! snapshot and the logs both count, and none that neither does.

mod reading;
mod ticks;

use std::collections::{BTreeMap, VecDeque};

use agent_core::{
    Answered, ChainLog, Query,
    units::{BlockNumber, BlockRef, Timestamp},
};

use self::reading::{Reading, Step};
use crate::market::{Market, Model};

/// Queries that are asked together at most.
const TOGETHER: usize = 1_000;
/// How many such questions are under way at once.
const AT_ONCE: usize = 4;
/// An answer that has not come after so many seconds of the chain is not waited for any more.
const PATIENCE: u64 = 30;
/// So many times a pool may answer what cannot be, until it is left alone.
const STRIKES: u8 = 3;

/// How a pool stands, and what happened to it since.
#[derive(Debug)]
pub(crate) struct PoolSnapshot {
    /// What it quotes at the end of that block.
    pub(crate) model: Model,
    /// The block that it was read at.
    pub(crate) at: BlockNumber,
    /// Its logs of the blocks after that.
    pub(crate) logs: Vec<ChainLog>,
}

/// Why a pool cannot be read.
pub(crate) type Unreadable = String;

/// The reads of pools that are under way.
#[derive(Debug)]
pub(crate) struct Intake {
    readings: BTreeMap<usize, Reading>,
    /// Those of them that wait for room to ask on, the next one first.
    idle: VecDeque<usize>,
    asked: BTreeMap<u64, Asked>,
    /// The first pool to begin with, in its turn.
    turn: usize,
    strikes: BTreeMap<usize, u8>,
    /// What was answered is of no use: nothing more is asked before the next block.
    paused: bool,
    together: usize,
}

/// A question under way: how many of its queries are about which pool.
#[derive(Debug)]
struct Asked {
    at: Timestamp,
    parts: Vec<(usize, usize)>,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            readings: BTreeMap::new(),
            idle: VecDeque::new(),
            asked: BTreeMap::new(),
            turn: 0,
            strikes: BTreeMap::new(),
            paused: false,
            together: TOGETHER,
        }
    }
}

impl Intake {
    /// A new block: asks again what was not answered or cannot be used, and more where there is room.
    pub(crate) fn at_block(&mut self, market: &Market, head: BlockRef, ask: impl FnMut(Vec<Query>) -> u64) {
        self.paused = false;
        let is_late = |asked: &Asked| asked.at.plus(PATIENCE) <= head.timestamp;
        let late: Vec<u64> =
            self.asked.iter().filter(|(_, asked)| is_late(asked)).map(|(tag, _)| *tag).collect();
        for asked in late.iter().filter_map(|tag| self.asked.remove(tag)) {
            for (place, _) in asked.parts {
                // What was not begun is forgotten, with the logs that were kept for it, and begun in its turn.
                if self.readings.get(&place).is_some_and(Reading::is_begun) {
                    self.idle.push_back(place);
                } else {
                    self.readings.remove(&place);
                }
            }
        }
        self.go_on(market, head, ask);
    }

    /// Asks for as much as may be under way. `ask` asks one question, and says its tag.
    pub(crate) fn go_on(&mut self, market: &Market, head: BlockRef, mut ask: impl FnMut(Vec<Query>) -> u64) {
        while !self.paused && self.asked.len() < AT_ONCE {
            let (mut queries, mut parts) = (Vec::new(), Vec::new());
            while queries.len() < self.together
                && let Some(place) = self.idle.pop_front().or_else(|| self.begin(market, head.number))
            {
                let Some(reading) = self.readings.get(&place) else { continue };
                let before = queries.len();
                queries.extend(reading.questions(self.together.saturating_sub(before)));
                parts.push((place, queries.len().saturating_sub(before)));
            }
            if queries.is_empty() {
                return;
            }
            self.asked.insert(ask(queries), Asked { at: head.timestamp, parts });
        }
    }

    /// Takes an answer: the pools that are read, or cannot be. `None` for an answer to another question. `stands` says
    /// whether `at` is a block of the branch that is followed.
    pub(crate) fn take(
        &mut self,
        tag: u64,
        at: BlockRef,
        stands: bool,
        mut answers: &[Answered],
    ) -> Option<Vec<(usize, Result<PoolSnapshot, Unreadable>)>> {
        let asked = self.asked.remove(&tag)?;
        let mut ended = Vec::new();
        for (place, count) in asked.parts.into_iter().rev() {
            let (others, these) = answers.split_at(answers.len().saturating_sub(count));
            answers = others;
            let Some(reading) = self.readings.get_mut(&place) else { continue };
            let step = if stands { reading.take(at.number, these) } else { Step::Again };
            ended.extend(self.step(place, step).map(|end| (place, end)));
        }
        Some(ended)
    }

    /// Keeps a log of a pool that is not read yet.
    pub(crate) fn keep(&mut self, place: usize, log: &ChainLog) {
        if let Some(reading) = self.readings.get_mut(&place) {
            reading.keep(log);
        }
    }

    /// Gives up everything that is under way: what was answered and what was kept may be of blocks that are void.
    pub(crate) fn clear(&mut self) {
        self.readings.clear();
        self.idle.clear();
        self.asked.clear();
    }

    /// The next pool that is not read yet. What happens to it is kept from now on.
    fn begin(&mut self, market: &Market, head: BlockNumber) -> Option<usize> {
        let (before, after) = (market.awaiting().range(..self.turn), market.awaiting().range(self.turn..));
        let place = *after.chain(before).find(|place| !self.readings.contains_key(place))?;
        self.turn = place.saturating_add(1);
        let entry = market.get(place)?;
        self.readings.insert(place, Reading::new(entry.address, &entry.empty, head));
        Some(place)
    }

    fn step(&mut self, place: usize, step: Step) -> Option<Result<PoolSnapshot, Unreadable>> {
        match step {
            // What was begun is ended first.
            Step::More => self.idle.push_front(place),
            Step::Again => {
                self.idle.push_back(place);
                self.paused = true;
            }
            // In its turn again, and not before the next block: a pool that never rests keeps no others waiting.
            Step::Anew => {
                self.readings.remove(&place);
                self.paused = true;
            }
            Step::Whole => {
                return match self.readings.remove(&place)?.finish() {
                    Ok(snapshot) => {
                        self.strikes.remove(&place);
                        Some(Ok(snapshot))
                    }
                    Err(why) => self.strike(place, why).map(Err),
                };
            }
            Step::Unreadable => {
                self.readings.remove(&place);
                return self.strike(place, "it does not say how it stands".to_owned()).map(Err);
            }
        }
        None
    }

    /// A node may be wrong once; a pool that says what cannot be again and again is another contract than it was said to be.
    fn strike(&mut self, place: usize, why: Unreadable) -> Option<Unreadable> {
        self.paused = true;
        let strikes = self.strikes.entry(place).or_default();
        *strikes = strikes.saturating_add(1);
        if *strikes < STRIKES {
            return None;
        }
        self.strikes.remove(&place);
        Some(why)
    }
}

#[cfg(test)]
impl Intake {
    /// One that asks less at once.
    pub(crate) fn of(together: usize) -> Self {
        Self { together, ..Self::default() }
    }
}
