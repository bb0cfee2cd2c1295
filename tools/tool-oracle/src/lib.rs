#![doc = include_str!("../README.md")]

mod aggregate;
mod decimal;
pub mod mode;
mod reading;
mod unusable;

pub use aggregate::{Aggregate, Aggregation, Dropped, Method, NoValue, Sighting, Value};
pub use decimal::{Decimal, MOST_DECIMALS};
pub use reading::{Extraction, MOST_BYTES, Pointer, Reading};
pub use unusable::Unusable;
