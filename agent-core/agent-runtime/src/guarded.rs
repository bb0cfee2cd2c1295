//! What stands around a planner that may be slow, dear, broken or far away: limits, retries, a rest, a purse, and tiers.
//!
//! ```text
//! Tiers ── hard? ─► [ purse ─ shed ─ rate ─ concurrency ─ breaker ─ retry ─ time-out ─ planner ]   large
//!   │                        any error ─► the other one, then
//!   └──── else ───► [ … ] small                                                     rules: they cannot fail
//! ```
//!
//! Each layer is tower's where tower has it (load shedding, rate, concurrency, retry, time-out); the breaker and the purse are here.

mod breaker;
mod purse;
mod retry;
mod tiers;

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use agent_core::{
    Briefing, Plan,
    ports::{Planner, PlannerError},
};
use tower::{
    BoxError, Layer, ServiceBuilder,
    limit::{ConcurrencyLimitLayer, RateLimitLayer},
    load_shed::{LoadShedLayer, error::Overloaded},
    retry::RetryLayer,
    timeout::{TimeoutLayer, error::Elapsed},
    util::BoxService,
};

use self::{breaker::BreakerLayer, purse::PurseLayer};
pub use self::{
    purse::Purse,
    retry::{Patience, Retries},
    tiers::{Tiers, Triage},
};

/// A planner with its layers.
pub type Guarded = BoxService<Briefing, Plan, PlannerError>;

/// Bounds of one planner.
#[derive(Debug, Clone)]
pub struct Guards {
    /// How long one try may take.
    pub timeout: Duration,
    /// Further tries, and the waits between them.
    pub retries: Retries,
    /// Plans at once; another is turned away, not queued.
    pub concurrency: NonZeroU32,
    /// Plans in so long a time; another is turned away.
    pub rate: (NonZeroU64, Duration),
    /// So many failures in a row make it rest for so long. Then one question finds out whether it is well again.
    pub breaker: (NonZeroU32, Duration),
    /// What it may cost; nothing where it costs nothing.
    pub purse: Option<Purse>,
}

/// Puts the layers around a planner. Must be called where a tokio runtime runs.
///
/// It is always ready and never waits for its turn: what its limits do not let through is an error at once, so that whoever
/// stands below may decide instead. Dropped answers count: a question that was put has used its place and its money.
pub fn guarded(planner: impl Planner + Clone, guards: Guards) -> Guarded {
    let Guards { timeout, retries, concurrency, rate: (plans, per), breaker: (failures, rest), purse } =
        guards;
    let at_once = usize::try_from(concurrency.get()).unwrap_or(usize::MAX);
    let tried = ServiceBuilder::new()
        .layer(BreakerLayer::new(failures, rest))
        .layer(RetryLayer::new(Patience::new(retries)))
        .map_err(explain)
        .layer(TimeoutLayer::new(timeout))
        .service(planner);
    // Tower's rate has no room for a length of zero.
    let per = per.max(Duration::from_nanos(1));
    let limited = ServiceBuilder::new()
        .map_err(explain)
        .layer(LoadShedLayer::new())
        .layer(RateLimitLayer::new(plans.get(), per))
        .layer(ConcurrencyLimitLayer::new(at_once))
        .service(tried);
    match purse {
        Some(purse) => BoxService::new(PurseLayer::new(purse).layer(limited)),
        None => BoxService::new(limited),
    }
}

/// A typed error through the layers that box theirs.
fn explain(error: BoxError) -> PlannerError {
    match error.downcast::<PlannerError>() {
        Ok(error) => *error,
        Err(error) if error.is::<Elapsed>() => PlannerError::TimedOut,
        Err(error) if error.is::<Overloaded>() => PlannerError::Busy { after: None },
        Err(error) => PlannerError::Unavailable(error),
    }
}

#[cfg(test)]
mod tests;
