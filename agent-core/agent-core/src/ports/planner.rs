//! The planner port: a named alias over `tower::Service`, as alloy's `Transport` is.

use tower_service::Service;

use crate::{
    plan::{Briefing, Plan},
    ports::BoxFuture,
};

/// Why a planner gave no plan. The agent goes on: the reflex lane needs no planner.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlannerError {
    /// It took too long.
    #[error("planner did not answer in time")]
    TimedOut,
    /// It answered with something that is no plan.
    #[error("planner answered with something that is no plan: {0}")]
    Malformed(String),
    /// It could not answer.
    #[error("planner is unavailable: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Turns a briefing into a plan.
///
/// This trait is blanket implemented for every fitting `tower::Service`; it cannot be implemented directly. Time-outs,
/// limits, retries and fallbacks are tower layers around a planner.
pub trait Planner:
    Service<
        Briefing,
        Response = Plan,
        Error = PlannerError,
        Future = BoxFuture<'static, Result<Plan, PlannerError>>,
    > + Send
    + 'static
{
}

impl<S> Planner for S where
    S: Service<
            Briefing,
            Response = Plan,
            Error = PlannerError,
            Future = BoxFuture<'static, Result<Plan, PlannerError>>,
        > + Send
        + 'static
{
}
