//! Calls as an attacker would write them who knows the policy: mostly what is allowed, with something else inside.

#![expect(non_snake_case, reason = "the ABI's own names")]
#![expect(clippy::wildcard_enum_match_arm, reason = "what carries nothing is one")]

use agent_core::{Call, units::TokenAmount};
use alloy_primitives::{Address, B256, Bytes, U256};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::scripted::{Market as Abi, *};

/// One call of a market, whose deadlines are relative until it is told.
#[derive(Debug, Clone)]
pub(super) struct Market {
    target: Address,
    spend: Option<TokenAmount>,
    tree: Tree,
}

#[derive(Debug, Clone)]
enum Tree {
    Single(Address, u64),
    Old(Address, u64, u64),
    Hops(Address, u64, Vec<Address>),
    V2(Address, u64, Vec<Address>, u64),
    Sweep(Address),
    Fee(Address, Address),
    Unwrap(Address),
    Refund,
    Pull(u64),
    Approve(Address),
    Permit(Address),
    Theft(Address),
    Donate(u8),
    Junk(Vec<u8>),
    Supply(Address, u64),
    Withdraw(Address),
    Borrow(Address, u64),
    Liquidate(Address, U256),
    Many(Vec<Tree>),
    ManyUntil(u64, Vec<Tree>),
    Parts(Vec<(Address, Tree, u8)>),
    Plan(Vec<Step>, Option<u64>),
    /// What it says, and something more.
    Trailing(Box<Tree>, Vec<u8>),
}

#[derive(Debug, Clone)]
enum Step {
    V3(Address, u64, Vec<Address>, bool),
    V2(Address, u64, Vec<Address>, bool),
    Out(u8, Address, Address),
    Raw(u8, Vec<u8>),
    Within(Vec<Step>),
}

impl Market {
    pub(super) fn call(&self, now: u64) -> Call {
        Call { target: self.target, spend: self.spend, data: self.tree.data(now) }
    }

    /// How many calls and commands it carries, itself included.
    pub(super) fn count(&self) -> u64 {
        self.tree.count()
    }
}

impl Tree {
    fn count(&self) -> u64 {
        let inside: u64 = match self {
            Self::Many(trees) | Self::ManyUntil(_, trees) => trees.iter().map(Self::count).sum(),
            Self::Parts(parts) => parts.iter().map(|(_, tree, _)| tree.count()).sum(),
            Self::Plan(steps, _) => steps.iter().map(Step::count).sum(),
            Self::Trailing(tree, _) => return tree.count(),
            _ => 0,
        };
        inside.saturating_add(1)
    }

    fn data(&self, now: u64) -> Bytes {
        let all = |trees: &[Self]| trees.iter().map(|tree| tree.data(now)).collect::<Vec<_>>();
        let (one, from) = (U256::ONE, U256::from);
        let until = |seconds: u64| U256::from(now.saturating_add(seconds));
        match self {
            Self::Single(to, raw) => single(*to, *raw),
            Self::Old(to, raw, seconds) => old_single(*to, *raw, now.saturating_add(*seconds)),
            Self::Hops(recipient, raw, path) => {
                let (path, recipient) = (packed(path), *recipient);
                let params = Hops { path, recipient, amountIn: from(*raw), amountOutMinimum: one };
                encoded(&Abi::exactInputCall { params })
            }
            Self::V2(to, raw, path, seconds) => {
                let (path, to, deadline, amountIn) = (path.clone(), *to, until(*seconds), from(*raw));
                let call = Abi::swapExactTokensForTokensCall { amountIn, least: one, path, to, deadline };
                encoded(&call)
            }
            Self::Sweep(token) => encoded(&Abi::sweepTokenCall { token: *token, least: one }),
            Self::Fee(token, to) => {
                encoded(&Fees::sweepTokenWithFeeCall { token: *token, least: one, bips: one, to: *to })
            }
            Self::Unwrap(to) => encoded(&Abi::unwrapWETH9Call { least: one, to: *to }),
            Self::Refund => encoded(&Abi::refundETHCall {}),
            Self::Pull(raw) => encoded(&Abi::pullCall { token: USDC, amount: from(*raw) }),
            Self::Approve(spender) => encoded(&Abi::approveCall { spender: *spender, amount: U256::MAX }),
            Self::Permit(spender) => encoded(&Abi::permitCall {
                owner: EXECUTOR,
                spender: *spender,
                amount: U256::MAX,
                deadline: until(30),
                v: 27,
                r: B256::ZERO,
                s: B256::ZERO,
            }),
            Self::Theft(to) => encoded(&Abi::transferFromCall { from: EXECUTOR, to: *to, amount: one }),
            Self::Donate(bytes) => {
                [&selector("donate(uint256)")[..], &vec![7; usize::from(*bytes)]].concat().into()
            }
            Self::Junk(bytes) => bytes.clone().into(),
            Self::Supply(account, raw) => {
                encoded(&Abi::supplyCall { asset: USDC, amount: from(*raw), account: *account, code: 0 })
            }
            Self::Withdraw(to) => encoded(&Abi::withdrawCall { asset: WETH, amount: U256::MAX, to: *to }),
            Self::Borrow(account, raw) => encoded(&Abi::borrowCall {
                asset: USDC,
                amount: from(*raw),
                mode: from(2),
                code: 0,
                account: *account,
            }),
            Self::Liquidate(collateral, amount) => encoded(&Abi::liquidationCallCall {
                collateral: *collateral,
                debt: USDC,
                user: STRANGER,
                amount: *amount,
                receipts: false,
            }),
            Self::Many(trees) => several(all(trees)),
            Self::ManyUntil(seconds, trees) => {
                encoded(&ManyUntil::multicallCall { deadline: until(*seconds), data: all(trees) })
            }
            Self::Parts(parts) => {
                let part = |(target, tree, value): &(Address, Self, u8)| ValuePart {
                    target: *target,
                    allowFailure: true,
                    value: U256::from(*value),
                    callData: tree.data(now),
                };
                encoded(&Abi::aggregate3ValueCall { parts: parts.iter().map(part).collect() })
            }
            Self::Plan(steps, None) => plan(steps.iter().map(Step::pair).collect()),
            Self::Plan(steps, Some(seconds)) => {
                let (commands, inputs): (Vec<u8>, Vec<Bytes>) = steps.iter().map(Step::pair).unzip();
                encoded(&PlanUntil::executeCall {
                    commands: commands.into(),
                    inputs,
                    deadline: until(*seconds),
                })
            }
            Self::Trailing(tree, more) => [&tree.data(now)[..], more].concat().into(),
        }
    }
}

