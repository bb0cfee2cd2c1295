//! What could be liquidated, and for how much.

use agent_core::units::Timestamp;
use alloy_primitives::{Address, U256};

use crate::{
    config::LiquidationConfig,
    v3_0::{Account, Holding, Moment, Position, Seizure, Terms, WAD, close_factor, percent_mul, ray_mul},
};

/// The market between which a liquidation computed now is mined.
#[derive(Debug)]
pub(crate) struct Moments {
    /// At the head.
    pub(crate) early: Moment,
    /// At the next block.
    pub(crate) late: Moment,
    /// The next block's time.
    pub(crate) next: Timestamp,
}

/// A collateral, and the debt that it is seized for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    /// What is seized.
    pub(crate) collateral: Address,
    /// What is repaid.
    pub(crate) debt: Address,
}

/// A liquidation that could be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Whose.
    pub(crate) user: Address,
    /// Of what.
    pub(crate) pair: Pair,
    /// The account at the next block.
    pub(crate) account: Account,
    /// The share of the debt that may be repaid, in basis points.
    pub(crate) close_factor: U256,
    /// At what prices, for what bonus.
    pub(crate) terms: Terms,
    /// What moves. Exact for as long as neither the position nor a price changes.
    pub(crate) seizure: Seizure,
    /// The position as it was.
    pub(crate) position: Position,
}

impl Target {
    /// What `user`'s pair would give. `None` when it cannot be liquidated, or nothing would move.
    pub(crate) fn of(moments: &Moments, user: Address, position: &Position, pair: Pair) -> Option<Self> {
        let account = moments.late.account(position)?;
        let early = moments.early.account(position)?;
        if account.health >= WAD {
            return None;
        }
        // Between the two, the health factor may be either: what is offered must be allowed at both.
        let close_factor = close_factor(account.health.max(early.health));
        let (has, owes) = (position.holdings.get(&pair.collateral)?, position.holdings.get(&pair.debt)?);
        let (held, lent) =
            (moments.early.reserves.get(&pair.collateral)?, moments.early.reserves.get(&pair.debt)?);
        let open = held.configuration.is_open() && lent.configuration.is_open();
        let counts = has.collateral && !held.configuration.liquidation_threshold().is_zero();
        if !open || !counts {
            return None;
        }
        let terms = moments.early.terms(position, pair.collateral, pair.debt)?;
        // Debt and collateral only grow from here to the next block, so that what the head allows, the next does.
        let cover = percent_mul(ray_mul(owes.borrowed, lent.debt)?, close_factor)?;
        let seizure = terms.seize_exactly(cover, ray_mul(has.supplied, held.income)?)?;
        if seizure.repaid.is_zero() || seizure.seized.is_zero() {
            return None;
        }
        let position = position.clone();
        Some(Self { user, pair, account, close_factor, terms, seizure, position })
    }

    /// Every liquidation of `user` that the operator has a way for, best first.
    pub(crate) fn all(
        moments: &Moments,
        user: Address,
        position: &Position,
        config: &LiquidationConfig,
    ) -> Vec<Self> {
        let mut targets: Vec<Self> = pairs(position)
            .filter(|pair| config.exit(pair.collateral, pair.debt).is_some())
            .filter(|pair| config.token(&pair.collateral).is_some() && config.token(&pair.debt).is_some())
            .filter_map(|pair| Self::of(moments, user, position, pair))
            .collect();
        targets.sort_by_key(|target| (std::cmp::Reverse(target.bonus()), target.pair));
        targets
    }

    /// What the seized collateral is worth above the repaid debt at the pool's own prices, before the sale.
    pub(crate) fn bonus(&self) -> U256 {
        let terms = &self.terms;
        let value = |amount: U256, price: U256, unit: U256| amount.checked_mul(price)?.checked_div(unit);
        let got = value(self.seizure.seized, terms.collateral_price, terms.collateral_unit);
        let paid = value(self.seizure.repaid, terms.debt_price, terms.debt_unit);
        got.zip(paid).and_then(|(got, paid)| got.checked_sub(paid)).unwrap_or_default()
    }

    /// What the user has and owes of the pair.
    pub(crate) fn holdings(&self) -> (Holding, Holding) {
        let holding = |asset| self.position.holdings.get(asset).copied().unwrap_or_default();
        (holding(&self.pair.collateral), holding(&self.pair.debt))
    }

    /// What makes this a decision of its own: the position, and the prices that it is liquidated at.
    pub(crate) fn occasion(&self) -> Vec<u8> {
        let (has, owes) = self.holdings();
        let parts = [has.supplied, owes.borrowed, self.terms.collateral_price, self.terms.debt_price];
        parts.iter().flat_map(|part| part.to_be_bytes::<32>()).collect()
    }
}

fn pairs(position: &Position) -> impl Iterator<Item = Pair> + '_ {
    let debts = position.holdings.iter().filter(|(_, holding)| !holding.borrowed.is_zero());
    debts.flat_map(|(debt, _)| {
        let collateral = position.holdings.iter().filter(|(_, holding)| holding.collateral);
        collateral.map(|(collateral, _)| Pair { collateral: *collateral, debt: *debt })
    })
}
