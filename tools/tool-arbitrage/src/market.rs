//! The pools: every one that an admitted factory made of admitted tokens.

mod entry;

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{ChainLog, units::BlockNumber};
use alloy_primitives::{Address, map::AddressHashMap};

pub(crate) use entry::{Entry, Model, State};

use crate::{
    config::ArbitrageConfig,
    intake::PoolSnapshot,
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
    /// It is of the pool at this place, which has not been read yet.
    Early(usize),
    /// The pool at this place cannot be what its logs say, and is left alone from now on.
    Lost(usize),
}

/// All pools, each named by its place.
#[derive(Debug, Default)]
pub(crate) struct Market {
    entries: Vec<Entry>,
    places: AddressHashMap<usize>,
    undo: Undo<Model>,
    changed: BTreeSet<usize>,
    awaiting: BTreeSet<usize>,
    unmade: BTreeSet<usize>,
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

    /// The places of the pools that are still to be read.
    pub(crate) const fn awaiting(&self) -> &BTreeSet<usize> {
        &self.awaiting
    }

    /// How many pools it is known of how they stand.
    pub(crate) fn known(&self) -> usize {
        let others = [&self.awaiting, &self.unmade, &self.distrusted];
        others.iter().fold(self.entries.len(), |count, set| count.saturating_sub(set.len()))
    }

    /// The places of the pools that changed since this was last asked.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.changed)
    }

    /// Takes a log, when `head` is the newest block that is known of, and the logs of all pools are here from block `followed`
    /// on. One of another contract costs a look-up.
    pub(crate) fn take(
        &mut self,
        log: &ChainLog,
        head: BlockNumber,
        followed: Option<BlockNumber>,
        config: &ArbitrageConfig,
    ) -> Took {
        if let Some(place) = self.places.get(&log.address) {
            return self.change(*place, log, head);
        }
        let made = config.exchanges.iter().enumerate().find(|(_, exchange)| exchange.factory == log.address);
        let Some((at, exchange)) = made else { return Took::Nothing };
        let Some(entry) = Entry::created(at, exchange, log) else { return Took::Nothing };
        // Whose logs are all here needs no reading: it begins as it was made.
        let whole = followed.is_some_and(|from| entry.made >= from);
        self.made(entry, whole, config)
    }

    /// Takes how a pool stood, and the logs since then.
    pub(crate) fn settle(&mut self, place: usize, snapshot: PoolSnapshot, head: BlockNumber) -> Took {
        let PoolSnapshot { model, at, logs } = snapshot;
        self.know(place, model, at);
        for log in &logs {
            if let lost @ Took::Lost(_) = self.change(place, log, head) {
                return lost;
            }
        }
        Took::Changed
    }

    /// Leaves a pool alone from now on.
    pub(crate) fn distrust(&mut self, place: usize, why: impl Into<String>) {
        self.put(place, State::Distrusted(why.into()));
    }

    /// The pools that are left alone, and why.
    pub(crate) fn left_alone(&self) -> BTreeMap<Address, String> {
        let entries = self.distrusted.iter().filter_map(|place| self.entries.get(*place));
        let why = |entry: &Entry| match &entry.state {
            State::Distrusted(why) => Some((entry.address, why.clone())),
            State::Unmade | State::Awaiting | State::Known(_) => None,
        };
        entries.filter_map(why).collect()
    }

    /// Takes back every block after `to`. A pool that is known from a later one has to be read again; what is distrusted
    /// stays so.
    pub(crate) fn rewind(&mut self, to: BlockNumber) {
        for (place, model) in self.undo.rewind(to) {
            if matches!(self.entries.get(place), Some(Entry { state: State::Known(_), .. })) {
                self.put(place, State::Known(model));
            }
        }
        self.unmake(to, |entry| entry.since > to);
    }

    /// Takes back every block after `to`, when it is not known what that leaves of the pools: all are to be read again.
    pub(crate) fn forget(&mut self, to: BlockNumber) {
        self.undo = Undo::default();
        self.unmake(to, |_| true);
    }

    /// Forgets what is too old to be taken back.
    pub(crate) fn prune(&mut self, head: BlockNumber) {
        self.undo.prune(head);
    }

    /// A pool whose creation was taken back stays at its place: should it be made again at its address (`CREATE2` of its tokens
    /// and fee), it can only be the same.
    fn unmake(&mut self, to: BlockNumber, is_void: impl Fn(&Entry) -> bool) {
        for place in 0..self.entries.len() {
            let Some(entry) = self.entries.get(place) else { continue };
            match &entry.state {
                State::Awaiting | State::Known(_) if entry.made > to => self.put(place, State::Unmade),
                State::Known(_) if is_void(entry) => self.put(place, State::Awaiting),
                State::Unmade | State::Awaiting | State::Known(_) | State::Distrusted(_) => {}
            }
        }
    }

    fn made(&mut self, entry: Entry, whole: bool, config: &ArbitrageConfig) -> Took {
        let (block, empty) = (entry.made, entry.empty.clone());
        let (place, took) = match self.places.get(&entry.address) {
            Some(place) if self.unmade.contains(place) => (*place, Took::Changed),
            None if config.admits(entry.address, entry.tokens) => {
                let place = self.entries.len();
                self.places.insert(entry.address, place);
                self.entries.push(entry);
                (place, Took::Found)
            }
            Some(_) | None => return Took::Nothing,
        };
        if let Some(entry) = self.entries.get_mut(place) {
            entry.made = block;
        }
        if whole {
            self.know(place, empty, block);
        } else {
            self.put(place, State::Awaiting);
        }
        took
    }

    fn change(&mut self, place: usize, log: &ChainLog, head: BlockNumber) -> Took {
        let Some(entry) = self.entries.get_mut(place) else { return Took::Nothing };
        let model = match &mut entry.state {
            State::Known(model) => model,
            State::Awaiting => return Took::Early(place),
            State::Unmade | State::Distrusted(_) => return Took::Nothing,
        };
        let wanted = log.block >= horizon(head) && !self.undo.knows(log.block, place);
        let before = wanted.then(|| model.clone());
        match model.take(log) {
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

    /// A pool stood like this at the end of a block, or when it was made there.
    fn know(&mut self, place: usize, model: Model, since: BlockNumber) {
        self.put(place, State::Known(model));
        if let Some(entry) = self.entries.get_mut(place) {
            entry.since = since;
        }
    }

    fn put(&mut self, place: usize, state: State) {
        let Some(entry) = self.entries.get_mut(place) else { return };
        for (is_in, set) in [
            (matches!(state, State::Awaiting), &mut self.awaiting),
            (matches!(state, State::Unmade), &mut self.unmade),
            (matches!(state, State::Distrusted(_)), &mut self.distrusted),
        ] {
            if is_in {
                set.insert(place);
            } else {
                set.remove(&place);
            }
        }
        entry.state = state;
        self.changed.insert(place);
    }
}
