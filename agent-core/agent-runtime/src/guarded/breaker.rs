//! A planner that keeps failing is left alone for a while: each failure costs its time-outs, and perhaps money.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use agent_core::{
    Briefing, Plan,
    ports::{BoxFuture, PlannerError},
};
use tokio::time::Instant;
use tower::{Layer, Service};

#[derive(Debug, Clone)]
pub(super) struct BreakerLayer {
    failures: NonZeroU32,
    rest: Duration,
}

impl BreakerLayer {
    pub(super) const fn new(failures: NonZeroU32, rest: Duration) -> Self {
        Self { failures, rest }
    }
}

impl<S> Layer<S> for BreakerLayer {
    type Service = Breaker<S>;

    fn layer(&self, inner: S) -> Breaker<S> {
        Breaker { inner, terms: self.clone(), state: Arc::default() }
    }
}

pub(super) struct Breaker<S> {
    inner: S,
    terms: BreakerLayer,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    in_a_row: u32,
    /// While it rests, and while one question finds out whether it is well again: until then, nobody else asks.
    closed_until: Option<Instant>,
}

impl State {
    /// Whether a question may be put now. Where a rest has just ended, this one is the test.
    fn admit(&mut self, now: Instant, rest: Duration) -> bool {
        match self.closed_until {
            Some(until) if now < until => false,
            Some(_) => {
                // A test whose answer nobody waits for ends by itself, with another rest.
                self.closed_until = now.checked_add(rest);
                true
            }
            None => true,
        }
    }

    fn heard(&mut self, planned: &Result<Plan, PlannerError>, now: Instant, terms: &BreakerLayer) {
        if !planned.as_ref().is_err_and(PlannerError::is_unwell) {
            *self = Self::default();
            return;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.in_a_row >= terms.failures.get() {
            self.closed_until = now.checked_add(terms.rest);
        }
    }
}

impl<S> Service<Briefing> for Breaker<S>
where
    S: Service<Briefing, Response = Plan, Error = PlannerError>,
    S::Future: Send + 'static,
{
    type Response = Plan;
    type Error = PlannerError;
    type Future = BoxFuture<'static, Result<Plan, PlannerError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), PlannerError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, briefing: Briefing) -> Self::Future {
        let admitted =
            self.state.lock().unwrap_or_else(PoisonError::into_inner).admit(Instant::now(), self.terms.rest);
        if !admitted {
            return Box::pin(std::future::ready(Err(PlannerError::Resting)));
        }
        let (asked, terms, state) = (self.inner.call(briefing), self.terms.clone(), self.state.clone());
        Box::pin(async move {
            let planned = asked.await;
            state.lock().unwrap_or_else(PoisonError::into_inner).heard(&planned, Instant::now(), &terms);
            planned
        })
    }
}
