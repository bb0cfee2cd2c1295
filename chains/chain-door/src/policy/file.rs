//! The policy file: its schema, and the checks beyond it.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::units::{AmountError, ChainId, Token};
use alloy_primitives::{Address, U256, keccak256};

use super::{
    ApprovalRule, Breakers, ContractRule, DEFAULT_LANE, FlashSwapRule, Function, Limits, Parties,
    PlannerRule, Policy, StrategyRule, SweepRule, TokenRule, signature,
    tables::{
        ApprovalTable, BreakersTable, ContractTable, LimitsTable, PlannerTable, PolicyFile, StrategyTable,
        TokenTable,
    },
};

/// What is wrong with a policy file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Not TOML, an unknown or missing key, or a value of the wrong type.
    #[error("policy does not parse: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A value that makes no sense.
    #[error("policy key `{key}` {problem}")]
    Value {
        /// Where.
        key: String,
        /// What is wrong, and what to write instead.
        problem: String,
    },
}

pub(super) fn schema() -> serde_json::Value {
    schemars::schema_for!(PolicyFile).to_value()
}

pub(super) fn parse(text: &str) -> Result<Policy, PolicyError> {
    let file: PolicyFile = toml::from_str(text)?;
    if file.version != 1 {
        return Err(value("version", "is not 1, the only version that this program reads"));
    }
    if file.executor == Some(Address::ZERO) {
        return Err(value("executor", "is the zero address; leave the key out until one is deployed"));
    }
    let others = lanes(&file)?;
    let executors: BTreeSet<Address> =
        file.executor.into_iter().chain(others.values().flatten().copied()).collect();
    let limits = limits(&file.limits)?;
    let recipients = recipients(&file, &executors)?;
    let tokens = tokens(file.tokens)?;
    let strategies = strategies(file.strategies, &others, (&tokens, &recipients))?;
    let approval = approval(file.approval, &tokens)?;
    Ok(Policy {
        hash: keccak256(text),
        chain: ChainId(file.chain),
        lane: DEFAULT_LANE.to_owned(),
        executor: file.executor,
        tokens,
        contracts: contracts(file.contracts, &executors)?,
        flash_swaps: file.flash_swaps.into_iter().map(FlashSwapRule::parse).collect::<Result<_, _>>()?,
        parties: Parties { recipients, strategies, planner: planner(file.planner)? },
        approval,
        breakers: breakers(file.breakers)?,
        limits,
        others,
    })
}

pub(super) fn value(key: impl Into<String>, problem: impl Into<String>) -> PolicyError {
    PolicyError::Value { key: key.into(), problem: problem.into() }
}

/// Letters and such: what can be written in any table's name and on a command line.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The executors of the lanes beside the default one.
fn lanes(file: &PolicyFile) -> Result<BTreeMap<String, Option<Address>>, PolicyError> {
    let mut taken: BTreeSet<Address> = file.executor.into_iter().chain([Address::ZERO]).collect();
    for (name, table) in &file.lanes {
        let key = format!("lanes.{name}");
        if name == DEFAULT_LANE {
            return Err(value(key, "is the lane of the top-level `executor`; choose another name"));
        }
        if !is_plain(name) {
            return Err(value(key, "is no plain name; use letters, digits, dot, dash and underscore"));
        }
        if table.executor.is_some_and(|executor| !taken.insert(executor)) {
            let problem = "is zero or another lane's; each lane has an executor of its own, and none until one is deployed";
            return Err(value(format!("{key}.executor"), problem));
        }
    }
    Ok(file.lanes.iter().map(|(name, table)| (name.clone(), table.executor)).collect())
}

