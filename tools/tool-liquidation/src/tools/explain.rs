//! How a liquidation was computed.

use std::convert::Infallible;

use agent_core::ports::{Read, Tool, ToolContext, ToolError, ToolErrorKind, ToolOutput};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::view::LiquidationView;

/// Fewer digits than these would often name several.
const LEAST_DIGITS: usize = 4;

/// Explains an open liquidation.
#[derive(Debug, Clone)]
pub struct ExplainLiquidation {
    view: LiquidationView,
}

impl ExplainLiquidation {
    /// The tool over what a strategy sees.
    #[must_use]
    pub const fn new(view: LiquidationView) -> Self {
        Self { view }
    }
}

/// Which liquidation.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichLiquidation {
    /// The first digits of the opportunity's id, as listed.
    pub id: String,
}

/// How it was computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The whole id.
    pub id: String,
    /// The steps, in order.
    pub steps: Vec<String>,
}

impl Tool for ExplainLiquidation {
    const NAME: &'static str = "explain_liquidation";
    const DESCRIPTION: &'static str = "Explains how an open liquidation's health factor, close factor, repayment and seizure were computed.";
    type Class = Read;
    type Args = WhichLiquidation;
    type Output = Explained;

    async fn call(
        &self,
        _context: ToolContext,
        args: WhichLiquidation,
    ) -> Result<ToolOutput<Explained, Infallible>, ToolError> {
        let error = |kind, detail: &str| ToolError::new(Self::NAME, kind, detail);
        let prefix = args.id.trim().trim_start_matches("0x").to_lowercase();
        if prefix.len() < LEAST_DIGITS || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error(ToolErrorKind::BadArguments, "the id needs at least four hexadecimal digits"));
        }
        let snapshot = self.view.lock();
        let written = snapshot.explanations.iter().map(|(id, steps)| (id.0.to_string(), steps));
        let mut found = written.filter(|(id, _)| id.trim_start_matches("0x").starts_with(&prefix));
        let Some((id, steps)) = found.next() else {
            return Err(error(ToolErrorKind::NotFound, "no open liquidation has this id"));
        };
        if found.next().is_some() {
            return Err(error(ToolErrorKind::BadArguments, "several open liquidations begin like this"));
        }
        Ok(ToolOutput::says(Explained { id, steps: steps.clone() }))
    }
}
