//! What a transaction offers for its gas (EIP-1559).

/// Bounds of the tip, in wei per gas. The floor keeps a transaction from being worthless to whoever includes it; the cap
/// keeps a node's advice from costing money. The cap wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TipBounds {
    /// At least this.
    pub floor: u128,
    /// At most this.
    pub cap: u128,
}

/// Wei per gas: the most that is paid, and what of it is for whoever includes the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fees {
    pub(crate) max_fee: u128,
    /// The least that the next block takes at this tip.
    pub(crate) least_fee: u128,
    pub(crate) tip: u128,
}

impl Fees {
    /// Twice the next block's base fee, so that it may rise for six full blocks, and the median of recent tips within
    /// `bounds` on top. `None` when that does not fit.
    pub(crate) fn offer(next_base_fee: u128, recent_tips: &[u128], bounds: TipBounds) -> Option<Self> {
        let tip = median(recent_tips).unwrap_or_default().max(bounds.floor).min(bounds.cap);
        let max_fee = next_base_fee.checked_mul(2)?.checked_add(tip)?;
        let least_fee = next_base_fee.checked_add(tip)?;
        Some(Self { max_fee, least_fee, tip })
    }
}

/// The middle one, the lower of two. Blocks without transactions report a tip of zero, which is nobody's price.
fn median(tips: &[u128]) -> Option<u128> {
    let mut paid: Vec<u128> = tips.iter().copied().filter(|tip| *tip > 0).collect();
    paid.sort_unstable();
    let middle = paid.len().saturating_sub(1).checked_div(2)?;
    paid.get(middle).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(base: u128, tips: &[u128], max_fee: u128, tip: u128) {
        let bounds = TipBounds { floor: 10, cap: 100 };
        let expected = Fees { max_fee, least_fee: max_fee.checked_sub(base).unwrap(), tip };
        assert_eq!(Fees::offer(base, tips, bounds), Some(expected), "{base} {tips:?}");
    }

    #[test]
    fn twice_the_base_fee_and_the_median_tip_within_bounds() {
        check(1_000, &[20, 50, 30], 2_030, 30);
        check(1_000, &[20, 30], 2_020, 20);
        check(1_000, &[0, 0, 0, 40], 2_040, 40);
        check(1_000, &[], 2_010, 10);
        check(1_000, &[1, 2, 3], 2_010, 10);
        check(1_000, &[900, 800, 700], 2_100, 100);
        check(0, &[50], 50, 50);
        assert_eq!(Fees::offer(u128::MAX, &[], TipBounds { floor: 1, cap: 1 }), None);
    }

    proptest! {
        #[test]
        fn the_tip_keeps_to_its_bounds_and_the_fee_covers_it(
            base in 0..u128::MAX >> 2, tips: Vec<u128>, floor in 0..1u128 << 100, cap in 0..1u128 << 100,
        ) {
            let fees = Fees::offer(base, &tips, TipBounds { floor, cap }).unwrap();
            prop_assert!(fees.tip <= cap && (fees.tip >= floor || floor > cap));
            prop_assert_eq!(fees.max_fee.checked_sub(fees.tip), base.checked_mul(2));
            prop_assert_eq!(fees.least_fee.checked_sub(fees.tip), Some(base));
        }
    }
}
