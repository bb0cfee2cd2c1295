//! What each strategy has made and paid, from receipts as the journal has them; and the breakers, which are nothing but a
//! reading of these books: they survive a crash because there is nothing of theirs to lose.

use std::collections::{BTreeMap, VecDeque};

use agent_core::{
    BalanceDelta, Mined, Origin, Settlement, StandDown,
    ports::StrategyBooks,
    units::{Asset, Timestamp, Wei},
};
use alloy_primitives::{B256, I256, U256};

use crate::policy::Breakers;

/// The books. Changed only by what the journal has already written, in its order.
#[derive(Debug, Default)]
pub(crate) struct Books {
    strategies: BTreeMap<String, Account>,
    /// Whose the open intents are.
    open: BTreeMap<B256, String>,
    /// Gas paid for nothing, and when, oldest first.
    lost: VecDeque<(Timestamp, U256)>,
}

#[derive(Debug, Default)]
struct Account {
    books: StrategyBooks,
    changes: BTreeMap<Asset, I256>,
    /// Reverts since the last success, and the chain time of the last.
    reverts: u32,
    reverted_at: Timestamp,
}

impl Books {
    /// An intent was opened.
    pub(crate) fn opened(&mut self, subject: B256, strategy: &str) {
        self.open.insert(subject, strategy.to_owned());
    }

    /// An intent has ended, at that chain time.
    pub(crate) fn ended(&mut self, subject: B256, settlement: &Settlement, at: Timestamp) {
        let Some(strategy) = self.open.remove(&subject) else { return };
        let account = self.strategies.entry(strategy).or_default();
        match settlement {
            Settlement::Settled(mined) => {
                account.books.settled = account.books.settled.saturating_add(1);
                account.reverts = 0;
                account.mined(mined);
            }
            Settlement::Reverted(mined) => {
                account.books.reverted = account.books.reverted.saturating_add(1);
                account.reverts = account.reverts.saturating_add(1);
                account.reverted_at = account.reverted_at.max(at);
                account.mined(mined);
                self.lost.push_back((at, mined.gas_paid.0));
            }
            Settlement::Cancelled(mined) => {
                account.books.dropped = account.books.dropped.saturating_add(1);
                account.mined(mined);
                self.lost.push_back((at, mined.gas_paid.0));
            }
            Settlement::Dropped { .. } => account.books.dropped = account.books.dropped.saturating_add(1),
        }
    }

    /// The operator lets `class` act again: its breakers start anew.
    pub(crate) fn resumed(&mut self, class: &str) {
        let everything = class == "*";
        if everything {
            self.lost.clear();
        }
        for (strategy, account) in &mut self.strategies {
            if everything || strategy == class {
                account.reverts = 0;
            }
        }
    }

    /// What the breakers stand down at `now`.
    pub(crate) fn tripped(&self, breakers: Option<&Breakers>, now: Timestamp) -> Vec<StandDown> {
        let Some(breakers) = breakers else { return Vec::new() };
        let streaks = self.strategies.iter().filter_map(|(name, account)| account.rests(name, breakers, now));
        self.bleeds(breakers, now).into_iter().chain(streaks).collect()
    }

    /// Too much gas was lost within the window: everything rests until enough of it is out of the window.
    fn bleeds(&self, breakers: &Breakers, now: Timestamp) -> Option<StandDown> {
        let limit = breakers.gas_lost?;
        let leaves = |at: Timestamp| at.plus(breakers.window_seconds);
        let recent = self.lost.iter().filter(|(at, _)| leaves(*at) > now);
        let lost = recent.clone().fold(U256::ZERO, |sum, (_, gas)| sum.saturating_add(*gas));
        if lost < limit {
            return None;
        }
        let mut left = lost;
        let until = recent.map(|(at, gas)| {
            left = left.saturating_sub(*gas);
            (left, leaves(*at))
        });
        let until = until.filter(|(left, _)| *left < limit).map(|(_, until)| until).min()?;
        let why = format!(
            "{} of gas was lost to reverts and cancellations within {} s, and the policy bears less than {}",
            Wei(lost),
            breakers.window_seconds,
            Wei(limit)
        );
        Some(StandDown { class: "*".to_owned(), until, why, by: Origin::Door })
    }