impl Step {
    fn count(&self) -> u64 {
        match self {
            Self::Within(steps) => steps.iter().map(Self::count).sum::<u64>().saturating_add(1),
            _ => 1,
        }
    }

    fn pair(&self) -> (u8, Bytes) {
        let (least, from) = (U256::ONE, U256::from);
        match self {
            Self::V3(to, raw, path, takes) => {
                let (to, amountIn, path, takes) = (*to, from(*raw), packed(path), *takes);
                (0x00, input(&Input::v3Call { to, amountIn, least, path, takes }))
            }
            Self::V2(to, raw, path, takes) => {
                let (to, amountIn, path, takes) = (*to, from(*raw), path.clone(), *takes);
                (0x88, input(&Input::v2Call { to, amountIn, least, path, takes }))
            }
            Self::Out(command, token, to) => {
                (*command, input(&Input::outCall { token: *token, to: *to, amount: least }))
            }
            Self::Raw(command, bytes) => (*command, bytes.clone().into()),
            Self::Within(steps) => (0x21, plan(steps.iter().map(Self::pair).collect())[4..].to_vec().into()),
        }
    }
}

fn mostly<T: Clone + std::fmt::Debug + 'static>(good: Vec<T>, bad: Vec<T>) -> BoxedStrategy<T> {
    prop_oneof![14 => select(good), 1 => select(bad)].boxed()
}

fn word(last: u8) -> Address {
    Address::with_last_byte(last)
}

fn to() -> BoxedStrategy<Address> {
    mostly(
        vec![EXECUTOR, EXECUTOR, word(1)],
        vec![STRANGER, SAFE, KEY, Address::ZERO, word(2), AMM, UNIVERSAL],
    )
}

fn token() -> BoxedStrategy<Address> {
    mostly(vec![USDC, WETH], vec![STRANGER, Address::ZERO, EXECUTOR])
}

fn path() -> impl Strategy<Value = Vec<Address>> {
    prop_oneof![
        9 => token().prop_map(|last| vec![USDC, last]),
        2 => (token(), token()).prop_map(|(between, last)| vec![USDC, between, last]),
        1 => vec(token(), 0..3),
    ]
}

fn raw() -> impl Strategy<Value = u64> {
    prop_oneof![9 => 1..=LOAN / 8, 1 => select(vec![0, LOAN, 4 * LOAN, u64::MAX])]
}

fn seconds() -> impl Strategy<Value = u64> {
    prop_oneof![14 => 1u64..=60, 1 => select(vec![0, 61, u64::MAX])]
}

