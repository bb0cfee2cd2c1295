#![doc = include_str!("../README.md")]

mod chain;
mod checkpoint;
mod codec;
mod copy;
mod directory;
mod files;
mod head;
mod journal;
mod journaled;
mod layers;
mod ledger;
mod log;
mod opening;
mod overlay;
mod reader;
mod reading;
mod replay;
mod salvage;
mod scribe;
mod tables;
mod tail;
mod trouble;
mod verify;

#[cfg(feature = "testing")]
pub use files::Files;
pub use journal::RedbJournal;
pub use reading::JournalReader;
pub use salvage::{Mark, Salvaged, confirm, salvage};

#[cfg(test)]
mod tests;