    pub(crate) fn statuses(&self) -> Vec<StrategyBooks> {
        let whole = |(name, account): (&String, &Account)| StrategyBooks {
            strategy: name.clone(),
            changes: account.changes.iter().map(|(asset, change)| (*asset, *change)).collect(),
            ..account.books.clone()
        };
        self.strategies.iter().map(whole).collect()
    }
}

impl Account {
    fn mined(&mut self, mined: &Mined) {
        self.books.gas_paid = Wei(self.books.gas_paid.0.saturating_add(mined.gas_paid.0));
        for BalanceDelta { asset, change, .. } in mined.deltas.iter().filter(|delta| !delta.change.is_zero())
        {
            let sum = self.changes.entry(*asset).or_default();
            *sum = sum.saturating_add(*change);
        }
    }

    /// After as many reverts in a row as the policy bears, it rests. When that is over, it may try once more, and one more
    /// revert has it rest again.
    fn rests(&self, strategy: &str, breakers: &Breakers, now: Timestamp) -> Option<StandDown> {
        let (most, until) = (breakers.reverts?, self.reverted_at.plus(breakers.rest_seconds));
        let why = || format!("{} transactions in a row reverted", self.reverts);
        let rest = || StandDown { class: strategy.to_owned(), until, why: why(), by: Origin::Door };
        (self.reverts >= most && now < until).then(rest)
    }
}

#[cfg(test)]
mod tests {
    use agent_core::scripted::sample_mined;

    use super::*;

    const BREAKERS: Breakers = Breakers {
        window_seconds: 100,
        gas_lost: Some(U256::from_limbs([60_000, 0, 0, 0])),
        reverts: Some(2),
        rest_seconds: 50,
    };

    /// Plays `ends` of one strategy, each at its time, and tells what rests at `now`.
    fn check(ends: &[(u64, Settlement)], now: u64) -> Vec<(String, u64)> {
        let mut books = Books::default();
        for (at, settlement) in ends {
            let subject = B256::from(U256::from(*at));
            books.opened(subject, "arb");
            books.ended(subject, settlement, Timestamp(*at));
        }
        let rests = books.tripped(Some(&BREAKERS), Timestamp(now));
        rests.into_iter().map(|rest| (rest.class, rest.until.0)).collect()
    }

    fn reverted() -> Settlement {
        Settlement::Reverted(sample_mined(1))
    }

    #[test]
    fn a_streak_of_reverts_rests_its_strategy_for_a_while() {
        let rests = |until| vec![("arb".to_owned(), until)];
        assert_eq!(check(&[(10, reverted())], 11), []);
        assert_eq!(check(&[(10, reverted()), (20, reverted())], 69), rests(70));
        assert_eq!(check(&[(10, reverted()), (20, reverted())], 70), []);
        let dropped = Settlement::Dropped { why: String::new() };
        assert_eq!(check(&[(10, reverted()), (15, dropped), (20, reverted())], 60), rests(70));
        let settled = Settlement::Settled(sample_mined(1));
        assert_eq!(check(&[(10, reverted()), (15, settled), (20, reverted())], 60), []);
        assert_eq!(
            check(&[(10, reverted()), (120, reverted()), (240, reverted())], 250),
            rests(290),
            "once more, and again"
        );
    }

    #[test]
    fn lost_gas_rests_everything_until_it_is_out_of_the_window() {
        let cancelled = || Settlement::Cancelled(sample_mined(1));
        assert_eq!(check(&[(10, cancelled()), (20, cancelled())], 30), [], "42,000 of 60,000");
        let three = [(10, cancelled()), (20, cancelled()), (30, cancelled())];
        assert_eq!(check(&three, 31), [("*".to_owned(), 110)], "until the first is out of the window");
        assert_eq!(check(&three, 110), []);
    }

    #[test]
    fn the_operator_ends_a_rest() {
        let mut books = Books::default();
        for at in 0..3u8 {
            books.opened(B256::repeat_byte(at), "arb");
            books.ended(B256::repeat_byte(at), &reverted(), Timestamp(10));
        }
        let resting = |books: &Books| books.tripped(Some(&BREAKERS), Timestamp(11)).len();
        assert_eq!(resting(&books), 2);
        books.resumed("arb");
        assert_eq!(resting(&books), 1);
        books.resumed("*");
        assert_eq!(resting(&books), 0);
        assert_eq!(books.statuses()[0].reverted, 3, "what was paid was paid");
    }
}
