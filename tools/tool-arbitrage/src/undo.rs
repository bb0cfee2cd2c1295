//! What a reorg takes back: the values from before each block.

use std::collections::BTreeMap;

use agent_core::units::BlockNumber;

/// How many blocks can be taken back.
const DEPTH: u64 = 128;

/// The values that each of the latest blocks changed, as they were before it.
#[derive(Debug, Clone)]
pub(crate) struct Undo<V> {
    blocks: BTreeMap<BlockNumber, BTreeMap<usize, V>>,
}

impl<V> Default for Undo<V> {
    fn default() -> Self {
        Self { blocks: BTreeMap::new() }
    }
}

impl<V> Undo<V> {
    /// Whether it is known what the pool at `place` was before `block`.
    pub(crate) fn knows(&self, block: BlockNumber, place: usize) -> bool {
        self.blocks.get(&block).is_some_and(|pools| pools.contains_key(&place))
    }

    /// Notes what the pool at `place` was before `block`. Only the first note of a block counts.
    pub(crate) fn note(&mut self, block: BlockNumber, place: usize, before: V) {
        self.blocks.entry(block).or_default().entry(place).or_insert(before);
    }

    /// Takes back every block after `to`: what each pool was before the earliest of them.
    pub(crate) fn rewind(&mut self, to: BlockNumber) -> BTreeMap<usize, V> {
        let void = self.blocks.split_off(&to.next());
        let mut before = BTreeMap::new();
        for (place, value) in void.into_values().flatten() {
            before.entry(place).or_insert(value);
        }
        before
    }

    /// Forgets what is too old to be taken back.
    pub(crate) fn prune(&mut self, head: BlockNumber) {
        self.blocks = self.blocks.split_off(&horizon(head));
    }
}

/// The oldest block that can be taken back when `head` is the newest.
pub(crate) fn horizon(head: BlockNumber) -> BlockNumber {
    BlockNumber(head.0.saturating_sub(DEPTH).saturating_add(1))
}
