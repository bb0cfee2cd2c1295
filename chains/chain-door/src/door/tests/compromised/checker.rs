//! The policy of these tests once more, written from its text and not from the door's code, over transaction bytes.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "a test's sums of amounts far below 256 bits; unreadable when checked"
)]

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{
    Origin, Settlement,
    ports::{EntryKind, Journal as _, Sequence},
};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use futures::executor::block_on;
use proptest::test_runner::TestCaseError;

use super::{super::world::World, meanings::Reading};
use crate::{
    KeepwrightExecutor::{Kind, acceptOwnershipCall, executeCall, transferOwnershipCall, withdrawCall},
    Page, Transaction, creation_code,
    scripted::*,
};

pub(super) type Checked<T = ()> = Result<T, TestCaseError>;

pub(super) fn must(holds: bool, what: &str) -> Checked {
    if holds { Ok(()) } else { Err(TestCaseError::fail(what.to_owned())) }
}

/// Above this much USDC a person is asked.
pub(super) const ASK_ABOVE: u64 = 300_000_000;

/// What operator and planner were granted in a life.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Orders that the planner armed.
    pub(super) armed: usize,
    /// Replies of the operator's that let something through.
    pub(super) approved: usize,
}

/// What one transaction that reached the sender puts to work, and what may count against it.
struct Seen {
    nonce: u64,
    at: u64,
    work: BTreeMap<Address, U256>,
    gas: U256,
    strategy: String,
}

/// Who asked for each nonce, by the journal.
pub(super) fn origins(world: &World) -> BTreeMap<u64, Origin> {
    recorded(world).into_iter().map(|(nonce, (_, origin, _))| (nonce, origin)).collect()
}

/// Subject, origin and strategy by nonce; the latest, where one was dropped before it was signed.
fn recorded(world: &World) -> BTreeMap<u64, (B256, Origin, String)> {
    let mut recorded = BTreeMap::new();
    for stored in block_on(world.list.read(Sequence(0), 10_000)).unwrap() {
        if let Page::Recorded(page) = Page::of(&stored).unwrap() {
            let of = (stored.entry.subject, page.origin, page.draft.strategy);
            recorded.insert(page.transaction.nonce, of);
        }
    }
    recorded
}

/// Whose each transaction is, by the journal, and whether it is one that was marked as replacing another.
fn pages(world: &World) -> Vec<(Transaction, B256, bool)> {
    let stored = block_on(world.list.read(Sequence(0), 10_000)).unwrap();
    let pages = stored.iter().filter_map(|stored| match Page::of(stored).unwrap() {
        Page::Recorded(page) => Some((page.transaction, stored.entry.subject, false)),
        Page::Replaced(page) => Some((page.transaction, stored.entry.subject, true)),
        Page::Refused(_)
        | Page::Signed(_)
        | Page::Closed { .. }
        | Page::Order { .. }
        | Page::Noted { .. } => None,
    });
    pages.collect()
}

fn dropped(world: &World) -> BTreeSet<B256> {
    let stored = block_on(world.list.read(Sequence(0), 10_000)).unwrap();
    let dropped = stored.into_iter().filter(|stored| stored.entry.kind == EntryKind::Dropped);
    dropped.map(|stored| stored.entry.subject).collect()
}

