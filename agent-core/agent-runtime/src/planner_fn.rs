//! A planner from a plain function.

use std::task::{Context, Poll};

use agent_core::{
    Briefing, Plan,
    ports::{BoxFuture, PlannerError},
};
use tower::Service;

/// Made by [`planner_fn`].
#[derive(Debug, Clone, Copy)]
pub struct PlannerFn<F>(F);

/// A planner that answers with what `decide` returns: the shortest way to one's own.
pub const fn planner_fn<F: FnMut(&Briefing) -> Plan>(decide: F) -> PlannerFn<F> {
    PlannerFn(decide)
}

impl<F: FnMut(&Briefing) -> Plan> Service<Briefing> for PlannerFn<F> {
    type Response = Plan;
    type Error = PlannerError;
    type Future = BoxFuture<'static, Result<Plan, PlannerError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), PlannerError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, briefing: Briefing) -> Self::Future {
        Box::pin(std::future::ready(Ok((self.0)(&briefing))))
    }
}
