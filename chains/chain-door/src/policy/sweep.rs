//! The sweep of proceeds: what of an executor's tokens goes to one of the policy's recipients by itself, and when.
//!
//! A strategy that sweeps does nothing else. Its drafts are withdrawals like the operator's own: judged, simulated, recorded, and
//! paid from a gas budget of their own. How often is the journal's business: a budget of one per token and stretch of chain time.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{
    Action, Answered, Draft, Maintenance, OpportunityId, Query, Refusal,
    ports::Reservation,
    units::{Timestamp, Token},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, sol};

use super::{
    Policy, TokenRule,
    file::{PolicyError, amount, value},
    tables::SweepTable,
};
use crate::judge::SWEEP;

sol! {
    function balanceOf(address account) external view returns (uint256);
}

/// What a strategy sweeps.
#[derive(Debug, Clone)]
pub(crate) struct SweepRule {
    to: Address,
    /// Seconds of chain time between two sweeps of one token.
    every_seconds: u64,
    tokens: BTreeMap<Address, Swept>,
}

/// How much of a token stays, and how much more there must be to be worth it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Swept {
    token: Token,
    keep: U256,
    least: U256,
}

impl SweepRule {
    /// Reads the table of strategy `strategy`.
    pub(super) fn parse(
        strategy: &str,
        table: SweepTable,
        tokens: &BTreeMap<Address, TokenRule>,
        recipients: &BTreeSet<Address>,
    ) -> Result<Self, PolicyError> {
        let key = format!("strategies.{strategy}.sweep");
        if !recipients.contains(&table.to) {
            let problem = format!("names {}, which is not among `recipients`; add it there", table.to);
            return Err(value(format!("{key}.to"), problem));
        }
        if table.every_seconds == 0 {
            return Err(value(format!("{key}.every_seconds"), "is 0; write a larger number"));
        }
        let mut rule = Self { to: table.to, every_seconds: table.every_seconds, tokens: BTreeMap::new() };
        for row in table.tokens {
            let key = format!("{key}.tokens.{}", row.symbol);
            let known = tokens.values().find(|rule| rule.token.symbol == row.symbol);
            let unknown = || value(&key, "is not in `tokens`; add it there, or correct the symbol");
            let token = known.ok_or_else(unknown)?.token.clone();
            let keep = amount(&format!("{key}.keep"), &token, &row.keep)?;
            let least = amount(&format!("{key}.least"), &token, &row.least)?;
            if least.is_zero() {
                return Err(value(format!("{key}.least"), "is 0, which moves dust for ever; write more"));
            }
            if rule.tokens.insert(token.address, Swept { token, keep, least }).is_some() {
                return Err(value(key, "is there twice; keep one"));
            }
        }
        match rule.tokens.is_empty() {
            true => Err(value(format!("{key}.tokens"), "is empty; name what is swept")),
            false => Ok(rule),
        }
    }

    /// Whether it is this that the policy has swept. What stays behind is not looked at here: no simulation tells a balance.
    pub(crate) fn allows(&self, maintenance: &Maintenance) -> Result<(), Refusal> {
        let Maintenance::Withdraw { token, raw, to } = maintenance else { return Err(Refusal::OperatorOnly) };
        if *to != self.to {
            return Err(Refusal::RecipientNotAllowed(*to));
        }
        let Swept { token, least, .. } = self.tokens.get(token).ok_or(Refusal::TokenNotAllowed(*token))?;
        if raw < least {
            let limit = "what is too little to be swept".to_owned();
            let (asked, allowed) = (token.display(*raw), format!("from {} on", token.display(*least)));
            return Err(Refusal::OverLimit { limit, asked, allowed });
        }
        Ok(())
    }

    /// One sweep of a token in so much chain time, as a budget.
    pub(crate) fn once(&self, strategy: &str, token: Address) -> Reservation {
        let budget = format!("{SWEEP}//{strategy}/{token}");
        Reservation { budget, amount: U256::ONE, limit: U256::ONE, window: self.every_seconds }
    }

    pub(super) fn told(&self) -> String {
        let each = self.tokens.values().map(|Swept { token, keep, least }| {
            format!("{} above {}", token.display(*least), token.display(*keep))
        });
        let each: Vec<_> = each.collect();
        format!(
            "moves from {} on to {}, each once in {} s",
            each.join(" and from "),
            self.to,
            self.every_seconds
        )
    }
}

/// A strategy that sweeps, ready to look at its lane's executor.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// The strategy.
    pub strategy: String,
    /// The lane whose executor it sweeps.
    pub lane: String,
    executor: Address,
    rule: SweepRule,
}

impl Sweep {
    /// Every sweep of `policy` whose executor is deployed.
    pub(super) fn all(policy: &Policy) -> impl Iterator<Item = Self> {
        policy.parties.strategies.iter().filter_map(|(name, strategy)| {
            let (rule, executor) = (strategy.sweep.clone()?, policy.executor_of(name)?);
            Some(Self { strategy: name.clone(), lane: strategy.lane.clone(), executor, rule })
        })
    }

