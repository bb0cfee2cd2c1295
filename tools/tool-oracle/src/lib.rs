#![doc = include_str!("../README.md")]

mod decimal;
pub mod mode;
mod unusable;

pub use decimal::{Decimal, MOST_DECIMALS};
pub use unusable::Unusable;
