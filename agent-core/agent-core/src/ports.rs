//! The ports: what the agent needs of the world, as small traits. Each has a scripted twin in [`scripted`](crate::scripted)
//! and, where an implementation can be wrong, a suite in [`conformance`](crate::conformance).

mod books;
mod clock;
mod door;
mod journal;
mod memory;
mod observer;
mod planner;
mod question;
mod reader;
mod sender;
mod simulator;
mod source;
mod strategy;
mod tool;

use std::pin::Pin;

pub use books::StrategyBooks;
pub use clock::Clock;
pub use door::{Door, DoorError, DoorStatus, LaneStatus, Offered, OrderStatus, Pending, Underway, covering};
pub use journal::{
    Appended, Claim, Conflict, Entry, EntryKind, Journal, JournalError, Reservation, Sequence, Stored,
    Verified,
};
pub use memory::{Cue, Memory, MemoryError, Provenance, Record, RecordKind, Trust};
pub use observer::{Moment, Observer, Unobserved};
pub use planner::{Planner, PlannerError};
pub use question::{Question, Reply};
pub use reader::{ReadError, Reader};
pub use sender::{Followed, Quote, Sender, SenderError, Sent, Standing, Stuck, StuckReason};
pub use simulator::{
    Ahead, Frame, SimulatedOutcome, Simulation, SimulationRequest, Simulator, SimulatorError, Variant,
};
pub use source::{MOST_BYTES, Source, SourceError};
pub use strategy::{Outbox, Request, Strategy};
pub use tool::{
    Class, Command, Control, Effect, Nothing, Propose, Read, Tool, ToolCall, ToolContext, ToolError,
    ToolErrorKind, ToolOutput, ToolReply, ToolSpec,
};

/// A future on the heap, so that the ports are object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

// Every port can be a trait object; a change that breaks that fails here first.
#[cfg(test)]
const _: () = {
    fn _reads(_: &dyn Clock, _: &dyn Memory, _: &dyn Reader, _: &dyn Source, _: &dyn Strategy) {}
    fn _moves_money(_: &dyn Door, _: &dyn Journal, _: &dyn Sender<()>, _: &dyn Simulator) {}
};
