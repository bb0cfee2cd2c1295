//! The machine's clock, behind the port.

use std::time::{Duration, Instant};

use agent_core::ports::Clock;

/// Monotonic time since it was made. It goes on while the process is stopped, on most systems not while the machine sleeps.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { origin: instant() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        instant().saturating_duration_since(self.origin)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where time comes in")]
fn instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back() {
        let clock = SystemClock::start();
        let moments: Vec<_> = (0..1000).map(|_| clock.now()).collect();
        assert!(moments.is_sorted());
    }
}
