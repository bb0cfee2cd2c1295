//! Scripted twins of the ports, for tests of whatever stands on them.

mod clock;
mod journal;
mod memory;
mod planner;
mod samples;

pub use clock::ManualClock;
pub use journal::ListJournal;
pub use memory::{ForgetfulMemory, ListMemory};
pub use planner::ScriptedPlanner;
pub use samples::{sample_opportunity, sample_situation};
