//! Several nodes as one: whom a request goes to, what a failure leads to, and which answers must agree.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use agent_core::units::{BlockNumber, ChainId};
use alloy::{
    primitives::Bytes,
    rpc::json_rpc::{RpcRecv, RpcSend},
};
use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::{Value, value::RawValue};
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};
use tower::retry::budget::{Budget, TpsBudget};

use super::{
    Agreement, Question, RpcFailure, Scrubbed,
    config::{Finality, PoolConfig},
    health::{Input, Rules},
    node::Node,
    quorum::{Ballot, Count, Judged, Said},
    records::Records,
    status::PoolHealth,
};

/// Nodes that one read may try.
pub(super) const TRIES: usize = 3;
/// For so long a request that was made counts as the warrant of one retry.
const WARRANT: Duration = Duration::from_secs(10);

/// The nodes, and what is known of them. The lock is held for a look only, never across an await.
pub(super) struct Pool {
    pub(super) nodes: Vec<Node>,
    pub(super) chain: ChainId,
    pub(super) settings: Settings,
    origin: Instant,
    records: Mutex<Records>,
    budget: TpsBudget,
    /// The newest head that a quorum has, when somebody watches.
    pub(super) newest: watch::Sender<Option<BlockNumber>>,
}

/// What stays of the configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) quorum: usize,
    pub(super) finality: Finality,
    pub(super) patience: Duration,
    pub(super) lag_allowed: u64,
    pub(super) look_every: Duration,
}

impl Pool {
    pub(super) fn new(nodes: Vec<Node>, config: &PoolConfig) -> Self {
        let rules = Rules { lag_allowed: config.lag_allowed, stall_after: config.stall_after };
        let settings = Settings {
            quorum: config.quorum,
            finality: config.finality,
            patience: config.patience,
            lag_allowed: config.lag_allowed,
            look_every: config.look_every(),
        };
        Self {
            records: Mutex::new(Records::new(nodes.len(), config.quorum, rules)),
            nodes,
            chain: config.chain,
            settings,
            origin: Instant::now(),
            // One retry for each request, at most: an outage is met with twice the usual rate and no more.
            budget: TpsBudget::new(WARRANT, 0, 1.0),
            newest: watch::Sender::new(None),
        }
    }

    pub(super) fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Monotonic time since the pool was made.
    pub(super) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    pub(super) fn take(&self, node: usize, input: Input) {
        self.records().take(node, self.now(), input);
    }

    pub(super) fn look(&self) -> PoolHealth {
        self.records().look(self.now(), &self.nodes)
    }

    /// The best node at this moment.
    pub(super) fn best_node(&self, method: &'static str) -> Result<usize, RpcFailure> {
        self.order(method)?.first().copied().ok_or(RpcFailure::NoNode { method })
    }

    /// Whom to ask, best first.
    pub(super) fn order(&self, method: &'static str) -> Result<Vec<usize>, RpcFailure> {
        let mut records = self.records();
        let order = records.order(self.now());
        if order.is_empty() {
            records.shed = records.shed.saturating_add(1);
            return Err(records.nobody(method, self.now()));
        }
        Ok(order)
    }

    /// Asks `only` this node, or else the best one, and then others where that is harmless. Gives who answered, too.
    pub(super) async fn ask<P: RpcSend, R: RpcRecv>(
        &self,
        only: Option<usize>,
        method: &'static str,
        params: P,
    ) -> Result<(R, usize), RpcFailure> {
        let tries = if only_reads(method) { TRIES } else { 1 };
        let patience = self.settings.patience;
        self.try_nodes(only, method, tries, |node| self.ask_node(node, method, params.clone(), patience))
            .await
    }

