#![doc = include_str!("../README.md")]

mod abi;
mod config;
mod hunt;
mod intake;
mod market;
pub mod math;
pub mod pool;
mod prices;
pub mod recording;
pub mod search;
pub mod sizing;
mod strategy;
mod tools;
mod undo;
mod view;

pub use config::{ArbitrageConfig, BaseConfig, Exchange, Kind, TermsConfig, TipConfig};
pub use hunt::STRATEGY;
pub use math::{v2, v3};
pub use pool::{Pool, Quote, Side, Unquotable};
pub use strategy::ArbitrageStrategy;
pub use tools::{
    ArbitragePools, Everything, ExplainArbitrage, Explained, LeftAlone, PoolsHealth, WhichArbitrage,
};
pub use view::{ArbitrageView, Phase};
