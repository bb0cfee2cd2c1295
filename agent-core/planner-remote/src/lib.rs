#![doc = include_str!("../README.md")]

mod answer;
mod body;
mod contract;
mod cost;
mod endpoint;
mod error;
mod exchange;
mod key;
mod planner;
mod request;
mod schema;
mod wire;

pub use answer::Usage;
pub use cost::Prices;
pub use endpoint::{Endpoint, EndpointError};
pub use error::RemoteError;
pub use key::{ApiKey, KeyError};
pub use planner::{RemotePlanner, Used};
pub use request::{Form, Model, TokenLimit};
