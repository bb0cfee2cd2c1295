//! Amounts against their limits, and what the journal is asked to reserve.

use agent_core::{
    Action, Draft, Intent, Maintenance, OutsideMandate, Refusal,
    ports::{Quote, Reservation},
    units::Wei,
};
use alloy_primitives::{Address, U256};

use super::Mandate;
use crate::{
    ladder::{Gas, Simulated, Transaction},
    policy::{Limits, Policy, StrategyRule},
};

/// Gas on top of half as much again: estimates are made a block early, interest accrues, and refunds (at most a fifth) hide
/// what must be there before they are paid.
const SPARE_GAS: u64 = 30_000;

/// Gas terms within the policy's: the fee cap is what the sender would offer, or the policy's where that is less and the next
/// block can still take it. The key must be able to pay for all of it.
pub(super) fn gas_terms(policy: &Policy, simulated: &Simulated, quote: &Quote) -> Result<Gas, Refusal> {
    let (used, most) = (simulated.simulation.gas_used, policy.limits.gas_per_transaction);
    if used > most {
        return Err(over("gas per transaction", used, most));
    }
    if quote.least_fee > policy.limits.max_fee {
        return Err(over("fee per gas", quote.least_fee, policy.limits.max_fee));
    }
    let limit = used.saturating_add(used.div_euclid(2)).saturating_add(SPARE_GAS).min(most);
    let max_fee = quote.max_fee.min(policy.limits.max_fee);
    match Wei::for_gas(limit, max_fee) {
        Some(needs) if needs <= quote.balance => Ok(Gas { limit, max_fee, tip: quote.tip.min(max_fee) }),
        _ => Err(Refusal::CannotPay { has: quote.balance }),
    }
}

/// The gas terms of a transaction, however it came by them, are within the policy's.
pub(crate) fn gas_fits(policy: &Policy, gas: Gas) -> Result<(), Refusal> {
    let Limits { gas_per_transaction, max_fee, .. } = policy.limits;
    if gas.limit > gas_per_transaction {
        return Err(over("gas per transaction", gas.limit, gas_per_transaction));
    }
    if gas.max_fee > max_fee {
        return Err(over("fee per gas", gas.max_fee, max_fee));
    }
    Ok(())
}

fn over(limit: &str, asked: impl ToString, allowed: impl ToString) -> Refusal {
    Refusal::OverLimit { limit: limit.to_owned(), asked: asked.to_string(), allowed: allowed.to_string() }
}

pub(super) fn reservations(
    policy: &Policy,
    draft: &Draft,
    action: &Action,
    transaction: &Transaction,
    mandate: Option<&Mandate>,
) -> Result<Vec<Reservation>, Refusal> {
    let mut reservations = gas(policy, draft, action, transaction)?;
    match (action, policy.sweep(&draft.strategy)) {
        (Action::Execute(intent), _) => reservations.extend(tokens(policy, intent)?),
        (Action::Maintain(Maintenance::Withdraw { token, .. }), Some(sweep)) => {
            reservations.push(sweep.once(&draft.strategy, *token));
        }
        (Action::Maintain(_), _) => {}
    }
    if let Some(mandate) = mandate {
        let (amount, limit) = (U256::ONE, U256::from(mandate.order.uses));
        reservations.push(Reservation { budget: mandate.budget.clone(), amount, limit, window: 0 });
    }
    Ok(reservations)
}

fn gas(
    policy: &Policy,
    draft: &Draft,
    action: &Action,
    transaction: &Transaction,
) -> Result<Vec<Reservation>, Refusal> {
    let most = Wei::for_gas(transaction.gas.limit, transaction.gas.max_fee)
        .ok_or_else(|| over("gas cost", "more than 256 bits", policy.limits.gas_per_window))?;
    let window = policy.limits.window_seconds;
    let reserve = |budget: String, limit| Reservation { budget, amount: most.0, limit, window };
    let mut reservations = vec![reserve(format!("{GAS}/all"), policy.limits.gas_per_window)];
    let rule = policy.parties.strategies.get(&draft.strategy);
    let acts = |rule: &&StrategyRule| matches!(action, Action::Execute(_)) || rule.sweep.is_some();
    if let Some(rule) = rule.filter(acts) {
        reservations.push(reserve(format!("{GAS}//{}", draft.strategy), rule.gas_per_window));
    }
    Ok(reservations)
}

/// What is `needed` now is what the journal `holds`: so the recorded transaction is still the one that was allowed, under the
/// same mandate.
pub(super) fn still_reserved(needed: &[Reservation], holds: &[Reservation]) -> Result<(), Refusal> {
    let Some(missing) = needed.iter().find(|reservation| !holds.contains(reservation)) else { return Ok(()) };
    if missing.budget.starts_with("order/") {
        // Its order was disarmed; another of that name may be armed by now.
        return Err(Refusal::OutsideMandate(OutsideMandate::NotArmed));
    }
    let reserved = holds.iter().find(|reservation| reservation.budget == missing.budget);
    let reserved = reserved.map_or(U256::ZERO, |reservation| reservation.amount);
    Err(over(&format!("reserved budget {}", missing.budget), missing.amount, reserved))
}

/// What is `needed` beyond what the journal `holds` for the same intent. Only gas can be: the call is the same.
pub(super) fn beyond(needed: Vec<Reservation>, holds: &[Reservation]) -> Result<Vec<Reservation>, Refusal> {
    let held = |budget: &str| {
        let of_budget = holds.iter().filter(|reservation| reservation.budget == budget);
        of_budget.fold(U256::ZERO, |sum, reservation| sum.saturating_add(reservation.amount))
    };
    let mut more = Vec::new();
    for reservation in needed {
        let amount = reservation.amount.saturating_sub(held(&reservation.budget));
        if amount.is_zero() {
            continue;
        }
        if reservation.budget.starts_with("order/") {
            return Err(Refusal::OutsideMandate(OutsideMandate::NotArmed));
        }
        more.push(Reservation { amount, ..reservation });
    }
    Ok(more)
}

/// What was really used of `reserved` by a transaction that paid `gas_paid`, having reverted or not.
pub(crate) fn used(reserved: &Reservation, gas_paid: Wei, reverted: bool) -> Reservation {
    let amount = match reserved.budget.split_once('/') {
        Some((GAS, _)) => gas_paid.0,
        Some((TOKEN | SWEEP, _)) if reverted => U256::ZERO,
        _ => reserved.amount,
    };
    Reservation { amount, ..reserved.clone() }
}

/// Gas budgets are `gas/all` and `gas//<strategy>`, token budgets `token/<address>`; uses of orders are `order/…`, sweeps `sweep//…`.
const GAS: &str = "gas";
const TOKEN: &str = "token";
pub(crate) const SWEEP: &str = "sweep";

/// What an intent needs of the tokens' budgets, if each amount is within its limit.
pub(crate) fn tokens(policy: &Policy, intent: &Intent) -> Result<Vec<Reservation>, Refusal> {
    let work = intent.at_work().ok_or_else(|| over("amounts put to work", "more than 256 bits", "less"))?;
    let window = policy.limits.window_seconds;
    let reserve = |(token, amount): (Address, U256)| {
        let rule = policy.tokens.get(&token).ok_or(Refusal::TokenNotAllowed(token))?;
        if amount > rule.per_transaction {
            let (asked, allowed) = (rule.token.display(amount), rule.token.display(rule.per_transaction));
            return Err(over("amount per transaction", asked, allowed));
        }
        let budget = format!("{TOKEN}/{token}");
        Ok(Reservation { budget, amount, limit: rule.per_window, window })
    };
    work.into_iter().map(reserve).collect()
}
