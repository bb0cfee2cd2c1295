//! When which fault happens.

use std::time::Duration;

use alloy::primitives::{Bytes, U256};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::kind::{Failure, Fault, FaultKind, Lie, Stage};

/// What passes through the proxy and may be hit by a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage<'a> {
    /// A websocket is being opened.
    Connection,
    /// A request of this method.
    Request(&'a str),
    /// A frame of a subscription: a log, or something else.
    Push {
        /// Whether it carries a log.
        log: bool,
    },
}

/// Which requests, or what else, a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Calls {
    /// Every request.
    Any,
    /// Requests of one of these methods.
    Of(Vec<String>),
    /// Requests of every method but these.
    AllBut(Vec<String>),
    /// What broadcasts a transaction: `eth_sendRawTransaction` and its kin.
    Sends,
    /// The frames of subscriptions.
    Pushes,
    /// The opening of a websocket.
    Connections,
}

impl Calls {
    /// Requests of one method.
    #[must_use]
    pub fn to(method: &str) -> Self {
        Self::Of(vec![method.to_owned()])
    }

    fn cover(&self, passage: Passage<'_>) -> bool {
        match (self, passage) {
            (Self::Any, Passage::Request(_))
            | (Self::Pushes, Passage::Push { .. })
            | (Self::Connections, Passage::Connection) => true,
            (Self::Of(methods), Passage::Request(method)) => methods.iter().any(|one| one == method),
            (Self::AllBut(methods), Passage::Request(method)) => methods.iter().all(|one| one != method),
            (Self::Sends, Passage::Request(method)) => is_send(method),
            _ => false,
        }
    }
}

fn is_send(method: &str) -> bool {
    matches!(method, "eth_sendRawTransaction" | "eth_sendRawTransactionSync" | "eth_sendTransaction")
}

/// Which of the passages that a rule is about it hits, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trigger {
    /// All, until the rule is removed.
    Always,
    /// The nth alone.
    Nth(u64),
    /// The first so many.
    First(u64),
    /// Each nth.
    Every(u64),
    /// Each with a probability in thousandths. Which ones is a function of the schedule's seed, the rule's place and the
    /// passage's count, and of nothing else.
    PerMille(u16),
}

impl Trigger {
    fn fires(self, count: u64, seed: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Nth(nth) => count == nth,
            Self::First(first) => count <= first,
            Self::Every(nth) => count.checked_rem(nth) == Some(0),
            Self::PerMille(chance) => {
                let mut random = StdRng::seed_from_u64(seed ^ count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                random.random_range(0..1_000) < chance
            }
        }
    }
}

/// One fault, and when it happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What it is about.
    pub calls: Calls,
    /// Which of them it hits.
    pub trigger: Trigger,
    /// What happens to those.
    pub fault: Fault,
}

impl Rule {
    /// A rule.
    #[must_use]
    pub const fn new(calls: Calls, trigger: Trigger, fault: Fault) -> Self {
        Self { calls, trigger, fault }
    }

    /// Whether this rule has anything to do with such a passage: a lie about balances has not with a block's number.
    pub(crate) fn concerns(&self, passage: Passage<'_>) -> bool {
        self.calls.cover(passage) && concerns(&self.fault, passage)
    }
}

fn concerns(fault: &Fault, passage: Passage<'_>) -> bool {
    match (fault, passage) {
        (Fault::Fail { failure, .. }, Passage::Push { .. }) => {
            !matches!(failure, Failure::RateLimited { .. } | Failure::RpcError { .. })
        }
        (Fault::Fail { .. }, _)
        | (Fault::Delay(_) | Fault::Repeat, Passage::Request(_) | Passage::Push { .. })
        | (Fault::Behind(_), Passage::Request(_))
        | (Fault::Lie(Lie::Null), Passage::Request(_) | Passage::Push { .. })
        | (Fault::Lie(Lie::Answer(_)), Passage::Request(_))
        | (Fault::Lie(Lie::MissingLogs { .. }), Passage::Push { log: true }) => true,
        (Fault::Forget, Passage::Request(method)) => method == "eth_sendRawTransaction",
        (Fault::Lie(lie), Passage::Request(method)) => is_about(lie, method),
        (Fault::Behind(_) | Fault::Forget | Fault::Delay(_) | Fault::Repeat | Fault::Lie(_), _) => false,
    }
}

/// Whether a lie is about a method.
fn is_about(lie: &Lie, method: &str) -> bool {
    match lie {
        Lie::ChainId(_) => matches!(method, "eth_chainId" | "net_version"),
        Lie::Balance(_) => method == "eth_getBalance",
        Lie::Nonce(_) => method == "eth_getTransactionCount",
        Lie::CallResult(_) => method == "eth_call",
        Lie::Receipt { .. } => method == "eth_getTransactionReceipt",
        Lie::MissingLogs { .. } => method == "eth_getLogs",
        Lie::Null | Lie::Answer(_) => true,
    }
}

