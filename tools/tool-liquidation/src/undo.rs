//! What a reorg takes back: the values from before each block.

use std::collections::BTreeMap;

use agent_core::units::BlockNumber;

/// How many blocks can be taken back.
pub(crate) const DEPTH: u64 = 128;

/// The values that each of the latest blocks changed, as they were before it.
#[derive(Debug, Clone)]
pub(crate) struct Undo<K, V> {
    blocks: BTreeMap<BlockNumber, BTreeMap<K, V>>,
}

impl<K, V> Default for Undo<K, V> {
    fn default() -> Self {
        Self { blocks: BTreeMap::new() }
    }
}

impl<K: Ord + Clone, V> Undo<K, V> {
    /// Notes that `block` changed `key`, which was `before`. Only the first change of a block counts.
    pub(crate) fn note(&mut self, block: BlockNumber, key: K, before: V) {
        self.blocks.entry(block).or_default().entry(key).or_insert(before);
    }

    /// Takes back every block after `to`: what each key was before the earliest of them.
    pub(crate) fn rewind(&mut self, to: BlockNumber) -> BTreeMap<K, V> {
        let void = self.blocks.split_off(&to.next());
        let mut before = BTreeMap::new();
        for (key, value) in void.into_values().flatten() {
            before.entry(key).or_insert(value);
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
