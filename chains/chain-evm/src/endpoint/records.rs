//! What a pool remembers of its nodes, and what it makes of it. No IO; the moment is given.

use std::time::Duration;

use agent_core::{Head, units::BlockNumber};

use super::{
    RpcFailure,
    choose::{Candidate, best_head, order},
    health::{Health, Input, Rules},
    node::Node,
    status::{NodeHealth, NodeState, PoolHealth},
};

/// One node's record.
#[derive(Debug, Clone)]
struct Record {
    health: Health,
    asked: u64,
    failed: u64,
    last_error: Option<String>,
}

/// The records of all nodes of a pool.
#[derive(Debug, Clone)]
pub(super) struct Records {
    nodes: Vec<Record>,
    rules: Rules,
    quorum: usize,
    in_use: usize,
    pub(super) retried: u64,
    pub(super) shed: u64,
    pub(super) without_quorum: u64,
}

impl Records {
    pub(super) fn new(nodes: usize, quorum: usize, rules: Rules) -> Self {
        let fresh = Record { health: Health::new(), asked: 0, failed: 0, last_error: None };
        let nodes = vec![fresh; nodes];
        Self { nodes, rules, quorum, in_use: 0, retried: 0, shed: 0, without_quorum: 0 }
    }

    /// Takes in what happened to a node.
    pub(super) fn take(&mut self, node: usize, now: Duration, input: Input) {
        if let Some(record) = self.nodes.get_mut(node) {
            record.health.take(now, input);
        }
    }

    /// Takes in how a request to a node ended.
    pub(super) fn ended(&mut self, node: usize, now: Duration, failure: Option<&RpcFailure>, chance: u32) {
        let Some(record) = self.nodes.get_mut(node) else { return };
        record.asked = record.asked.saturating_add(1);
        let input = failure.map_or(Input::Answered, |failure| input_of(failure, chance));
        if let Some(failure) = failure.filter(|_| input != Input::Answered) {
            record.failed = record.failed.saturating_add(1);
            record.last_error = Some(failure.to_string());
        }
        record.health.take(now, input);
    }

    /// The newest head that a quorum of the nodes that are believed has reached.
    pub(super) fn best(&self, now: Duration) -> Option<BlockNumber> {
        let believed = self.nodes.iter().filter(|record| record.health.is_believed(now));
        best_head(believed.filter_map(|record| record.health.head()), self.quorum)
    }

    /// The newest head of a node that is alive; alone, a node is believed.
    pub(super) fn heard(&self, now: Duration) -> Option<Head> {
        let alone = self.nodes.len() == 1;
        let nodes = self.nodes.iter().zip(self.states(now));
        let alive = nodes.filter(|(_, state)| alone || *state == NodeState::Alive);
        alive.filter_map(|(record, _)| record.health.newest()).max_by_key(|head| head.block.number)
    }

    /// What each node is good for.
    pub(super) fn states(&self, now: Duration) -> Vec<NodeState> {
        let best = self.best(now);
        self.nodes.iter().map(|record| record.health.state(now, best, &self.rules)).collect()
    }

    /// Whom to ask, best first, and which node that takes out of use. Alone, a node is asked whatever it did: there is
    /// nobody to believe instead, and each connection looks at the chain id. Only its rests are kept.
    pub(super) fn order(&mut self, now: Duration) -> Vec<usize> {
        let states = self.states(now);
        if let [only] = states.as_slice() {
            return if matches!(only, NodeState::RateLimited { .. }) { Vec::new() } else { vec![0] };
        }
        let candidates = states.iter().zip(&self.nodes);
        let candidates: Vec<_> = candidates
            .map(|(state, record)| Candidate { state: *state, head: record.health.head() })
            .collect();
        let order = order(&candidates, self.in_use);
        self.in_use = order.first().copied().unwrap_or(self.in_use);
        order
    }

    /// Whether `node` may be asked now, when it has to be this one.
    pub(super) fn may_ask(&self, node: usize, now: Duration) -> bool {
        let state = self.states(now).get(node).copied();
        state.is_some_and(|state| {
            let alone = self.nodes.len() == 1 && !matches!(state, NodeState::RateLimited { .. });
            alone || state.rank().is_some()
        })
    }

    /// Why nobody can be asked.
    pub(super) fn nobody(&self, method: &'static str, now: Duration) -> RpcFailure {
        let states = self.states(now);
        let rests = states.iter().filter_map(|state| match state {
            NodeState::RateLimited { left } => Some(*left),
            NodeState::Alive
            | NodeState::Lagging { .. }
            | NodeState::Ahead { .. }
            | NodeState::Stalled { .. }
            | NodeState::Untried
            | NodeState::OnFork
            | NodeState::Unreachable
            | NodeState::Quarantined { .. }
            | NodeState::WrongChain { .. } => None,
        });
        rests.min().map_or(RpcFailure::NoNode { method }, |left| RpcFailure::Resting { method, left })
    }

    /// For people.
    pub(super) fn look(&self, now: Duration, nodes: &[Node]) -> PoolHealth {
        let best = self.best(now);
        let each = self.nodes.iter().zip(self.states(now)).zip(nodes).enumerate();
        let nodes = each.map(|(place, ((record, state), node))| NodeHealth {
            address: node.address.to_string(),
            state,
            in_use: place == self.in_use,
            head: record.health.head(),
            lag: record.health.head().zip(best).map(|(head, best)| best.0.saturating_sub(head.0)),
            asked: record.asked,
            failed: record.failed,
            last_error: record.last_error.clone(),
        });
        PoolHealth {
            nodes: nodes.collect(),
            head: best,
            retried: self.retried,
            shed: self.shed,
            without_quorum: self.without_quorum,
        }
    }
}

fn input_of(failure: &RpcFailure, chance: u32) -> Input {
    match failure {
        RpcFailure::Refused { .. } => Input::Answered,
        RpcFailure::RateLimited { after, .. } => Input::Limited { after: *after, chance },
        RpcFailure::WrongChain { found, .. } => Input::WrongChain(*found),
        RpcFailure::TimedOut { .. }
        | RpcFailure::Transport { .. }
        | RpcFailure::Unreadable { .. }
        | RpcFailure::TooLarge { .. }
        | RpcFailure::Resting { .. }
        | RpcFailure::NoNode { .. }
        | RpcFailure::NoQuorum { .. } => Input::Failed,
    }
}
