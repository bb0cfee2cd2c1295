//! The policy's judgement: pure, over the final bytes and their simulation.

mod calls;
mod limits;
mod variants;

pub(crate) use limits::{SWEEP, gas_fits, tokens, used};

use agent_core::{
    Action, BalanceDelta, Borrow, Draft, Intent, Lending, Maintenance, Origin, OutsideMandate, Refusal,
    StandingOrder,
    ports::{Quote, Reservation, SimulatedOutcome},
    units::{Asset, Timestamp, TokenAmount},
};
use alloy_primitives::{Address, I256};

use crate::{
    encode::decode,
    executor::ExecutorRevert,
    ladder::{Approved, Simulated, Transaction},
    policy::Policy,
};

/// The mandate that a reflex acts under: the order, how often it was used, and the budget key of its uses.
#[derive(Debug, Clone)]
pub(crate) struct Mandate {
    pub(crate) order: StandingOrder,
    pub(crate) used: u32,
    pub(crate) budget: String,
}

/// Allows a simulated draft as an exact transaction, or says why not. `mandate` is the live order that the origin names.
pub(crate) fn judge(
    policy: &Policy,
    simulated: Simulated,
    quote: &Quote,
    mandate: Option<&Mandate>,
) -> Result<Approved, Refusal> {
    let action = sound(policy, &simulated, quote, mandate)?;
    let gas = limits::gas_terms(policy, &simulated, quote)?;
    let transaction = Transaction::new(simulated.frame.clone(), quote, gas);
    let reservations = limits::reservations(policy, &simulated.draft, &action, &transaction, mandate)?;
    Ok(Approved { simulated, transaction, reservations })
}

/// Judges a transaction that an earlier process recorded, from its bytes up, as though it were new. The journal's word that
/// it was allowed is not taken: whoever can write that file could otherwise have anything signed.
pub(crate) fn judge_again(
    policy: &Policy,
    again: &Approved,
    quote: &Quote,
    mandate: Option<&Mandate>,
) -> Result<(), Refusal> {
    let needed = needed(policy, again, quote, recorded(mandate).as_ref())?;
    limits::still_reserved(&needed, &again.reservations)
}

/// Judges a transaction that replaces a recorded one, as though it were new; what it needs beyond what that one reserved.
pub(crate) fn judge_replacement(
    policy: &Policy,
    again: &Approved,
    quote: &Quote,
    mandate: Option<&Mandate>,
) -> Result<Vec<Reservation>, Refusal> {
    let needed = needed(policy, again, quote, recorded(mandate).as_ref())?;
    limits::beyond(needed, &again.reservations)
}

/// Its own use was counted when it was recorded.
fn recorded(mandate: Option<&Mandate>) -> Option<Mandate> {
    mandate.map(|live| Mandate { used: live.used.saturating_sub(1), ..live.clone() })
}

/// What a transaction, however it came to be, needs of the budgets: judged from its bytes up.
pub(crate) fn needed(
    policy: &Policy,
    again: &Approved,
    quote: &Quote,
    mandate: Option<&Mandate>,
) -> Result<Vec<Reservation>, Refusal> {
    let Approved { simulated, transaction, .. } = again;
    if transaction.chain != policy.chain {
        return Err(Refusal::WrongChain { policy: policy.chain.0, chain: transaction.chain.0 });
    }
    let action = sound(policy, simulated, quote, mandate)?;
    match action {
        Action::Execute(_) | Action::Maintain(Maintenance::FillNonce) => {}
        // It has no deadline of its own; the operator, who just started this process, simply asks again.
        Action::Maintain(_) => return Err(Refusal::OperatorOnly),
    }
    limits::gas_fits(policy, transaction.gas)?;
    limits::reservations(policy, &simulated.draft, &action, transaction, mandate)
}

/// Everything but gas and budgets; what the final bytes do.
fn sound(
    policy: &Policy,
    simulated: &Simulated,
    quote: &Quote,
    mandate: Option<&Mandate>,
) -> Result<Action, Refusal> {
    if quote.chain != policy.chain {
        return Err(Refusal::WrongChain { policy: policy.chain.0, chain: quote.chain.0 });
    }
    same_key(simulated, quote)?;
    let action = decode(&simulated.frame, policy.executor)?;
    succeeds(simulated)?;
    is_fresh(simulated, quote)?;
    covered(simulated, &action, mandate, quote.head.timestamp)?;
    match &action {
        Action::Execute(intent) => {
            acts(policy, simulated)?;
            allowed(policy, &simulated.draft.strategy, intent, quote.head.timestamp)?;
        }
        Action::Maintain(maintenance) => maintained(policy, simulated, maintenance)?,
    }
    deltas_match(policy, simulated, &action, &simulated.simulation.deltas)?;
    variants::agree(policy, simulated, &action)?;
    Ok(action)
}

