//! What an answer costs, in whole micro-dollars, never too little.

use agent_core::{Tab, units::MicroUsd};

use crate::answer::Usage;

/// What a provider asks, per million tokens. All zero for a machine of one's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prices {
    /// Of a question.
    pub input: MicroUsd,
    /// Of the part of a question that the provider had in its cache.
    pub cached: MicroUsd,
    /// Of an answer, thoughts included.
    pub output: MicroUsd,
}

const PER: u128 = 1_000_000;

impl Prices {
    /// What so many tokens cost, rounded up once.
    #[must_use]
    pub fn of(&self, usage: &Usage) -> MicroUsd {
        let cached = usage.cached.min(usage.input);
        let parts = [
            (usage.input.saturating_sub(cached), self.input),
            (cached, self.cached),
            (usage.output, self.output),
        ];
        let cost =
            parts.iter().map(|(tokens, price)| u128::from(*tokens).saturating_mul(u128::from(price.0)));
        let sum = cost.fold(0, u128::saturating_add);
        MicroUsd(u64::try_from(sum.div_ceil(PER)).unwrap_or(u64::MAX))
    }

    /// The most that a question of so many bytes and an answer of so many tokens can cost: no token has less than a byte.
    pub(crate) fn most(&self, question: usize, output: u32) -> MicroUsd {
        let dearer = Self { cached: self.input.max(self.cached), ..*self };
        let input = u64::try_from(question).unwrap_or(u64::MAX);
        // Whatever the price of what is cached, all of it may be billed as the dearer kind.
        let usage = Usage { input, cached: input, output: u64::from(output) };
        dearer.of(&usage)
    }
}

/// What one exchange will have cost. Dropped unsettled (the answer broke off, or nobody wants it any more), it is the most
/// that it can be: what a provider has begun to answer, it bills.
#[derive(Debug)]
pub(crate) struct Bill<'a> {
    tab: &'a Tab,
    cost: MicroUsd,
}

impl<'a> Bill<'a> {
    pub(crate) const fn open(tab: &'a Tab, most: MicroUsd) -> Self {
        Self { tab, cost: most }
    }

    /// It is this much.
    pub(crate) fn settle(mut self, cost: MicroUsd) {
        self.cost = cost;
    }
}

impl Drop for Bill<'_> {
    fn drop(&mut self) {
        self.tab.add(self.cost);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prices(input: u64, cached: u64, output: u64) -> Prices {
        Prices { input: MicroUsd(input), cached: MicroUsd(cached), output: MicroUsd(output) }
    }

    #[test]
    fn tokens_cost_what_the_list_says() {
        let list = prices(2_500_000, 1_250_000, 10_000_000);
        assert_eq!(list.of(&Usage { input: 1_000, cached: 400, output: 100 }), MicroUsd(1_500 + 500 + 1_000));
        assert_eq!(prices(1, 0, 0).of(&Usage { input: 1, cached: 0, output: 0 }), MicroUsd(1), "rounded up");
        assert_eq!(prices(1, 0, 0).of(&Usage { input: 0, cached: 5, output: 5 }), MicroUsd::ZERO);
        assert_eq!(
            prices(u64::MAX, 0, 0).of(&Usage { input: u64::MAX, cached: 0, output: 0 }),
            MicroUsd(u64::MAX)
        );
    }

    #[test]
    fn a_bill_that_nobody_settled_is_the_most() {
        let tab = Tab::default();
        drop(Bill::open(&tab, MicroUsd(7)));
        Bill::open(&tab, MicroUsd(7)).settle(MicroUsd(1));
        assert_eq!(tab.total(), MicroUsd(8));
    }

    proptest! {
        #[test]
        fn nothing_costs_more_than_the_most(input in 0u64..1 << 40, spare in 0usize..1 << 20, cached in 0u64..1 << 40, output in any::<u32>(), less in any::<u32>(), list in any::<[u64; 3]>()) {
            let list = prices(list[0], list[1], list[2]);
            let most = list.most(usize::try_from(input).unwrap().saturating_add(spare), output);
            let usage = Usage { input, cached, output: u64::from(output.min(less)) };
            prop_assert!(list.of(&usage) <= most);
        }
    }
}
