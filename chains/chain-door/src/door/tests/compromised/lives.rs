//! Random lives of a door: lying drafts, lying simulations, failing senders, deaths.

use agent_core::{
    Action, Appraisal, ArmedBy, Borrow, Call, Draft, Intent, Lending, Maintenance, Mined, OpportunityId,
    OrderId, Origin, Settlement, StandingOrder,
    ports::{Reply, SimulatedOutcome, Simulation, SimulationRequest, Standing, Variant},
    units::{Timestamp, TokenAmount, UsdE8, Wei},
};
use alloy_primitives::{Address, B256, Bytes, I256, U256};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    super::world::{known, unknown},
    markets::{Market, market},
};
use crate::scripted::*;

pub(super) type Life = Vec<Step>;
pub(super) const LONGEST_DELAY: u64 = 100;

#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) wait: u64,
    pub(super) drafts: Vec<Lie>,
    pub(super) abuses: Vec<Abuse>,
    pub(super) simulation: Told,
    pub(super) sends: bool,
    pub(super) max_fee: u128,
    pub(super) ends: Vec<End>,
    /// The process dies before this step, and finds what it left standing like this.
    pub(super) dies: bool,
    pub(super) standing: Standing,
}

#[derive(Debug, Clone)]
pub(super) struct Lie {
    draft: Draft,
    markets: Vec<Market>,
    pub(super) origin: Origin,
}

/// What is asked of the door beside offers.
#[derive(Debug, Clone)]
pub(super) enum Abuse {
    /// Arms an order, by name.
    Arm(StandingOrder, Origin),
    /// Takes one back.
    Disarm(OrderId, Origin),
    /// Replies to the question that waits at this place, or again to one that is over.
    Reply(usize, Reply, Origin),
    /// Takes over a policy that nobody reads.
    Confirm(B256, Origin),
}

impl Lie {
    /// Deadlines are relative until it is told.
    pub(super) fn draft(&self, now: u64) -> Draft {
        let mut draft = self.draft.clone();
        if let Action::Execute(intent) = &mut draft.action {
            intent.deadline = intent.deadline.plus(now);
            intent.calls.extend(self.markets.iter().map(|market| market.call(now)));
        }
        draft
    }

    /// How many drafts and calls it is, whatever they carry counted in.
    pub(super) fn count(&self) -> (u64, u64) {
        let Action::Execute(intent) = &self.draft.action else { return (1, 0) };
        let plain = u64::try_from(intent.calls.len()).unwrap();
        (1, plain + self.markets.iter().map(Market::count).sum::<u64>())
    }
}

/// Mostly what is allowed, as an attacker would who knows the policy.
fn mostly<T: Clone + std::fmt::Debug + 'static>(good: Vec<T>, bad: Vec<T>) -> impl Strategy<Value = T> {
    prop_oneof![24 => select(good), 1 => select(bad)]
}

fn amounts() -> impl Strategy<Value = TokenAmount> {
    let fitting = prop_oneof![
        (1..=LOAN).prop_map(|raw| amount(USDC, raw)),
        (1..=ETHER).prop_map(|raw| amount(WETH, raw))
    ];
    let token = select(vec![USDC, WETH, STRANGER, Address::ZERO, EXECUTOR]);
    let edges = [1_000_000_000, 1_000_000_001, ETHER, ETHER.saturating_add(1), 0].map(U256::from);
    let raw = select([&edges[..], &[U256::MAX, I256::MAX.into_raw()]].concat());
    prop_oneof![10 => fitting, 1 => (token, raw).prop_map(|(token, raw)| TokenAmount { token, raw })]
}

fn calls() -> impl Strategy<Value = Call> {
    let honest = (amounts(), any::<bool>()).prop_map(|(spend, spends)| Call {
        target: ROUTER,
        spend: spends.then_some(spend),
        data: selector("swap(uint256)"),
    });
    let bad = ["approve(address,uint256)", "transfer(address,uint256)", "swap(uint256,uint256)"];
    let data = mostly(
        vec![selector("swap(uint256)"), selector("poke()")],
        bad.iter().map(|text| selector(text)).chain([Bytes::new(), Bytes::from_static(&[1, 2, 3])]).collect(),
    );
    let target = mostly(vec![ROUTER, POOL], vec![STRANGER, USDC, EXECUTOR, KEY, Address::ZERO]);
    let lying =
        (target, option::of(amounts()), data).prop_map(|(target, spend, data)| Call { target, spend, data });
    prop_oneof![6 => honest, 1 => lying]
}

