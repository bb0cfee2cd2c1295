//! Who is near liquidation.

use agent_core::{
    ports::{Read, Tool, ToolContext, ToolError, ToolOutput},
    units::BlockNumber,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    figures,
    view::{LiquidationView, Phase, Skipped},
};

/// The most that one answer holds.
const MOST: usize = 50;

/// Lists the riskiest positions.
#[derive(Debug, Clone)]
pub struct LiquidationPositions {
    view: LiquidationView,
}

impl LiquidationPositions {
    /// The tool over what a strategy sees.
    #[must_use]
    pub const fn new(view: LiquidationView) -> Self {
        Self { view }
    }
}

/// How many positions.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HowMany {
    /// At most this many, the riskiest first; never more than 50.
    #[serde(default = "ten")]
    pub count: u8,
}

const fn ten() -> u8 {
    10
}

/// One position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PositionLine {
    /// The account.
    pub user: String,
    /// Below one it can be liquidated.
    pub health_factor: String,
    /// What counts as collateral.
    pub collateral: String,
    /// What is owed.
    pub debt: String,
}

/// The riskiest positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Positions {
    /// How far the strategy is.
    pub phase: Phase,
    /// The block that this is of.
    pub block: BlockNumber,
    /// How many owe something.
    pub borrowers: usize,
    /// Who is left alone.
    pub skipped: Skipped,
    /// The riskiest first.
    pub positions: Vec<PositionLine>,
}

impl Tool for LiquidationPositions {
    const NAME: &'static str = "liquidation_positions";
    const DESCRIPTION: &'static str = "Lists the Aave borrowers nearest to liquidation, with health factor, collateral and debt in dollars.";
    type Class = Read;
    type Args = HowMany;
    type Output = Positions;

    async fn call(
        &self,
        _context: ToolContext,
        args: HowMany,
    ) -> Result<ToolOutput<Positions, std::convert::Infallible>, ToolError> {
        let snapshot = self.view.lock();
        let lines = snapshot.riskiest.iter().take(usize::from(args.count).min(MOST));
        let positions = lines.map(|(user, account)| PositionLine {
            user: user.to_string(),
            health_factor: figures::health(account.health),
            collateral: figures::dollars(account.collateral).to_string(),
            debt: figures::dollars(account.debt).to_string(),
        });
        Ok(ToolOutput::says(Positions {
            phase: snapshot.phase.clone(),
            block: snapshot.at.number,
            borrowers: snapshot.borrowers,
            skipped: snapshot.skipped,
            positions: positions.collect(),
        }))
    }
}
