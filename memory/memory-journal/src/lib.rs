#![doc = include_str!("../README.md")]

mod chain;
mod codec;
mod copy;
mod directory;
mod head;
mod journal;
mod ledger;
mod opening;
mod overlay;
mod reader;
mod reading;
mod replay;
mod salvage;
mod scribe;
mod tables;
mod trouble;
mod verify;

pub use journal::RedbJournal;
pub use reading::JournalReader;
pub use salvage::{Mark, Salvaged, confirm, salvage};

#[cfg(test)]
mod tests;
