#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

mod bench;
mod day;
mod flux_model;
mod scenarios;
