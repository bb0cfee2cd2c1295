#![doc = include_str!("../README.md")]

#[cfg(feature = "control")]
pub mod control;
mod keeper;
mod key_lock;
mod lane_keys;
mod premises;
#[cfg(feature = "control")]
pub mod remote;
mod site;
mod sweeper;
mod terms;

pub use agent_core as core;
pub use agent_runtime as runtime;
pub use chain_door as door;
pub use chain_evm as evm;
pub use memory_journal as journal;
pub use memory_sled as memory;
pub use tool_arbitrage as arbitrage;
pub use tool_liquidation as liquidation;

#[cfg(feature = "devnet")]
pub use chain_devnet as devnet;

pub use keeper::Keeper;
pub use lane_keys::LaneKeys;
pub use premises::Premises;
pub use site::{Authority, OpenError, Site};
pub use terms::ChainTerms;