/// The nonce and fees are those of the key that was simulated: a lane may have changed its key in between.
fn same_key(simulated: &Simulated, quote: &Quote) -> Result<(), Refusal> {
    let from = simulated.frame.from;
    let cause = || format!("it quotes for {}, the simulation was for {from}", quote.from);
    let mismatch = || Refusal::Unavailable { port: "sender".to_owned(), cause: cause() };
    (quote.from == from).then_some(()).ok_or_else(mismatch)
}

fn succeeds(simulated: &Simulated) -> Result<(), Refusal> {
    match &simulated.simulation.outcome {
        SimulatedOutcome::Success => Ok(()),
        SimulatedOutcome::Revert(data) => {
            Err(Refusal::SimulationReverts(ExecutorRevert::decode(data).to_string()))
        }
    }
}

/// At most one block away from the head, on either side, and not on a block that the head replaced.
fn is_fresh(simulated: &Simulated, quote: &Quote) -> Result<(), Refusal> {
    let (at, head) = (simulated.simulation.at, quote.head);
    let orphaned = at.number == head.number && at.hash != head.hash;
    if orphaned || at.number.0.abs_diff(head.number.0) > 1 {
        Err(Refusal::StaleSimulation { simulated: at.number.0, head: head.number.0 })
    } else {
        Ok(())
    }
}

/// The order covers the draft as its maker describes it, and the action as it was decoded.
fn covered(
    simulated: &Simulated,
    action: &Action,
    mandate: Option<&Mandate>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Origin::Reflex { .. } = &simulated.origin else { return Ok(()) };
    let outside = Refusal::OutsideMandate;
    let mandate = mandate.ok_or(outside(OutsideMandate::NotArmed))?;
    let decoded = Draft { action: action.clone(), ..simulated.draft.clone() };
    mandate.order.covers(&decoded, mandate.used, now).map_err(outside)
}

/// Who sweeps does nothing else, and nobody else sweeps.
fn acts(policy: &Policy, simulated: &Simulated) -> Result<(), Refusal> {
    let sweeps = simulated.origin == Origin::Sweep || policy.sweep(&simulated.draft.strategy).is_some();
    if sweeps { Err(Refusal::OperatorOnly) } else { Ok(()) }
}