/// Everything that was sent, against everything that was allowed.
pub(super) fn check(world: &World, given: &Given) -> Checked {
    let recorded = recorded(world);
    let (dropped, lane) = (dropped(world), world.sender.lane.lock().unwrap());
    let mut by_nonce: BTreeMap<u64, (&Transaction, Seen)> = BTreeMap::new();
    let pages = pages(world);
    let page_of = |transaction: &Transaction| {
        let page = pages.iter().find(|(recorded, ..)| recorded == transaction);
        page.map(|(_, subject, replaces)| (*subject, *replaces))
            .ok_or_else(|| TestCaseError::fail("signed, and not recorded"))
    };
    for (transaction, at) in &lane.sent_at {
        let (subject, replaces) = page_of(transaction)?;
        let (_, origin, strategy) =
            recorded.get(&transaction.nonce).ok_or_else(|| TestCaseError::fail("not recorded"))?;
        let origin = if replaces && fills(transaction) { &Origin::Door } else { origin };
        let gas = U256::from(transaction.gas.limit) * U256::from(transaction.gas.max_fee);
        if let Some((before, seen)) = by_nonce.get_mut(&transaction.nonce) {
            must(*before == transaction || replaces, "one nonce, two transactions")?;
            must(page_of(before)?.0 == subject, "one nonce, two intents")?;
            allowed(transaction, origin, *at)?;
            seen.gas = seen.gas.max(gas);
            continue;
        }
        let work = allowed(transaction, origin, *at)?;
        // Only intents count against a strategy.
        let executes = executeCall::abi_decode_validate(&transaction.data).is_ok();
        let (nonce, at) = (transaction.nonce, *at);
        let strategy = if executes { strategy.clone() } else { String::new() };
        by_nonce.insert(nonce, (transaction, Seen { nonce, at, work, gas, strategy }));
    }
    let under = |name: &str| {
        let of = |nonce: &&u64| matches!(&recorded[nonce].1, Origin::Reflex { order } if order.0 == name);
        by_nonce.keys().filter(of).count()
    };
    must(under("o") <= 3, "the order has three uses")?;
    must(under("p") <= 2 * given.armed, "a planner's order has two uses at most")?;
    let reflexes = recorded.values().filter(|(_, origin, _)| matches!(origin, Origin::Reflex { .. })).count();
    must(reflexes <= 3 + 2 * given.armed, "an order that nobody gave")?;
    let asks = |nonce: &u64, seen: &Seen| {
        let above = seen.work.get(&USDC).is_some_and(|raw| *raw > U256::from(ASK_ABOVE));
        above && !matches!(recorded[nonce].1, Origin::Operator | Origin::Door)
    };
    let asked = by_nonce.iter().filter(|(nonce, (_, seen))| asks(nonce, seen)).count();
    must(asked <= given.approved, "more went than a person approved")?;
    // One that only uses up its nonce puts nothing to work, whatever else had that nonce.
    let cancels = |hash: B256| pages.iter().any(|(of, ..)| fills(of) && sent(of).transaction == hash);
    let mut counted = Vec::new();
    for (_, mut seen) in by_nonce.into_values() {
        match lane.ended.get(&seen.nonce) {
            Some(Settlement::Dropped { .. }) => continue,
            None if dropped.contains(&recorded[&seen.nonce].0) => continue,
            None => {}
            Some(Settlement::Settled(mined)) if !cancels(mined.transaction) => seen.gas = mined.gas_paid.0,
            Some(Settlement::Settled(mined) | Settlement::Reverted(mined) | Settlement::Cancelled(mined)) => {
                seen.gas = mined.gas_paid.0;
                seen.work.clear();
            }
        }
        counted.push(seen);
    }
    windows(&counted)
}

/// The sums over every window that ends with one of them.
fn windows(counted: &[Seen]) -> Checked {
    for last in counted {
        let window = || counted.iter().filter(|seen| seen.at <= last.at && seen.at + 3_600 > last.at);
        for (token, cap) in [(USDC, U256::from(2_000_000_000u64)), (WETH, U256::from(2) * U256::from(ETHER))]
        {
            let sum =
                window().filter_map(|seen| seen.work.get(&token)).fold(U256::ZERO, |sum, raw| sum + *raw);
            must(sum <= cap, "a token's window")?;
        }
        let gas = |strategy: Option<&str>| {
            let of = window().filter(|seen| strategy.is_none_or(|strategy| seen.strategy == strategy));
            of.fold(U256::ZERO, |sum, seen| sum + seen.gas)
        };
        let milliether = U256::from(ETHER / 1_000);
        must(gas(None) <= U256::from(10) * milliether, "all gas in a window")?;
        must(gas(Some("arb")) <= U256::from(8) * milliether, "a strategy's gas in a window")?;
        must(gas(Some("keeper")) <= U256::from(4) * milliether, "a strategy's gas in a window")?;
    }
    Ok(())
}

/// Whether it does nothing but use up its nonce.
fn fills(transaction: &Transaction) -> bool {
    transaction.to == Some(KEY) && transaction.data.is_empty()
}

/// One transaction by itself; what it puts to work.
fn allowed(transaction: &Transaction, origin: &Origin, now: u64) -> Checked<BTreeMap<Address, U256>> {
    must(transaction.chain.0 == 31_337 && transaction.from == KEY, "another chain or key")?;
    must(transaction.gas.limit <= 500_000 && transaction.gas.max_fee <= 10_000_000_000, "gas terms")?;
    let Some(to) = transaction.to else {
        must(*origin == Origin::Operator && transaction.data == creation_code(KEY), "a strange deployment")?;
        return Ok(BTreeMap::new());
    };
    if fills(transaction) {
        return must(*origin == Origin::Door, "a nonce used up for nothing").map(|()| BTreeMap::new());
    }
    must(to == EXECUTOR, "a target other than the executor")?;
    match executeCall::abi_decode_validate(&transaction.data) {
        Ok(call) => execution(&call, origin, now),
        Err(_) => maintenance(transaction, origin).map(|()| BTreeMap::new()),
    }
}