    /// The same for many questions at once, all of which only read. Every answer is of one node.
    pub(super) async fn ask_batch(
        &self,
        only: Option<usize>,
        method: &'static str,
        questions: &[Question],
    ) -> Result<(Vec<Value>, usize), RpcFailure> {
        let ask = |node: usize| async move {
            let asked = self.nodes.get(node).ok_or(RpcFailure::NoNode { method })?;
            let answers = asked.ask_batch(method, questions, self.settings.patience).await;
            self.ended(node, answers.as_ref().err());
            answers
        };
        self.try_nodes(only, method, TRIES, ask).await
    }

    async fn try_nodes<R, F>(
        &self,
        only: Option<usize>,
        method: &'static str,
        tries: usize,
        ask: impl Fn(usize) -> F,
    ) -> Result<(R, usize), RpcFailure>
    where
        F: Future<Output = Result<R, RpcFailure>>,
    {
        let nodes = match only {
            Some(node) => self.if_it_may_be_asked(node, method)?,
            None => self.order(method)?,
        };
        self.budget.deposit();
        let mut first_failure = None;
        for (tried, node) in nodes.into_iter().take(tries).enumerate() {
            if tried > 0 && !self.may_retry() {
                break;
            }
            match ask(node).await {
                Ok(answer) => return Ok((answer, node)),
                Err(failure) if failure.is_of_the_node() => drop(first_failure.get_or_insert(failure)),
                Err(failure) => return Err(failure),
            }
        }
        Err(first_failure.unwrap_or(RpcFailure::NoNode { method }))
    }

    fn if_it_may_be_asked(&self, node: usize, method: &'static str) -> Result<Vec<usize>, RpcFailure> {
        let mut records = self.records();
        if records.may_ask(node, self.now()) {
            return Ok(vec![node]);
        }
        records.shed = records.shed.saturating_add(1);
        Err(records.nobody(method, self.now()))
    }

    /// One request to one node, whatever its state, and what follows for its record.
    pub(super) async fn ask_node<P: RpcSend, R: RpcRecv>(
        &self,
        node: usize,
        method: &'static str,
        params: P,
        patience: Duration,
    ) -> Result<R, RpcFailure> {
        let asked = self.nodes.get(node).ok_or(RpcFailure::NoNode { method })?;
        let answer = asked.ask(method, params, patience).await;
        self.ended(node, answer.as_ref().err());
        answer
    }

    /// Takes in how a request ended.
    pub(super) fn ended(&self, node: usize, failure: Option<&RpcFailure>) {
        self.records().ended(node, self.now(), failure, rand::random());
    }

    /// Dials a node and takes note of how that went.
    pub(super) async fn reach(&self, node: usize) {
        if let Some(reached) = self.nodes.get(node) {
            let dialled = reached.provider().await;
            self.ended(node, dialled.as_ref().err());
        }
    }

    pub(super) fn may_retry(&self) -> bool {
        let granted = self.budget.withdraw();
        let mut records = self.records();
        let counted = if granted { &mut records.retried } else { &mut records.shed };
        *counted = counted.saturating_add(1);
        granted
    }