    /// What is read of the chain for it: the executor's balance of each token.
    #[must_use]
    pub fn questions(&self) -> Vec<Query> {
        let data = balanceOfCall { account: self.executor }.abi_encode();
        self.rule.tokens.keys().map(|token| Query { to: *token, data: data.clone().into() }).collect()
    }

    /// What is to be swept at `now`, given the answers to [`questions`](Self::questions): everything above what stays, where that
    /// is enough. One draft a token; its id is the stretch of chain time, so that the same is never swept twice in it, whatever
    /// crashes or is reorganised.
    #[must_use]
    pub fn drafts(&self, answers: &[Answered], now: Timestamp) -> Vec<Draft> {
        let swept = self.rule.tokens.values().zip(answers).filter_map(|(swept, answer)| {
            let balance = balanceOfCall::abi_decode_returns(answer.as_ref().ok()?).ok()?;
            let above = balance.checked_sub(swept.keep).filter(|above| *above >= swept.least)?;
            Some(self.draft(&swept.token, above, now))
        });
        swept.collect()
    }

    fn draft(&self, token: &Token, raw: U256, now: Timestamp) -> Draft {
        let stretch = now.0.checked_div(self.rule.every_seconds).unwrap_or_default();
        let to = self.rule.to;
        Draft {
            id: OpportunityId::derive(&self.strategy, token.address.as_slice(), &stretch.to_be_bytes()),
            strategy: self.strategy.clone(),
            class: format!("{}/{}", self.strategy, token.symbol),
            appraisal: None,
            action: Action::Maintain(Maintenance::Withdraw { token: token.address, raw, to }),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::scripted::*;

    fn sweep() -> Sweep {
        policy_of_sweeps().sweeps().next().unwrap()
    }

    fn answers(usdc: U256, weth: U256) -> Vec<Answered> {
        [usdc, weth].map(|balance| Ok(Bytes::from(balance.to_be_bytes::<32>().to_vec()))).to_vec()
    }

    fn raws(sweep: &Sweep, usdc: u64, weth: u64) -> Vec<(Address, U256)> {
        let drafts = sweep.drafts(&answers(U256::from(usdc), U256::from(weth)), Timestamp(NOW));
        let raw = |draft: &Draft| match &draft.action {
            Action::Maintain(Maintenance::Withdraw { token, raw, to: SAFE }) => (*token, *raw),
            other @ (Action::Maintain(_) | Action::Execute(_)) => panic!("{other:?}"),
        };
        drafts.iter().map(raw).collect()
    }

    #[test]
    fn what_is_above_the_rest_is_swept_once_it_is_enough() {
        // Keeps 100 USDC and nothing of WETH; from 50 USDC and 1 WETH on.
        let sweep = sweep();
        assert_eq!(sweep.questions().len(), 2);
        assert_eq!(raws(&sweep, 149_999_999, ETHER - 1), []);
        assert_eq!(raws(&sweep, 150_000_000, 0), [(USDC, U256::from(50_000_000))]);
        assert_eq!(
            raws(&sweep, 1_000_000_001, ETHER),
            [(USDC, U256::from(900_000_001)), (WETH, U256::from(ETHER))]
        );
        assert_eq!(raws(&sweep, 99_000_000, 0), [], "less than what stays");
        let failed = vec![Err(Bytes::new()), Ok(Bytes::from(vec![1; 31]))];
        assert!(sweep.drafts(&failed, Timestamp(NOW)).is_empty(), "what is not known is not swept");
        assert!(sweep.drafts(&[], Timestamp(NOW)).is_empty());
    }

    #[test]
    fn a_stretch_of_chain_time_is_one_opportunity() {
        let sweep = sweep();
        let id = |now| sweep.drafts(&answers(U256::from(LOAN), U256::ZERO), Timestamp(now))[0].id;
        // Stretches of 600 s.
        assert_eq!(id(1_200), id(1_799));
        assert_ne!(id(1_799), id(1_800));
    }

    proptest! {
        #[test]
        fn what_stays_stays_and_nothing_too_small_is_moved(balance in any::<[u8; 32]>()) {
            let balance = U256::from_be_bytes(balance);
            let drafts = sweep().drafts(&answers(balance, U256::ZERO), Timestamp(NOW));
            let (keep, least) = (U256::from(100_000_000), U256::from(50_000_000));
            match drafts.first().map(|draft| &draft.action) {
                Some(Action::Maintain(Maintenance::Withdraw { raw, .. })) => {
                    prop_assert!(*raw >= least);
                    prop_assert_eq!(raw.checked_add(keep), Some(balance));
                }
                _ => prop_assert!(balance.saturating_sub(keep) < least),
            }
        }
    }
}
