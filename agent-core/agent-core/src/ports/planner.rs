//! The planner port: a named alias over `tower::Service`, as alloy's `Transport` is.

use std::time::Duration;

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
    /// It will not answer this briefing.
    #[error("planner declined: {0}")]
    Declined(String),
    /// It has too much to do.
    #[error("planner has too much to do")]
    Busy {
        /// It says to wait so long.
        after: Option<Duration>,
    },
    /// It could not answer, and may be able to the next time.
    #[error("planner is unavailable: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It will not be able to answer before a person changes something: a key, a model's name, an account.
    #[error("planner turns every question down: {0}")]
    Rejected(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It was not asked: the money set aside for it is spent.
    #[error("planner was not asked: its budget is spent")]
    OverBudget,
    /// It was not asked: it has failed too often in a row, and rests.
    #[error("planner was not asked: it failed too often in a row and rests")]
    Resting,
}

impl PlannerError {
    /// Whether the same question may go through at once, and whether the failure says that the planner is unwell.
    const fn row(&self) -> (bool, bool) {
        match self {
            Self::TimedOut | Self::Busy { .. } | Self::Unavailable(_) => (true, true),
            Self::Malformed(_) | Self::Rejected(_) => (false, true),
            Self::Declined(_) | Self::OverBudget | Self::Resting => (false, false),
        }
    }

    /// Whether the same question may be answered if it is put again now or soon.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.row().0
    }

    /// Whether it is a sign of a planner that should be left alone for a while.
    #[must_use]
    pub const fn is_unwell(&self) -> bool {
        self.row().1
    }

    /// How long the planner asks to be left alone.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        if let Self::Busy { after } = self { *after } else { None }
    }
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
