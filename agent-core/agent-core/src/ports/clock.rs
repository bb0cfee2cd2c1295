//! Time as an input.

use std::time::Duration;

/// Monotonic time, for time-outs and latencies. Deadlines and budget windows use chain time instead.
pub trait Clock: Send + Sync {
    /// Time since some fixed moment; never goes back.
    fn now(&self) -> Duration;
}
