//! The pools as their logs have them: every one that an admitted factory made of admitted tokens.

mod entry;

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{ChainLog, units::BlockNumber};
use alloy_primitives::Address;

pub(crate) use entry::{Entry, State};

use crate::{
    config::{ArbitrageConfig, Exchange},
    undo::{Undo, horizon},
};

/// What a log did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Took {
    /// Nothing that matters here.
    Nothing,
    /// A pool is known that was not.
    Found,
    /// A pool changed.
    Changed,
    /// The pool at this place cannot be what its logs say, and is left alone from now on.
    Lost(usize),
}

/// All pools, each named by its place.
#[derive(Debug, Default)]
pub(crate) struct Market {
    entries: Vec<Entry>,
    places: BTreeMap<Address, usize>,
    undo: Undo<(State, (BlockNumber, u64))>,
    changed: BTreeSet<usize>,
    distrusted: BTreeSet<usize>,
}

impl Market {
    /// The pools, in the order of their places.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The pool at a place.
    pub(crate) fn get(&self, place: usize) -> Option<&Entry> {
        self.entries.get(place)
    }

    /// The places of the pools that changed since this was last asked.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.changed)
    }

    /// Takes a log, when `head` is the newest block that is known of.
    pub(crate) fn take(&mut self, log: &ChainLog, head: BlockNumber, config: &ArbitrageConfig) -> Took {
        if let Some(place) = self.places.get(&log.address) {
            return self.change(*place, log, head);
        }
        let made = config.exchanges.iter().enumerate().find(|(_, exchange)| exchange.factory == log.address);
        let Some((at, exchange)) = made else { return Took::Nothing };
        self.found(at, exchange, log, config)
    }

    /// Leaves a pool alone from now on.
    pub(crate) fn distrust(&mut self, place: usize, why: impl Into<String>) {
        if let Some(entry) = self.entries.get_mut(place) {
            entry.state = State::Distrusted(why.into());
            self.changed.insert(place);
            self.distrusted.insert(place);
        }
    }

    /// The pools that are left alone, and why.
    pub(crate) fn left_alone(&self) -> BTreeMap<Address, String> {
        let entries = self.distrusted.iter().filter_map(|place| self.entries.get(*place));
        let why = |entry: &Entry| match &entry.state {
            State::Distrusted(why) => Some((entry.address, why.clone())),
            State::V2(_) | State::V3(_) => None,
        };
        entries.filter_map(why).collect()
    }

    /// Takes back every block after `to`. What is distrusted stays so.
    pub(crate) fn rewind(&mut self, to: BlockNumber) {
        for (place, (state, stamp)) in self.undo.rewind(to) {
            if let Some(entry) = self.entries.get_mut(place)
                && !matches!(entry.state, State::Distrusted(_))
            {
                (entry.state, entry.stamp) = (state, stamp);
                self.changed.insert(place);
            }
        }
    }

    /// Forgets what is too old to be taken back.
    pub(crate) fn prune(&mut self, head: BlockNumber) {
        self.undo.prune(head);
    }

    /// A pool whose creation a reorg takes back stays: it is empty then, and should it be made again, at this address
    /// (`CREATE2` of its tokens and fee) it can only be the same.
    fn found(&mut self, exchange: usize, of: &Exchange, log: &ChainLog, config: &ArbitrageConfig) -> Took {
        let Some((address, entry)) = Entry::created(exchange, of, log) else { return Took::Nothing };
        if !config.admits(address, entry.tokens) || self.places.contains_key(&address) {
            return Took::Nothing;
        }
        self.places.insert(address, self.entries.len());
        self.entries.push(entry);
        Took::Found
    }

    fn change(&mut self, place: usize, log: &ChainLog, head: BlockNumber) -> Took {
        let Some(entry) = self.entries.get_mut(place) else { return Took::Nothing };
        let wanted = log.block >= horizon(head) && !self.undo.knows(log.block, place);
        let before = wanted.then(|| (entry.state.clone(), entry.stamp));
        match entry.take(log) {
            Ok(false) => return Took::Nothing,
            Ok(true) => {}
            Err(why) => {
                self.distrust(place, why);
                return Took::Lost(place);
            }
        }
        if let Some(before) = before {
            self.undo.note(log.block, place, before);
        }
        self.changed.insert(place);
        Took::Changed
    }
}
