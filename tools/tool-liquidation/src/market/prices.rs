//! What the oracle says, followed through the feeds behind it.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{ChainLog, units::BlockNumber};
use alloy_primitives::{Address, Log, U256};
use alloy_sol_types::SolEvent;

use crate::{abi::IFeed, stamp::Stamp, undo::Undo};

/// One price, with eight decimals. `None` where the feed said something that is no price: the oracle falls back then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Price {
    /// What it is.
    pub(crate) value: Option<U256>,
    /// When that became known.
    pub(crate) known: Stamp,
}

/// The prices of assets, and where news of them comes from.
#[derive(Debug, Default)]
pub(crate) struct Prices {
    by_asset: BTreeMap<Address, Price>,
    /// By the contract that says `AnswerUpdated`: the assets that it prices.
    feeds: BTreeMap<Address, BTreeSet<Address>>,
    undo: Undo<Address, Price>,
    changed: BTreeSet<Address>,
}

impl Prices {
    /// The price of an asset.
    pub(crate) fn of(&self, asset: &Address) -> Option<U256> {
        self.by_asset.get(asset)?.value
    }

    /// The contracts whose logs are news of prices.
    pub(crate) fn feeds(&self) -> impl Iterator<Item = &Address> {
        self.feeds.keys()
    }

    /// The assets whose price no log tells.
    pub(crate) fn silent(&self) -> Vec<Address> {
        let told: BTreeSet<&Address> = self.feeds.values().flatten().collect();
        self.by_asset.keys().filter(|asset| !told.contains(asset)).copied().collect()
    }

    /// The assets whose price changed since the last call.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<Address> {
        std::mem::take(&mut self.changed)
    }

    /// Whether some price changed since they were last taken.
    pub(crate) fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Takes prices that were read, and the feeds behind them.
    pub(crate) fn adopt(
        &mut self,
        prices: BTreeMap<Address, Price>,
        feeds: BTreeMap<Address, BTreeSet<Address>>,
    ) {
        self.by_asset.retain(|asset, _| prices.contains_key(asset));
        for (asset, price) in prices {
            self.set(asset, price);
        }
        self.feeds = feeds;
    }

    /// Takes one price, unless a later one is known.
    pub(crate) fn set(&mut self, asset: Address, price: Price) {
        if let Some(old) = self.by_asset.get(&asset) {
            if old.known > price.known {
                return;
            }
            self.undo.note(price.known.block(), asset, *old);
        }
        // A block's own logs come before what is read at its end, so that the later of equals is as good.
        if self.by_asset.insert(asset, price).map(|old| old.value) != Some(price.value) {
            self.changed.insert(asset);
        }
    }

    /// Takes a log of a feed.
    pub(crate) fn take(&mut self, log: &ChainLog) {
        let Some(assets) = self.feeds.get(&log.address).cloned() else { return };
        let Some(raw) = Log::new(log.address, log.topics.clone(), log.data.clone()) else { return };
        let Ok(event) = IFeed::AnswerUpdated::decode_log(&raw) else { return };
        let answer = U256::try_from(event.current).ok().filter(|answer| !answer.is_zero());
        for asset in assets {
            self.set(asset, Price { value: answer, known: Stamp::of(log) });
        }
    }

    /// Takes back every block after `to`. What was never known before is kept until anything is known about it.
    pub(crate) fn rewind(&mut self, to: BlockNumber) {
        for (asset, before) in self.undo.rewind(to) {
            if let Some(price) = self.by_asset.get_mut(&asset) {
                *price = before;
                self.changed.insert(asset);
            }
        }
        for price in self.by_asset.values_mut().filter(|price| price.known.block() > to) {
            price.known = Stamp::default();
        }
    }

    /// Forgets how to take back what is too old.
    pub(crate) fn prune(&mut self, head: BlockNumber) {
        self.undo.prune(head);
    }
}
