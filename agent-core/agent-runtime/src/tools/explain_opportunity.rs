//! Why an opportunity is one.

use std::{collections::BTreeMap, convert::Infallible};

use agent_core::ports::{Read, Tool, ToolContext, ToolError, ToolOutput};

use super::{execute_opportunity::OpportunityArgs, find};

/// Gives the facts that a strategy published with an opportunity.
#[derive(Debug, Clone, Copy)]
pub struct ExplainOpportunity;

impl Tool for ExplainOpportunity {
    const NAME: &'static str = "explain_opportunity";
    const DESCRIPTION: &'static str = "How an opportunity on the board was computed.";
    type Class = Read;
    type Args = OpportunityArgs;
    type Output = BTreeMap<String, String>;

    async fn call(
        &self,
        context: ToolContext,
        args: OpportunityArgs,
    ) -> Result<ToolOutput<Self::Output, Infallible>, ToolError> {
        let opportunity = find(Self::NAME, &context, &args.opportunity)?;
        Ok(ToolOutput::says(opportunity.facts.clone()))
    }
}
