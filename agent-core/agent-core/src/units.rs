//! Integers with units. Nothing here wraps, rounds in silence, or is a float.

mod amount;
mod block;
mod bps;
mod micro_usd;
mod usd;
mod wei;

pub use amount::{AmountError, Asset, Token, TokenAmount};
pub use block::{BlockNumber, BlockRef, ChainId, Timestamp};
pub use bps::Bps;
pub use micro_usd::{MicroUsd, NotDollars};
pub use usd::UsdE8;
pub use wei::Wei;
