//! The keys that an agent signs with: one for each lane of its policy.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use chain_evm::UnlockedKey;

/// One key for each lane of the policy. What one of them cannot do, none of the others does in its place.
#[derive(Debug)]
pub struct LaneKeys {
    pub(crate) own: UnlockedKey,
    pub(crate) others: BTreeMap<String, UnlockedKey>,
}

impl LaneKeys {
    /// The key of the lane of the policy's own executor.
    #[must_use]
    pub const fn one(key: UnlockedKey) -> Self {
        Self { own: key, others: BTreeMap::new() }
    }

    /// And the key of the lane of this name.
    #[must_use]
    pub fn with(mut self, lane: &str, key: UnlockedKey) -> Self {
        self.others.insert(lane.to_owned(), key);
        self
    }

    /// The address of each, beside the name of its lane; none for the own one.
    pub fn addresses(&self) -> impl Iterator<Item = (Option<&str>, Address)> {
        let others = self.others.iter().map(|(lane, key)| (Some(lane.as_str()), key.address()));
        std::iter::once((None, self.own.address())).chain(others)
    }

    /// What only one process at a time may sign with.
    pub(crate) fn distinct(&self) -> BTreeSet<Address> {
        self.addresses().map(|(_, key)| key).collect()
    }
}

impl From<UnlockedKey> for LaneKeys {
    fn from(key: UnlockedKey) -> Self {
        Self::one(key)
    }
}
