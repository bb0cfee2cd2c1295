//! What is the same for every user: reserves, modes, prices.

mod prices;
mod survey;

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{
    ChainLog,
    units::{BlockNumber, Timestamp},
};
use alloy_primitives::{Address, Log, U256};
use alloy_sol_types::SolEvent;

pub(crate) use prices::{Price, Prices};
pub(crate) use survey::{Findings, Next, Survey, SurveyError, query};

use crate::{
    abi::IPool,
    positions::Role,
    stamp::Stamp,
    undo::Undo,
    v3_0::{Accrual, Category, Moment, ReserveConfiguration, Standing},
};

/// The contracts around the pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// The addresses provider.
    pub(crate) provider: Address,
    /// The oracle.
    pub(crate) oracle: Address,
    /// The configurator.
    pub(crate) configurator: Address,
    /// The sentinel that may forbid liquidations; the zero address is none.
    pub(crate) sentinel: Address,
}

/// The tokens of a reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// What suppliers hold.
    pub(crate) receipt: Address,
    /// What borrowers at the stable rate owe.
    pub(crate) stable_debt: Address,
    /// What borrowers at the variable rate owe.
    pub(crate) variable_debt: Address,
}

/// A reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reserve {
    /// Its place in the users' bitmaps.
    pub(crate) id: u16,
    /// Its configuration.
    pub(crate) configuration: ReserveConfiguration,
    /// Its rates and indices.
    pub(crate) accrual: Accrual,
    /// When those became known.
    pub(crate) known: Stamp,
    /// Its tokens.
    pub(crate) tokens: Tokens,
}

/// An efficiency mode. A source of the zero address is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode {
    /// The liquidation threshold.
    pub(crate) liquidation_threshold: U256,
    /// The liquidation bonus.
    pub(crate) liquidation_bonus: U256,
    /// The asset whose price is the price of all of the mode's assets.
    pub(crate) source: Address,
}

/// The market as it is known.
#[derive(Debug, Default)]
pub(crate) struct Market {
    /// The contracts.
    pub(crate) addresses: Addresses,
    /// The reserves, by asset.
    pub(crate) reserves: BTreeMap<Address, Reserve>,
    /// The efficiency modes.
    pub(crate) modes: BTreeMap<u8, Mode>,
    /// The prices.
    pub(crate) prices: Prices,
    /// The premium of a flash loan, in basis points.
    pub(crate) premium: U256,
    undo: Undo<Address, (Accrual, Stamp)>,
    /// By token: the reserve it belongs to, and how.
    roles: BTreeMap<Address, Role>,
}

impl Market {
    /// What the contract is to the position index.
    pub(crate) fn role(&self, contract: &Address) -> Option<Role> {
        self.roles.get(contract).copied()
    }

    /// Takes what a survey found, unless a later log already said otherwise.
    pub(crate) fn adopt(&mut self, found: Findings) {
        let read_at = found.reserves_at;
        let mut reserves = BTreeMap::new();
        for (asset, mut reserve) in found.reserves {
            if let Some(old) = self.reserves.get(&asset) {
                if old.known > reserve.known {
                    (reserve.accrual, reserve.known) = (old.accrual, old.known);
                } else {
                    self.undo.note(read_at, asset, (old.accrual, old.known));
                }
            }
            reserves.insert(asset, reserve);
        }
        self.roles = reserves.iter().flat_map(|(asset, reserve)| roles(*asset, &reserve.tokens)).collect();
        self.reserves = reserves;
        self.addresses = found.addresses;
        self.modes = found.modes;
        self.premium = found.premium;
        self.prices.adopt(found.prices, found.feeds);
    }

    /// Takes a log of the pool that says what a reserve's rates and indices are since `time`.
    pub(crate) fn take(&mut self, log: &ChainLog, time: Timestamp) {
        let Some(raw) = Log::new(log.address, log.topics.clone(), log.data.clone()) else { return };
        let Ok(event) = IPool::ReserveDataUpdated::decode_log(&raw) else { return };
        let Some(reserve) = self.reserves.get_mut(&event.reserve) else { return };
        let stamp = Stamp::of(log);
        if stamp <= reserve.known {
            return;
        }
        self.undo.note(log.block, event.reserve, (reserve.accrual, reserve.known));
        reserve.known = stamp;
        reserve.accrual = Accrual {
            liquidity_rate: event.liquidityRate,
            variable_rate: event.variableBorrowRate,
            liquidity_index: event.liquidityIndex,
            variable_index: event.variableBorrowIndex,
            updated: time,
        };
    }

    /// Takes back every block after `to`. What was never known before is kept until anything is known about it.
    pub(crate) fn rewind(&mut self, to: BlockNumber) {
        for (asset, before) in self.undo.rewind(to) {
            if let Some(reserve) = self.reserves.get_mut(&asset) {
                (reserve.accrual, reserve.known) = before;
            }
        }
        for reserve in self.reserves.values_mut().filter(|reserve| reserve.known.block() > to) {
            reserve.known = Stamp::default();
        }
        self.prices.rewind(to);
    }

    /// Forgets how to take back what is too old.
    pub(crate) fn prune(&mut self, head: BlockNumber) {
        self.undo.prune(head);
        self.prices.prune(head);
    }

    /// The market at a moment. What has no price then is left out.
    pub(crate) fn at(&self, now: Timestamp) -> Moment {
        let standing = |(asset, reserve): (&Address, &Reserve)| {
            // A read may be ahead of the blocks that are known.
            let now = now.max(reserve.accrual.updated);
            let standing = Standing {
                configuration: reserve.configuration,
                income: reserve.accrual.income(now)?,
                debt: reserve.accrual.debt(now)?,
                price: self.prices.of(asset)?,
            };
            Some((*asset, standing))
        };
        Moment {
            reserves: self.reserves.iter().filter_map(standing).collect(),
            categories: self
                .modes
                .iter()
                .filter_map(|(id, mode)| Some((*id, self.category(mode)?)))
                .collect(),
        }
    }

    /// A mode with its price. `None` where it should have one and has not.
    fn category(&self, mode: &Mode) -> Option<Category> {
        let own = !mode.source.is_zero();
        let price = if own { Some(self.prices.of(&mode.source)?) } else { None };
        Some(Category {
            liquidation_threshold: mode.liquidation_threshold,
            liquidation_bonus: mode.liquidation_bonus,
            price,
        })
    }

    /// Every token of every reserve.
    pub(crate) fn tokens(&self) -> BTreeSet<Address> {
        self.roles.keys().copied().collect()
    }
}

fn roles(asset: Address, tokens: &Tokens) -> [(Address, Role); 3] {
    [
        (tokens.receipt, Role::Receipt(asset)),
        (tokens.variable_debt, Role::VariableDebt(asset)),
        (tokens.stable_debt, Role::StableDebt(asset)),
    ]
}
