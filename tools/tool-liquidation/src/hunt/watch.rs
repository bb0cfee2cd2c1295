//! Which accounts are near liquidation.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::units::Timestamp;
use alloy_primitives::{Address, U256};

use crate::{
    positions::Positions,
    v3_0::{Account, Moment, WAD},
};

/// Accounts below this health factor (1.1) are computed at every block.
const BAND: U256 = U256::from_limbs([1_100_000_000_000_000_000, 0, 0, 0]);
/// After this many seconds every account is computed: interest moves them all, slowly.
const SWEEP: u64 = 600;

/// Why accounts are not watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Unwatched {
    /// They owe at a stable rate.
    pub(crate) stable: usize,
    /// Something of theirs has no price.
    pub(crate) unpriced: usize,
}

/// The accounts of all who owe something, each as of when it was last computed.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    accounts: BTreeMap<Address, Account>,
    unwatched: Unwatched,
    swept: Option<Timestamp>,
}

impl Watch {
    /// Computes the accounts that may have changed: these users', those that hold an asset whose price changed, and
    /// all that are near liquidation. Now and then, everybody's.
    pub(crate) fn update(
        &mut self,
        moment: &Moment,
        now: Timestamp,
        positions: &Positions,
        users: &BTreeSet<Address>,
        assets: &BTreeSet<Address>,
    ) {
        if !assets.is_empty() || self.swept.is_none_or(|swept| swept.plus(SWEEP) <= now) {
            // One price moves most accounts of a pool; computing all costs microseconds each.
            self.sweep(moment, now, positions);
            return;
        }
        let near = self.accounts.iter().filter(|(_, account)| account.health < BAND);
        let due: BTreeSet<Address> = near.map(|(user, _)| *user).chain(users.iter().copied()).collect();
        for user in due {
            self.compute(moment, positions, user);
        }
    }

    /// The accounts, by user.
    pub(crate) fn accounts(&self) -> &BTreeMap<Address, Account> {
        &self.accounts
    }

    /// Who can be liquidated.
    pub(crate) fn liquidatable(&self) -> impl Iterator<Item = (&Address, &Account)> {
        self.accounts.iter().filter(|(_, account)| account.health < WAD)
    }

    /// Who is left out, as of the last sweep.
    pub(crate) const fn unwatched(&self) -> Unwatched {
        self.unwatched
    }

    fn sweep(&mut self, moment: &Moment, now: Timestamp, positions: &Positions) {
        self.accounts.clear();
        self.unwatched = Unwatched::default();
        self.swept = Some(now);
        for (user, position) in positions.iter() {
            if position.owes_stable() {
                self.unwatched.stable = self.unwatched.stable.saturating_add(1);
            } else if position.owes() && !self.compute(moment, positions, *user) {
                self.unwatched.unpriced = self.unwatched.unpriced.saturating_add(1);
            }
        }
    }

    fn compute(&mut self, moment: &Moment, positions: &Positions, user: Address) -> bool {
        let owing = positions.get(&user).filter(|position| position.owes() && !position.owes_stable());
        let account = owing.and_then(|position| moment.account(position));
        match account {
            Some(account) => self.accounts.insert(user, account),
            None => self.accounts.remove(&user),
        };
        account.is_some()
    }
}
