//! An intent's calls against the allow-lists: by contract and function, then by what the arguments mean.
//!
//! What carries other calls is allowed when its own function is listed, and each thing that it carries is allowed by itself.

use std::collections::BTreeMap;

use agent_core::{
    Call, Refusal,
    units::{Asset, Timestamp, TokenAmount},
};
use alloy_primitives::{Address, U256};

use super::known;
use crate::{
    decode::{self, Effect, Inner, Meaning, Unread},
    policy::{Function, Policy},
};

/// Everything that speaks against `call` of the executor. Deadlines inside are judged by `now`, and not where there is none.
pub(crate) fn objections(policy: &Policy, call: &Call, now: Option<Timestamp>) -> Vec<Refusal> {
    let Some(executor) = policy.executor else { return vec![Refusal::NoExecutor] };
    let mut bench =
        Bench { policy, executor, now, declared: call.spend, taken: BTreeMap::new(), found: vec![] };
    let selector = call.data.first_chunk::<4>().copied();
    let rule = policy.contracts.get(&call.target);
    let spends = call.spend.is_none() || rule.is_some_and(|rule| rule.spender);
    match selector.and_then(|selector| policy.function(call.target, selector)) {
        Some(function) if spends => {
            bench.function(function, call.target, || decode::call(executor, call.target, &call.data));
        }
        Some(_) | None => {
            let selector = call.data.get(..4).unwrap_or_default().to_vec().into();
            bench.found.push(Refusal::CallNotAllowed { target: call.target, selector });
        }
    }
    if let Some(spend) = call.spend {
        bench.known(spend.token);
    }
    bench.found
}

/// What is weighed for one call, and what was found against it.
struct Bench<'a> {
    policy: &'a Policy,
    executor: Address,
    now: Option<Timestamp>,
    /// What the executor approves for this call, and no more.
    declared: Option<TokenAmount>,
    /// What all its parts together take, so far.
    taken: BTreeMap<Address, U256>,
    found: Vec<Refusal>,
}

impl Bench<'_> {
    /// A call of a listed function. What it means is asked only where the operator wants it judged.
    fn function(
        &mut self,
        function: &Function,
        target: Address,
        meaning: impl FnOnce() -> Result<Meaning, Unread>,
    ) {
        if function.opaque {
            return;
        }
        match meaning() {
            Ok(meaning) => self.meaning(&meaning, function.selector),
            Err(unread) => {
                let Function { signature, .. } = function;
                self.found.push(Refusal::Undecodable(format!("{signature} of {target}: {unread}")));
            }
        }
    }

    fn meaning(&mut self, meaning: &Meaning, selector: [u8; 4]) {
        for effect in &meaning.effects {
            self.effect(effect, meaning, selector);
        }
        for inner in &meaning.inside {
            match inner {
                Inner::Command(command) => self.meaning(command, selector),
                Inner::Call { target, selector, meaning, .. } => {
                    match self.policy.function(*target, *selector) {
                        Some(function) => self.function(function, *target, || meaning.clone()),
                        None => self.forbid(*target, *selector),
                    }
                }
            }
        }
    }

    fn effect(&mut self, effect: &Effect, meaning: &Meaning, selector: [u8; 4]) {
        match *effect {
            Effect::Spends { token, most } => self.takes(meaning.caller, token, most, true),
            // What is owed counts like what is spent: the caps are for it too, and nobody approves it otherwise.
            Effect::Owes { token, amount } => self.takes(meaning.caller, token, amount, false),
            Effect::Pays { asset, to, .. } => {
                if let Some(Asset::Token(token)) = asset {
                    self.known(token);
                }
                self.receives(meaning.target, to);
            }
            Effect::Passes(token) | Effect::Liquidates { collateral: token, .. } => self.known(token),
            Effect::OnBehalf(account) if account != self.executor => {
                self.found.push(Refusal::RecipientNotAllowed(account));
            }
            Effect::OnBehalf(_) => {}
            Effect::Until(deadline) => self.until(deadline),
            Effect::Coin(_) | Effect::Allows { .. } | Effect::Takes { .. } | Effect::Unjudged(_) => {
                self.forbid(meaning.target, selector);
            }
        }
    }

    fn forbid(&mut self, target: Address, selector: [u8; 4]) {
        let selector = selector.to_vec().into();
        self.found.push(Refusal::CallNotAllowed { target, selector });
    }

    fn known(&mut self, token: Address) {
        self.found.extend(known(self.policy, token).err());
    }

    /// All parts together take no more of a token than the call declares. `open` amounts may be the largest number, which
    /// means what was approved.
    fn takes(&mut self, caller: Address, token: Address, amount: U256, open: bool) {
        self.known(token);
        // Only the executor approves, and only for the call itself: whoever is called by another contract can take nothing.
        let declared = self.declared.filter(|spend| spend.token == token && caller == self.executor);
        let allowed = declared.map_or(U256::ZERO, |spend| spend.raw);
        if open && amount == U256::MAX && !allowed.is_zero() {
            return;
        }
        let sum = self.taken.get(&token).copied().unwrap_or_default().checked_add(amount);
        self.taken.insert(token, sum.unwrap_or(U256::MAX));
        if sum.is_none_or(|sum| sum > allowed) {
            let shown = |raw| match self.policy.tokens.get(&token) {
                Some(rule) => rule.token.display(raw),
                None => raw.to_string(),
            };
            self.found.push(Refusal::OverLimit {
                limit: "what a call takes, against what it declares to spend,".to_owned(),
                asked: shown(sum.unwrap_or(U256::MAX)),
                allowed: shown(allowed),
            });
        }
    }

    /// The executor receives; and people, where the operator says that this contract may pay them.
    fn receives(&mut self, target: Address, to: Address) {
        let people = self.policy.contracts.get(&target).is_some_and(|rule| rule.pays_recipients);
        if to != self.executor && !(people && self.policy.parties.recipients.contains(&to)) {
            self.found.push(Refusal::RecipientNotAllowed(to));
        }
    }

    /// The same window as for the intent's own deadline.
    fn until(&mut self, deadline: U256) {
        let Some(now) = self.now else { return };
        let deadline = u64::try_from(deadline).unwrap_or(u64::MAX);
        let latest = now.plus(self.policy.limits.deadline_seconds);
        if deadline <= now.0 || deadline > latest.0 {
            self.found.push(Refusal::Deadline { deadline, now: now.0 });
        }
    }
}
