//! From positions to opportunities.

mod board;
mod proposal;
mod quote;
mod target;
mod watch;

pub(crate) use board::Board;
pub(crate) use proposal::{Pricing, Proposal, STRATEGY};
pub(crate) use quote::{Doubt, Quoted, questions, read};
pub(crate) use target::{Moments, Target};
pub(crate) use watch::Watch;
