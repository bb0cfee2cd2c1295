//! A clock that stands still until it is told to move.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::ports::Clock;

/// Time that only a test moves.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Moves time forward by whole microseconds of `by`; saturates.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::SeqCst))
    }
}
