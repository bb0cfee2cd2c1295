//! What a transaction does, for a person to read: a tree of its decoded bytes in the policy's own names, and everything that
//! the policy has against it.
//!
//! No word of it comes from the chain, a planner or a draft: names are the operator's, amounts and addresses are the bytes'.

mod names;
mod tree;

use std::fmt;

use agent_core::{Action, Refusal, ports::Frame, units::Timestamp};
use alloy_primitives::{Address, Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::{
    encode::decode,
    judge,
    ladder::{Gas, Transaction},
    policy::Policy,
};
use names::Names;

pub(crate) use names::coin;

/// A transaction to explain, whoever made it; also one that the door would never make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnyTransaction {
    /// The chain's EIP-155 id.
    pub chain: u64,
    /// The signer.
    pub from: Address,
    /// Its nonce.
    #[serde(default)]
    pub nonce: u64,
    /// The contract called, or `None` to create one.
    #[serde(default)]
    pub to: Option<Address>,
    /// Wei that are sent along.
    #[serde(default)]
    pub value: U256,
    /// Input data, or creation code.
    #[serde(default)]
    pub data: Bytes,
    /// What it may pay for gas, where that is known.
    #[serde(default)]
    pub gas: Option<Gas>,
    /// Contracts whose code accounts take on by it (EIP-7702), in order.
    #[serde(default)]
    pub authorizations: Vec<Address>,
}

impl From<&Transaction> for AnyTransaction {
    fn from(transaction: &Transaction) -> Self {
        let Transaction { chain, from, nonce, to, data, gas } = transaction.clone();
        let (value, authorizations) = (U256::ZERO, Vec::new());
        Self { chain: chain.0, from, nonce, to, value, data, gas: Some(gas), authorizations }
    }
}

/// A line, and what belongs under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Branch {
    /// One line of plain text.
    pub text: String,
    /// The lines under it.
    pub inside: Vec<Branch>,
}

/// What a transaction does, and what speaks against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What it does.
    pub tree: Vec<Branch>,
    /// One sentence for every rule of the policy that refuses it. Empty does not mean that the door would let it through:
    /// simulation, budgets, mandates, breakers and people have their say there.
    pub objections: Vec<String>,
}

/// Reads `transaction`, and holds it against every rule of `policy` that is about its bytes. Deadlines are judged by `now`, chain
/// time in seconds, and only shown where it is `None`.
#[must_use]
pub fn explain(policy: &Policy, transaction: &AnyTransaction, now: Option<Timestamp>) -> Explanation {
    let AnyTransaction { from, to, ref data, .. } = *transaction;
    // Each lane is held to the policy by itself: whose executor is called, tells which one this is.
    let called = policy.lanes().find(|(_, executor)| to.is_some() && *executor == to);
    let lane = called.and_then(|(lane, _)| policy.in_lane(lane));
    let policy = lane.as_ref().unwrap_or(policy);
    let action = decode(&Frame { from, to, data: data.clone() }, policy.executor);
    let names = Names { policy, from };
    let mut tree = tree::head(&names, transaction);
    tree.push(match &action {
        Ok(action) => tree::action(&names, action),
        Err(_) => tree::foreign(&names, transaction),
    });
    Explanation { tree, objections: objections(policy, transaction, &action, now) }
}

/// What a person is shown who is asked for approval: `transaction`, which is what `action` was decoded from.
pub(crate) fn shown(policy: &Policy, transaction: &Transaction, action: &Action) -> String {
    let names = Names { policy, from: transaction.from };
    let mut tree = tree::head(&names, &transaction.into());
    tree.push(tree::action(&names, action));
    text(&tree)
}

fn objections(
    policy: &Policy,
    transaction: &AnyTransaction,
    action: &Result<Action, Refusal>,
    now: Option<Timestamp>,
) -> Vec<String> {
    let mut found = Vec::new();
    if transaction.chain != policy.chain.0 {
        found.push(Refusal::WrongChain { policy: policy.chain.0, chain: transaction.chain }.to_string());
    }
    if !transaction.value.is_zero() {
        found.push(format!("it sends {} along, and the door sends no coin", coin(transaction.value)));
    }
    if !transaction.authorizations.is_empty() {
        found.push("it lets accounts take on foreign code, and the door authorises none".to_owned());
    }
    found.extend(
        transaction.gas.and_then(|gas| judge::gas_fits(policy, gas).err()).map(|over| over.to_string()),
    );
    let about = match action {
        Ok(Action::Execute(intent)) => {
            let mut about = judge::objections(policy, intent, now);
            about.extend(judge::tokens(policy, intent).err());
            about
        }
        Ok(Action::Maintain(maintenance)) => {
            judge::receivers(policy, maintenance).err().into_iter().collect()
        }
        Err(refusal) => vec![refusal.clone()],
    };
    found.extend(about.iter().map(Refusal::to_string));
    found
}

/// The tree as indented lines.
fn text(tree: &[Branch]) -> String {
    let mut lines = String::new();
    for branch in tree {
        branch.write(&mut lines, 0);
    }
    lines
}

impl Branch {
    fn leaf(text: impl Into<String>) -> Self {
        Self { text: text.into(), inside: Vec::new() }
    }

    fn write(&self, lines: &mut String, depth: usize) {
        lines.extend(std::iter::repeat_n("  ", depth));
        // Whatever is printed, a terminal stays as it is.
        lines.extend(self.text.chars().filter(|letter| !letter.is_control()));
        lines.push('\n');
        for branch in &self.inside {
            branch.write(lines, depth.saturating_add(1));
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(&self.tree))?;
        if self.objections.is_empty() {
            return f.write_str("the policy has nothing against these bytes\n");
        }
        self.objections.iter().try_for_each(|objection| writeln!(f, "refused: {objection}"))
    }
}

#[cfg(test)]
mod tests;
