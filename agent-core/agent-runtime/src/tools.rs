//! The tools that every agent has, whatever its strategies.

mod execute_opportunity;
mod explain_opportunity;
mod recall;
mod standing_orders;

use agent_core::{
    Opportunity, OpportunityId,
    ports::{ToolContext, ToolError, ToolErrorKind},
};

pub use execute_opportunity::{ExecuteOpportunity, OpportunityArgs};
pub use explain_opportunity::ExplainOpportunity;
pub use recall::{Recall, RecallArgs};
pub use standing_orders::{ArmArgs, ArmStandingOrder, DisarmArgs, DisarmStandingOrder, LimitArgs};

/// An opportunity by the id that a planner wrote. The id is looked up among what is on the board; a planner cannot make one.
fn find<'a>(tool: &str, context: &'a ToolContext, id: &str) -> Result<&'a Opportunity, ToolError> {
    let parsed = id.parse().map(OpportunityId);
    let parsed = parsed
        .map_err(|_not_hex| ToolError::new(tool, ToolErrorKind::BadArguments, "not an opportunity's id"))?;
    let found = context.board.iter().find(|opportunity| opportunity.id == parsed);
    found.ok_or_else(|| ToolError::new(tool, ToolErrorKind::NotFound, "not on the board"))
}
