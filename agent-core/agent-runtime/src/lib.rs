#![doc = include_str!("../README.md")]

mod advisory;
mod agent;
mod at_the_door;
mod board;
mod closed_door;
mod deliberation;
mod error;
mod feed;
mod guarded;
mod inboxes;
mod load;
mod planner_fn;
mod reflex;
mod rules;
mod settlements;
#[cfg(test)]
mod soak;
mod toolbox;
pub mod tools;

pub use agent::{Agent, AgentParts, Limits};
pub use board::Board;
pub use closed_door::ClosedDoor;
pub use error::AgentError;
pub use guarded::{Guarded, Guards, Patience, Purse, Retries, Tiers, Triage, guarded};
pub use load::{Gauge, Load, Shed};
pub use planner_fn::{PlannerFn, planner_fn};
pub use rules::RulesPlanner;
pub use toolbox::{ToolLimits, Toolbox};