fn borrows() -> impl Strategy<Value = Borrow> {
    let strange = || vec![ROUTER, STRANGER, USDC, Address::ZERO];
    let lender = mostly(vec![POOL], [strange(), vec![pair(), pool_of_500()]].concat());
    let loan = (lender, amounts()).prop_map(|(lender, amount)| Borrow::loan(lender, amount));
    let lender = mostly(vec![pair(), pool_of_500()], [strange(), vec![POOL]].concat());
    let swap = (lender, amounts(), amounts(), any::<bool>()).prop_map(|(lender, amount, price, is_pair)| {
        let lending = if is_pair { Lending::PairV2 { price } } else { Lending::PoolV3 { price } };
        Borrow { lender, amount, lending }
    });
    prop_oneof![2 => loan, 1 => swap]
}

fn intents() -> impl Strategy<Value = Intent> {
    let borrow = option::of(borrows());
    let floor = prop_oneof![8 => Just(amount(USDC, 1)), 2 => Just(amount(WETH, 0)), 1 => amounts()];
    let deadline = prop_oneof![10 => 1u64..=60, 1 => select(vec![0, 61, u64::MAX])];
    (borrow, vec(calls(), 0..3), prop_oneof![9 => vec(floor, 1..3), 1 => Just(vec![])], deadline).prop_map(
        |(borrow, calls, floors, deadline)| Intent { borrow, calls, floors, deadline: Timestamp(deadline) },
    )
}

fn actions() -> impl Strategy<Value = Action> {
    let to = || mostly(vec![SAFE], vec![STRANGER, Address::ZERO, KEY]);
    let withdraw = (amounts(), to()).prop_map(|(amount, to)| Maintenance::Withdraw {
        token: amount.token,
        raw: amount.raw,
        to,
    });
    prop_oneof![
        12 => intents().prop_map(Action::Execute),
        1 => withdraw.prop_map(Action::Maintain),
        1 => to().prop_map(|to| Action::Maintain(Maintenance::TransferOwnership { to })),
        1 => select(vec![
            Maintenance::DeployExecutor,
            Maintenance::AcceptOwnership,
            Maintenance::FillNonce,
        ])
        .prop_map(Action::Maintain),
    ]
}

fn under(order: &str) -> Origin {
    Origin::Reflex { order: OrderId(order.into()) }
}

/// What a planner tries with orders, replies and policies; now and then a person does the same.
fn abuses() -> impl Strategy<Value = Abuse> {
    let by = prop_oneof![3 => Just(planner()), 1 => Just(reflex())];
    let class = mostly(vec!["arb/*", "arb/USDC/WETH"], vec!["*", "liq/*", "arb*", ""]);
    let name = mostly(vec!["p"], vec!["o", "q"]);
    let uses = mostly(vec![1u32, 2], vec![3, u32::MAX]);
    let seconds = mostly(vec![60u64, 600], vec![601, u64::MAX]);
    let most = mostly(vec![LOAN, 2 * LOAN], vec![u64::MAX]);
    let arm =
        (class, name, uses, seconds, most, by.clone()).prop_map(|(class, name, uses, seconds, most, by)| {
            let order = StandingOrder {
                id: OrderId(name.into()),
                class: class.into(),
                armed_by: ArmedBy::Operator,
                min_net: UsdE8(0),
                max_notional: vec![amount(USDC, most), amount(WETH, most)],
                uses,
                // Relative until it is told.
                expires: Timestamp(seconds),
            };
            Abuse::Arm(order, by)
        });
    let person = prop_oneof![2 => Just(Origin::Operator), 1 => Just(planner()), 1 => Just(reflex())];
    let reply = prop_oneof![3 => Just(Reply::Approve), 1 => Just(Reply::Deny)];
    prop_oneof![
        4 => arm,
        1 => (select(vec!["o", "p"]), by.clone()).prop_map(|(id, by)| Abuse::Disarm(OrderId(id.into()), by)),
        6 => (0usize..6, reply, person).prop_map(|(at, reply, by)| Abuse::Reply(at, reply, by)),
        1 => (any::<[u8; 32]>(), by).prop_map(|(policy, by)| Abuse::Confirm(policy.into(), by)),
    ]
}

fn lies() -> impl Strategy<Value = Lie> {
    let words = (
        mostly(vec!["arb", "keeper"], vec!["other", ""]),
        mostly(vec!["arb/USDC/WETH"], vec!["liq/A", "arb", ""]),
        option::weighted(0.9, amounts()),
    );
    let origin = prop_oneof![
        8 => Just(planner()), 5 => Just(reflex()), 2 => Just(Origin::Operator), 2 => Just(under("p")), 1 => Just(under("q"))
    ];
    let markets = prop_oneof![2 => Just(vec![]), 3 => vec(market(), 1..3)];
    let parts = (any::<u8>(), words, actions(), markets, origin);
    parts.prop_map(|(id, (strategy, class, notional), action, markets, origin)| {
        let appraisal = notional.map(|raw| {
            // A mandate's word for modest, whatever the intent does.
            let notional = if raw.token == USDC { amount(USDC, 1) } else { raw };
            Appraisal { gross: UsdE8(i128::from(id)), gas: UsdE8(0), notional }
        });
        let (id, strategy, class) = (OpportunityId(B256::repeat_byte(id)), strategy.into(), class.into());
        Lie { draft: Draft { id, strategy, class, appraisal, action }, markets, origin }
    })
}

