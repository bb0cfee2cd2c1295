//! How a whole account stands (`GenericLogic.sol`, `EModeLogic.sol`).

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use super::{
    configuration::ReserveConfiguration,
    percentage::percent_mul,
    ray::{WAD, ray_mul, wad_div},
    seizure::{Seizure, Terms, close_factor},
};

/// What a user has and owes of one asset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Supplied, scaled by the liquidity index.
    pub supplied: U256,
    /// Borrowed at the variable rate, scaled by the variable borrow index.
    pub borrowed: U256,
    /// Whether the supply is collateral.
    pub collateral: bool,
    /// Whether some is borrowed at the stable rate, which this crate does not price.
    pub stable: bool,
}

impl Holding {
    /// Whether the account is the same without it.
    fn counts_for_nothing(&self) -> bool {
        self.borrowed.is_zero() && (!self.collateral || self.supplied.is_zero())
    }
}

/// What a user has and owes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The efficiency mode that the user chose; zero is none.
    pub category: u8,
    /// By asset. What is all zero is left out.
    pub holdings: BTreeMap<Address, Holding>,
}

impl Position {
    /// Whether anything is owed at the variable rate.
    #[must_use]
    pub fn owes(&self) -> bool {
        self.holdings.values().any(|holding| !holding.borrowed.is_zero())
    }

    /// Whether anything is owed at the stable rate.
    #[must_use]
    pub fn owes_stable(&self) -> bool {
        self.holdings.values().any(|holding| holding.stable)
    }
}

/// An efficiency mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// The liquidation threshold of its assets.
    pub liquidation_threshold: U256,
    /// The liquidation bonus of its assets.
    pub liquidation_bonus: U256,
    /// The price of its assets, where it has a source of its own that knows one.
    pub price: Option<U256>,
}

/// One reserve at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its configuration.
    pub configuration: ReserveConfiguration,
    /// The liquidity index.
    pub income: U256,
    /// The variable borrow index.
    pub debt: U256,
    /// What the oracle says of its asset.
    pub price: U256,
}

/// The whole market at a moment. What cannot be priced is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moment {
    /// The reserves, by asset.
    pub reserves: BTreeMap<Address, Standing>,
    /// The efficiency modes.
    pub categories: BTreeMap<u8, Category>,
}

/// What `getUserAccountData` says, in the base currency with eight decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What is supplied as collateral.
    pub collateral: U256,
    /// What is owed.
    pub debt: U256,
    /// The average liquidation threshold, cut to whole basis points.
    pub threshold: U256,
    /// The health factor, in wad; the greatest number where nothing is owed.
    pub health: U256,
}

impl Moment {
    /// The account of a user. `None` where an asset of it has no price, or the contract would revert.
    #[must_use]
    pub fn account(&self, position: &Position) -> Option<Account> {
        let mut sums = (U256::ZERO, U256::ZERO, U256::ZERO);
        let category = self.category(position)?;
        for (asset, holding) in &position.holdings {
            if holding.counts_for_nothing() {
                continue;
            }
            let reserve = self.reserves.get(asset)?;
            let value = reserve.values(holding, category)?;
            sums.0 = sums.0.checked_add(value.0)?;
            sums.1 = sums.1.checked_add(value.1)?;
            sums.2 = sums.2.checked_add(value.0.checked_mul(reserve.threshold(category))?)?;
        }
        let (collateral, debt, weighted) = sums;
        let threshold = weighted.checked_div(collateral).unwrap_or_default();
        let health =
            if debt.is_zero() { U256::MAX } else { wad_div(percent_mul(collateral, threshold)?, debt)? };
        Some(Account { collateral, debt, threshold, health })
    }

    /// What a user's debt of `debt` is liquidated for `collateral` at.
    #[must_use]
    pub fn terms(&self, position: &Position, collateral: Address, debt: Address) -> Option<Terms> {
        let category = self.category(position)?;
        let (collateral, debt) = (self.reserves.get(&collateral)?, self.reserves.get(&debt)?);
        let own = category.filter(|(id, _)| *id == collateral.configuration.category());
        // The contract takes it for granted that debt in a mode is debt of that mode.
        let debt_price = category.and_then(|(_, mode)| mode.price).unwrap_or(debt.price);
        Some(Terms {
            collateral_price: own.and_then(|(_, mode)| mode.price).unwrap_or(collateral.price),
            debt_price,
            collateral_unit: collateral.configuration.unit()?,
            debt_unit: debt.configuration.unit()?,
            bonus: own.map_or_else(
                || collateral.configuration.liquidation_bonus(),
                |(_, mode)| mode.liquidation_bonus,
            ),
            fee: collateral.configuration.protocol_fee(),
        })
    }

    /// What a liquidation call moves that offers `cover`, which is cut to the close factor. `None` where it reverts.
    #[must_use]
    pub fn liquidation(
        &self,
        position: &Position,
        (collateral, debt): (Address, Address),
        cover: U256,
    ) -> Option<Seizure> {
        let health = self.account(position)?.health;
        let (held, lent) = (self.reserves.get(&collateral)?, self.reserves.get(&debt)?);
        let (has, owes) = (position.holdings.get(&collateral)?, position.holdings.get(&debt)?);
        let owed = ray_mul(owes.borrowed, lent.debt)?;
        let most = percent_mul(owed, close_factor(health))?;
        let open = held.configuration.is_open() && lent.configuration.is_open();
        let counts = has.collateral && !held.configuration.liquidation_threshold().is_zero();
        let allowed = health < WAD && open && counts && !owed.is_zero();
        let terms = self.terms(position, collateral, debt).filter(|_| allowed)?;
        terms.seize(cover.min(most), ray_mul(has.supplied, held.income)?)
    }

    /// The outer `None`: the user is in a mode that is not known.
    fn category(&self, position: &Position) -> Option<Option<(u8, &Category)>> {
        match position.category {
            0 => Some(None),
            id => self.categories.get(&id).map(|category| Some((id, category))),
        }
    }
}

impl Standing {
    /// What counts as collateral, and what is owed.
    fn values(&self, holding: &Holding, category: Option<(u8, &Category)>) -> Option<(U256, U256)> {
        let price = self.within(category).and_then(|mode| mode.price).unwrap_or(self.price);
        let unit = self.configuration.unit()?;
        let value = |amount: U256| price.checked_mul(amount)?.checked_div(unit);
        // An asset whose own threshold is zero is no collateral, whatever the mode says.
        let counts = holding.collateral && !self.configuration.liquidation_threshold().is_zero();
        let collateral = if counts { value(ray_mul(holding.supplied, self.income)?)? } else { U256::ZERO };
        Some((collateral, value(ray_mul(holding.borrowed, self.debt)?)?))
    }

    fn threshold(&self, category: Option<(u8, &Category)>) -> U256 {
        let own = self.configuration.liquidation_threshold();
        self.within(category).map_or(own, |mode| mode.liquidation_threshold)
    }

    fn within<'a>(&self, category: Option<(u8, &'a Category)>) -> Option<&'a Category> {
        category.filter(|(id, _)| *id == self.configuration.category()).map(|(_, mode)| mode)
    }
}

#[cfg(test)]
mod tests;
