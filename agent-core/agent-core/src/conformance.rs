//! One suite per port: every implementation runs it.
//!
//! A suite is `async` over the port alone and says what is wrong in its error, so that it runs under any executor and
//! any implementation: `conformance::memory(&my_memory).await.unwrap()`.

mod journal;
mod memory;
mod planner;
mod source;

pub use journal::journal;
pub use memory::memory;
pub use planner::planner;
pub use source::{broken_source, source};

/// The first thing that a suite found wrong.
#[derive(Debug, thiserror::Error)]
#[error("port does not conform: {0}")]
pub struct Nonconforming(pub String);

/// Turns "this must hold" into an error that says where it did not.
fn must<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), Nonconforming> {
    if found == expected {
        return Ok(());
    }
    Err(Nonconforming(format!("{what}: found {found:?}, expected {expected:?}")))
}

fn failed(error: impl std::error::Error) -> Nonconforming {
    Nonconforming(error.to_string())
}
