//! What a planner may ask.

mod explain;
mod positions;

pub use explain::{ExplainLiquidation, Explained, WhichLiquidation};
pub use positions::{HowMany, LiquidationPositions, PositionLine, Positions};
