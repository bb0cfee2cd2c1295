//! A planner that reads its plans from a list.

use std::{
    collections::VecDeque,
    task::{Context, Poll},
};

use tower_service::Service;

use crate::{
    plan::{Briefing, Plan},
    ports::{BoxFuture, PlannerError},
};

/// Answers with its plans one after another, then waits for ever (empty plans). Keeps the briefings it was given.
#[derive(Debug, Default)]
pub struct ScriptedPlanner {
    plans: VecDeque<Result<Plan, PlannerError>>,
    /// What it was told, in order.
    pub briefings: Vec<Briefing>,
}

impl ScriptedPlanner {
    /// A planner with these plans.
    pub fn new(plans: impl IntoIterator<Item = Result<Plan, PlannerError>>) -> Self {
        Self { plans: plans.into_iter().collect(), briefings: Vec::new() }
    }
}

impl Service<Briefing> for ScriptedPlanner {
    type Response = Plan;
    type Error = PlannerError;
    type Future = BoxFuture<'static, Result<Plan, PlannerError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), PlannerError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, briefing: Briefing) -> Self::Future {
        self.briefings.push(briefing);
        let plan = self.plans.pop_front().unwrap_or_else(|| Ok(Plan::default()));
        Box::pin(std::future::ready(plan))
    }
}

#[cfg(test)]
fn _is_a_planner(planner: ScriptedPlanner) -> impl crate::ports::Planner {
    planner
}
