//! What a policy allows, in plain sentences, and what an operator may not have meant.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use alloy_primitives::Address;
use serde::Serialize;

use crate::explain::coin;

use super::{
    ContractRule, DEFAULT_LANE, FlashSwapRule, Function, OrderFlow, Policy, StrategyRule, TokenRule,
};

/// What `policy check` prints of a policy that parses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyReport {
    /// What it allows, one sentence each.
    pub allows: Vec<String>,
    /// What may not have been meant, one sentence each.
    pub warnings: Vec<String>,
}

impl fmt::Display for PolicyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.allows.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        self.warnings.iter().try_for_each(|line| writeln!(f, "warning: {line}"))
    }
}

/// A deadline further away than this lets a signed transaction surprise for long.
const LONG_DEADLINE: u64 = 600;

pub(super) fn report(policy: &Policy) -> PolicyReport {
    let allows = [
        vec![whole(policy)],
        policy.others.iter().map(lane).collect(),
        vec![gas(policy)],
        policy.tokens.values().map(|rule| token(policy, rule)).collect(),
        policy.contracts.iter().map(contract).collect(),
        policy.flash_swaps.iter().map(FlashSwapRule::told).collect(),
        policy.parties.strategies.iter().map(strategy).collect(),
        people(policy),
    ];
    let warnings = [
        about_limits(policy),
        policy.tokens.values().flat_map(about_token).collect(),
        look_alikes(policy),
        policy.contracts.values().flat_map(about_contract).collect(),
        about_strategies(policy),
    ];
    PolicyReport { allows: allows.concat(), warnings: warnings.concat() }
}

fn whole(policy: &Policy) -> String {
    match policy.executor {
        Some(executor) => format!("acts on chain {} through the executor {executor}", policy.chain.0),
        None => format!(
            "acts on chain {} as soon as there is an executor; so far it can only deploy one",
            policy.chain.0
        ),
    }
}

fn lane((name, executor): (&String, &Option<Address>)) -> String {
    match executor {
        Some(executor) => {
            format!("in lane {name}, with a key of its own, acts through the executor {executor}")
        }
        None => format!("in lane {name}, with a key of its own, can only deploy an executor so far"),
    }
}

fn gas(policy: &Policy) -> String {
    let limits = &policy.limits;
    format!(
        "uses at most {} gas a transaction, at {} wei, and {} per {} s; {} transactions under way; deadlines within {} s",
        limits.gas_per_transaction,
        limits.max_fee,
        coin(limits.gas_per_window),
        limits.window_seconds,
        limits.in_flight,
        limits.deadline_seconds
    )
}

fn token(policy: &Policy, rule: &TokenRule) -> String {
    let shown = |raw| rule.token.display(raw);
    let asks =
        rule.ask_above.map_or_else(String::new, |above| format!("; asks a person above {}", shown(above)));
    format!(
        "puts to work at most {} at a time and {} per {} s, of the token at {}{asks}",
        shown(rule.per_transaction),
        shown(rule.per_window),
        policy.limits.window_seconds,
        rule.token.address
    )
}