fn allowed(policy: &Policy, strategy: &str, intent: &Intent, now: Timestamp) -> Result<(), Refusal> {
    if !policy.parties.strategies.contains_key(strategy) {
        return Err(Refusal::StrategyNotAllowed(strategy.to_owned()));
    }
    match objections(policy, intent, Some(now)).into_iter().next() {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

/// Everything in the bytes that the policy forbids, whoever asks; deadlines are judged by `now`, and not where there is none.
pub(crate) fn objections(policy: &Policy, intent: &Intent, now: Option<Timestamp>) -> Vec<Refusal> {
    let mut found = Vec::new();
    if intent.floors.iter().all(|floor| floor.raw.is_zero()) {
        found.push(Refusal::NoFloor);
    }
    found.extend(now.and_then(|now| too_late(policy, intent.deadline, now)));
    if let Some(borrow) = intent.borrow {
        found.extend((!lends(policy, &borrow)).then_some(Refusal::LenderNotAllowed(borrow.lender)));
    }
    found.extend(intent.calls.iter().flat_map(|call| calls::objections(policy, call, now)));
    let touched = intent.floors.iter().map(|floor| floor.token);
    let price = intent.borrow.and_then(|borrow| borrow.lending.price());
    let touched = touched
        .chain(intent.borrow.map(|borrow| borrow.amount).into_iter().chain(price).map(|amount| amount.token));
    found.extend(touched.filter_map(|token| known(policy, token).err()));
    found
}

/// Who lends is on the list, or was made by a factory that is.
fn lends(policy: &Policy, borrow: &Borrow) -> bool {
    match borrow.lending {
        Lending::FlashLoan => policy.contracts.get(&borrow.lender).is_some_and(|rule| rule.lender),
        Lending::PairV2 { .. } | Lending::PoolV3 { .. } => policy.made(borrow).is_some(),
    }
}

fn too_late(policy: &Policy, deadline: Timestamp, now: Timestamp) -> Option<Refusal> {
    let fits = deadline > now && deadline <= now.plus(policy.limits.deadline_seconds);
    (!fits).then_some(Refusal::Deadline { deadline: deadline.0, now: now.0 })
}

fn known(policy: &Policy, token: Address) -> Result<(), Refusal> {
    policy.tokens.contains_key(&token).then_some(()).ok_or(Refusal::TokenNotAllowed(token))
}

fn maintained(policy: &Policy, simulated: &Simulated, maintenance: &Maintenance) -> Result<(), Refusal> {
    let Simulated { draft, origin, .. } = simulated;
    if *origin == Origin::Sweep {
        let unknown = || Refusal::StrategyNotAllowed(draft.strategy.clone());
        policy.sweep(&draft.strategy).ok_or_else(unknown)?.allows(maintenance)?;
        return receivers(policy, maintenance);
    }
    let by = if *maintenance == Maintenance::FillNonce { Origin::Door } else { Origin::Operator };
    if *origin != by {
        return Err(Refusal::OperatorOnly);
    }
    receivers(policy, maintenance)
}

/// Who would receive what by `maintenance`, whoever asks for it.
pub(crate) fn receivers(policy: &Policy, maintenance: &Maintenance) -> Result<(), Refusal> {
    let receives = |to: &Address| policy.parties.recipients.contains(to);
    match maintenance {
        Maintenance::DeployExecutor | Maintenance::AcceptOwnership | Maintenance::FillNonce => Ok(()),
        Maintenance::TransferOwnership { to } | Maintenance::Withdraw { to, .. } if !receives(to) => {
            Err(Refusal::RecipientNotAllowed(*to))
        }
        Maintenance::TransferOwnership { .. } => Ok(()),
        Maintenance::Withdraw { token, .. } if token.is_zero() => Ok(()),
        Maintenance::Withdraw { token, .. } => known(policy, *token),
    }
}

/// What must be watched so that [`deltas_match`] sees everything: every token of the policy and the native coin, for the
/// executor and the key.
pub(crate) fn watch(policy: &Policy, from: Address) -> Vec<(Address, Asset)> {
    let assets = || policy.tokens.keys().copied().map(Asset::Token).chain([Asset::Native]);
    policy
        .executor
        .into_iter()
        .chain([from])
        .flat_map(|holder| assets().map(move |asset| (holder, asset)))
        .collect()
}

/// Every watched balance was measured, and none fell below what the decoded action allows.
fn deltas_match(
    policy: &Policy,
    simulated: &Simulated,
    action: &Action,
    deltas: &[BalanceDelta],
) -> Result<(), Refusal> {
    for (holder, asset) in watch(policy, simulated.frame.from) {
        let measured = deltas.iter().find(|delta| delta.holder == holder && delta.asset == asset);
        let cause = || format!("it did not measure {asset:?} of {holder}");
        let unmeasured = || Refusal::Unavailable { port: "simulator".into(), cause: cause() };
        let change = measured.ok_or_else(unmeasured)?.change;
        let allowed = least_change(policy, action, holder, asset)
            .ok_or_else(|| Refusal::Undecodable("an amount does not fit 255 bits".into()))?;
        if change < allowed {
            return Err(Refusal::Delta { holder, asset, change, allowed });
        }
    }
    Ok(())
}

/// The least change of a balance that `action` allows: its floor, the withdrawn amount, or no loss at all.
fn least_change(policy: &Policy, action: &Action, holder: Address, asset: Asset) -> Option<I256> {
    if Some(holder) != policy.executor {
        return Some(I256::ZERO);
    }
    match (action, asset) {
        (Action::Execute(intent), Asset::Token(token)) => {
            let floors = intent.floors.iter().filter(|floor| floor.token == token);
            let highest = floors.map(|TokenAmount { raw, .. }| *raw).max().unwrap_or_default();
            I256::try_from(highest).ok()
        }
        (Action::Maintain(Maintenance::Withdraw { token, raw, .. }), asset) => {
            let withdrawn = match asset {
                Asset::Native => token.is_zero(),
                Asset::Token(address) => address == *token && !token.is_zero(),
            };
            if withdrawn { I256::try_from(*raw).ok()?.checked_neg() } else { Some(I256::ZERO) }
        }
        (Action::Execute(_) | Action::Maintain(_), _) => Some(I256::ZERO),
    }
}

#[cfg(test)]
mod tests;
