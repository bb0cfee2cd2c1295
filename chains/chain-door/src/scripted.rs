//! What the door's tests stand on: a small policy, a draft that it allows, and twins of the ports.

mod markets;
mod ports;
mod samples;

pub(crate) use markets::*;
pub(crate) use ports::{Lane, ScriptedSender, ScriptedSimulator, Trace, TracedJournal, breathe, sent};
pub(crate) use samples::*;
