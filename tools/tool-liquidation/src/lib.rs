#![doc = include_str!("../README.md")]

mod abi;
mod config;
mod figures;
mod hunt;
mod market;
mod positions;
mod revision;
mod stamp;
mod strategy;
mod tools;
mod undo;
pub mod v3_0;
mod view;

pub use config::{LiquidationConfig, MarketConfig, TermsConfig, Venue};
pub use hunt::STRATEGY;
pub use revision::{Revision, UnknownRevision};
pub use strategy::LiquidationStrategy;
pub use tools::{
    ExplainLiquidation, Explained, HowMany, LiquidationPositions, PositionLine, Positions, WhichLiquidation,
};
pub use view::{LiquidationView, Phase, Skipped};
