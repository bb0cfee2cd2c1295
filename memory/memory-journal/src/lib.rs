#![doc = include_str!("../README.md")]

mod chain;
mod codec;
mod directory;
mod head;
mod journal;
mod ledger;
mod opening;
mod reader;
mod replay;
mod scribe;
mod tables;
mod trouble;
mod verify;

pub use journal::RedbJournal;

#[cfg(test)]
mod tests;
