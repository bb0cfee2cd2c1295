//! From what the agent does to what is shown: quick, as it runs on the agent's own path.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy::primitives::{Address, B256, I256};
use keepwright::{
    core::{
        BalanceDelta, Mined, OpportunityId, Origin, Outcome, Plan, Settlement,
        ports::{Clock, Moment, Observer, SimulatedOutcome},
        units::{Asset, BlockNumber},
    },
    evm::SystemClock,
};
use tokio::sync::mpsc::UnboundedSender;

use super::{Delta, Event, Names, event::outcome};
use crate::config::dollars;

/// Watches the agent, counts, and passes on what is worth showing.
#[derive(Debug)]
pub(crate) struct Watcher {
    clock: SystemClock,
    names: Names,
    events: UnboundedSender<Event>,
    seen: Mutex<Seen>,
}

/// What was seen so far.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// When each of the last blocks' events arrived.
    heads: BTreeMap<BlockNumber, Duration>,
    published: BTreeMap<OpportunityId, BlockNumber>,
    planned: Option<Plan>,
    /// Whose it is, and who decided on it.
    origins: BTreeMap<OpportunityId, (String, Origin)>,
    simulated: BTreeMap<OpportunityId, Vec<BalanceDelta>>,
    /// Microseconds from a block's arrival to the broadcast of what was found in it.
    pub(crate) latencies: Vec<u64>,
    blocks: BTreeMap<B256, Tally>,
    /// How many intents of each strategy and kind of origin were settled.
    settled: BTreeMap<(String, Speed), u64>,
    pub(crate) refusals: u64,
}

/// Who decided on an intent, as far as the summary tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Speed {
    Reflex,
    Planner,
    Operator,
}

impl Speed {
    const fn of(origin: &Origin) -> Self {
        match origin {
            Origin::Reflex { .. } => Self::Reflex,
            Origin::Planner { .. } => Self::Planner,
            Origin::Operator | Origin::Sweep | Origin::Door => Self::Operator,
        }
    }
}

/// Heads that are remembered for latencies.
const HEADS: usize = 64;

