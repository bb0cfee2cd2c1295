//! What is paid for a cycle, in base units of the token that it starts from. Always rounded up.

use agent_core::units::{Bps, Wei};
use alloy_primitives::U256;

use crate::math::full::mul_div_rounding_up;

const WHOLE: U256 = U256::from_limbs([10_000, 0, 0, 0]);

/// What wei are worth, as an exact ratio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeiPrice {
    /// So many base units of the token …
    pub units: U256,
    /// … for so many wei.
    pub wei: U256,
}

/// What a cycle pays, whatever it trades.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Costs {
    /// Gas and the fee for data: see [`Costs::fixed`].
    pub fixed: U256,
    /// What a flash loan takes of the input, rounded up. At most 10,000.
    pub premium: Bps,
    /// What the builder gets of the rest.
    pub tip: Tip,
}

/// What a builder gets of a profit after gas and premium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tip {
    /// Nothing.
    None,
    /// A share of it.
    Share(Bps),
    /// Shares of its parts: each bracket's of what lies above it, up to the next. Below the first, nothing.
    Brackets(Vec<Bracket>),
}

/// One part of a profit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bracket {
    /// Where it begins, in base units. In rising order.
    pub above: U256,
    /// The builder's share of what lies in it. More than 10,000 counts as that.
    pub share: Bps,
}

/// What a sized cycle pays, in base units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    /// Gas and the fee for data.
    pub fixed: U256,
    /// The flash loan's premium.
    pub premium: U256,
    /// The builder's tip.
    pub tip: U256,
}

impl Costs {
    /// What gas and the fee for data come to. `None` where that takes more than 256 bits, or wei have no price.
    #[must_use]
    pub fn fixed(gas: Wei, data_fee: Wei, price: WeiPrice) -> Option<U256> {
        mul_div_rounding_up(gas.checked_add(data_fee)?.0, price.units, price.wei).ok()
    }

    /// What `input` for `output` pays. `None` where that takes more than 256 bits.
    #[must_use]
    pub fn charged(&self, input: U256, output: U256) -> Option<Charged> {
        let premium = share(input, self.premium)?;
        let paid = input.checked_add(premium)?.checked_add(self.fixed)?;
        let tip = self.tip.of(output.saturating_sub(paid))?;
        Some(Charged { fixed: self.fixed, premium, tip })
    }
}

impl Tip {
    /// The tip for a profit, in base units of both. Never more than it; and more profit never leaves less after the tip, so
    /// that what gains most before it gains most after it.
    #[must_use]
    pub fn of(&self, profit: U256) -> Option<U256> {
        let tip = match self {
            Self::None => U256::ZERO,
            Self::Share(part) => share(profit, (*part).min(Bps(10_000)))?,
            Self::Brackets(brackets) => {
                let ends = brackets.iter().skip(1).map(|next| next.above).chain([U256::MAX]);
                brackets.iter().zip(ends).try_fold(U256::ZERO, |tip, (bracket, end)| {
                    let part = profit.min(end).saturating_sub(bracket.above);
                    tip.checked_add(share(part, bracket.share.min(Bps(10_000)))?)
                })?
            }
        };
        Some(tip.min(profit))
    }
}

pub(super) fn share(amount: U256, part: Bps) -> Option<U256> {
    if part.0 == 0 || amount.is_zero() {
        return Some(U256::ZERO);
    }
    mul_div_rounding_up(amount, U256::from(part.0), WHOLE).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

    use super::*;
    use proptest::prelude::*;

    fn brackets() -> Tip {
        Tip::Brackets(vec![
            Bracket { above: U256::from(100), share: Bps(5_000) },
            Bracket { above: U256::from(1_000), share: Bps(9_000) },
        ])
    }

    #[test]
    fn brackets_take_their_part() {
        let tip = |profit: u64| brackets().of(U256::from(profit)).unwrap();
        assert_eq!([0, 100, 101, 1_000, 1_100].map(tip), [0, 0, 1, 450, 540].map(U256::from));
    }

    #[test]
    fn gas_is_valued_exactly_and_rounded_up() {
        let price = WeiPrice { units: U256::from(3_000_000_001u64), wei: U256::from(10).pow(U256::from(18)) };
        let fixed = Costs::fixed(Wei(U256::from(10).pow(U256::from(16))), Wei(U256::ZERO), price);
        assert_eq!(fixed, Some(U256::from(30_000_001)));
        assert_eq!(
            Costs::fixed(Wei(U256::ONE), Wei(U256::ZERO), WeiPrice { wei: U256::ZERO, ..price }),
            None
        );
    }

    proptest! {
        #[test]
        fn more_profit_never_leaves_less(profit in 0u64..5_000, part in 0u32..12_000) {
            for tip in [Tip::None, Tip::Share(Bps(part)), brackets()] {
                let left = |profit| U256::from(profit) - tip.of(U256::from(profit)).unwrap();
                prop_assert!(left(profit) <= left(profit + 1));
            }
        }
    }
}
