//! What a liquidation takes and gives (`LiquidationLogic.sol`).

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use super::percentage::{WHOLE, percent_div, percent_mul};

/// The health factor above which only half of a debt can be repaid at once: 0.95.
const HALF_ABOVE: U256 = U256::from_limbs([950_000_000_000_000_000, 0, 0, 0]);
const HALF: U256 = U256::from_limbs([5_000, 0, 0, 0]);
/// How often the repayment is shortened until the collateral suffices.
const TRIES: u8 = 4;

/// The share of one debt that can be repaid at once, in basis points.
#[must_use]
pub fn close_factor(health: U256) -> U256 {
    if health > HALF_ABOVE { HALF } else { WHOLE }
}

/// What one pair of collateral and debt is liquidated at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The collateral's price.
    pub collateral_price: U256,
    /// The debt's price.
    pub debt_price: U256,
    /// One whole token of the collateral.
    pub collateral_unit: U256,
    /// One whole token of the debt.
    pub debt_unit: U256,
    /// What the liquidator gets for what it repays, in basis points.
    pub bonus: U256,
    /// The protocol's share of the bonus, in basis points.
    pub fee: U256,
}

/// What moves in a liquidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seizure {
    /// What the liquidator receives of the collateral.
    pub seized: U256,
    /// What it repays of the debt.
    pub repaid: U256,
    /// What the protocol receives of the collateral.
    pub fee: U256,
    /// Whether the user's whole balance of the collateral goes, because it does not suffice for what was offered.
    pub limited: bool,
}

impl Terms {
    /// What the contract moves when `cover` is offered for a user that holds `balance` of the collateral. `cover` is
    /// within the close factor already. `None` where the contract would revert.
    #[must_use]
    pub fn seize(&self, cover: U256, balance: U256) -> Option<Seizure> {
        let value = self.debt_price.checked_mul(cover)?.checked_mul(self.collateral_unit)?;
        let base = value.checked_div(self.collateral_price.checked_mul(self.debt_unit)?)?;
        let wanted = percent_mul(base, self.bonus)?;
        let limited = wanted > balance;
        let (taken, repaid) = if limited { (balance, self.repaid_for(balance)?) } else { (wanted, cover) };
        let fee = self.protocol_share(taken)?;
        Some(Seizure { seized: taken.checked_sub(fee)?, repaid, fee, limited })
    }

    /// The largest repayment of at most `cover` whose seizure is below `balance`, or close to it: it moves exactly what
    /// this says for as long as the balance does not fall, whatever interest accrues until then.
    #[must_use]
    pub fn seize_exactly(&self, cover: U256, balance: U256) -> Option<Seizure> {
        let mut seizure = self.seize(cover, balance)?;
        let step = self.debt_of_one_unit()?;
        for _try in 0..TRIES {
            if !seizure.limited {
                return Some(seizure);
            }
            let less = seizure.repaid.min(cover).checked_sub(step)?;
            let tried = self.seize(less, balance)?;
            seizure = Seizure { repaid: less, ..tried };
        }
        (!seizure.limited).then_some(seizure)
    }

    fn repaid_for(&self, balance: U256) -> Option<U256> {
        let value = self.collateral_price.checked_mul(balance)?.checked_mul(self.debt_unit)?;
        percent_div(value.checked_div(self.debt_price.checked_mul(self.collateral_unit)?)?, self.bonus)
    }

    fn protocol_share(&self, taken: U256) -> Option<U256> {
        if self.fee.is_zero() {
            return Some(U256::ZERO);
        }
        percent_mul(taken.checked_sub(percent_div(taken, self.bonus)?)?, self.fee)
    }

    /// What one base unit of the collateral is worth in base units of the debt, rounded up and at least one.
    fn debt_of_one_unit(&self) -> Option<U256> {
        let unit = self.debt_price.checked_mul(self.collateral_unit)?;
        let worth = self.collateral_price.checked_mul(self.debt_unit)?;
        worth.checked_div(unit)?.checked_add(U256::from(1u8))
    }
}

#[cfg(test)]
mod tests;
