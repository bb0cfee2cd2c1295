#![doc = include_str!("../README.md")]

pub mod math;
pub mod pool;
pub mod recording;
pub mod search;
pub mod sizing;

pub use math::{v2, v3};
pub use pool::{Pool, Quote, Side, Unquotable};
