//! A small planner for most questions, a large one for the hard ones, and rules where both fail.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use agent_core::{
    Briefing, Plan,
    ports::{BoxFuture, PlannerError},
    units::UsdE8,
};
use futures::FutureExt;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};
use tower::{Service, ServiceExt};

use super::Guarded;
use crate::RulesPlanner;

/// Which questions are hard. Pure: the same briefing goes to the same tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Triage {
    /// An opportunity worth so much is the large planner's from the start.
    pub hard_above: UsdE8,
    /// What the small planner wants to do is the large one's to decide; that there is nothing to do is its own.
    pub second_opinion: bool,
}

impl Triage {
    fn is_hard(&self, briefing: &Briefing) -> bool {
        briefing.opportunities.iter().any(|open| open.net >= self.hard_above)
    }

    fn suffices(&self, plan: &Plan) -> bool {
        plan.calls.is_empty() || !self.second_opinion
    }
}

/// Planners in tiers. It always answers, within `patience`: rules need no model, no network and no money.
///
/// A tier that fails, panics or is late leaves its question to the other one, then to the rules. Where the large one was to
/// confirm what the small one wants and cannot, what the small one wants stands: it is judged by the door like anything else.
pub struct Tiers {
    triage: Triage,
    small: Tier,
    large: Tier,
    rules: RulesPlanner,
    patience: Duration,
}

#[derive(Clone)]
struct Tier {
    name: &'static str,
    planner: Arc<Mutex<Guarded>>,
}

impl std::fmt::Debug for Tiers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { triage, rules, patience, .. } = self;
        f.debug_struct("Tiers")
            .field("triage", triage)
            .field("rules", rules)
            .field("patience", patience)
            .finish_non_exhaustive()
    }
}

impl Tiers {
    /// A small and a large planner, and the rules under them.
    #[must_use]
    pub fn new(
        triage: Triage,
        small: Guarded,
        large: Guarded,
        rules: RulesPlanner,
        patience: Duration,
    ) -> Self {
        let tier = |name, planner| Tier { name, planner: Arc::new(Mutex::new(planner)) };
        Self { triage, small: tier("small", small), large: tier("large", large), rules, patience }
    }
}

impl Tier {
    /// A plan, or nothing.
    async fn ask(&self, briefing: &Briefing, deadline: Instant) -> Option<Plan> {
        let asked = async {
            let mut planner = self.planner.lock().await;
            let answer = planner.ready().await?.call(briefing.clone());
            // The next question need not wait for this one's answer.
            drop(planner);
            answer.await
        };
        // What a panic leaves in a planner can only make it fail again.
        let error = match timeout_at(deadline, AssertUnwindSafe(asked).catch_unwind()).await {
            Ok(Ok(Ok(plan))) => return Some(plan),
            Ok(Ok(Err(error))) => error.to_string(),
            Ok(Err(_payload)) => "planner panicked; see the log".to_owned(),
            Err(_elapsed) => PlannerError::TimedOut.to_string(),
        };
        tracing::warn!(tier = self.name, %error, "a tier gave no plan; the next one is asked");
        None
    }
}

async fn decide(
    triage: Triage,
    small: Tier,
    large: Tier,
    briefing: &Briefing,
    patience: Duration,
) -> Option<Plan> {
    // The first may use up half of the time; the second has what is left.
    let now = Instant::now();
    let (half, all) = (now.checked_add(patience.checked_div(2)?)?, now.checked_add(patience)?);
    if triage.is_hard(briefing) {
        if let Some(plan) = large.ask(briefing, half).await {
            return Some(plan);
        }
        return small.ask(briefing, all).await;
    }
    match small.ask(briefing, half).await {
        Some(plan) if triage.suffices(&plan) => Some(plan),
        wanted => large.ask(briefing, all).await.or(wanted),
    }
}

impl Service<Briefing> for Tiers {
    type Response = Plan;
    type Error = PlannerError;
    type Future = BoxFuture<'static, Result<Plan, PlannerError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), PlannerError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, briefing: Briefing) -> Self::Future {
        let (small, large, mut rules) = (self.small.clone(), self.large.clone(), self.rules);
        let (triage, patience) = (self.triage, self.patience);
        Box::pin(async move {
            match decide(triage, small, large, &briefing, patience).await {
                Some(plan) => Ok(plan),
                None => rules.call(briefing).await,
            }
        })
    }
}
