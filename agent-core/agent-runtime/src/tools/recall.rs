//! What memory has on a class.

use std::{convert::Infallible, fmt, sync::Arc};

use agent_core::ports::{Cue, Memory, Read, Record, Tool, ToolContext, ToolError, ToolErrorKind, ToolOutput};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Looks memories up, newest first, each with its provenance.
#[derive(Clone)]
pub struct Recall(pub Arc<dyn Memory>);

impl fmt::Debug for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recall")
    }
}

/// What to recall.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecallArgs {
    /// The start of a class: `aave-liquidation/WETH`.
    #[schemars(length(max = 128))]
    pub about: String,
}

/// Records that one call quotes at most.
const LIMIT: usize = 8;

impl Tool for Recall {
    const NAME: &'static str = "recall";
    const DESCRIPTION: &'static str = "What is remembered about a class of opportunities, newest first.";
    type Class = Read;
    type Args = RecallArgs;
    type Output = Vec<Record>;

    async fn call(
        &self,
        _: ToolContext,
        args: RecallArgs,
    ) -> Result<ToolOutput<Vec<Record>, Infallible>, ToolError> {
        let cue = Cue { subject: args.about, kind: None, limit: LIMIT };
        let failed = |error: agent_core::ports::MemoryError| {
            ToolError::new(Self::NAME, ToolErrorKind::Failed, error.to_string())
        };
        self.0.recall(cue).await.map(ToolOutput::says).map_err(failed)
    }
}