/// What the simulator says.
#[derive(Debug, Clone)]
pub(super) struct Told {
    gas_used: u64,
    reverts: bool,
    change: i64,
    measured: usize,
    block: u64,
    /// Whether it reverts, and how balances change, under each other condition.
    variants: Vec<(bool, i64)>,
}

impl Told {
    pub(super) fn answer(&self, request: &SimulationRequest) -> Simulation {
        let mut simulation =
            Simulation { at: block(self.block, NOW), gas_used: self.gas_used, ..success(request) };
        if self.reverts {
            simulation.outcome = SimulatedOutcome::Revert(Bytes::new());
        }
        if self.change != 0 {
            simulation
                .deltas
                .iter_mut()
                .for_each(|delta| delta.change = I256::try_from(self.change).unwrap());
        }
        simulation.deltas.truncate(self.measured);
        let variant = |(reverts, change): &(bool, i64)| {
            let mut deltas = success(request).deltas;
            deltas.iter_mut().for_each(|delta| delta.change = I256::try_from(*change).unwrap());
            let outcome =
                if *reverts { SimulatedOutcome::Revert(Bytes::new()) } else { SimulatedOutcome::Success };
            Variant { environment: "another".into(), outcome, deltas }
        };
        simulation.variants = self.variants.iter().map(variant).collect();
        simulation
    }

    /// Whether it is harmless where it is looked at, and not under some other condition.
    pub(super) fn is_two_faced(&self) -> bool {
        self.variants.iter().any(|(reverts, change)| *reverts || *change < 0)
    }
}

fn told() -> impl Strategy<Value = Told> {
    (
        prop_oneof![8 => 0u64..=500_000, 1 => select(vec![500_001, u64::MAX])],
        prop::bool::weighted(0.05),
        mostly(vec![0, 1, 1_000, i64::MAX], vec![-1, i64::MIN]),
        mostly(vec![6], vec![0, 5]),
        mostly(vec![100, 101], vec![98, 102, u64::MAX]),
        vec((prop::bool::weighted(0.03), mostly(vec![1_000_000_000, i64::MAX], vec![-1, 0, i64::MIN])), 0..3),
    )
        .prop_map(|(gas_used, reverts, change, measured, block, variants)| Told {
            variants,
            gas_used,
            reverts,
            change,
            measured,
            block,
        })
}

/// How a transaction ends, so many seconds later.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    delay: u64,
    kind: u8,
    gwei: u64,
}

impl End {
    pub(super) fn settlement(self, now: u64) -> Settlement {
        // Never more than the cheapest transaction of these lives may pay.
        let mined = Mined {
            gas_paid: Wei(U256::from(u128::from(self.gwei).saturating_mul(GWEI))),
            ..mined(now.saturating_add(self.delay))
        };
        match self.kind {
            0 => Settlement::Dropped { why: "gone".into() },
            1 => Settlement::Reverted(mined),
            _ => Settlement::Settled(mined),
        }
    }
}

fn steps() -> impl Strategy<Value = Step> {
    let end =
        (0..=LONGEST_DELAY, 0u8..8, 0u64..30_000).prop_map(|(delay, kind, gwei)| End { delay, kind, gwei });
    let standing = select(vec![known(), Standing::Superseded, unknown(), Standing::Unsigned]);
    let wait = prop_oneof![6 => 0u64..60, 2 => 0u64..2_000, 1 => Just(3_600u64)];
    let max_fee = prop_oneof![8 => select(vec![GWEI, 5 * GWEI, 10 * GWEI]), 1 => Just(10 * GWEI + 1)];
    let world = (prop::bool::weighted(0.95), max_fee, vec(end, 0..4), prop::bool::weighted(0.15), standing);
    let asked = (vec(lies(), 1..4), vec(abuses(), 0..3));
    (wait, asked, told(), world).prop_map(|(wait, (drafts, abuses), simulation, world)| {
        let (sends, max_fee, ends, dies, standing) = world;
        Step { wait, drafts, abuses, simulation, sends, max_fee, ends, dies, standing }
    })
}

pub(super) fn lives() -> impl Strategy<Value = Life> {
    vec(steps(), 1..16)
}
