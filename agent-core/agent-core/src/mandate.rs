//! Standing orders: durable, expiring mandates for one class of opportunity.

use std::fmt;

use alloy_primitives::{Address, U256};
use serde::{Deserialize, Serialize};

use crate::{
    draft::{Draft, Origin},
    intent::{Action, Intent},
    units::{Timestamp, TokenAmount, UsdE8},
};

/// Names a standing order: chosen by whoever arms it, unique among live ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId(pub String);

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who armed an order. A planner's orders live within limits that the operator set in the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmedBy {
    /// The operator, by configuration or command.
    Operator,
    /// A planner, by a tool call.
    Planner,
}

/// A mandate: what the reflex lane may take without asking. It only ever narrows the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingOrder {
    /// Its name.
    pub id: OrderId,
    /// The class it covers: exactly this, or everything below it when it ends in `/*`.
    pub class: String,
    /// Who armed it.
    pub armed_by: ArmedBy,
    /// The least net value worth acting on.
    pub min_net: UsdE8,
    /// The most that one transaction may put to work, by token. A token that is not named here is not covered.
    pub max_notional: Vec<TokenAmount>,
    /// How many transactions it may make in all.
    pub uses: u32,
    /// Chain time when it ends.
    pub expires: Timestamp,
}

/// A class of opportunities that nobody takes for now, whatever covers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandDown {
    /// The class: exactly this, or everything below it when it ends in `/*`; or a strategy's name, for all that it finds; or
    /// `*`, for everything.
    pub class: String,
    /// Chain time when it ends.
    pub until: Timestamp,
    /// Why, in one sentence.
    pub why: String,
    /// Who asked: what the door saw, not what the command says.
    pub by: Origin,
}

impl StandDown {
    /// Whether it holds for `draft` at `now`.
    #[must_use]
    pub fn holds(&self, draft: &Draft, now: Timestamp) -> bool {
        now < self.until
            && (self.class == "*" || self.class == draft.strategy || names(&self.class, &draft.class))
    }
}

/// Whether `pattern` names `class`: exactly, or as one below it when it ends in `/*`.
fn names(pattern: &str, class: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == class, |prefix| prefix.ends_with('/') && class.starts_with(prefix))
}

/// Why a standing order does not cover a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum OutsideMandate {
    /// No such order, or it was disarmed.
    #[error("it is not armed")]
    NotArmed,
    /// Another class of opportunity.
    #[error("it is for another class")]
    Class,
    /// The order has ended.
    #[error("it has ended")]
    Expired,
    /// All its uses are spent.
    #[error("its uses are spent")]
    Spent,
    /// Worth less than the order's least value.
    #[error("it wants more value")]
    TooSmall,
    /// A token is not named, or more of it is put to work than its limit.
    #[error("it does not bear that much of every token that is put to work")]
    Notional,
}

impl StandingOrder {
    /// Whether `class` is one that this order covers.
    #[must_use]
    pub fn names(&self, class: &str) -> bool {
        names(&self.class, class)
    }

    /// Whether this order covers `draft` at `now`, `used` uses having been spent.
    ///
    /// # Errors
    /// The first reason why it does not.
    pub fn covers(&self, draft: &Draft, used: u32, now: Timestamp) -> Result<(), OutsideMandate> {
        if !self.names(&draft.class) {
            return Err(OutsideMandate::Class);
        }
        if now >= self.expires {
            return Err(OutsideMandate::Expired);
        }
        if used >= self.uses {
            return Err(OutsideMandate::Spent);
        }
        let appraisal = draft.appraisal.as_ref().ok_or(OutsideMandate::TooSmall)?;
        if appraisal.net().is_none_or(|net| net < self.min_net) {
            return Err(OutsideMandate::TooSmall);
        }
        if !self.bears(appraisal.notional.token, appraisal.notional.raw) {
            return Err(OutsideMandate::Notional);
        }
        match &draft.action {
            Action::Execute(intent) => self.bears_work(intent),
            Action::Maintain(_) => Err(OutsideMandate::Class),
        }
    }

    /// Whether every token that `intent` puts to work is named by this order, and none above its limit. An appraisal is
    /// the word of whoever made the draft; this is what the draft does.
    ///
    /// # Errors
    /// [`OutsideMandate::Notional`] when it is not.
    pub fn bears_work(&self, intent: &Intent) -> Result<(), OutsideMandate> {
        let work = intent.at_work().ok_or(OutsideMandate::Notional)?;
        let borne = work.into_iter().all(|(token, raw)| self.bears(token, raw));
        borne.then_some(()).ok_or(OutsideMandate::Notional)
    }

    fn bears(&self, token: Address, raw: U256) -> bool {
        self.max_notional.iter().find(|limit| limit.token == token).is_some_and(|limit| raw <= limit.raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::sample_opportunity;

    fn order() -> StandingOrder {
        let opportunity = sample_opportunity(1);
        StandingOrder {
            id: OrderId("o".into()),
            class: "sample/*".into(),
            armed_by: ArmedBy::Operator,
            min_net: UsdE8(1),
            max_notional: vec![opportunity.appraisal.notional],
            uses: 2,
            expires: Timestamp(100),
        }
    }

    #[test]
    fn an_order_covers_its_class_until_it_is_spent_or_over() {
        let draft = sample_opportunity(1).draft();
        assert_eq!(order().covers(&draft, 1, Timestamp(99)), Ok(()));
        assert_eq!(order().covers(&draft, 2, Timestamp(99)), Err(OutsideMandate::Spent));
        assert_eq!(order().covers(&draft, 0, Timestamp(100)), Err(OutsideMandate::Expired));
        let other = StandingOrder { class: "other/*".into(), ..order() };
        assert_eq!(other.covers(&draft, 0, Timestamp(0)), Err(OutsideMandate::Class));
        let choosy = StandingOrder { min_net: UsdE8(i128::MAX), ..order() };
        assert_eq!(choosy.covers(&draft, 0, Timestamp(0)), Err(OutsideMandate::TooSmall));
        let unnamed = StandingOrder { max_notional: vec![], ..order() };
        assert_eq!(unnamed.covers(&draft, 0, Timestamp(0)), Err(OutsideMandate::Notional));
    }

    #[test]
    fn a_modest_appraisal_does_not_hide_a_large_intent() {
        let mut draft = sample_opportunity(1).draft();
        let Action::Execute(intent) = &mut draft.action else { panic!("maintenance") };
        intent.calls.push(intent.calls[0].clone());
        assert_eq!(order().covers(&draft, 0, Timestamp(0)), Err(OutsideMandate::Notional), "twice the limit");
        let Action::Execute(intent) = &mut draft.action else { panic!("maintenance") };
        intent.calls.truncate(1);
        intent.calls[0].spend = Some(TokenAmount { token: Address::repeat_byte(9), raw: U256::ONE });
        assert_eq!(order().covers(&draft, 0, Timestamp(0)), Err(OutsideMandate::Notional), "another token");
        draft.action = Action::Maintain(crate::Maintenance::DeployExecutor);
        assert_eq!(order().covers(&draft, 0, Timestamp(0)), Err(OutsideMandate::Class));
    }

    #[test]
    fn a_star_ends_a_path_and_nothing_else() {
        let named = |class: &str| StandingOrder { class: class.into(), ..order() }.names("sample/one");
        assert!(named("sample/*") && named("sample/one"));
        assert!(!named("sam*") && !named("*") && !named("sample") && !named("sample/one/*"));
    }
}
