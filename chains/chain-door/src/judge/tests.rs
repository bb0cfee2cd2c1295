//! One thing wrong at a time, against a draft that is approved.

mod calls;
mod mandates;
mod variants;

use agent_core::{
    Action, Borrow, Call, Draft, Intent, Lending, Maintenance, Origin,
    ports::{Frame, Quote, SimulatedOutcome, Simulation, SimulationRequest},
    units::{Asset, ChainId, Timestamp, UsdE8, Wei},
};
use alloy_primitives::{Address, B256, Bytes, I256, U256};
use expect_test::{Expect, expect};

use super::*;
use crate::{encode::encode, scripted::*};

/// Everything that a judgement is about. [`Case::default`] is approved.
struct Case {
    draft: Draft,
    origin: Origin,
    /// Bytes other than the draft's own.
    frame: Option<Frame>,
    simulation: Simulation,
    quote: Quote,
    mandate: Option<Mandate>,
}

impl Default for Case {
    fn default() -> Self {
        let frame = Frame { from: KEY, to: None, data: Bytes::new() };
        let simulation = success(&SimulationRequest {
            ahead: Vec::new(),
            frame,
            gas_limit: 0,
            watch: watch(&policy(), KEY),
        });
        let mandate = Mandate { order: order(), used: 1, budget: "order/o/0".into() };
        let (draft, origin, frame, quote) = (draft(1), planner(), None, quote());
        Self { draft, origin, frame, simulation, quote, mandate: Some(mandate) }
    }
}

impl Case {
    fn intent(&mut self) -> &mut Intent {
        let Action::Execute(intent) = &mut self.draft.action else { panic!("maintenance") };
        intent
    }

    fn call(&mut self) -> &mut Call {
        &mut self.intent().calls[0]
    }

    fn maintain(&mut self, maintenance: Maintenance) {
        self.origin = Origin::Operator;
        self.draft.action = Action::Maintain(maintenance);
    }

    fn change(&mut self, holder: Address, asset: Asset, change: i64) {
        let watched = |delta: &&mut agent_core::BalanceDelta| delta.holder == holder && delta.asset == asset;
        self.simulation.deltas.iter_mut().find(watched).unwrap().change = I256::try_from(change).unwrap();
    }

    fn judge(self) -> Result<Approved, Refusal> {
        let policy = policy();
        let frame = match self.frame {
            Some(frame) => frame,
            None => encode(&self.draft.action, KEY, policy.executor)?,
        };
        let (draft, origin, simulation) = (self.draft, self.origin, self.simulation);
        let mandate = self.mandate.filter(|_| matches!(origin, Origin::Reflex { .. }));
        judge(&policy, Simulated { draft, origin, frame, simulation }, &self.quote, mandate.as_ref())
    }
}

fn approved(change: impl FnOnce(&mut Case)) -> Approved {
    let mut case = Case::default();
    change(&mut case);
    case.judge().unwrap()
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Case), sentence: Expect) {
    let mut case = Case::default();
    change(&mut case);
    sentence.assert_eq(&case.judge().unwrap_err().to_string());
}

fn flash_swap(lender: Address, amount: TokenAmount, price: TokenAmount) -> Borrow {
    Borrow { lender, amount, lending: Lending::PairV2 { price } }
}

fn maintained(maintenance: Maintenance) -> impl FnOnce(&mut Case) {
    move |case| case.maintain(maintenance)
}