fn contract((address, rule): (&Address, &ContractRule)) -> String {
    let list = |opaque: bool| {
        let of = rule.functions.values().filter(move |function| function.opaque == opaque);
        let sorted: BTreeSet<_> = of.map(|function| function.signature.as_str()).collect();
        sorted.into_iter().collect::<Vec<_>>().join(", ")
    };
    let (judged, opaque) = (list(false), list(true));
    let parts = [
        (!judged.is_empty()).then(|| format!("calls {judged}")),
        (!opaque.is_empty()).then(|| format!("calls {opaque} whatever the arguments")),
        rule.spender.then(|| "lets it take what a call declares".to_owned()),
        rule.lender.then(|| "takes flash loans".to_owned()),
        rule.pays_recipients.then(|| "lets it pay recipients".to_owned()),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    format!(
        "\"{}\" at {address}: {}",
        rule.name.escape_debug(),
        if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") }
    )
}

fn strategy((name, rule): (&String, &StrategyRule)) -> String {
    let seen = match rule.order_flow {
        OrderFlow::Public => "in the public pool".to_owned(),
        OrderFlow::Private => "to private relays only".to_owned(),
        OrderFlow::PrivateThenPublic { after_blocks } => {
            format!("to private relays, and after {after_blocks} blocks in the public pool")
        }
    };
    let lane = if rule.lane == DEFAULT_LANE { String::new() } else { format!(" in lane {}", rule.lane) };
    let sweeps = rule.sweep.as_ref().map_or_else(String::new, |sweep| format!("; it {}", sweep.told()));
    format!(
        "strategy {}{lane} may pay {} for gas in a window, and sends {seen}{sweeps}",
        name.escape_debug(),
        coin(rule.gas_per_window)
    )
}

fn people(policy: &Policy) -> Vec<String> {
    let mut lines = Vec::new();
    if !policy.parties.recipients.is_empty() {
        let list: Vec<_> = policy.parties.recipients.iter().map(ToString::to_string).collect();
        lines.push(format!("pays out, and hands the executor over, to {}", list.join(", ")));
    }
    let planner = &policy.parties.planner;
    if !planner.may_arm.is_empty() {
        let (classes, uses, seconds) = (planner.may_arm.join(", "), planner.max_uses, planner.max_seconds);
        lines.push(format!("a planner may arm orders of {classes}, for {uses} uses and {seconds} s at most"));
    }
    if let Some(above) = policy.approval.gas_above {
        lines.push(format!("asks a person when gas may cost more than {}", coin(above)));
    }
    if policy.approval.seconds > 0 {
        lines.push(format!("waits {} s for a person's reply; none means no", policy.approval.seconds));
    }
    if let Some(breakers) = policy.breakers {
        let lost = breakers
            .gas_lost
            .map(|lost| format!("{} of gas lost in {} s", coin(lost), breakers.window_seconds));
        let reverts = breakers.reverts.map(|reverts| format!("{reverts} reverts in a row"));
        let causes: Vec<_> = lost.into_iter().chain(reverts).collect();
        if !causes.is_empty() {
            lines.push(format!(
                "rests a strategy for {} s after {}",
                breakers.rest_seconds,
                causes.join(" or ")
            ));
        }
    }
    lines
}

fn about_limits(policy: &Policy) -> Vec<String> {
    let mut found = Vec::new();
    if policy.limits.deadline_seconds > LONG_DEADLINE {
        found.push(format!("limits.deadline_seconds is more than {LONG_DEADLINE}: a signed transaction can surprise for that long"));
    }
    match policy.breakers {
        None => found.push(
            "there is no [breakers] table: a strategy that loses gas is stopped by its budget only"
                .to_owned(),
        ),
        Some(breakers) if breakers.gas_lost.is_none() && breakers.reverts.is_none() => {
            found.push("[breakers] names neither gas_lost_eth nor reverts, so nothing trips one".to_owned());
        }
        Some(_) => {}
    }
    found
}

fn about_token(rule: &TokenRule) -> Vec<String> {
    let symbol = &rule.token.symbol;
    let shown = |raw| rule.token.display(raw);
    let mut found = Vec::new();
    match rule.ask_above {
        None => found.push(format!(
            "tokens.{symbol} has no ask_above: nobody is asked, up to {}",
            shown(rule.per_transaction)
        )),
        Some(above) if above >= rule.per_transaction => {
            found.push(format!(
                "tokens.{symbol}.ask_above is not below per_transaction, so nobody is ever asked"
            ));
        }
        Some(_) => {}
    }
    if rule.per_window < rule.per_transaction {
        found.push(format!(
            "tokens.{symbol}.per_window is less than per_transaction, which can never be used up"
        ));
    }
    found
}

/// Symbols that differ by case only are easily taken for each other.
fn look_alikes(policy: &Policy) -> Vec<String> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for token in policy.tokens() {
        if let Some(other) = seen.insert(token.symbol.to_ascii_lowercase(), &token.symbol) {
            found.push(format!("tokens {other} and {} differ by case only", token.symbol));
        }
    }
    found
}

fn about_contract(rule: &ContractRule) -> Vec<String> {
    let name = rule.name.escape_debug();
    let unseen = |function: &Function| {
        let (signature, spends) =
            (&function.signature, if rule.spender { ", and may take what a call declares" } else { "" });
        format!("contracts.{name}: {signature} is opaque: nobody looks at its arguments{spends}")
    };
    let mut found: Vec<_> = rule.functions.values().filter(|function| function.opaque).map(unseen).collect();
    if rule.functions.values().any(|function| !function.opaque && function.signature.starts_with("borrow(")) {
        found.push(format!("contracts.{name}: borrow lets the executor go into debt, which no floor sees"));
    }
    if rule.functions.is_empty() && !rule.lender {
        found.push(format!(
            "contracts.{name} can neither be called nor lend; remove it, or list its functions"
        ));
    }
    if rule.pays_recipients {
        found.push(format!("contracts.{name} may pay recipients directly, past the executor and its floors"));
    }
    found
}

fn about_strategies(policy: &Policy) -> Vec<String> {
    let mut found = Vec::new();
    if policy.parties.strategies.is_empty() {
        found.push("there is no [strategies] table, so nothing is ever executed".to_owned());
    }
    let unused = |lane: &&String| !policy.parties.strategies.values().any(|rule| rule.lane == **lane);
    found.extend(policy.others.keys().filter(unused).map(|lane| format!("no strategy acts in lanes.{lane}")));
    for (name, rule) in &policy.parties.strategies {
        if rule.gas_per_window > policy.limits.gas_per_window {
            let name = name.escape_debug();
            found.push(format!(
                "strategies.{name}.gas_per_window_eth is more than limits.gas_per_window_eth, which holds"
            ));
        }
    }
    found
}
