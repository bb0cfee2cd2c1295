//! The same transaction under other conditions. A contract that tells a simulation from a block by what is different there
//! behaves differently in one of them.

use agent_core::{
    Action, Refusal,
    ports::{SimulatedOutcome, Variant},
};

use super::deltas_match;
use crate::{executor::ExecutorRevert, ladder::Simulated, policy::Policy};

/// How many characters of a simulator's words are kept.
const KEPT: usize = 200;

/// Every variant succeeds, and its balances meet the same floors as those of the conditions that are expected.
pub(super) fn agree(policy: &Policy, simulated: &Simulated, action: &Action) -> Result<(), Refusal> {
    simulated.simulation.variants.iter().try_for_each(|variant| agrees(policy, simulated, action, variant))
}

fn agrees(policy: &Policy, simulated: &Simulated, action: &Action, variant: &Variant) -> Result<(), Refusal> {
    let how = match &variant.outcome {
        SimulatedOutcome::Revert(data) => format!("it reverts: {}", ExecutorRevert::decode(data)),
        SimulatedOutcome::Success => match deltas_match(policy, simulated, action, &variant.deltas) {
            Ok(()) => return Ok(()),
            Err(refusal) => refusal.to_string(),
        },
    };
    let kept = |text: &str| text.escape_debug().take(KEPT).collect();
    Err(Refusal::BehavesDifferently {
        environment: kept(&variant.environment),
        how: how.chars().take(KEPT).collect(),
    })
}