impl Watcher {
    pub(crate) fn new(names: Names, events: UnboundedSender<Event>) -> Self {
        Self { clock: SystemClock::start(), names, events, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was seen so far.
    pub(crate) fn so_far(&self) -> Seen {
        self.seen().clone()
    }

    /// Shows something that no agent did. A view that is gone is no reason to stop.
    pub(crate) fn show(&self, event: Event) {
        drop(self.events.send(event));
    }

    fn named(&self, deltas: &[BalanceDelta]) -> Vec<Delta> {
        let moved = deltas.iter().filter(|delta| !delta.change.is_zero());
        let named = |delta: &BalanceDelta| Delta {
            holder: self.names.holder(delta.holder),
            change: self.names.change(delta),
        };
        moved.map(named).collect()
    }

    fn latency(&self, id: OpportunityId) -> Option<u64> {
        let mut seen = self.seen();
        let block = seen.published.get(&id)?;
        let arrived = *seen.heads.get(block)?;
        let micros = u64::try_from(self.clock.now().checked_sub(arrived)?.as_micros()).ok()?;
        seen.latencies.push(micros);
        Some(micros)
    }

    /// The rungs of the ladder, as they are climbed.
    #[expect(clippy::wildcard_enum_match_arm, reason = "everything else is told elsewhere, or not at all")]
    fn at_the_door(&self, moment: Moment<'_>) -> Option<Event> {
        Some(match moment {
            Moment::Offered(draft, origin) => {
                self.seen().origins.insert(draft.id, (draft.strategy.clone(), origin.clone()));
                Event::Offered { id: draft.id, class: draft.class.clone(), by: by(origin) }
            }
            Moment::Simulated(id, simulation) => {
                self.seen().simulated.insert(id, simulation.deltas.clone());
                Event::Simulated {
                    id,
                    block: simulation.at.number.0,
                    success: simulation.outcome == SimulatedOutcome::Success,
                    gas: simulation.gas_used,
                    deltas: self.named(&simulation.deltas),
                }
            }
            Moment::Approved(id) => Event::Approved { id },
            Moment::Waits(question) => Event::Waits {
                id: question.id,
                digest: question.digest,
                why: question.why.clone(),
                shown: question.shown.clone(),
                expires: question.expires.0,
            },
            Moment::Refused(id, refusal) => {
                let mut seen = self.seen();
                seen.refusals = seen.refusals.saturating_add(1);
                seen.origins.remove(&id);
                seen.simulated.remove(&id);
                Event::Refused { id, reason: refusal.to_string() }
            }
            Moment::Recorded(id, sequence) => Event::Recorded { id, entry: sequence.0 },
            Moment::Sent(id, sent) => Event::Sent {
                id,
                transaction: sent.transaction,
                nonce: sent.nonce,
                block_to_broadcast_us: self.latency(id),
            },
            Moment::Closed(id, outcome) => self.closed(id, outcome),
            _ => return None,
        })
    }

    fn closed(&self, id: OpportunityId, ended: &Outcome) -> Event {
        let (outcome, detail, gas_wei, deltas) = outcome(ended);
        let mut seen = self.seen();
        let mut as_simulated = false;
        if let Outcome::Closed(Settlement::Settled(mined)) = ended {
            if let Some((strategy, origin)) = seen.origins.get(&id).cloned() {
                let settled = seen.settled.entry((strategy, Speed::of(&origin))).or_default();
                *settled = settled.saturating_add(1);
            }
            as_simulated = seen.tally(id, mined);
        }
        seen.forget(id);
        drop(seen);
        Event::Closed { id, outcome, detail, gas_wei, deltas: self.named(deltas), as_simulated }
    }
}

/// What one block did to the watched tokens, and what the simulations of our intents in it had said. Balances belong to
/// blocks: where several of ours are in one, only their sum can be compared.
#[derive(Debug, Default, Clone)]
struct Tally {
    intents: u64,
    simulated: BTreeMap<(Address, Asset), I256>,
    real: BTreeMap<(Address, Asset), I256>,
}

impl Tally {
    fn is_as_simulated(&self) -> bool {
        self.simulated == self.real
    }
}

/// Changes of tokens. The native coin differs by the gas, which simulations do not pay.
fn tokens(deltas: &[BalanceDelta]) -> impl Iterator<Item = ((Address, Asset), I256)> {
    let tokens = deltas.iter().filter(|delta| delta.asset != Asset::Native);
    tokens.map(|delta| ((delta.holder, delta.asset), delta.change))
}

impl Seen {
    /// Whether this is the first time: each strategy hears of every block, and so do backfills.
    fn arrived(&mut self, block: BlockNumber, at: Duration) -> bool {
        let first = !self.heads.contains_key(&block);
        self.heads.entry(block).or_insert(at);
        while self.heads.len() > HEADS {
            self.heads.pop_first();
        }
        first
    }

    /// Adds a settled intent to its block; whether the block is, by now, to the wei what was simulated.
    fn tally(&mut self, id: OpportunityId, mined: &Mined) -> bool {
        let tally = self.blocks.entry(mined.block.hash).or_default();
        if self.origins.get(&id).is_none_or(|(_, origin)| *origin != Origin::Operator) {
            tally.intents = tally.intents.saturating_add(1);
        }
        tally.real = tokens(&mined.deltas).collect();
        for (key, change) in self.simulated.get(&id).map(Vec::as_slice).into_iter().flat_map(tokens) {
            let sum = tally.simulated.entry(key).or_default();
            *sum = sum.saturating_add(change);
        }
        tally.is_as_simulated()
    }

    /// How many of the settled intents are in blocks that did to the wei what was simulated.
    pub(crate) fn as_simulated(&self) -> u64 {
        let exact = self.blocks.values().filter(|tally| tally.is_as_simulated());
        exact.map(|tally| tally.intents).sum()
    }

    /// How many of those intents were settled.
    pub(crate) fn settled(&self, wanted: impl Fn(&str, Speed) -> bool) -> u64 {
        let counts = self.settled.iter().filter(|((strategy, speed), _)| wanted(strategy, *speed));
        counts.map(|(_, count)| count).sum()
    }

    /// The strategies that have settled something, and how much; what the operator did is no strategy's.
    pub(crate) fn by_strategy(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for ((strategy, _), count) in self.settled.iter().filter(|((_, by), _)| *by != Speed::Operator) {
            let sum: &mut u64 = counts.entry(strategy.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        counts
    }

    /// What has ended is counted, and otherwise forgotten: a keeper runs for months.
    fn forget(&mut self, id: OpportunityId) {
        self.published.remove(&id);
        self.origins.remove(&id);
        self.simulated.remove(&id);
    }
}

fn by(origin: &Origin) -> String {
    match origin {
        Origin::Reflex { order } => format!("standing order {order}"),
        Origin::Planner { .. } => "the planner".to_owned(),
        Origin::Operator => "the operator".to_owned(),
        Origin::Sweep => "the sweep".to_owned(),
        Origin::Door => "the door".to_owned(),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not told here is told at the door, or not at all"
)]
impl Observer for Watcher {
    fn saw(&self, moment: Moment<'_>) {
        let event = match moment {
            Moment::Head(head) => {
                if !self.seen().arrived(head.block.number, self.clock.now()) {
                    return;
                }
                Event::Head {
                    number: head.block.number.0,
                    timestamp: head.block.timestamp.0,
                    base_fee_wei: head.base_fee.to_string(),
                }
            }
            Moment::Published(opportunity) => {
                let known =
                    self.seen().published.insert(opportunity.id, opportunity.seen_at.number).is_some();
                if known {
                    return;
                }
                Event::Opportunity {
                    id: opportunity.id,
                    class: opportunity.class.clone(),
                    net_usd: opportunity.appraisal.net().map(dollars).unwrap_or_default(),
                    facts: opportunity.facts.clone(),
                }
            }
            Moment::Withdrawn(id) => {
                // What is at the door is still needed when it closes.
                if !self.seen().origins.contains_key(&id) {
                    self.seen().forget(id);
                }
                Event::Withdrawn { id }
            }
            Moment::Planned(plan) => {
                // Waiting on for the same reason is no news.
                if self.seen().planned.replace(plan.clone()).as_ref() == Some(plan) {
                    return;
                }
                let calls = plan.calls.iter().map(|call| format!("{} {}", call.tool, call.arguments));
                Event::Planned { reason: plan.reason.clone(), calls: calls.collect() }
            }
            Moment::PlanFailed(why) => Event::PlanFailed { why: why.to_owned() },
            Moment::Remembered(record) => {
                Event::Remembered { subject: record.subject.clone(), text: record.text.clone() }
            }
            Moment::Warned(text) => Event::Warned { text: text.to_owned() },
            moment => match self.at_the_door(moment) {
                Some(event) => event,
                None => return,
            },
        };
        self.show(event);
    }
}
