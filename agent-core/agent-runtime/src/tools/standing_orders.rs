//! Arm and disarm standing orders, within what the operator lets planners arm.

use agent_core::{
    ArmedBy, OrderId, StandingOrder,
    ports::{Command, Control, Tool, ToolContext, ToolError, ToolErrorKind, ToolOutput},
    units::{Token, TokenAmount, UsdE8},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Arms a standing order. Amounts are what the operator's registry names (`"1500"` of `USDC`), never base units.
#[derive(Debug, Clone)]
pub struct ArmStandingOrder {
    /// The operator's token registry.
    pub tokens: Vec<Token>,
}

/// What to arm.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArmArgs {
    /// A name for the order.
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^[a-z0-9-]+$"))]
    pub name: String,
    /// The class to cover: `aave-liquidation/WETH/USDC`, or `aave-liquidation/*`.
    #[schemars(length(max = 128))]
    pub class: String,
    /// The least net value in whole US dollars.
    pub min_net_usd: u32,
    /// Every token that a transaction may put to work, and how much of it. A token that is not named is not covered.
    #[schemars(length(min = 1, max = 4))]
    pub limits: Vec<LimitArgs>,
    /// How many transactions.
    pub uses: u32,
    /// For how many seconds of chain time.
    pub seconds: u32,
}

/// How much of a token one transaction may put to work.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitArgs {
    /// The token's symbol in the operator's registry.
    #[schemars(length(max = 16))]
    pub token: String,
    /// In whole tokens: `"1500"`, `"0.25"`.
    #[schemars(length(max = 32), regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    pub amount: String,
}

impl ArmStandingOrder {
    fn limit(&self, LimitArgs { token: symbol, amount }: &LimitArgs) -> Result<TokenAmount, String> {
        let token = self.tokens.iter().find(|token| token.symbol == *symbol);
        let token = token.ok_or_else(|| format!("no token {symbol} in the registry"))?;
        token.parse(amount).map_err(|error| error.to_string())
    }
}

impl Tool for ArmStandingOrder {
    const NAME: &'static str = "arm_standing_order";
    const DESCRIPTION: &'static str =
        "Let the reflex lane take a class of opportunities by itself, within limits.";
    type Class = Control;
    type Args = ArmArgs;
    type Output = String;

    async fn call(
        &self,
        context: ToolContext,
        args: ArmArgs,
    ) -> Result<ToolOutput<String, Command>, ToolError> {
        let bad = |detail: String| ToolError::new(Self::NAME, ToolErrorKind::BadArguments, detail);
        let limits =
            args.limits.iter().map(|limit| self.limit(limit)).collect::<Result<_, _>>().map_err(bad)?;
        let order = StandingOrder {
            id: OrderId(args.name),
            class: args.class,
            armed_by: ArmedBy::Planner,
            min_net: UsdE8(i128::from(args.min_net_usd).saturating_mul(100_000_000)),
            max_notional: limits,
            uses: args.uses,
            expires: context.now.timestamp.plus(u64::from(args.seconds)),
        };
        Ok(ToolOutput::wants(format!("asked to arm {}", order.id), Command::Arm(order)))
    }
}

/// Disarms a standing order.
#[derive(Debug, Clone, Copy)]
pub struct DisarmStandingOrder;

/// Which one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisarmArgs {
    /// The order's name.
    #[schemars(length(min = 1, max = 32))]
    pub name: String,
}

impl Tool for DisarmStandingOrder {
    const NAME: &'static str = "disarm_standing_order";
    const DESCRIPTION: &'static str = "Take a standing order back.";
    type Class = Control;
    type Args = DisarmArgs;
    type Output = String;

    async fn call(&self, _: ToolContext, args: DisarmArgs) -> Result<ToolOutput<String, Command>, ToolError> {
        Ok(ToolOutput::wants(format!("asked to disarm {}", args.name), Command::Disarm(OrderId(args.name))))
    }
}
