#![doc = include_str!("../README.md")]

mod agent;
mod board;
mod deliberation;
mod feed;
mod reflex;
mod rules;
mod settlements;
mod toolbox;
pub mod tools;

pub use agent::{Agent, AgentError, AgentParts, Limits};
pub use board::Board;
pub use rules::RulesPlanner;
pub use toolbox::{ToolLimits, Toolbox};
