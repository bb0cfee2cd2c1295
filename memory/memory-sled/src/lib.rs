#![doc = include_str!("../README.md")]

mod codec;
mod directory;
mod index;
mod limits;
mod memory;
mod opening;
mod quarantine;
mod recall;
mod settle;
mod trees;
mod trouble;
mod witness;
mod writer;

pub use limits::{Limits, RECORD_BYTES, SUBJECT_BYTES};
pub use memory::SledMemory;
pub use opening::Opened;
