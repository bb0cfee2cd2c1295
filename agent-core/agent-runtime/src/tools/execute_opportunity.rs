//! Take an opportunity.

use agent_core::{
    Draft,
    ports::{Propose, Tool, ToolContext, ToolError, ToolOutput},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::find;

/// Proposes to the door exactly what a strategy has computed. The planner only picks.
#[derive(Debug, Clone, Copy)]
pub struct ExecuteOpportunity;

/// Which one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpportunityArgs {
    /// The opportunity's id, as the briefing has it.
    #[schemars(length(max = 66), regex(pattern = r"^0x[0-9a-f]{64}$"))]
    pub opportunity: String,
}

impl Tool for ExecuteOpportunity {
    const NAME: &'static str = "execute_opportunity";
    const DESCRIPTION: &'static str = "Take an opportunity from the board; the door decides.";
    type Class = Propose;
    type Args = OpportunityArgs;
    type Output = String;

    async fn call(
        &self,
        context: ToolContext,
        args: OpportunityArgs,
    ) -> Result<ToolOutput<String, Draft>, ToolError> {
        let opportunity = find(Self::NAME, &context, &args.opportunity)?;
        Ok(ToolOutput::wants(format!("proposed {}", opportunity.id), opportunity.draft()))
    }
}
