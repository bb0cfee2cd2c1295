//! Why a feed was updated, or was not.

use std::convert::Infallible;

use agent_core::ports::{Read, Tool, ToolContext, ToolError, ToolErrorKind, ToolOutput};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::view::FeedsView;

/// Explains how one feed stands.
#[derive(Debug, Clone)]
pub struct ExplainFeed {
    view: FeedsView,
}

impl ExplainFeed {
    /// The tool over what a strategy sees.
    #[must_use]
    pub const fn new(view: FeedsView) -> Self {
        Self { view }
    }
}

/// Which feed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichFeed {
    /// Its name, as listed.
    pub feed: String,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// What was decided, from what, in order. Sources are the operator's names for them; nothing of their answers but numbers is here.
    pub steps: Vec<String>,
}

impl Tool for ExplainFeed {
    const NAME: &'static str = "explain_feed";
    const DESCRIPTION: &'static str = "Explains why a price feed is updated or not: its sources, those left out, what the target holds, and the rule.";
    type Class = Read;
    type Args = WhichFeed;
    type Output = Explained;

    async fn call(
        &self,
        _context: ToolContext,
        args: WhichFeed,
    ) -> Result<ToolOutput<Explained, Infallible>, ToolError> {
        let missing = || ToolError::new(Self::NAME, ToolErrorKind::NotFound, "no feed of this name is kept");
        let standing = self.view.standing(args.feed.trim()).ok_or_else(missing)?;
        let held = standing.held.map_or_else(|| "no value".to_owned(), |held| held.to_string());
        let mut steps = vec![format!("at block {} the target holds {held}", standing.at.number)];
        if let Some(aggregate) = &standing.aggregate {
            match &aggregate.value {
                Ok(value) => steps.push(format!("{} sources come to {}", value.points.len(), value.value)),
                Err(reason) => steps.push(format!("the sources come to no value: {reason}")),
            }
            let left_out = aggregate.dropped.iter();
            steps.extend(left_out.map(|(source, reason)| format!("{source} is left out: {reason}")));
        }
        steps.push(standing.decision.to_string());
        Ok(ToolOutput::says(Explained { steps }))
    }
}