fn limits(table: &LimitsTable) -> Result<Limits, PolicyError> {
    let zero =
        |key: &str| Err(value(format!("limits.{key}"), "is 0, which allows nothing; write a larger number"));
    match table {
        LimitsTable { gas_per_transaction: 0, .. } => return zero("gas_per_transaction"),
        LimitsTable { window_seconds: 0, .. } => return zero("window_seconds"),
        LimitsTable { deadline_seconds: 0, .. } => return zero("deadline_seconds"),
        LimitsTable { in_flight: 0, .. } => return zero("in_flight"),
        LimitsTable { .. } => {}
    }
    let max_fee = coin("limits.max_fee_gwei", 9, &table.max_fee_gwei)?;
    Ok(Limits {
        gas_per_transaction: table.gas_per_transaction,
        max_fee: u128::try_from(max_fee)
            .map_err(|_too_large| value("limits.max_fee_gwei", "is too large"))?,
        gas_per_window: coin("limits.gas_per_window_eth", 18, &table.gas_per_window_eth)?,
        window_seconds: table.window_seconds,
        deadline_seconds: table.deadline_seconds,
        in_flight: table.in_flight,
    })
}

/// An amount of native coin, written with `decimals` decimals.
fn coin(key: &str, decimals: u8, text: &str) -> Result<U256, PolicyError> {
    let unit = Token { address: Address::ZERO, symbol: "the unit".into(), decimals };
    amount(key, &unit, text)
}

pub(super) fn amount(key: &str, token: &Token, text: &str) -> Result<U256, PolicyError> {
    let problem =
        |error: AmountError| value(key, format!("is not an exact amount: {error}; write one like \"1.5\""));
    token.parse(text).map(|amount| amount.raw).map_err(problem)
}

fn tokens(tables: Vec<TokenTable>) -> Result<BTreeMap<Address, TokenRule>, PolicyError> {
    let mut rules = BTreeMap::new();
    let mut symbols = BTreeSet::new();
    for table in tables {
        let key = format!("tokens.{}", table.symbol);
        if !is_plain(&table.symbol) {
            return Err(value(key, "is no plain symbol; use letters, digits, dot, dash and underscore"));
        }
        if table.address.is_zero() || table.decimals > 77 {
            return Err(value(key, "has the zero address, or more than 77 decimals"));
        }
        let token = Token { address: table.address, symbol: table.symbol, decimals: table.decimals };
        let rule = TokenRule {
            per_transaction: amount(&format!("{key}.per_transaction"), &token, &table.per_transaction)?,
            per_window: amount(&format!("{key}.per_window"), &token, &table.per_window)?,
            ask_above: match table.ask_above {
                Some(text) => Some(amount(&format!("{key}.ask_above"), &token, &text)?),
                None => None,
            },
            token,
        };
        if !symbols.insert(rule.token.symbol.clone()) || rules.insert(rule.token.address, rule).is_some() {
            return Err(value(key, "is there twice (by symbol or by address); keep one"));
        }
    }
    Ok(rules)
}

fn contracts(
    tables: Vec<ContractTable>,
    executors: &BTreeSet<Address>,
) -> Result<BTreeMap<Address, ContractRule>, PolicyError> {
    let mut rules = BTreeMap::new();
    for table in tables {
        let key = format!("contracts.{}", table.name);
        if table.address.is_zero() || executors.contains(&table.address) {
            return Err(value(
                key,
                "has the zero address or an executor's own; name the protocol's contract",
            ));
        }
        let rule = ContractRule {
            functions: functions(&key, &table)?,
            name: table.name,
            spender: table.spender,
            lender: table.lender,
            pays_recipients: table.pays_recipients,
        };
        if rules.insert(table.address, rule).is_some() {
            return Err(value(key, "has an address that is there twice; merge the two tables"));
        }
    }
    Ok(rules)
}

fn functions(key: &str, table: &ContractTable) -> Result<BTreeMap<[u8; 4], Function>, PolicyError> {
    let judged = table.functions.iter().map(|text| (text, false));
    let listed = judged.chain(table.opaque.iter().map(|text| (text, true)));
    let function = |(text, opaque): (&String, bool)| {
        let list = if opaque { "opaque" } else { "functions" };
        let selector = signature::allowable(text, opaque)
            .map_err(|unfit| value(format!("{key}.{list}"), unfit.problem(text)))?;
        Ok((selector, Function { selector, signature: text.clone(), opaque }))
    };
    listed.map(function).collect()
}

