//! The strategy on a model of the pool, driven as the runtime drives it.

#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

mod asked;
mod driver;
mod model;
mod replay;
mod scenarios;
