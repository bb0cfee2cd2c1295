//! How a cycle was computed.

use std::convert::Infallible;

use agent_core::ports::{Read, Tool, ToolContext, ToolError, ToolErrorKind, ToolOutput};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::view::ArbitrageView;

/// Fewer digits than these would often name several.
const LEAST_DIGITS: usize = 4;

/// Explains an open cycle.
#[derive(Debug, Clone)]
pub struct ExplainArbitrage {
    view: ArbitrageView,
}

impl ExplainArbitrage {
    /// The tool over what a strategy sees.
    #[must_use]
    pub const fn new(view: ArbitrageView) -> Self {
        Self { view }
    }
}

/// Which cycle.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhichArbitrage {
    /// The first digits of the opportunity's id, as listed.
    pub id: String,
}

/// How it was computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The whole id.
    pub id: String,
    /// Each swap with its amounts, then what is left.
    pub steps: Vec<String>,
}

impl Tool for ExplainArbitrage {
    const NAME: &'static str = "explain_arbitrage";
    const DESCRIPTION: &'static str = "Explains an open arbitrage: each swap with its pool and exact amounts, the loan's premium, the profit and the floor.";
    type Class = Read;
    type Args = WhichArbitrage;
    type Output = Explained;

    async fn call(
        &self,
        _context: ToolContext,
        args: WhichArbitrage,
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
            return Err(error(ToolErrorKind::NotFound, "no open arbitrage has this id"));
        };
        if found.next().is_some() {
            return Err(error(ToolErrorKind::BadArguments, "several open arbitrages begin like this"));
        }
        Ok(ToolOutput::says(Explained { id, steps: steps.clone() }))
    }
}
