#![doc = include_str!("../README.md")]

pub mod pool;

pub use pool::{Pool, Quote, Side, Unquotable};
