//! What a replacement offers for its gas.

use agent_core::ports::Quote;

use crate::Gas;

/// How many times the market's fees a replacement may offer, when what it replaces has caught up with the market already.
///
/// Every pool asks a step on top of the *last* attempt, so steps multiply: with no bound, a market that stands still would
/// be outbid without end. Fees this far above the market say that fees are not what is missing.
const AHEAD_OF_MARKET: u128 = 5;

/// The gas terms of the transaction that replaces one with `previous` terms, or `None` when there is nothing left to offer.
///
/// Both fee fields rise to the market's and by more than 12.5 % (the strictest rule among pools; geth and reth ask 10 %),
/// and never above `cap`, in wei per gas. An attempt that is behind the market catches up with it in one step. One that is
/// not takes single steps, at most to five times the market: when it stands still, that ends after 14 of them. Steps are spaced
/// by whoever asks: a transaction is stuck only after some blocks. The gas limit stays.
pub(crate) fn bump(previous: Gas, market: &Quote, cap: u128) -> Option<Gas> {
    let least = Gas { max_fee: step(previous.max_fee)?, tip: step(previous.tip)?, ..previous };
    let is_behind = previous.max_fee < market.least_fee || previous.tip < market.tip;
    let is_near = least.max_fee <= market.max_fee.saturating_mul(AHEAD_OF_MARKET)
        && least.tip <= market.tip.saturating_mul(AHEAD_OF_MARKET);
    if least.max_fee > cap || !(is_behind || is_near) {
        return None;
    }
    let max_fee = least.max_fee.max(market.max_fee.min(cap));
    let tip = least.tip.max(market.tip).min(max_fee);
    // A tip above its own fee cap is no transaction; nobody but a broken caller has one to replace.
    (tip >= least.tip).then_some(Gas { max_fee, tip, ..previous })
}

/// More than 12.5 % above `fee`, however it is rounded.
fn step(fee: u128) -> Option<u128> {
    fee.checked_add(fee >> 3)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use agent_core::units::{BlockNumber, BlockRef, ChainId, Timestamp, Wei};
    use alloy_primitives::{Address, B256, U256};
    use proptest::prelude::*;

    use super::*;

    const GWEI: u128 = 1_000_000_000;

    fn market(base_fee: u128, tip: u128) -> Quote {
        let head = BlockRef { number: BlockNumber(1), hash: B256::ZERO, timestamp: Timestamp(1) };
        let (max_fee, least_fee) =
            (base_fee.saturating_mul(2).saturating_add(tip), base_fee.saturating_add(tip));
        let (chain, from, balance) = (ChainId(1), Address::ZERO, Wei(U256::ZERO));
        Quote { chain, from, nonce: 0, max_fee, least_fee, tip, balance, head }
    }

    fn check(previous: (u128, u128), market: Quote, cap: u128, expected: Option<(u128, u128)>) {
        let previous = Gas { limit: 7, max_fee: previous.0, tip: previous.1 };
        let expected = expected.map(|(max_fee, tip)| Gas { limit: 7, max_fee, tip });
        assert_eq!(bump(previous, &market, cap), expected, "{previous:?} {market:?} {cap}");
    }

    #[test]
    fn both_fields_rise_to_the_market_and_by_a_step() {
        let cap = 1_000 * GWEI;
        // The market stands still: a step on both.
        check((210, 10), market(100, 10), cap, Some((237, 12)));
        // The base fee rose: its offer, and a step of the tip.
        check((210, 10), market(500, 10), cap, Some((1_010, 12)));
        // Only the tip rose.
        check((210, 10), market(100, 40), cap, Some((240, 40)));
        // The market fell a little: a step all the same, or no pool takes it.
        check((210, 10), market(80, 8), cap, Some((237, 12)));
        // Nothing rounds down to no step.
        check((1, 0), market(1, 1), cap, Some((3, 1)));
        check((8, 7), market(8, 7), cap, Some((23, 8)));
    }

    #[test]
    fn the_cap_wins() {
        check((210, 10), market(500, 10), 600, Some((600, 12)));
        check((210, 10), market(500, 10), 237, Some((237, 12)));
        check((210, 10), market(500, 10), 236, None);
        check((600, 10), market(500, 10), 600, None);
        check((210, 10), market(100, 900), 300, Some((300, 300)));
        check((u128::MAX, 1), market(1, 1), u128::MAX, None);
    }

    #[test]
    fn far_ahead_of_the_market_there_is_nothing_to_offer() {
        check((1_000, 10), market(90, 10), u128::MAX, None);
        check((210, 50), market(100, 10), u128::MAX, None);
        // Its tip is behind, whatever its cap.
        check((1_000, 9), market(90, 10), u128::MAX, Some((1_126, 11)));
    }

    #[test]
    fn a_market_that_stands_still_is_not_outbid_without_end() {
        for (base_fee, tip) in [(45, 10), (20 * GWEI, GWEI), (GWEI / 100, 1), (7, 100 * GWEI)] {
            let market = market(base_fee, tip);
            let first = Gas { limit: 7, max_fee: market.max_fee, tip };
            let attempts = std::iter::successors(Some(first), |gas| bump(*gas, &market, u128::MAX));
            let attempts: Vec<_> = attempts.take(100).collect();
            let last = attempts.last().unwrap();
            assert!(attempts.len() <= 15, "{attempts:?}");
            assert!(last.max_fee <= market.max_fee.checked_mul(5).unwrap(), "{last:?}");
            assert!(last.tip <= tip.checked_mul(5).unwrap(), "{last:?}");
        }
    }

    /// Fees from single wei to far beyond every market.
    fn fee() -> impl Strategy<Value = u128> {
        (0..100_u32, any::<u128>()).prop_map(|(bits, fee)| fee >> bits.saturating_add(28))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn every_replacement_keeps_every_pools_rule_and_the_cap(
            base_fee in fee(), market_tip in fee(), fees in (fee(), fee()), cap in fee(),
        ) {
            let (max_fee, tip) = (fees.0.max(fees.1), fees.0.min(fees.1));
            let (market, previous) = (market(base_fee, market_tip), Gas { limit: 7, max_fee, tip });
            let next = bump(previous, &market, cap);
            let is_behind = max_fee < market.least_fee || tip < market_tip;
            let times = |fee: u128, times: u64| U256::from(fee).saturating_mul(U256::from(times));
            let rose = |from: u128, to: u128| times(to, 8) > times(from, 9);
            if let Some(next) = next {
                prop_assert!(rose(max_fee, next.max_fee) && rose(tip, next.tip), "{previous:?} {next:?}");
                prop_assert!(next.max_fee <= cap && next.tip <= next.max_fee && next.limit == 7);
                prop_assert!(next.max_fee == cap || next.max_fee >= market.max_fee);
                prop_assert!(next.tip == next.max_fee || next.tip >= market.tip);
                let within = next.max_fee <= market.max_fee.saturating_mul(5) && next.tip <= market.tip.saturating_mul(5);
                prop_assert!(within || is_behind, "{previous:?} is far ahead of {market:?}");
            } else {
                prop_assert!(!is_behind || !rose(max_fee, cap), "{previous:?} may be replaced: {market:?} {cap}");
            }
        }
    }
}