/// Rules with a seed. Of the rules that fire at the same passage the first one wins; all of them count it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Schedule {
    rules: Vec<Counted>,
    seed: u64,
}

#[derive(Debug, Clone, PartialEq)]
struct Counted {
    rule: Rule,
    count: u64,
}

impl Schedule {
    /// No fault at all.
    #[must_use]
    pub const fn none() -> Self {
        Self { rules: Vec::new(), seed: 0 }
    }

    /// These rules, in this order.
    #[must_use]
    pub fn of(seed: u64, rules: impl IntoIterator<Item = Rule>) -> Self {
        Self { rules: rules.into_iter().map(|rule| Counted { rule, count: 0 }).collect(), seed }
    }

    /// Two to six rules whose faults are of these kinds, each hitting up to a fifth of what it is about. The same seed gives
    /// the same schedule. Kinds that no rule can make ([`FaultKind::Refused`], [`FaultKind::Severed`],
    /// [`FaultKind::Muted`], [`FaultKind::Withheld`], [`FaultKind::ForgedAnswer`]) are left out.
    #[must_use]
    pub fn random(seed: u64, kinds: &[FaultKind]) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let count = random.random_range(2..=6);
        let rules: Vec<_> = (0..count).filter_map(|_| random_rule(&mut random, kinds)).collect();
        Self::of(seed, rules)
    }

    /// The rules.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|counted| &counted.rule)
    }

    /// Adds a rule behind the others.
    pub fn push(&mut self, rule: Rule) {
        self.rules.push(Counted { rule, count: 0 });
    }

    /// What happens to a passage.
    pub(crate) fn decide(&mut self, passage: Passage<'_>) -> Option<Fault> {
        let mut decided = None;
        for (place, counted) in (1_u64..).zip(&mut self.rules) {
            if !counted.rule.concerns(passage) {
                continue;
            }
            counted.count = counted.count.saturating_add(1);
            let seed = self.seed ^ place.rotate_left(32);
            if decided.is_none() && counted.rule.trigger.fires(counted.count, seed) {
                decided = Some(counted.rule.fault.clone());
            }
        }
        decided
    }
}

fn random_rule(random: &mut StdRng, kinds: &[FaultKind]) -> Option<Rule> {
    let kind = *kinds.get(random.random_range(0..kinds.len().max(1)))?;
    let fault = random_fault(random, kind)?;
    let trigger = match random.random_range(0..4_u8) {
        0 => Trigger::Nth(random.random_range(1..=12)),
        1 => Trigger::Every(random.random_range(5..=20)),
        _ => Trigger::PerMille(random.random_range(10..=200)),
    };
    let calls = [Calls::Pushes, Calls::Sends, Calls::Connections, Calls::Any, Calls::Any, Calls::Any];
    let calls = calls.get(random.random_range(0..calls.len())).filter(|calls| fits(calls, &fault));
    Some(Rule::new(calls.cloned().unwrap_or(Calls::Any), trigger, fault))
}

/// Whether such a rule could ever fire.
fn fits(calls: &Calls, fault: &Fault) -> bool {
    let passage = match calls {
        Calls::Pushes => Passage::Push { log: true },
        Calls::Connections => Passage::Connection,
        Calls::Sends => Passage::Request("eth_sendRawTransaction"),
        Calls::Any | Calls::Of(_) | Calls::AllBut(_) => return true,
    };
    concerns(fault, passage)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other kinds are made below, or by no rule")]
fn random_fault(random: &mut StdRng, kind: FaultKind) -> Option<Fault> {
    let failure = match kind {
        FaultKind::Reset => Failure::Reset,
        FaultKind::Silence => Failure::Silence,
        FaultKind::RateLimited => Failure::RateLimited { retry_after: random.random_bool(0.5).then_some(1) },
        FaultKind::ServerError => Failure::ServerError { status: random.random_range(500..=504) },
        FaultKind::Malformed => Failure::Malformed,
        FaultKind::Truncated => Failure::Truncated,
        FaultKind::Huge => Failure::Huge { bytes: random.random_range(1_000_000..=8_000_000) },
        FaultKind::Slow => Failure::Slow { pause: Duration::from_millis(random.random_range(1..=60)) },
        FaultKind::RpcError => Failure::RpcError { code: -32_603, message: String::from("internal error") },
        _ => return random_distortion(random, kind),
    };
    let stage = if random.random_bool(0.5) { Stage::Before } else { Stage::After };
    Some(Fault::Fail { stage, failure })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "no rule makes the other kinds")]
