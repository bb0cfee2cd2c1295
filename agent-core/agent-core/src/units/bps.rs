//! Basis points.

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

/// Basis points: 10,000 are the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bps(pub u32);

impl Bps {
    /// The whole: 100 %.
    pub const WHOLE: Self = Self(10_000);

    /// This share of `amount`, rounded down. `None` when the product does not fit 256 bits.
    #[must_use]
    pub fn of(self, amount: U256) -> Option<U256> {
        amount.checked_mul(U256::from(self.0))?.checked_div(U256::from(Self::WHOLE.0))
    }

    /// `amount` less this share, the share rounded down. `None` on overflow or for a share over the whole.
    #[must_use]
    pub fn off(self, amount: U256) -> Option<U256> {
        amount.checked_sub(self.of(amount)?)
    }

    /// `amount` and this share on top, the share rounded down. `None` on overflow.
    #[must_use]
    pub fn on_top(self, amount: U256) -> Option<U256> {
        amount.checked_add(self.of(amount)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_share_never_exceeds_the_amount(share in 0u32..=10_000, amount in any::<u128>()) {
            let amount = U256::from(amount);
            prop_assert!(Bps(share).of(amount).unwrap() <= amount);
            prop_assert!(Bps(share).off(amount).unwrap() <= amount);
        }
    }

    #[test]
    fn overflow_is_none_not_a_wrap() {
        assert_eq!(Bps(10_001).of(U256::MAX), None);
        assert_eq!(Bps(5).on_top(U256::MAX), None);
    }
}