#[test]
fn the_baseline_is_approved_with_what_it_needs() {
    let Approved { transaction, reservations, .. } = approved(|_| ());
    assert_eq!((transaction.nonce, transaction.from, transaction.to), (7, KEY, Some(EXECUTOR)));
    assert_eq!((transaction.gas.limit, transaction.gas.max_fee, transaction.gas.tip), (180_000, GWEI, 1));
    let lines: Vec<_> = reservations
        .iter()
        .map(|kept| format!("{} {} of {} in {} s", kept.budget, kept.amount, kept.limit, kept.window))
        .collect();
    expect![[r#"
        gas/all 180000000000000 of 10000000000000000 in 3600 s
        gas//arb 180000000000000 of 8000000000000000 in 3600 s
        token/0x0C0c0C0c0c0c0c0c0c0c0C0C0C0c0c0C0c0c0c0c 500000000 of 2000000000 in 3600 s
        token/0x0E0e0e0E0e0E0E0e0E0e0e0E0e0e0e0e0e0e0e0E 200000000000000000 of 2000000000000000000 in 3600 s"#]]
    .assert_eq(&lines.join("\n"));
    let reflex = approved(|case| case.origin = reflex());
    let last = reflex.reservations.last().unwrap();
    assert_eq!(
        (last.budget.as_str(), last.amount, last.limit, last.window),
        ("order/o/0", U256::ONE, U256::from(2), 0)
    );
}

#[test]
fn every_maintenance_is_the_operators() {
    let works = [
        Maintenance::DeployExecutor,
        Maintenance::AcceptOwnership,
        Maintenance::TransferOwnership { to: SAFE },
        Maintenance::Withdraw { token: USDC, raw: U256::from(5), to: SAFE },
        Maintenance::Withdraw { token: Address::ZERO, raw: U256::from(5), to: SAFE },
    ];
    for work in works {
        let transaction = approved(maintained(work)).transaction;
        assert_eq!(transaction.to.is_none(), work == Maintenance::DeployExecutor);
        for origin in [planner(), reflex(), Origin::Sweep] {
            let mut case = Case::default();
            case.maintain(work);
            case.origin = origin.clone();
            let refusal = case.judge().unwrap_err();
            let expected = match origin {
                Origin::Planner { .. } | Origin::Door => Refusal::OperatorOnly,
                Origin::Sweep => Refusal::StrategyNotAllowed("arb".into()),
                Origin::Reflex { .. } | Origin::Operator => Refusal::OutsideMandate(OutsideMandate::Class),
            };
            assert_eq!(refusal, expected, "{work:?}");
        }
    }
}

#[test]
fn maintenance_has_its_own_limits() {
    refused(
        maintained(Maintenance::TransferOwnership { to: STRANGER }),
        expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"],
    );
    refused(
        maintained(Maintenance::Withdraw { token: USDC, raw: U256::ONE, to: Address::ZERO }),
        expect!["recipient 0x0000000000000000000000000000000000000000 is not allowed by the policy"],
    );
    refused(
        maintained(Maintenance::Withdraw { token: STRANGER, raw: U256::ONE, to: SAFE }),
        expect!["token 0x6666666666666666666666666666666666666666 is not in the policy"],
    );
    refused(
        |case| {
            case.maintain(Maintenance::Withdraw { token: USDC, raw: U256::from(5), to: SAFE });
            case.change(EXECUTOR, Asset::Token(USDC), -6);
        },
        expect![
            "the token 0x0C0c0C0c0c0c0c0c0c0c0C0C0C0c0c0C0c0c0c0c balance of 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE would change by -6, and the intent allows -5"
        ],
    );
    refused(
        |case| {
            case.maintain(Maintenance::Withdraw { token: USDC, raw: U256::from(5), to: SAFE });
            case.change(EXECUTOR, Asset::Native, -1);
        },
        expect![
            "the native coin balance of 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE would change by -1, and the intent allows 0"
        ],
    );
    refused(
        maintained(Maintenance::Withdraw { token: USDC, raw: U256::MAX, to: SAFE }),
        expect!["the final bytes do not decode as the executor's call: an amount does not fit 255 bits"],
    );
}

#[test]
fn the_world_must_be_the_one_that_was_simulated() {
    refused(|case| case.quote.chain = ChainId(1), expect!["the policy is for chain 31337, this is chain 1"]);
    refused(
        |case| case.quote.from = STRANGER,
        expect![
            "sender is unavailable: it quotes for 0x6666666666666666666666666666666666666666, the simulation was for 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0"
        ],
    );
    let data = Bytes::from_static(&[0x08, 0xc3, 0x79, 0xa0]);
    refused(
        |case| case.simulation.outcome = SimulatedOutcome::Revert(data),
        expect!["the simulation reverts: execution reverted outside of the executor: data 0x08c379a0"],
    );
    refused(
        |case| case.quote.head = block(102, NOW),
        expect!["the simulation is stale: made at block 100, head is 102"],
    );
    refused(
        |case| case.quote.head = block(98, NOW),
        expect!["the simulation is stale: made at block 100, head is 98"],
    );
    refused(
        |case| case.quote.head.hash = B256::ZERO,
        expect!["the simulation is stale: made at block 100, head is 100"],
    );
    approved(|case| case.quote.head = block(101, NOW));
    approved(|case| case.quote.head = block(99, NOW));
}

#[test]
fn only_bytes_that_this_door_encodes_are_judged() {
    let encoded = || encode(&draft(1).action, KEY, Some(EXECUTOR)).unwrap();
    refused(
        |case| case.frame = Some(Frame { to: Some(STRANGER), ..encoded() }),
        expect![
            "the final bytes do not decode as the executor's call: 0x6666666666666666666666666666666666666666 is not the policy's executor"
        ],
    );
    refused(
        |case| case.frame = Some(Frame { to: None, ..encoded() }),
        expect![
            "the final bytes do not decode as the executor's call: bytes do not encode back to themselves"
        ],
    );
    refused(
        |case| case.frame = Some(Frame { data: [&encoded().data[..], &[0]].concat().into(), ..encoded() }),
        expect![
            "the final bytes do not decode as the executor's call: bytes do not encode back to themselves"
        ],
    );
    refused(
        |case| case.frame = Some(Frame { data: selector("pendingOwner()"), ..encoded() }),
        expect!["the final bytes do not decode as the executor's call: the door makes no such call"],
    );
}

#[test]
fn what_is_judged_is_the_bytes_and_not_the_draft() {
    let mut greedy = Case::default();
    greedy.intent().calls[0].spend = Some(amount(USDC, 1_000_000_001));
    let bytes = encode(&greedy.draft.action, KEY, Some(EXECUTOR)).unwrap();
    refused(
        |case| case.frame = Some(bytes.clone()),
        expect!["amount per transaction is over its limit: 1000.000001 USDC asked, 1000 USDC allowed"],
    );
    refused(
        |case| (case.origin, case.frame) = (reflex(), Some(bytes.clone())),
        expect![
            "the standing order does not cover it: it does not bear that much of every token that is put to work"
        ],
    );
}

#[test]
fn an_intent_stays_within_the_allow_lists() {
    refused(|case| case.draft.strategy = "other".into(), expect!["strategy other is not in the policy"]);
    refused(
        |case| case.call().target = STRANGER,
        expect![
            "call to 0x6666666666666666666666666666666666666666 with selector 0x94b918de is not allowed by the policy"
        ],
    );
    refused(
        |case| case.call().data = selector("approve(address,uint256)"),
        expect![
            "call to 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB with selector 0x095ea7b3 is not allowed by the policy"
        ],
    );
    refused(
        |case| case.call().data = Bytes::from_static(&[0x96, 0xe7, 0xdb]),
        expect![
            "call to 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB with selector 0x is not allowed by the policy"
        ],
    );
    refused(
        |case| case.call().data = Bytes::new(),
        expect![
            "call to 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB with selector 0x is not allowed by the policy"
        ],
    );
    // The pool may be called, and may lend; it may not spend.
    refused(
        |case| (case.call().target, case.call().data) = (POOL, selector("poke()")),
        expect![
            "call to 0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa with selector 0x18178358 is not allowed by the policy"
        ],
    );
    refused(
        |case| case.call().spend = Some(amount(STRANGER, 1)),
        expect!["token 0x6666666666666666666666666666666666666666 is not in the policy"],
    );
    refused(
        |case| case.intent().borrow = Some(Borrow::loan(ROUTER, amount(USDC, 1))),
        expect!["flash loans from 0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB are not allowed by the policy"],
    );
    refused(
        |case| case.intent().borrow = Some(flash_swap(POOL, amount(USDC, 1), amount(WETH, 1))),
        expect!["flash loans from 0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa are not allowed by the policy"],
    );
    // It is no pair of these tokens.
    for (lends, price) in [(WETH, WETH), (USDC, STRANGER)] {
        let refusal = {
            let mut case = Case::default();
            case.intent().borrow = Some(flash_swap(pair(), amount(lends, 1), amount(price, 1)));
            case.judge().unwrap_err()
        };
        assert_eq!(refusal, Refusal::LenderNotAllowed(pair()));
    }
    refused(
        |case| case.intent().borrow = Some(Borrow::loan(POOL, amount(STRANGER, 1))),
        expect!["token 0x6666666666666666666666666666666666666666 is not in the policy"],
    );
    refused(
        |case| case.intent().floors.push(amount(STRANGER, 1)),
        expect!["token 0x6666666666666666666666666666666666666666 is not in the policy"],
    );
    refused(
        |case| case.intent().floors.push(amount(Address::ZERO, 1)),
        expect!["token 0x0000000000000000000000000000000000000000 is not in the policy"],
    );
}

#[test]
fn an_intent_has_a_floor_and_a_near_deadline() {
    refused(
        |case| case.intent().floors.clear(),
        expect!["the intent names no floor, so a loss would not revert"],
    );
    refused(
        |case| case.intent().floors[0].raw = U256::ZERO,
        expect!["the intent names no floor, so a loss would not revert"],
    );
    refused(
        |case| case.intent().deadline = Timestamp(NOW),
        expect!["the deadline 1000 is not within the allowed window after 1000"],
    );
    refused(
        |case| case.intent().deadline = Timestamp(NOW + 61),
        expect!["the deadline 1061 is not within the allowed window after 1000"],
    );
    refused(
        |case| case.intent().deadline = Timestamp(u64::MAX),
        expect!["the deadline 18446744073709551615 is not within the allowed window after 1000"],
    );
    approved(|case| case.intent().deadline = Timestamp(NOW + 60));
}

#[test]
fn a_key_that_cannot_pay_for_its_gas_is_refused_before_anything_is_recorded() {
    refused(
        |case| case.quote.balance = Wei(U256::from(GWEI) * U256::from(180_000) - U256::ONE),
        expect!["the key holds 0.000179999999999999 ETH, which does not cover the gas; send it some"],
    );
    approved(|case| case.quote.balance = Wei(U256::from(GWEI) * U256::from(180_000)));
}

#[test]
fn a_fee_that_the_next_block_takes_is_cut_to_the_policys_cap() {
    let mut case = Case::default();
    (case.quote.max_fee, case.quote.least_fee, case.quote.tip) = (30 * GWEI, 9 * GWEI, 20 * GWEI);
    let gas = case.judge().unwrap().transaction.gas;
    assert_eq!((gas.max_fee, gas.tip), (10 * GWEI, 10 * GWEI));
}

#[test]
fn amounts_and_gas_stay_within_their_limits() {
    refused(
        |case| case.intent().borrow = Some(Borrow::loan(POOL, amount(USDC, 1_000_000_001))),
        expect!["amount per transaction is over its limit: 1000.000001 USDC asked, 1000 USDC allowed"],
    );
    // So does the price of a flash swap.
    approved(|case| {
        case.intent().borrow = Some(flash_swap(pair(), amount(USDC, LOAN), amount(WETH, ETHER / 2)));
    });
    approved(|case| {
        case.intent().borrow = Some(flash_swap(pair(), amount(WETH, ETHER / 2), amount(USDC, LOAN)));
    });
    refused(
        |case| {
            case.intent().borrow =
                Some(flash_swap(pair(), amount(USDC, LOAN), amount(WETH, ETHER - ETHER / 5 + 1)));
        },
        expect!["amount per transaction is over its limit: 1.000000000000000001 WETH asked, 1 WETH allowed"],
    );
    // Two spends of one token count together.
    refused(
        |case| {
            let half = amount(WETH, ETHER / 2 + 1);
            case.intent().calls.iter_mut().for_each(|call| call.spend = Some(half));
        },
        expect!["amount per transaction is over its limit: 1.000000000000000002 WETH asked, 1 WETH allowed"],
    );
    refused(
        |case| {
            let most = agent_core::units::TokenAmount { token: WETH, raw: U256::MAX };
            case.intent().calls.iter_mut().for_each(|call| call.spend = Some(most));
        },
        expect!["amounts put to work is over its limit: more than 256 bits asked, less allowed"],
    );
    refused(
        |case| case.simulation.gas_used = 500_001,
        expect!["gas per transaction is over its limit: 500001 asked, 500000 allowed"],
    );
    refused(
        |case| (case.quote.max_fee, case.quote.least_fee) = (30 * GWEI, 10 * GWEI + 1),
        expect!["fee per gas is over its limit: 10000000001 asked, 10000000000 allowed"],
    );
    assert_eq!(approved(|case| case.simulation.gas_used = 500_000).transaction.gas.limit, 500_000);
}

#[test]
fn simulated_balances_must_move_as_declared() {
    refused(
        |case| case.change(EXECUTOR, Asset::Token(USDC), 0),
        expect![
            "the token 0x0C0c0C0c0c0c0c0c0c0c0C0C0C0c0c0C0c0c0c0c balance of 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE would change by 0, and the intent allows 1"
        ],
    );
    refused(
        |case| case.change(EXECUTOR, Asset::Token(WETH), -1),
        expect![
            "the token 0x0E0e0e0E0e0E0E0e0E0e0e0E0e0e0e0e0e0e0e0E balance of 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE would change by -1, and the intent allows 0"
        ],
    );
    refused(
        |case| case.change(EXECUTOR, Asset::Native, -1),
        expect![
            "the native coin balance of 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE would change by -1, and the intent allows 0"
        ],
    );
    refused(
        |case| case.change(KEY, Asset::Token(USDC), -1),
        expect![
            "the token 0x0C0c0C0c0c0c0c0c0c0c0C0C0C0c0c0C0c0c0c0c balance of 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 would change by -1, and the intent allows 0"
        ],
    );
    refused(
        |case| case.change(KEY, Asset::Native, -1),
        expect![
            "the native coin balance of 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 would change by -1, and the intent allows 0"
        ],
    );
    refused(
        |case| case.simulation.deltas.truncate(5),
        expect![
            "simulator is unavailable: it did not measure Native of 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0"
        ],
    );
    approved(|case| case.change(EXECUTOR, Asset::Token(USDC), 1));
}

#[test]
fn there_is_nothing_to_act_through_without_an_executor() {
    assert_eq!(encode(&draft(1).action, KEY, None), Err(Refusal::NoExecutor));
}
