//! What a person, or a program, sees of a running agent.

mod event;
mod names;
mod printer;
mod watcher;
pub(crate) mod world;

pub(crate) use event::{Delta, Event, Summary};
pub(crate) use names::Names;
pub(crate) use printer::{Printer, Style};
pub(crate) use watcher::{Seen, Speed, Watcher};
