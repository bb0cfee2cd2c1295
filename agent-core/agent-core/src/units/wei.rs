//! The chain's native coin.

use std::fmt;

use alloy_primitives::{U256, utils::format_ether};
use serde::{Deserialize, Serialize};

/// An amount of the chain's native coin, in its smallest unit (10⁻¹⁸).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wei(pub U256);

impl Wei {
    /// Nothing.
    pub const ZERO: Self = Self(U256::ZERO);

    /// `gas` units at `price` wei each. `None` on overflow.
    #[must_use]
    pub fn for_gas(gas: u64, price: u128) -> Option<Self> {
        U256::from(gas).checked_mul(U256::from(price)).map(Self)
    }

    /// The sum, or `None` on overflow.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl fmt::Display for Wei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ETH", format_ether(self.0))
    }
}
