//! The tree, branch by branch.

use agent_core::{
    Action, Borrow, Call, Intent, Lending, Maintenance,
    units::{TokenAmount, Wei},
};
use alloy_primitives::{Address, U256, keccak256};

use super::{
    AnyTransaction, Branch,
    names::{Names, coin},
};
use crate::{
    decode::{self, Effect, Inner, Meaning, Unread},
    policy::DEFAULT_LANE,
};

/// How many bytes of what nobody reads are printed.
const PRINTED: usize = 68;

/// Everything around the call: chain, key, gas, coin, authorisations.
pub(super) fn head(names: &Names<'_>, transaction: &AnyTransaction) -> Vec<Branch> {
    let AnyTransaction { chain, from, nonce, value, gas, .. } = transaction;
    let lane = match names.policy.lane.as_str() {
        DEFAULT_LANE => String::new(),
        lane => format!(", in lane {lane}"),
    };
    let mut lines = vec![Branch::leaf(format!("chain {chain}, from {from} with nonce {nonce}{lane}"))];
    if let Some(gas) = gas {
        let most = Wei::for_gas(gas.limit, gas.max_fee)
            .map_or_else(|| "more than 256 bits".to_owned(), |wei| coin(wei.0));
        lines.push(Branch::leaf(format!(
            "pays at most {most} for gas ({} units at {} wei)",
            gas.limit, gas.max_fee
        )));
    }
    if !value.is_zero() {
        lines.push(Branch::leaf(format!("sends {} along", coin(*value))));
    }
    let takes_on = |code: &Address| {
        Branch::leaf(format!("lets an account take on the code of {} (EIP-7702)", names.address(*code)))
    };
    lines.extend(transaction.authorizations.iter().map(takes_on));
    lines
}

/// What the executor is asked for.
pub(super) fn action(names: &Names<'_>, action: &Action) -> Branch {
    match action {
        Action::Execute(intent) => execute(names, intent),
        Action::Maintain(Maintenance::DeployExecutor) => {
            Branch::leaf("creates an executor that the key owns")
        }
        Action::Maintain(Maintenance::AcceptOwnership) => Branch::leaf("takes the ownership of the executor"),
        Action::Maintain(Maintenance::FillNonce) => Branch::leaf("uses up its nonce for nothing"),
        Action::Maintain(Maintenance::TransferOwnership { to }) => {
            Branch::leaf(format!("offers the ownership of the executor to {}", names.address(*to)))
        }
        Action::Maintain(Maintenance::Withdraw { token, raw, to }) => {
            let (amount, to) = (names.amount(*token, *raw), names.address(*to));
            Branch::leaf(format!("withdraws {amount} from the executor to {to}"))
        }
    }
}

fn execute(names: &Names<'_>, intent: &Intent) -> Branch {
    let Intent { borrow, calls, floors, deadline } = intent;
    let mut inside = Vec::new();
    inside.extend(borrow.as_ref().map(|borrow| Branch::leaf(borrows(names, borrow))));
    inside.extend(calls.iter().map(|each| call(names, each)));
    let floor = |floor: &TokenAmount| {
        let amount = names.amount(floor.token, floor.raw);
        Branch::leaf(format!("or reverts unless the executor gains at least {amount}"))
    };
    inside.extend(floors.iter().map(floor));
    inside.push(Branch::leaf(format!("or reverts after chain time {}", deadline.0)));
    Branch { text: "the executor, all or nothing".to_owned(), inside }
}

fn borrows(names: &Names<'_>, borrow: &Borrow) -> String {
    let Borrow { lender, amount, lending } = borrow;
    let show = |amount: &TokenAmount| names.amount(amount.token, amount.raw);
    let amount = show(amount);
    // A pair is in the policy by its factory.
    let lender = names.policy.made(borrow).map_or_else(
        || names.address(*lender),
        |rule| format!("{lender} of \"{}\"", rule.name.escape_debug()),
    );
    match lending {
        Lending::FlashLoan => format!("borrows {amount} from {lender}, and pays it back at the end"),
        Lending::PairV2 { price } => {
            format!("takes {amount} from the pair {lender}, and pays {} for it at the end", show(price))
        }
        Lending::PoolV3 { price } => {
            format!(
                "takes at least {amount} from the pool {lender}, and pays at most {} for it at the end",
                show(price)
            )
        }
    }
}

fn call(names: &Names<'_>, call: &Call) -> Branch {
    let Call { target, spend, data } = call;
    let executor = names.policy.executor.unwrap_or_default();
    let mut branch = reading(names, executor, *target, data);
    if let Some(spend) = spend {
        let amount = names.amount(spend.token, spend.raw);
        branch.text = format!("{}, which may take {amount}", branch.text);
    }
    branch
}

