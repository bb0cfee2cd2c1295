//! Why a transaction does not get mined. No IO: what was asked of the node is given.

use std::collections::BTreeSet;

use agent_core::ports::StuckReason;
use alloy::primitives::U256;
use chain_door::Gas;

/// Everything that may be in the way of the transaction with this nonce.
#[derive(Debug, Clone)]
pub(super) struct Circumstances {
    pub(super) nonce: u64,
    /// How many transactions of the key are mined.
    pub(super) mined: u64,
    /// The same, with those in the node's pool that follow them without a gap.
    pub(super) pending: u64,
    /// The nonces that this wallet has under way. What went to relays only is in no pool, and no gap either.
    pub(super) under_way: BTreeSet<u64>,
    /// The key's native coin, wei.
    pub(super) balance: U256,
    /// What the next block asks, wei per gas.
    pub(super) next_base_fee: u128,
    /// What the latest attempt offers, when this process signed it.
    pub(super) gas: Option<Gas>,
    /// Whether the latest attempt is where it should be: in the node's pool, or with relays only.
    pub(super) kept: bool,
}

impl Circumstances {
    /// The first thing that has to be helped; nothing, when the nonce was used meanwhile.
    pub(super) fn reason(&self) -> Option<StuckReason> {
        let Self { nonce, mined, pending, .. } = *self;
        if mined > nonce {
            return None;
        }
        // A pool that knows something of every nonce below leaves an empty range.
        let missing = (pending.max(mined)..nonce).find(|nonce| !self.under_way.contains(nonce));
        if let Some(missing) = missing {
            return Some(StuckReason::Gap { missing });
        }
        if mined < nonce {
            return Some(StuckReason::Behind { nonce: mined });
        }
        Some(self.of_its_own())
    }

    /// Every earlier one is mined.
    fn of_its_own(&self) -> StuckReason {
        let cost = |gas: Gas| U256::from(gas.limit).saturating_mul(U256::from(gas.max_fee));
        if self.gas.is_some_and(|gas| cost(gas) > self.balance) {
            StuckReason::Unfunded
        } else if self.gas.is_some_and(|gas| gas.max_fee < self.next_base_fee) {
            StuckReason::Underpriced
        } else if !self.kept {
            StuckReason::Nowhere
        } else {
            StuckReason::PassedOver
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn next_in_line() -> Circumstances {
        Circumstances {
            nonce: 7,
            mined: 7,
            pending: 8,
            under_way: BTreeSet::from([7]),
            balance: U256::from(1_000_000),
            next_base_fee: 10,
            gas: Some(Gas { limit: 100, max_fee: 20, tip: 1 }),
            kept: true,
        }
    }

    #[test]
    fn the_first_in_line_is_stuck_for_reasons_of_its_own() {
        let fine = next_in_line();
        assert_eq!(fine.reason(), Some(StuckReason::PassedOver));
        let low = Circumstances { next_base_fee: 21, ..fine.clone() };
        assert_eq!(low.reason(), Some(StuckReason::Underpriced));
        let lost = Circumstances { kept: false, pending: 7, ..fine.clone() };
        assert_eq!(lost.reason(), Some(StuckReason::Nowhere));
        let poor = Circumstances { balance: U256::from(1_999), ..lost };
        assert_eq!(poor.reason(), Some(StuckReason::Unfunded));
        let strange =
            Circumstances { gas: None, next_base_fee: u128::MAX, balance: U256::ZERO, ..fine.clone() };
        assert_eq!(strange.reason(), Some(StuckReason::PassedOver));
        let used = Circumstances { mined: 8, ..fine };
        assert_eq!(used.reason(), None, "it, or what has its nonce, was mined between two looks");
    }

    #[test]
    fn whoever_comes_first_is_helped_first() {
        let check = |mined, pending, under_way: &[u64], expected| {
            let under_way = under_way.iter().copied().collect();
            let later = Circumstances { mined, pending, under_way, ..next_in_line() };
            assert_eq!(later.reason(), Some(expected), "{later:?}");
        };
        check(5, 8, &[7], StuckReason::Behind { nonce: 5 });
        check(5, 5, &[7], StuckReason::Gap { missing: 5 });
        check(5, 6, &[7], StuckReason::Gap { missing: 6 });
        // What we have under way is no gap, in whatever pool it is missing: whoever follows it helps it.
        check(5, 5, &[5, 6, 7], StuckReason::Behind { nonce: 5 });
        check(5, 5, &[5, 7], StuckReason::Gap { missing: 6 });
        // A node whose pool says less than its chain.
        check(6, 2, &[7], StuckReason::Gap { missing: 6 });
    }

    proptest! {
        #[test]
        fn what_is_missing_is_the_lowest_that_nothing_holds(
            nonce in 0..20_u64, mined in 0..20_u64, pending in 0..20_u64, under_way: BTreeSet<u8>,
        ) {
            let under_way: BTreeSet<u64> = under_way.into_iter().map(|nonce| u64::from(nonce % 20)).collect();
            let all = Circumstances { nonce, mined, pending, under_way: under_way.clone(), ..next_in_line() };
            let free = |at: &u64| *at >= mined && *at >= pending && !under_way.contains(at);
            match all.reason() {
                None => prop_assert!(mined > nonce),
                Some(StuckReason::Gap { missing }) => {
                    prop_assert!(free(&missing) && missing < nonce && !(0..missing).any(|at| free(&at)));
                }
                Some(StuckReason::Behind { nonce: first }) => {
                    prop_assert!(first == mined && first < nonce && !(0..nonce).any(|at| free(&at)));
                }
                Some(_) => prop_assert_eq!(mined, nonce),
            }
        }
    }
}
