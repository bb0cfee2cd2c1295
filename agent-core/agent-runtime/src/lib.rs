#![doc = include_str!("../README.md")]

mod agent;
mod board;
mod closed_door;
mod deliberation;
mod feed;
mod planner_fn;
mod reflex;
mod rules;
mod settlements;
mod toolbox;
pub mod tools;

pub use agent::{Agent, AgentError, AgentParts, Limits};
pub use board::Board;
pub use closed_door::ClosedDoor;
pub use planner_fn::{PlannerFn, planner_fn};
pub use rules::RulesPlanner;
pub use toolbox::{ToolLimits, Toolbox};