fn leaves() -> BoxedStrategy<Tree> {
    let good = prop_oneof![
        (to(), raw()).prop_map(|(to, raw)| Tree::Single(to, raw)),
        (to(), raw(), seconds()).prop_map(|(to, raw, until)| Tree::Old(to, raw, until)),
        (to(), raw(), path()).prop_map(|(to, raw, path)| Tree::Hops(to, raw, path)),
        (to(), raw(), path(), seconds()).prop_map(|(to, raw, path, until)| Tree::V2(to, raw, path, until)),
        token().prop_map(Tree::Sweep),
        (token(), to()).prop_map(|(token, to)| Tree::Fee(token, to)),
        to().prop_map(Tree::Unwrap),
        Just(Tree::Refund),
        any::<u8>().prop_map(Tree::Donate),
    ];
    let bad = prop_oneof![
        raw().prop_map(Tree::Pull),
        to().prop_map(Tree::Approve),
        to().prop_map(Tree::Permit),
        to().prop_map(Tree::Theft),
        vec(any::<u8>(), 0..40).prop_map(Tree::Junk),
    ];
    prop_oneof![20 => good, 1 => bad].boxed()
}

fn amm() -> BoxedStrategy<Tree> {
    let nested = leaves().prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 0..3).prop_map(Tree::Many),
            1 => (seconds(), vec(inner, 0..3)).prop_map(|(until, trees)| Tree::ManyUntil(until, trees)),
        ]
    });
    let trailing = (nested.clone(), vec(any::<u8>(), 1..40))
        .prop_map(|(tree, more)| Tree::Trailing(Box::new(tree), more));
    prop_oneof![24 => nested, 1 => trailing].boxed()
}

fn steps() -> BoxedStrategy<Vec<Step>> {
    let leaf = prop_oneof![
        8 => (to(), raw(), path(), any::<bool>()).prop_map(|(to, raw, path, takes)| Step::V3(to, raw, path, takes)),
        4 => (to(), raw(), path(), any::<bool>()).prop_map(|(to, raw, path, takes)| Step::V2(to, raw, path, takes)),
        8 => (select(vec![0x04u8, 0x05, 0x06]), token(), to()).prop_map(|(command, token, to)| Step::Out(command, token, to)),
        1 => (any::<u8>(), vec(any::<u8>(), 0..100)).prop_map(|(command, bytes)| Step::Raw(command, bytes)),
        1 => (select(vec![0x02u8, 0x0a, 0x03, 0x0d, 0x10]), token(), to()).prop_map(|(command, token, to)| Step::Out(command, token, to)),
    ];
    let step = leaf.prop_recursive(2, 6, 3, |inner| vec(inner, 0..3).prop_map(Step::Within));
    vec(step, 0..4).boxed()
}

fn lending() -> BoxedStrategy<Tree> {
    let amount = prop_oneof![4 => raw().prop_map(U256::from), 1 => Just(U256::MAX)];
    prop_oneof![
        (to(), raw()).prop_map(|(account, raw)| Tree::Supply(account, raw)),
        to().prop_map(Tree::Withdraw),
        (to(), raw()).prop_map(|(account, raw)| Tree::Borrow(account, raw)),
        (token(), amount).prop_map(|(collateral, amount)| Tree::Liquidate(collateral, amount)),
    ]
    .boxed()
}

fn parts() -> BoxedStrategy<Tree> {
    let none = mostly(vec![0u8], vec![1]);
    let harmless = to().prop_map(|account| Tree::Supply(account, 0));
    let part = prop_oneof![
        6 => (mostly(vec![LENDING], vec![USDC, EXECUTOR]), harmless, none.clone()),
        1 => (select(vec![AMM, LENDING, USDC]), prop_oneof![amm(), lending()], none),
    ];
    vec(part, 0..3).prop_map(Tree::Parts).boxed()
}

pub(super) fn market() -> BoxedStrategy<Market> {
    let tree = prop_oneof![
        6 => (mostly(vec![AMM], vec![UNIVERSAL, STRANGER, USDC]), amm()),
        2 => (Just(PAYER), leaves()),
        4 => (Just(UNIVERSAL), (steps(), prop::option::of(seconds())).prop_map(|(steps, until)| Tree::Plan(steps, until))),
        3 => (Just(LENDING), lending()),
        1 => (Just(SEVERAL), parts()),
    ];
    let spend = mostly(vec![Some(LOAN / 2), Some(LOAN / 4), None], vec![Some(1), Some(4 * LOAN)]);
    let token = mostly(vec![USDC], vec![WETH, STRANGER]);
    (tree, spend, token)
        .prop_map(|((target, tree), spend, token)| {
            // Multicall3 may not spend.
            let spend = spend.filter(|_| target != SEVERAL).map(|raw| amount(token, raw));
            Market { target, spend, tree }
        })
        .boxed()
}
