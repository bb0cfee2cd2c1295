//! Waiting longer after each failure, never all at the same moment.

use std::time::Duration;

/// Doubling pauses between a first and a longest, each shortened by chance to between a half and the whole, so that many
/// agents behind one node do not come back together.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// Failures since the last success.
    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }

    /// After a success the next pause is the first again.
    pub(crate) const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Waits after a failure.
    pub(crate) async fn failed(&mut self) {
        let pause = self.next_pause(rand::random());
        tokio::time::sleep(pause).await;
    }

    /// The pause after one more failure; `chance` is any number.
    pub(crate) fn next_pause(&mut self, chance: u32) -> Duration {
        let whole = self.first.saturating_mul(2u32.saturating_pow(self.failures)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        let half = whole.checked_div(2).unwrap_or_default();
        let half_micros = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
        let more = u64::from(chance).checked_rem(half_micros.max(1)).unwrap_or_default();
        half.saturating_add(Duration::from_micros(more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let mut pause = || backoff.next_pause(0).as_millis();
        assert_eq!([pause(), pause(), pause(), pause(), pause(), pause()], [50, 100, 200, 400, 500, 500]);
        backoff.succeeded();
        assert_eq!(backoff.next_pause(0).as_millis(), 50);
    }

    proptest::proptest! {
        #[test]
        fn a_pause_is_between_a_half_and_the_whole(chance: u32, failures in 0u32..100) {
            let longest = Duration::from_secs(10);
            let mut backoff = Backoff { first: Duration::from_millis(50), longest, failures };
            let pause = backoff.next_pause(chance);
            proptest::prop_assert!(pause >= Duration::from_millis(25) && pause <= longest);
        }
    }
}