/// A call that is not the executor's own function.
pub(super) fn foreign(names: &Names<'_>, transaction: &AnyTransaction) -> Branch {
    let AnyTransaction { from, to, data, .. } = transaction;
    match to {
        None => Branch::leaf(format!("creates a contract from {}", raw(data))),
        Some(to) if data.is_empty() => {
            Branch::leaf(format!("sends nothing but coin to {}", names.address(*to)))
        }
        Some(to) => reading(names, *from, *to, data),
    }
}

fn reading(names: &Names<'_>, caller: Address, target: Address, data: &[u8]) -> Branch {
    match (decode::call(caller, target, data), data.first_chunk::<4>()) {
        (Ok(read), _) => meaning(names, &read),
        (Err(unread), Some(selector)) => unreadable(names, target, *selector, unread, Some(data)),
        (Err(_), None) => {
            let text = format!("calls {} without naming a function", names.address(target));
            Branch { text, inside: vec![Branch::leaf(raw(data))] }
        }
    }
}

fn unreadable(
    names: &Names<'_>,
    target: Address,
    selector: [u8; 4],
    unread: Unread,
    data: Option<&[u8]>,
) -> Branch {
    let listed = names.policy.function(target, selector);
    let target = names.address(target);
    let text = match listed {
        Some(function) if function.opaque => format!("calls {} of {target}, unseen", function.signature),
        Some(function) => format!("calls {} of {target}, which cannot be read: {unread}", function.signature),
        None => {
            let selector = alloy_primitives::hex::encode_prefixed(selector);
            format!("calls function {selector} of {target}, which cannot be read: {unread}")
        }
    };
    Branch { text, inside: data.map(|data| Branch::leaf(raw(data))).into_iter().collect() }
}

/// Bytes as they are, and a hash where there are many.
fn raw(data: &[u8]) -> String {
    let shown = alloy_primitives::hex::encode_prefixed(data.get(..PRINTED).unwrap_or(data));
    let rest = if data.len() > PRINTED {
        format!("… (all of it hashes to {})", keccak256(data))
    } else {
        String::new()
    };
    format!("{} bytes: {shown}{rest}", data.len())
}

fn meaning(names: &Names<'_>, meaning: &Meaning) -> Branch {
    let mut inside: Vec<_> =
        meaning.effects.iter().map(|effect| Branch::leaf(words(names, meaning, effect))).collect();
    inside.extend(meaning.inside.iter().map(|inner| match inner {
        Inner::Command(command) => self::meaning(names, command),
        Inner::Call { target, selector, meaning, .. } => match meaning {
            Ok(read) => self::meaning(names, read),
            Err(unread) => unreadable(names, *target, *selector, *unread, None),
        },
    }));
    Branch { text: format!("calls {} of {}", meaning.function, names.address(meaning.target)), inside }
}

fn words(names: &Names<'_>, meaning: &Meaning, effect: &Effect) -> String {
    let caller = || names.address(meaning.caller);
    match *effect {
        Effect::Spends { token, most: U256::MAX } => {
            format!("takes all {} that it may from {}", names.address(token), caller())
        }
        Effect::Spends { token, most } => {
            format!("takes at most {} from {}", names.amount(token, most), caller())
        }
        Effect::Owes { token, amount } => format!("makes {} owe {}", caller(), names.amount(token, amount)),
        Effect::Pays { asset, least: U256::MAX | U256::ZERO, to } => {
            format!("pays whatever there is of {} to {}", names.kind(asset), names.address(to))
        }
        Effect::Pays { asset, least, to } => {
            format!("pays at least {} to {}", names.asset(asset, least), names.address(to))
        }
        Effect::Passes(token) => format!("by way of {}", names.address(token)),
        Effect::Liquidates { user, collateral, receipts } => {
            let kind = if receipts { ", in the lender's receipts" } else { "" };
            format!("liquidates {user} for {}{kind}", names.address(collateral))
        }
        Effect::OnBehalf(account) => format!("on behalf of {}", names.address(account)),
        Effect::Until(deadline) => format!("until chain time {deadline}"),
        Effect::Coin(wei) => format!("sends {} along", coin(wei)),
        Effect::Allows { owner, token, spender, most } => {
            let what = match (token, most) {
                (None, U256::ZERO) => "no longer take anything of this collection".to_owned(),
                (None, _) => "take everything of this collection".to_owned(),
                (Some(token), U256::MAX) => format!("take {} without limit", names.address(token)),
                (Some(token), most) => format!("take {}", names.amount(token, most)),
            };
            format!("lets {} {what} from {}", names.address(spender), names.address(owner))
        }
        Effect::Takes { token, from, to, amount } => {
            format!(
                "takes {} from {} for {}",
                names.amount(token, amount),
                names.address(from),
                names.address(to)
            )
        }
        Effect::Unjudged(what) => what.to_owned(),
    }
}
