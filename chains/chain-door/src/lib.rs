#![doc = include_str!("../README.md")]

mod books;
mod decode;
mod door;
mod encode;
mod executor;
mod explain;
mod fees;
mod judge;
mod kill;
pub mod ladder;
mod nonces;
mod orders;
mod payload;
mod policy;
mod questions;
mod remedies;
mod rests;
#[cfg(test)]
mod scripted;

pub use door::{Door, DoorPorts, Senders};
pub use executor::{
    ExecutorRevert, KeepwrightExecutor, RevertReason, creation_code, runtime_code, runtime_code_hash,
};
pub use explain::{AnyTransaction, Branch, Explanation, explain};
pub use kill::KillSwitch;
pub use ladder::{Gas, Recorded, Transaction};
pub use payload::{KeptSignature, Page, RecordedPage, RefusedPage, ReplacedPage, SignedPage};
pub use policy::{DEFAULT_LANE, OrderFlow, Policy, PolicyError, PolicyReport, Sweep};
