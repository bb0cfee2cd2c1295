//! Which failures are worth another try, and when.

use std::{num::NonZeroU32, pin::Pin, time::Duration};

use agent_core::{Briefing, Plan, ports::PlannerError};
use tower::{
    retry::{
        Policy,
        backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff},
    },
    util::rng::{HasherRng, Rng},
};

/// How often and how long.
#[derive(Debug, Clone, Copy)]
pub struct Retries {
    /// Tries in all; one means none again.
    pub tries: NonZeroU32,
    /// The first wait. Each further one is twice as long, and each up to half as long again, by chance.
    pub first: Duration,
    /// No wait is longer: a planner that asks for more is not waited for.
    pub longest: Duration,
}

/// How much of a wait is added to it by chance at most, so that many agents do not come back at once.
const JITTER: f64 = 0.5;

/// Tower's policy for planners: the same question again after a failure that may pass, and after no other.
#[derive(Debug, Clone)]
pub struct Patience<R = HasherRng> {
    left: u32,
    longest: Duration,
    backoff: Option<ExponentialBackoff<R>>,
}

impl Patience {
    /// Waits that differ from process to process.
    #[must_use]
    pub fn new(retries: Retries) -> Self {
        Self::seeded(retries, HasherRng::new())
    }
}

impl<R: Rng + Clone> Patience<R> {
    /// Waits that follow from `rng`.
    #[must_use]
    pub fn seeded(Retries { tries, first, longest }: Retries, rng: R) -> Self {
        let maker = ExponentialBackoffMaker::new(first.min(longest), longest, JITTER, rng);
        // A longest wait of zero is no backoff: the next try follows at once.
        let backoff = maker.ok().map(|mut maker| maker.make_backoff());
        Self { left: tries.get().saturating_sub(1), longest, backoff }
    }
}

impl<R: Rng + Clone> Policy<Briefing, Plan, PlannerError> for Patience<R> {
    type Future = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn retry(&mut self, _: &mut Briefing, planned: &mut Result<Plan, PlannerError>) -> Option<Self::Future> {
        let error = planned.as_ref().err().filter(|error| error.is_retryable())?;
        let asked = error.retry_after().unwrap_or_default();
        if asked > self.longest {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        let backoff = self.backoff.as_mut().map(Backoff::next_backoff);
        Some(Box::pin(async move {
            let backoff = async {
                if let Some(backoff) = backoff {
                    backoff.await;
                }
            };
            tokio::join!(backoff, tokio::time::sleep(asked));
        }))
    }

    fn clone_request(&mut self, briefing: &Briefing) -> Option<Briefing> {
        Some(briefing.clone())
    }
}
