//! From positions to opportunities.

mod board;
mod data_fee;
mod proposal;
mod quote;
mod target;
mod watch;

pub(crate) use board::Board;
pub(crate) use data_fee::DataFee;
pub use proposal::STRATEGY;
pub(crate) use proposal::{Pricing, Proposal};
pub(crate) use quote::{Doubt, Quoted, READS, questions, read};
pub(crate) use target::{Moments, Target};
pub(crate) use watch::Watch;