    /// Asks every node, and gives what a quorum of them says. Who contradicts it is judged, even when that comes later.
    /// A revert is an answer like any other.
    pub(super) async fn agree<R, F>(
        self: &Arc<Self>,
        method: &'static str,
        rule: Agreement<Outcome<R>>,
        ask: impl Fn(Arc<Self>, usize) -> F,
    ) -> Result<R, RpcFailure>
    where
        R: Clone + PartialEq + Send + 'static,
        F: Future<Output = Result<Said<R>, RpcFailure>> + Send + 'static,
    {
        let nodes = self.order(method)?;
        let needed = self.settings.quorum;
        if nodes.len() < needed {
            return Err(self.no_quorum(method, 0, 0));
        }
        let mut ballot = Ballot::new(rule, needed, nodes.len());
        let mut asks: FuturesUnordered<_> = nodes
            .into_iter()
            .map(|node| {
                let asked = ask(Arc::clone(self), node);
                async move { (node, asked.await) }
            })
            .collect();
        let (tell_caller, answer) = oneshot::channel();
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            let (mut caller, mut first_failure, mut judged) = (Some(tell_caller), None, Vec::new());
            while let Some((node, said)) = asks.next().await {
                ballot.vote(node, vote_of(said, &mut first_failure));
                match ballot.count() {
                    Count::Agreed(outcome) => {
                        tell(&mut caller, outcome.map_err(|data| reverted(method, data)));
                        pool.judge(method, &ballot.judged(), &mut judged);
                    }
                    Count::Impossible => {
                        let (agreed, answered) = (ballot.agreeing(), ballot.answered());
                        let failure = first_failure.take().filter(|_| answered == 0);
                        tell(
                            &mut caller,
                            Err(failure.unwrap_or_else(|| pool.no_quorum(method, agreed, answered))),
                        );
                    }
                    Count::Open => {}
                }
            }
        });
        answer.await.unwrap_or(Err(RpcFailure::NoNode { method }))
    }

    fn no_quorum(&self, method: &'static str, agreed: usize, answered: usize) -> RpcFailure {
        let mut records = self.records();
        records.without_quorum = records.without_quorum.saturating_add(1);
        RpcFailure::NoQuorum { method, needed: self.settings.quorum, agreed, answered }
    }

    fn judge(&self, method: &'static str, judgements: &[(usize, Judged)], done: &mut Vec<usize>) {
        for (node, judged) in judgements {
            if done.contains(node) {
                continue;
            }
            done.push(*node);
            let address = self.nodes.get(*node).map(|node| node.address.to_string()).unwrap_or_default();
            let input = match judged {
                Judged::Agreed => Input::Agreed,
                Judged::Empty => Input::Empty,
                Judged::Lied => Input::Lied,
            };
            if *judged != Judged::Agreed {
                tracing::warn!(node = %address, method, ?judged, "a node contradicts the majority");
            }
            self.take(*node, input);
        }
    }
}

/// A call's result, or the data that it reverted with.
pub(super) type Outcome<R> = Result<R, Bytes>;

/// The parameters, once for all nodes.
pub(super) fn raw<P: RpcSend>(method: &'static str, params: &P) -> Result<Box<RawValue>, RpcFailure> {
    serde_json::value::to_raw_value(params).map_err(|error| RpcFailure::unreadable(method, error.to_string()))
}

/// Whether asking twice is asking once.
fn only_reads(method: &str) -> bool {
    const READS: [&str; 11] = [
        "eth_get",
        "eth_call",
        "eth_chainId",
        "eth_blockNumber",
        "eth_feeHistory",
        "eth_gasPrice",
        "eth_maxPriorityFeePerGas",
        "eth_estimateGas",
        "eth_createAccessList",
        "eth_simulateV1",
        "debug_trace",
    ];
    READS.iter().any(|prefix| method.starts_with(prefix))
}

fn vote_of<R>(said: Result<Said<R>, RpcFailure>, first_failure: &mut Option<RpcFailure>) -> Said<Outcome<R>> {
    match said {
        Ok(Said::Answer(answer)) => Said::Answer(Ok(answer)),
        Ok(Said::Nothing(nothing)) => Said::Nothing(Ok(nothing)),
        Ok(Said::Refused) => Said::Refused,
        Ok(Said::Cannot) => Said::Cannot,
        Err(failure) => {
            if let Some(data) = failure.revert_data() {
                return Said::Answer(Err(data));
            }
            let refused = failure.is_refusal() && !failure.is_unknown_block();
            first_failure.get_or_insert(failure);
            if refused { Said::Refused } else { Said::Cannot }
        }
    }
}

fn reverted(method: &'static str, data: Bytes) -> RpcFailure {
    let message = Scrubbed("execution reverted".to_owned());
    RpcFailure::Refused { method, code: 3, message, data: Some(data) }
}

pub(super) fn tell<T>(caller: &mut Option<oneshot::Sender<T>>, answer: T) {
    if let Some(caller) = caller.take() {
        // Whoever asked may have gone.
        drop(caller.send(answer));
    }
}