fn random_distortion(random: &mut StdRng, kind: FaultKind) -> Option<Fault> {
    let lie = match kind {
        FaultKind::Behind => return Some(Fault::Behind(random.random_range(1..=8))),
        FaultKind::Forget => return Some(Fault::Forget),
        FaultKind::Delay => return Some(Fault::Delay(Duration::from_millis(random.random_range(1..=250)))),
        FaultKind::Repeat => return Some(Fault::Repeat),
        FaultKind::WrongChain => Lie::ChainId(random.random_range(1..=100_000)),
        FaultKind::ForgedBalance => Lie::Balance(U256::from(random.random::<u128>())),
        FaultKind::WrongNonce => Lie::Nonce(random.random_range(-3..=3)),
        FaultKind::ForgedCall => Lie::CallResult(Bytes::copy_from_slice(&random.random::<[u8; 32]>())),
        FaultKind::ForgedReceipt => Lie::Receipt { success: random.random_bool(0.5) },
        FaultKind::MissingLogs => Lie::MissingLogs { every: random.random_range(1..=3) },
        FaultKind::Null => Lie::Null,
        _ => return None,
    };
    Some(Fault::Lie(lie))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(schedule: &mut Schedule, method: &str, times: u64) -> Vec<u64> {
        (1..=times).filter(|_| schedule.decide(Passage::Request(method)).is_some()).collect()
    }

    fn rule(calls: Calls, trigger: Trigger) -> Rule {
        Rule::new(calls, trigger, Fault::before(Failure::Reset))
    }

    #[test]
    fn triggers_count_what_their_rule_is_about() {
        let at = |trigger| {
            let mut schedule = Schedule::of(1, [rule(Calls::to("eth_call"), trigger)]);
            assert!(hits(&mut schedule, "eth_getLogs", 3).is_empty());
            hits(&mut schedule, "eth_call", 9)
        };
        assert_eq!(at(Trigger::Nth(3)), [3]);
        assert_eq!(at(Trigger::First(2)), [1, 2]);
        assert_eq!(at(Trigger::Every(4)), [4, 8]);
        assert_eq!(at(Trigger::Always).len(), 9);
        assert!(at(Trigger::PerMille(0)).is_empty());
        assert_eq!(at(Trigger::PerMille(1_000)).len(), 9);
    }

    #[test]
    fn a_chance_depends_on_the_seed_and_the_count_alone() {
        let drawn = |seed, others| {
            let chance = rule(Calls::to("eth_call"), Trigger::PerMille(300));
            let mut schedule = Schedule::of(seed, [chance]);
            hits(&mut schedule, "eth_getLogs", others);
            hits(&mut schedule, "eth_call", 1_000)
        };
        let first = drawn(7, 0);
        assert!((200..400).contains(&first.len()), "{}", first.len());
        assert_eq!(first, drawn(7, 5));
        assert_ne!(first, drawn(8, 0));
    }

    #[test]
    fn the_first_rule_that_fires_wins_and_all_count() {
        let late = Rule::new(Calls::Any, Trigger::Nth(2), Fault::before(Failure::Malformed));
        let mut schedule = Schedule::of(1, [rule(Calls::Any, Trigger::Nth(1)), late]);
        assert_eq!(schedule.decide(Passage::Request("a")), Some(Fault::before(Failure::Reset)));
        assert_eq!(schedule.decide(Passage::Request("b")), Some(Fault::before(Failure::Malformed)));
        assert_eq!(schedule.decide(Passage::Request("c")), None);
    }

    #[test]
    fn a_lie_is_told_where_it_is_about_something() {
        let lie = Rule::new(Calls::Any, Trigger::Always, Fault::Lie(Lie::Balance(U256::ZERO)));
        assert!(lie.concerns(Passage::Request("eth_getBalance")));
        assert!(!lie.concerns(Passage::Request("eth_call")));
        assert!(!lie.concerns(Passage::Push { log: true }));
        let pushed = Rule::new(Calls::Pushes, Trigger::Always, Fault::Lie(Lie::MissingLogs { every: 1 }));
        assert!(
            pushed.concerns(Passage::Push { log: true }) && !pushed.concerns(Passage::Push { log: false })
        );
        assert!(!pushed.concerns(Passage::Connection) && !pushed.concerns(Passage::Request("eth_getLogs")));
    }

    #[test]
    fn a_seed_is_a_schedule_of_the_kinds_that_were_asked_for() {
        let kinds = FaultKind::HONEST;
        assert_eq!(Schedule::random(3, &kinds), Schedule::random(3, &kinds));
        assert_ne!(Schedule::random(3, &kinds), Schedule::random(4, &kinds));
        let mut met = std::collections::BTreeSet::new();
        for seed in 0..500 {
            let schedule = Schedule::random(seed, &kinds);
            met.extend(schedule.rules().map(|rule| rule.fault.kind()));
            assert!((2..=6).contains(&schedule.rules().count()));
        }
        assert_eq!(met, kinds.into_iter().collect());
        assert_eq!(Schedule::random(1, &[]).rules().count(), 0);
    }
}
