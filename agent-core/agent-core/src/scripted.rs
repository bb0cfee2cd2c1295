//! Scripted twins of the ports, for tests of whatever stands on them.

mod clock;
mod door;
mod journal;
mod memory;
mod planner;
mod reader;
mod samples;
mod source;

pub use clock::ManualClock;
pub use door::{ScriptedDoor, Verdict, refused, settled, underway};
pub use journal::ListJournal;
pub use memory::{ForgetfulMemory, ListMemory};
pub use planner::ScriptedPlanner;
pub use reader::ScriptedReader;
pub use samples::{
    sample_briefing, sample_head, sample_mined, sample_opportunity, sample_order, sample_situation,
    sample_tools,
};
pub use source::ScriptedSource;
