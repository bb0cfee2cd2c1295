#![doc = include_str!("../README.md")]

mod anvil;
mod artifacts;
mod cache;
mod chain;
mod contracts;
mod deploy;
mod devnet;
mod dump;
mod error;
pub mod fault;
mod history;
mod manifest;
mod price;
pub mod relay;
mod world;

pub use devnet::{Devnet, DevnetConfig, Mining, StartTime};
pub use error::{DevnetError, Result};
pub use history::Orphans;
pub use manifest::{
    Aave, Account, Asset, Borrower, Feed, Head, Manifest, Protocols, Reserve, Role, Token, UniswapV2,
    UniswapV3, V2Pair, V3Pool,
};
pub use price::UsdE8;
pub use world::{AccountData, Inclusion, Round, Trade, World, WorldEvent};
