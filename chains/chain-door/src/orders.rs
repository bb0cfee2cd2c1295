//! Live standing orders, as the journal tells them.

use std::collections::BTreeMap;

use agent_core::{
    ArmedBy, OrderId, Origin, Refusal, StandingOrder,
    ports::{Command, OrderStatus, Sequence},
    units::Timestamp,
};

use crate::{
    judge::Mandate,
    policy::{PlannerRule, Policy},
};

/// The book of live orders. Changed only by what the journal has already written, so that a restart finds the same book.
#[derive(Debug, Default)]
pub(crate) struct OrderBook {
    live: BTreeMap<OrderId, Armed>,
}

#[derive(Debug)]
struct Armed {
    status: OrderStatus,
    /// The journal entry that armed it: an id that is armed again starts with fresh uses.
    since: Sequence,
}

impl OrderBook {
    /// Takes over a journalled command.
    pub(crate) fn apply(&mut self, command: Command, since: Sequence) {
        match command {
            Command::Arm(order) => {
                let armed = Armed { status: OrderStatus { order, used: 0 }, since };
                self.live.insert(armed.status.order.id.clone(), armed);
            }
            Command::Disarm(id) => {
                self.live.remove(&id);
            }
            Command::StandDown(_)
            | Command::Resume { .. }
            | Command::Reply { .. }
            | Command::Confirm { .. } => {}
        }
    }

    /// Counts one journalled use.
    pub(crate) fn used(&mut self, origin: &Origin) {
        if let Origin::Reflex { order } = origin
            && let Some(armed) = self.live.get_mut(order)
        {
            armed.status.used = armed.status.used.saturating_add(1);
        }
    }

    /// The mandate that `origin` acts under.
    pub(crate) fn mandate(&self, origin: &Origin) -> Option<Mandate> {
        let Origin::Reflex { order } = origin else { return None };
        let Armed { status, since } = self.live.get(order)?;
        let budget = format!("order/{}/{}", order, since.0);
        Some(Mandate { order: status.order.clone(), used: status.used, budget })
    }

    pub(crate) fn statuses(&self) -> Vec<OrderStatus> {
        self.live.values().map(|armed| armed.status.clone()).collect()
    }

    /// Whether `origin` may give `command` now; the command as it is to be journalled.
    pub(crate) fn check(
        &self,
        policy: &Policy,
        command: Command,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<Command, Refusal> {
        let armed_by = match origin {
            Origin::Operator => ArmedBy::Operator,
            Origin::Planner { .. } => ArmedBy::Planner,
            // The reflex lane acts under orders; it does not give them.
            Origin::Reflex { .. } | Origin::Sweep | Origin::Door => return Err(Refusal::OperatorOnly),
        };
        let Command::Arm(order) = command else { return Ok(command) };
        let order = StandingOrder { armed_by, ..order };
        if let Some(live) = self.live.get(&order.id)
            && now < live.status.order.expires
        {
            return Err(Refusal::AlreadyArmed(order.id));
        }
        if armed_by == ArmedBy::Planner {
            within(&policy.parties.planner, &order, now)?;
        }
        Ok(Command::Arm(order))
    }
}

/// A planner's order must lie within what the operator lets planners arm.
fn within(rule: &PlannerRule, order: &StandingOrder, now: Timestamp) -> Result<(), Refusal> {
    let over = |limit: &str, asked: String, allowed: String| Refusal::OverLimit {
        limit: limit.to_owned(),
        asked,
        allowed,
    };
    if !rule.may_arm.iter().any(|allowed| reaches(allowed, &order.class)) {
        return Err(over("classes that a planner may arm", order.class.clone(), rule.may_arm.join(", ")));
    }
    if order.uses > rule.max_uses {
        return Err(over("uses of a planner's order", order.uses.to_string(), rule.max_uses.to_string()));
    }
    let latest = now.plus(rule.max_seconds);
    if order.expires > latest {
        return Err(over("end of a planner's order", order.expires.to_string(), latest.to_string()));
    }
    Ok(())
}

/// Whether everything that `class` names lies within `allowed`.
fn reaches(allowed: &str, class: &str) -> bool {
    allowed
        .strip_suffix('*')
        .map_or(allowed == class, |prefix| class.starts_with(prefix) && prefix.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use agent_core::units::UsdE8;

    use super::*;

    #[test]
    fn a_planner_arms_only_within_its_limits() {
        assert!(reaches("liq/*", "liq/WETH/USDC") && reaches("liq/*", "liq/WETH/*") && reaches("a", "a"));
        assert!(!reaches("liq/WETH/*", "liq/*") && !reaches("liq", "liq/*") && !reaches("liq/*", "liquid"));
        let rule = PlannerRule { may_arm: vec!["liq/*".into()], max_uses: 2, max_seconds: 10 };
        let order = |class: &str, uses, expires| StandingOrder {
            id: OrderId("o".into()),
            class: class.into(),
            armed_by: ArmedBy::Planner,
            min_net: UsdE8(0),
            max_notional: vec![],
            uses,
            expires: Timestamp(expires),
        };
        let check = |order| within(&rule, &order, Timestamp(100)).is_ok();
        assert!(check(order("liq/A", 2, 110)));
        assert!(
            !check(order("arb/A", 2, 110))
                && !check(order("liq/A", 3, 110))
                && !check(order("liq/A", 2, 111))
        );
    }
}