fn maintenance(transaction: &Transaction, origin: &Origin) -> Checked {
    must(*origin == Origin::Operator, "maintenance that the operator did not ask for")?;
    if acceptOwnershipCall::abi_decode_validate(&transaction.data).is_ok() {
        return Ok(());
    }
    if let Ok(call) = withdrawCall::abi_decode_validate(&transaction.data) {
        return must(call.to == SAFE && [USDC, WETH, Address::ZERO].contains(&call.token), "a withdrawal");
    }
    let transfer = transferOwnershipCall::abi_decode_validate(&transaction.data);
    must(transfer.is_ok_and(|call| call.next == SAFE), "the executor given away")
}

fn execution(call: &executeCall, origin: &Origin, now: u64) -> Checked<BTreeMap<Address, U256>> {
    let is_token = |token: &Address| [USDC, WETH].contains(token);
    let mut work: BTreeMap<Address, U256> = BTreeMap::new();
    for step in &call.calls {
        let swaps = step.target == ROUTER && step.data.starts_with(&selector("swap(uint256)"));
        let pokes = step.target == POOL && step.data.starts_with(&selector("poke()"));
        let markets = [AMM, UNIVERSAL, LENDING, PAYER].contains(&step.target);
        if !swaps && !pokes {
            let mut reading = Reading { now, taken: BTreeMap::new() };
            reading.call(EXECUTOR, step.target, &step.data)?;
            let declared =
                |token: Address| if token == step.spendToken { step.spendAmount } else { U256::ZERO };
            let fits = |(token, raw): (&Address, &U256)| {
                // The largest number is as much as is approved, which a lender may be told.
                let all = *raw == U256::MAX && step.target == LENDING && !declared(*token).is_zero();
                all || *raw <= declared(*token)
            };
            must(reading.taken.iter().all(fits), "a call takes more than it declares")?;
        }
        if step.spendToken != Address::ZERO {
            must(
                (swaps || markets) && is_token(&step.spendToken),
                "a spender or a token that is not on the list",
            )?;
            let sum = work.entry(step.spendToken).or_default();
            *sum =
                sum.checked_add(step.spendAmount).ok_or_else(|| TestCaseError::fail("a sum that wraps"))?;
        } else {
            must(step.spendAmount.is_zero(), "an amount of nothing")?;
        }
    }
    if call.loan.lender != Address::ZERO {
        let swaps = [call.loan.token, call.loan.priceToken];
        let between = swaps == [USDC, WETH] || swaps == [WETH, USDC];
        let listed = match call.loan.kind {
            Kind::FlashLoan => call.loan.lender == POOL && is_token(&call.loan.token),
            Kind::PairV2 => call.loan.lender == pair() && between,
            Kind::PoolV3 => call.loan.lender == pool_of_500() && between,
            Kind::__Invalid => false,
        };
        must(listed, "a lender or a token that is not on the list")?;
        if call.loan.kind != Kind::FlashLoan {
            let sum = work.entry(call.loan.priceToken).or_default();
            *sum = sum.checked_add(call.loan.price).ok_or_else(|| TestCaseError::fail("a sum that wraps"))?;
        }
        let sum = work.entry(call.loan.token).or_default();
        *sum = (*sum).max(call.loan.amount);
    }
    let floored = |token: &Address| call.floors.iter().any(|floor| floor.token == *token);
    must(work.keys().all(floored), "a touched token without a floor")?;
    must(call.floors.iter().all(|floor| is_token(&floor.token)), "a floor of a strange token")?;
    must(call.floors.iter().any(|floor| !floor.atLeast.is_zero()), "no floor at all")?;
    must(call.deadline > U256::from(now) && call.deadline <= U256::from(now + 60), "a deadline")?;
    let most = |token: Address| match (origin, token == USDC) {
        (Origin::Reflex { order }, true) if order.0 == "o" => 500_000_000,
        (Origin::Reflex { order }, false) if order.0 == "o" => ETHER / 2,
        (_, true) => 1_000_000_000,
        (_, false) => ETHER,
    };
    must(work.iter().all(|(token, raw)| *raw <= U256::from(most(*token))), "too much of a token")?;
    Ok(work)
}
