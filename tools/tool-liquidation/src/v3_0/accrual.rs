//! What a reserve's indices are at a moment (`ReserveLogic.sol`).

use agent_core::units::Timestamp;
use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use super::{
    interest::{compounded, linear},
    ray::ray_mul,
};

/// A reserve's rates and indices as of its last update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accrual {
    /// What suppliers earn per year, in ray.
    pub liquidity_rate: U256,
    /// What borrowers at the variable rate owe per year, in ray.
    pub variable_rate: U256,
    /// What one unit supplied at the beginning was worth, in ray.
    pub liquidity_index: U256,
    /// What one unit borrowed at the beginning was worth, in ray.
    pub variable_index: U256,
    /// When that was.
    pub updated: Timestamp,
}

impl Accrual {
    /// The liquidity index at `now`. `None` before the last update.
    #[must_use]
    pub fn income(&self, now: Timestamp) -> Option<U256> {
        match now.0.checked_sub(self.updated.0)? {
            0 => Some(self.liquidity_index),
            seconds => ray_mul(linear(self.liquidity_rate, seconds)?, self.liquidity_index),
        }
    }

    /// The variable borrow index at `now`. `None` before the last update.
    #[must_use]
    pub fn debt(&self, now: Timestamp) -> Option<U256> {
        match now.0.checked_sub(self.updated.0)? {
            0 => Some(self.variable_index),
            seconds => ray_mul(compounded(self.variable_rate, seconds)?, self.variable_index),
        }
    }
}
