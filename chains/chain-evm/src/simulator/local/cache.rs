//! States of the newest blocks, and what the next block's simulations are likely to read.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy::primitives::B256;

use super::{
    codes::Codes,
    state::{BlockState, Key, Known, Misses},
};
use crate::simulator::parent::Parent;

/// Blocks whose state is kept: the newest, and the one that simulations under way may still run on.
const BLOCKS: usize = 2;
/// Blocks without use after which a key is no longer fetched ahead.
const IDLE: u8 = 4;
/// Keys that are fetched ahead for a new block, at most.
const MOST_AHEAD: usize = 2_048;

/// What is known, block by block. Its locks are held for moments only, never across a request or a run.
#[derive(Debug, Default)]
pub(super) struct Cache {
    states: Mutex<States>,
    pub(super) codes: Mutex<Codes>,
}

#[derive(Debug, Default)]
struct States {
    /// The newest last.
    blocks: VecDeque<Arc<BlockState>>,
    /// For how many blocks each key was not read.
    idle: BTreeMap<Key, u8>,
}

impl Cache {
    /// The block of this hash, when its state is here.
    pub(super) fn parent(&self, block: B256) -> Option<Parent> {
        self.states().of(block).map(|state| state.parent)
    }

    /// The state after `parent`; and where nothing of it is known yet, what to fetch ahead.
    pub(super) fn state(&self, parent: &Parent) -> (Arc<BlockState>, Misses) {
        let mut states = self.states();
        if let Some(state) = states.of(parent.block.hash) {
            return (state.clone(), Misses::new());
        }
        let ahead = states.likely();
        let state = Arc::new(BlockState::new(*parent));
        states.blocks.push_back(state.clone());
        while states.blocks.len() > BLOCKS {
            states.blocks.pop_front();
        }
        (state, ahead)
    }

    /// `mine` and what was learned at its block, for everyone who simulates on it.
    pub(super) fn learn(&self, mut mine: Arc<BlockState>, known: Vec<Known>) -> Arc<BlockState> {
        let mut states = self.states();
        let shared = states.blocks.iter_mut().find(|state| state.block() == mine.block());
        let Some(shared) = shared else {
            // Newer blocks took its place meanwhile.
            Arc::make_mut(&mut mine).learn(known);
            return mine;
        };
        drop(mine);
        Arc::make_mut(shared).learn(known);
        shared.clone()
    }

    fn states(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn codes(&self) -> MutexGuard<'_, Codes> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl States {
    fn of(&self, block: B256) -> Option<&Arc<BlockState>> {
        self.blocks.iter().find(|state| state.block() == block)
    }

    /// What simulations of the last blocks have read.
    fn likely(&mut self) -> Misses {
        for idle in self.idle.values_mut() {
            *idle = idle.saturating_add(1);
        }
        if let Some(newest) = self.blocks.back() {
            self.idle.extend(newest.keys_read().take(MOST_AHEAD).map(|key| (key, 0)));
        }
        for most in (1..=IDLE).rev() {
            self.idle.retain(|_, idle| *idle < most);
            if self.idle.len() <= MOST_AHEAD {
                break;
            }
        }
        self.idle.keys().copied().collect()
    }
}
