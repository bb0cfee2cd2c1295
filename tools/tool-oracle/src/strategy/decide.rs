//! Whether a feed's update is due, and what it is.

use std::collections::BTreeMap;

use agent_core::{
    Appraisal, Intent, Opportunity, OpportunityId,
    ports::Outbox,
    units::{BlockNumber, BlockRef, Timestamp, TokenAmount, UsdE8, Wei},
};
use alloy_primitives::U256;

use super::{FeedStrategy, STRATEGY, feed::Feed};
use crate::{
    aggregate::Value,
    board::Shut,
    mode::{Verdict, Why, WhyNot},
    standing::{Decision, Standing},
    target::{Held, Takes, Unread, Update},
};

/// How many digits the native coin has.
const NATIVE_DECIMALS: u8 = 18;

/// An update that is due.
struct Due {
    why: Why,
    value: Value,
    held: Held,
    update: Update,
}

impl FeedStrategy {
    /// Decides for one feed, and publishes or withdraws.
    pub(super) fn decide(&mut self, place: usize, outbox: &mut Outbox) {
        let Some(feed) = self.feeds.get(place) else { return };
        let (at, held) = feed.held.unwrap_or((BlockRef::default(), Err(Unread::NotYet)));
        let aggregate = feed.config.aggregation.aggregate(&feed.sightings, at.timestamp);
        let name = feed.config.name.clone();
        let due = held.map_err(Decision::Unread).and_then(|held| {
            let value = aggregate.value.clone().map_err(Decision::NoValue)?;
            self.due(feed, held, value, at.timestamp)
        });
        let due_since = due.is_ok().then(|| feed.due_since.unwrap_or(at.number));
        let decided = due.and_then(|due| self.opportunity(feed, due, (at, due_since.unwrap_or(at.number))));
        let decision = match decided {
            Ok((why, opportunity)) => {
                let id = opportunity.id;
                self.board.publish(&name, opportunity, outbox);
                Decision::Due(why, id)
            }
            Err(decision) => {
                self.board.withdraw(&name, outbox);
                decision
            }
        };
        let held = held.ok().and_then(|held| held.value);
        if let Some(feed) = self.feeds.get_mut(place) {
            feed.standing = Standing { at, decision, held, aggregate: Some(aggregate) };
            feed.due_since = due_since;
        }
    }

    /// Leaves a copy for the tools.
    pub(super) fn publish_view(&self) {
        let mut standings = self.view.lock();
        for feed in &self.feeds {
            let known = standings.get(&feed.config.name) == Some(&feed.standing);
            if !known {
                standings.insert(feed.config.name.clone(), feed.standing.clone());
            }
        }
    }

    fn due(&self, feed: &Feed, held: Held, value: Value, now: Timestamp) -> Result<Due, Decision> {
        let target = &feed.config.target;
        // What would be sent is what is compared: otherwise digits that the target does not keep would be due for ever.
        let value = Value { value: value.value.cut_to(target.decimals()), ..value };
        match held.takes {
            Takes::Any => {}
            Takes::Between(min, max) if value.value >= min && value.value <= max => {}
            Takes::Between(..) => return Err(Decision::Quiet(WhyNot::OutOfBounds)),
            Takes::NotEligible => return Err(Decision::NotEligible),
            Takes::Underfunded => return Err(Decision::Underfunded),
        }
        match feed.config.mode.verdict(&held, &value, now) {
            Verdict::Due(why) => {
                let update = target.update(&held, &value, self.config.executor, now);
                Ok(Due { why, value, held, update: update.ok_or(Decision::Unsendable)? })
            }
            Verdict::Early => Err(Decision::Early),
            Verdict::Quiet(why) => Err(Decision::Quiet(why)),
        }
    }

    fn opportunity(
        &self,
        feed: &Feed,
        due: Due,
        (at, since): (BlockRef, BlockNumber),
    ) -> Result<(Why, Opportunity), Decision> {
        let name = &feed.config.name;
        let subject = [feed.config.target.address().as_slice(), name.as_bytes()].concat();
        let id = OpportunityId::derive(STRATEGY, &subject, &due.update.occasion);
        match self.board.shut(&id) {
            None => {}
            Some(Shut::Done) => return Err(Decision::Done),
            Some(Shut::Reverted) => return Err(Decision::Reverted),
            Some(Shut::Resting(until)) if until < at.number => {}
            Some(Shut::Resting(until)) => return Err(Decision::Resting(until)),
        }
        let turn = BlockNumber(since.0.saturating_add(self.config.terms.standby_blocks));
        if at.number < turn {
            return Err(Decision::Standby(due.why, turn));
        }
        let facts = facts(name, &due);
        let Due { why, update, .. } = due;
        let deadline = self.config.block_time.saturating_mul(self.config.terms.deadline_blocks);
        let intent = Intent {
            borrow: None,
            calls: update.calls,
            floors: update.floors,
            deadline: at.timestamp.plus(deadline),
        };
        let gas = self.gas().ok_or(Decision::Unsendable)?;
        let notional = TokenAmount { token: self.config.notional, raw: U256::ZERO };
        let appraisal = Appraisal { gross: update.gross, gas, notional };
        let class = format!("{STRATEGY}/{name}");
        let opportunity =
            Opportunity { id, strategy: STRATEGY.to_owned(), class, seen_at: at, appraisal, intent, facts };
        Ok((why, opportunity))
    }

    /// What an update costs at the head's base fee.
    fn gas(&self) -> Option<UsdE8> {
        let terms = self.config.terms;
        let base_fee = self.head.map(|head| head.base_fee).unwrap_or_default();
        UsdE8::value_of(Wei::for_gas(terms.gas, base_fee)?.0, NATIVE_DECIMALS, terms.native_price)
    }
}

fn facts(name: &str, due: &Due) -> BTreeMap<String, String> {
    let held = due.held.value.map_or_else(|| "none".to_owned(), |held| held.to_string());
    let mut facts = BTreeMap::from([
        ("feed", name.to_owned()),
        ("value", due.value.value.to_string()),
        ("held", held),
        ("why", due.why.to_string()),
        ("sources", due.value.points.len().to_string()),
    ]);
    if let Some(round) = due.held.round {
        facts.insert("round", round.id.to_string());
    }
    facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