/// A recipient is somebody with a key: tokens sent to a contract that is named here for another purpose would be lost.
fn recipients(file: &PolicyFile, executors: &BTreeSet<Address>) -> Result<BTreeSet<Address>, PolicyError> {
    let contracts = file.contracts.iter().map(|table| table.address);
    let tokens = file.tokens.iter().map(|table| table.address);
    let never: BTreeSet<Address> =
        contracts.chain(tokens).chain(executors.iter().copied()).chain([Address::ZERO]).collect();
    if let Some(wrong) = file.recipients.iter().find(|recipient| never.contains(*recipient)) {
        let problem = format!("has {wrong}, which is zero, an executor, a token or a contract; remove it");
        return Err(value("recipients", problem));
    }
    Ok(file.recipients.iter().copied().collect())
}

fn strategies(
    tables: BTreeMap<String, StrategyTable>,
    lanes: &BTreeMap<String, Option<Address>>,
    (tokens, recipients): (&BTreeMap<Address, TokenRule>, &BTreeSet<Address>),
) -> Result<BTreeMap<String, StrategyRule>, PolicyError> {
    let rule = |(name, table): (String, StrategyTable)| {
        let key = format!("strategies.{name}.gas_per_window_eth");
        let gas_per_window = coin(&key, 18, &table.gas_per_window_eth)?;
        let StrategyTable { order_flow, lane, sweep, .. } = table;
        if lane != DEFAULT_LANE && !lanes.contains_key(&lane) {
            let problem =
                format!("names the lane \"{lane}\", which there is not; add the table [lanes.{lane}]");
            return Err(value(format!("strategies.{name}.lane"), problem));
        }
        let sweep = sweep.map(|table| SweepRule::parse(&name, table, tokens, recipients)).transpose()?;
        Ok((name, StrategyRule { lane, gas_per_window, order_flow, sweep }))
    };
    tables.into_iter().map(rule).collect()
}

/// Thresholds without a time to reply in would ask for ever.
fn approval(
    table: Option<ApprovalTable>,
    tokens: &BTreeMap<Address, TokenRule>,
) -> Result<ApprovalRule, PolicyError> {
    match table {
        Some(ApprovalTable { seconds: 0, .. }) => {
            Err(value("approval.seconds", "is 0, in which nobody can reply; write a larger number"))
        }
        Some(ApprovalTable { seconds, gas_above_eth }) => Ok(ApprovalRule {
            seconds,
            gas_above: match gas_above_eth {
                Some(text) => Some(coin("approval.gas_above_eth", 18, &text)?),
                None => None,
            },
        }),
        None => match tokens.values().find(|rule| rule.ask_above.is_some()) {
            Some(rule) => Err(value(
                format!("tokens.{}.ask_above", rule.token.symbol),
                "needs to know how long to wait for a reply; add the table [approval] with `seconds`",
            )),
            None => Ok(ApprovalRule::default()),
        },
    }
}

fn breakers(table: Option<BreakersTable>) -> Result<Option<Breakers>, PolicyError> {
    let Some(BreakersTable { window_seconds, gas_lost_eth, reverts, rest_seconds }) = table else {
        return Ok(None);
    };
    for (key, seconds) in [("window_seconds", window_seconds), ("rest_seconds", rest_seconds)] {
        if seconds == 0 {
            return Err(value(format!("breakers.{key}"), "is 0; write a larger number"));
        }
    }
    let gas_lost = match gas_lost_eth {
        Some(text) => Some(coin("breakers.gas_lost_eth", 18, &text)?),
        None => None,
    };
    Ok(Some(Breakers { window_seconds, gas_lost, reverts, rest_seconds }))
}

fn planner(table: Option<PlannerTable>) -> Result<PlannerRule, PolicyError> {
    let Some(PlannerTable { may_arm, max_uses, max_seconds }) = table else {
        return Ok(PlannerRule::default());
    };
    if may_arm.iter().any(|class| class.trim_end_matches("/*").contains('*') || class == "*") {
        return Err(value(
            "planner.may_arm",
            "has a class with a star that is not its last part, as in \"liquidation/*\"",
        ));
    }
    Ok(PlannerRule { may_arm, max_uses, max_seconds })
}

#[cfg(test)]
mod tests;
