//! What a planner may ask.

mod explain;
mod pools;

pub use explain::{ExplainArbitrage, Explained, WhichArbitrage};
pub use pools::{ArbitragePools, Everything, LeftAlone, PoolsHealth};
