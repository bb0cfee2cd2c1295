//! Every user's position, from logs alone.

mod change;

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{ChainLog, units::BlockNumber};
use alloy_primitives::{Address, U256};

pub(crate) use change::{Change, Role};

use crate::{
    stamp::Stamp,
    undo::{Undo, horizon},
    v3_0::{Holding, Position},
};

/// One number of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    /// The efficiency mode.
    Category,
    /// The scaled supply of an asset.
    Supplied(Address),
    /// The scaled variable debt of an asset.
    Borrowed(Address),
    /// Whether an asset is collateral.
    Collateral(Address),
    /// Whether some of an asset is owed at the stable rate.
    Stable(Address),
}

/// The positions of a pool's users.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    users: BTreeMap<Address, Position>,
    /// The last log of each contract that was taken: history and live blocks may overlap.
    marks: BTreeMap<Address, Stamp>,
    undo: Undo<(Address, Field), U256>,
    /// Users whose logs do not add up.
    broken: BTreeSet<Address>,
    /// Users that changed since they were last asked for.
    changed: BTreeSet<Address>,
}

impl Positions {
    /// Every user and its position.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Address, &Position)> {
        self.users.iter()
    }

    /// One user's position.
    pub(crate) fn get(&self, user: &Address) -> Option<&Position> {
        self.users.get(user)
    }

    /// Whether a user's logs do not add up.
    pub(crate) fn is_broken(&self, user: &Address) -> bool {
        self.broken.contains(user)
    }

    /// Sets a user aside, as somebody found its position to be wrong. Whether that is news.
    pub(crate) fn distrust(&mut self, user: Address) -> bool {
        self.broken.insert(user)
    }

    /// How many users are set aside.
    pub(crate) fn broken(&self) -> usize {
        self.broken.len()
    }

    /// The users that changed since the last call.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<Address> {
        std::mem::take(&mut self.changed)
    }

    /// Takes one log of a contract with this role, unless it was taken before. `head` is the newest block known.
    pub(crate) fn take(&mut self, log: &ChainLog, role: Role, head: BlockNumber) {
        let stamp = Stamp::of(log);
        if self.marks.get(&log.address).is_some_and(|mark| stamp <= *mark) {
            return;
        }
        self.marks.insert(log.address, stamp);
        let undoable = (log.block >= horizon(head)).then_some(log.block);
        for (user, field, change) in change::read(log, role) {
            self.apply(undoable, user, field, change);
        }
    }

    /// Takes back every block after `to`.
    pub(crate) fn rewind(&mut self, to: BlockNumber) {
        for ((user, field), before) in self.undo.rewind(to) {
            self.write(user, field, before);
        }
        for mark in self.marks.values_mut() {
            *mark = (*mark).min(Stamp::end_of(to));
        }
    }

    /// Forgets how to take back what is too old.
    pub(crate) fn prune(&mut self, head: BlockNumber) {
        self.undo.prune(head);
    }

    fn apply(&mut self, block: Option<BlockNumber>, user: Address, field: Field, change: Change) {
        let before = self.read(user, field);
        let Some(after) = change.on(before) else {
            self.broken.insert(user);
            return;
        };
        if let Some(block) = block {
            self.undo.note(block, (user, field), before);
        }
        self.write(user, field, after);
    }

    fn read(&self, user: Address, field: Field) -> U256 {
        let Some(position) = self.users.get(&user) else { return U256::ZERO };
        let holding = |asset: Address| position.holdings.get(&asset).copied().unwrap_or_default();
        match field {
            Field::Category => U256::from(position.category),
            Field::Supplied(asset) => holding(asset).supplied,
            Field::Borrowed(asset) => holding(asset).borrowed,
            Field::Collateral(asset) => U256::from(u8::from(holding(asset).collateral)),
            Field::Stable(asset) => U256::from(u8::from(holding(asset).stable)),
        }
    }

    /// Writes one number. Positions that are all zero are left out, so that a rewind leaves no trace.
    fn write(&mut self, user: Address, field: Field, value: U256) {
        let position = self.users.entry(user).or_default();
        match field {
            Field::Category => position.category = value.byte(0),
            Field::Supplied(asset) => position.holdings.entry(asset).or_default().supplied = value,
            Field::Borrowed(asset) => position.holdings.entry(asset).or_default().borrowed = value,
            Field::Collateral(asset) => {
                position.holdings.entry(asset).or_default().collateral = !value.is_zero();
            }
            Field::Stable(asset) => position.holdings.entry(asset).or_default().stable = !value.is_zero(),
        }
        position.holdings.retain(|_, holding| *holding != Holding::default());
        if *position == Position::default() {
            self.users.remove(&user);
        }
        self.changed.insert(user);
    }
}
