//! The planner: a question, an answer, and one more try where the first was no plan.

use std::{
    fmt,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use agent_core::{
    Briefing, Plan, Rendered, Tab,
    ports::{BoxFuture, PlannerError, ToolSpec},
    units::MicroUsd,
};
use tokio::time::timeout;
use tower::Service;

use crate::{
    answer::{Answer, Usage},
    contract::{Contract, shown},
    cost::{Bill, Prices},
    endpoint::Endpoint,
    error::RemoteError,
    exchange::exchange,
    request::{self, FirstTry, Model},
};

/// Bytes that a server may add to what it is sent: the turns of its chat template.
const TEMPLATE: usize = 1_024;
/// A plan is at most so many questions: the first, and one to mend its answer.
const QUESTIONS: u64 = 2;

/// A planner at an OpenAI-compatible endpoint. Clones share everything.
///
/// It puts one question at a time to no limit, and retries nothing but an answer that was no plan: time-outs around the whole,
/// limits, retries, a budget and something to fall back on are layers around it (`agent_runtime::Guarded`).
#[derive(Clone)]
pub struct RemotePlanner(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    model: Model,
    prices: Prices,
    tab: Tab,
    used: Counters,
    contract: std::sync::Mutex<Option<Arc<Contract>>>,
}

#[derive(Default)]
struct Counters {
    questions: AtomicU64,
    input: AtomicU64,
    cached: AtomicU64,
    output: AtomicU64,
}

/// What a planner has used so far, as far as the server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Requests sent.
    pub questions: u64,
    /// Tokens of the questions.
    pub input: u64,
    /// Of those, found in the server's cache.
    pub cached: u64,
    /// Tokens of the answers.
    pub output: u64,
}

impl fmt::Debug for RemotePlanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { endpoint, model, prices, .. } = self.0.as_ref();
        f.debug_struct("RemotePlanner")
            .field("endpoint", endpoint)
            .field("model", model)
            .field("prices", prices)
            .finish_non_exhaustive()
    }
}

impl RemotePlanner {
    /// A planner that writes what it costs on `tab`.
    #[must_use]
    pub fn new(endpoint: Endpoint, model: Model, prices: Prices, tab: Tab) -> Self {
        let (used, contract) = (Counters::default(), std::sync::Mutex::default());
        Self(Arc::new(Inner { endpoint, model, prices, tab, used, contract }))
    }

    /// The most that one plan about `briefing` can cost, a second try included. A purse that always holds this much is never
    /// overdrawn.
    ///
    /// # Errors
    /// When a tool's arguments cannot be put to a model.
    pub fn most(&self, briefing: &Briefing) -> Result<MicroUsd, RemoteError> {
        let inner = self.0.as_ref();
        let contract = inner.contract(&briefing.tools)?;
        // Counted as it is sent: a backslash is two bytes then, a control character six.
        let changing = "\\".repeat(agent_core::BRIEFING_BYTES);
        let rendered = Rendered { changing, ..briefing.render() };
        let (shown, wrong) = ("\u{1}".repeat(request::SHOWN), "\\".repeat(crate::contract::WRONG));
        let first = FirstTry { shown, wrong };
        let largest = request::body(&inner.model, &contract, &rendered, Some(&first));
        Ok(inner.bound(&largest).times(QUESTIONS))
    }

    /// What it has used so far.
    #[must_use]
    pub fn used(&self) -> Used {
        let Counters { questions, input, cached, output } = &self.0.used;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Used { questions: read(questions), input: read(input), cached: read(cached), output: read(output) }
    }
}

impl Inner {
    async fn plan(&self, briefing: &Briefing) -> Result<Plan, RemoteError> {
        let contract = self.contract(&briefing.tools)?;
        let rendered = briefing.render();
        let first = self.ask(&contract, &rendered, None).await?;
        let wrong = match contract.plan(&first) {
            Ok(plan) => return Ok(plan),
            Err(wrong) => wrong,
        };
        tracing::debug!(%wrong, "the model's answer is no plan; it may try once more");
        let first = FirstTry { shown: shown(&first), wrong };
        let second = self.ask(&contract, &rendered, Some(&first)).await?;
        contract.plan(&second).map_err(RemoteError::NoPlan)
    }

    async fn ask(
        &self,
        contract: &Contract,
        briefing: &Rendered,
        first: Option<&FirstTry>,
    ) -> Result<Answer, RemoteError> {
        let request = request::body(&self.model, contract, briefing, first);
        let bill = Bill::open(&self.tab, self.bound(&request));
        let mut answer = Answer::default();
        self.used.questions.fetch_add(1, Ordering::Relaxed);
        let asked = exchange(&self.endpoint, self.model.bounds(), &request, &mut answer).await;
        match (&answer.usage, &asked) {
            (Some(usage), _) => {
                let cost = self.prices.of(usage);
                self.used.add(usage);
                let Usage { input, cached, output } = usage;
                tracing::debug!(input, cached, output, %cost, "the model answered");
                bill.settle(cost);
            }
            (None, Err(error)) if error.is_free() => bill.settle(MicroUsd::ZERO),
            // The server did not say, or did not get that far: it counts as the most.
            (None, _) => drop(bill),
        }
        asked.map(|()| answer)
    }

    fn bound(&self, request: &serde_json::Value) -> MicroUsd {
        let bytes = request.to_string().len().saturating_add(TEMPLATE);
        self.prices.most(bytes, self.model.tokens.1)
    }

    /// The contract for these tools: an agent's never change, so it is made once.
    fn contract(&self, tools: &[ToolSpec]) -> Result<Arc<Contract>, RemoteError> {
        let mut kept = self.contract.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(contract) = kept.as_ref().filter(|contract| contract.is_for(tools)) {
            return Ok(contract.clone());
        }
        let made = Arc::new(Contract::new(tools, &self.model)?);
        *kept = Some(made.clone());
        Ok(made)
    }
}

impl Counters {
    fn add(&self, usage: &Usage) {
        self.input.fetch_add(usage.input, Ordering::Relaxed);
        self.cached.fetch_add(usage.cached, Ordering::Relaxed);
        self.output.fetch_add(usage.output, Ordering::Relaxed);
    }
}

impl Service<Briefing> for RemotePlanner {
    type Response = Plan;
    type Error = PlannerError;
    type Future = BoxFuture<'static, Result<Plan, PlannerError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), PlannerError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, briefing: Briefing) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move {
            let planned = timeout(inner.model.patience, inner.plan(&briefing)).await;
            let planned = planned.unwrap_or(Err(RemoteError::TimedOut));
            planned.map_err(PlannerError::from)
        })
    }
}

#[cfg(test)]
fn _is_a_planner(planner: RemotePlanner) -> impl agent_core::ports::Planner + Clone {
    planner
}
