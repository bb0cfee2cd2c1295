//! Calls by their arguments: one thing wrong at a time.

#![expect(non_snake_case, reason = "the ABI's own names")]

use super::*;

/// What speaks against a call that may take `spend` of USDC.
fn against(target: Address, spend: u64, data: Bytes) -> Vec<String> {
    let spend = (spend > 0).then_some(amount(USDC, spend));
    said(&Call { target, spend, data })
}

fn said(call: &Call) -> Vec<String> {
    let found = crate::judge::calls::objections(&markets(), call, Some(Timestamp(NOW)));
    found.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn fine(target: Address, spend: u64, data: Bytes) {
    assert_eq!(against(target, spend, data), [""; 0]);
}

/// The first objection, which is the refusal.
#[track_caller]
fn unfit(target: Address, spend: u64, data: Bytes, sentence: Expect) {
    sentence.assert_eq(&against(target, spend, data)[0]);
}

const LATER: u64 = NOW + 60;

#[test]
fn an_exchange_pays_the_executor_within_what_it_declares() {
    fine(AMM, 5, single(EXECUTOR, 5));
    fine(AMM, 5, single(EXECUTOR, 4));
    fine(AMM, 5, old_single(EXECUTOR, 5, LATER));
    unfit(
        AMM,
        5,
        single(STRANGER, 5),
        expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"],
    );
    unfit(
        AMM,
        5,
        single(SAFE, 5),
        expect!["recipient 0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A is not allowed by the policy"],
    );
    unfit(
        AMM,
        5,
        single(Address::ZERO, 5),
        expect!["recipient 0x0000000000000000000000000000000000000000 is not allowed by the policy"],
    );
    unfit(
        AMM,
        5,
        single(EXECUTOR, 6),
        expect![
            "what a call takes, against what it declares to spend, is over its limit: 0.000006 USDC asked, 0.000005 USDC allowed"
        ],
    );
    unfit(
        AMM,
        0,
        single(EXECUTOR, 1),
        expect![
            "what a call takes, against what it declares to spend, is over its limit: 0.000001 USDC asked, 0 USDC allowed"
        ],
    );
    unfit(
        AMM,
        5,
        old_single(EXECUTOR, 5, LATER + 1),
        expect!["the deadline 1061 is not within the allowed window after 1000"],
    );
    unfit(
        AMM,
        5,
        old_single(EXECUTOR, 5, NOW),
        expect!["the deadline 1000 is not within the allowed window after 1000"],
    );
    unfit(
        AMM,
        5,
        [&single(EXECUTOR, 5)[..], &[0; 32]].concat().into(),
        expect![
            "the final bytes do not decode as the executor's call: exactInputSingle((address,address,uint24,address,uint256,uint256,uint160)) of 0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1: the arguments are not canonically encoded"
        ],
    );
    // The declared token is not the one that is taken.
    let other = Call { target: AMM, spend: Some(amount(WETH, 5)), data: single(EXECUTOR, 5) };
    expect!["what a call takes, against what it declares to spend, is over its limit: 0.000005 USDC asked, 0 USDC allowed"].assert_eq(&said(&other)[0]);
}

#[test]
fn people_are_paid_only_where_the_operator_says_so() {
    fine(PAYER, 5, single(SAFE, 5));
    fine(PAYER, 5, single(EXECUTOR, 5));
    unfit(
        PAYER,
        5,
        single(STRANGER, 5),
        expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"],
    );
    unfit(
        PAYER,
        5,
        single(KEY, 5),
        expect!["recipient 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 is not allowed by the policy"],
    );
}

#[test]
fn every_token_on_the_way_is_known() {
    let way = |tokens: &[Address]| {
        let (amountIn, least, deadline) = (U256::from(5), U256::ONE, U256::from(LATER));
        let path = tokens.to_vec();
        encoded(&Market::swapExactTokensForTokensCall { amountIn, least, path, to: EXECUTOR, deadline })
    };
    fine(AMM, 5, way(&[USDC, WETH]));
    fine(AMM, 5, way(&[USDC, WETH, USDC]));
    unfit(
        AMM,
        5,
        way(&[USDC, STRANGER, WETH]),
        expect!["token 0x6666666666666666666666666666666666666666 is not in the policy"],
    );
    unfit(
        AMM,
        5,
        way(&[USDC, STRANGER]),
        expect!["token 0x6666666666666666666666666666666666666666 is not in the policy"],
    );
    unfit(
        AMM,
        5,
        way(&[USDC]),
        expect![
            "the final bytes do not decode as the executor's call: swapExactTokensForTokens(uint256,uint256,address[],address,uint256) of 0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1: the path does not lead from one token to another"
        ],
    );
}

#[test]
fn what_carries_calls_is_as_good_as_the_worst_of_them() {
    let carry = |data: Vec<Bytes>| several(data);
    fine(AMM, 5, carry(vec![]));
    fine(AMM, 5, carry(vec![single(EXECUTOR, 2), single(EXECUTOR, 3)]));
    fine(AMM, 5, carry(vec![carry(vec![single(EXECUTOR, 5)]), encoded(&Market::refundETHCall {})]));
    // Listed unseen, and so whatever it says.
    fine(AMM, 5, carry(vec![[&selector("donate(uint256)")[..], &[7; 3]].concat().into()]));
    unfit(
        AMM,
        5,
        carry(vec![single(EXECUTOR, 3), single(EXECUTOR, 3)]),
        expect![
            "what a call takes, against what it declares to spend, is over its limit: 0.000006 USDC asked, 0.000005 USDC allowed"
        ],
    );
    unfit(
        AMM,
        5,
        carry(vec![single(EXECUTOR, 1), carry(vec![single(STRANGER, 1)])]),
        expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"],
    );
    unfit(
        AMM,
        5,
        carry(vec![selector("work()")]),
        expect![
            "call to 0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1 with selector 0x322e9f04 is not allowed by the policy"
        ],
    );
    unfit(
        AMM,
        5,
        carry(vec![Bytes::new()]),
        expect![
            "the final bytes do not decode as the executor's call: multicall(bytes[]) of 0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1: a call inside names no function"
        ],
    );
    let approve = encoded(&Market::approveCall { spender: STRANGER, amount: U256::MAX });
    unfit(
        AMM,
        5,
        carry(vec![approve]),
        expect![
            "call to 0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1 with selector 0x095ea7b3 is not allowed by the policy"
        ],
    );
    // Fetched by the router, which keeps it: somebody else could take it from there.
    unfit(
        AMM,
        5,
        carry(vec![encoded(&Market::pullCall { token: USDC, amount: U256::ONE })]),
        expect!["recipient 0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1 is not allowed by the policy"],
    );
    let fee = |to| Fees::sweepTokenWithFeeCall { token: USDC, least: U256::ONE, bips: U256::from(100), to };
    fine(AMM, 5, carry(vec![encoded(&fee(EXECUTOR))]));
    unfit(
        AMM,
        5,
        carry(vec![encoded(&fee(STRANGER))]),
        expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"],
    );
    let until = |deadline: u64| ManyUntil::multicallCall { deadline: U256::from(deadline), data: vec![] };
    fine(AMM, 0, encoded(&until(LATER)));
    unfit(
        AMM,
        0,
        encoded(&until(LATER + 1)),
        expect!["the deadline 1061 is not within the allowed window after 1000"],
    );
}

#[test]
fn whoever_calls_for_many_can_spend_nothing() {
    let part = |target, callData| Part { target, allowFailure: true, callData };
    let call = |parts| encoded(&Market::aggregate3Call { parts });
    let supply = |account| encoded(&Market::supplyCall { asset: USDC, amount: U256::ZERO, account, code: 0 });
    fine(SEVERAL, 0, call(vec![part(LENDING, supply(EXECUTOR))]));
    unfit(
        SEVERAL,
        0,
        call(vec![part(LENDING, supply(STRANGER))]),
        expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"],
    );
    unfit(
        SEVERAL,
        0,
        call(vec![part(AMM, single(EXECUTOR, 1))]),
        expect![
            "what a call takes, against what it declares to spend, is over its limit: 0.000001 USDC asked, 0 USDC allowed"
        ],
    );
    unfit(
        SEVERAL,
        0,
        call(vec![part(EXECUTOR, selector("acceptOwnership()"))]),
        expect![
            "call to 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE with selector 0x79ba5097 is not allowed by the policy"
        ],
    );
    let theft = encoded(&Market::transferFromCall { from: EXECUTOR, to: STRANGER, amount: U256::ONE });
    unfit(
        SEVERAL,
        0,
        call(vec![part(USDC, theft)]),
        expect![
            "call to 0x0C0c0C0c0c0c0c0c0c0c0C0C0C0c0c0C0c0c0c0c with selector 0x23b872dd is not allowed by the policy"
        ],
    );
    let refund = encoded(&Market::refundETHCall {});
    unfit(
        SEVERAL,
        0,
        call(vec![part(AMM, refund)]),
        expect!["recipient 0xC4c4c4C4C4c4C4c4c4C4c4c4c4c4c4C4c4c4c4C4 is not allowed by the policy"],
    );
    let coin = |value| {
        let (target, allowFailure, callData) = (LENDING, false, supply(EXECUTOR));
        encoded(&Market::aggregate3ValueCall {
            parts: vec![ValuePart { target, allowFailure, value, callData }],
        })
    };
    fine(SEVERAL, 0, coin(U256::ZERO));
    unfit(
        SEVERAL,
        0,
        coin(U256::ONE),
        expect![
            "call to 0xC4c4c4C4C4c4C4c4c4C4c4c4c4c4c4C4c4c4c4C4 with selector 0x174dea71 is not allowed by the policy"
        ],
    );
    // It may not spend, so it may not declare to.
    unfit(
        SEVERAL,
        1,
        coin(U256::ZERO),
        expect![
            "call to 0xC4c4c4C4C4c4C4c4c4C4c4c4c4c4c4C4c4c4c4C4 with selector 0x174dea71 is not allowed by the policy"
        ],
    );
}

#[test]
fn a_plan_is_judged_command_by_command() {
    let v3 = |to, raw: u64, takes| {
        let (path, amountIn) = (packed(&[USDC, WETH]), U256::from(raw));
        (0x00, input(&Input::v3Call { to, amountIn, least: U256::ONE, path, takes }))
    };
    let out = |command, to| (command, input(&Input::outCall { token: USDC, to, amount: U256::from(2) }));
    let word = |last: u8| Address::with_last_byte(last);
    fine(UNIVERSAL, 5, plan(vec![v3(EXECUTOR, 5, true)]));
    fine(UNIVERSAL, 5, plan(vec![v3(word(1), 5, true), out(0x04, word(1)), out(0x06, EXECUTOR)]));
    // The router pays with what it holds, which is nobody's.
    fine(UNIVERSAL, 0, plan(vec![v3(EXECUTOR, 5, false)]));
    unfit(
        UNIVERSAL,
        5,
        plan(vec![v3(EXECUTOR, 3, true), v3(EXECUTOR, 3, true)]),
        expect![
            "what a call takes, against what it declares to spend, is over its limit: 0.000006 USDC asked, 0.000005 USDC allowed"
        ],
    );
    unfit(
        UNIVERSAL,
        5,
        plan(vec![v3(STRANGER, 5, true)]),
        expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"],
    );
    unfit(
        UNIVERSAL,
        5,
        plan(vec![v3(word(2), 5, true)]),
        expect!["recipient 0xc2C2C2C2C2C2c2c2c2c2C2C2c2C2C2C2C2C2c2C2 is not allowed by the policy"],
    );
    unfit(
        UNIVERSAL,
        5,
        plan(vec![out(0x04, STRANGER)]),
        expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"],
    );
    unfit(
        UNIVERSAL,
        5,
        plan(vec![out(0x05, STRANGER)]),
        expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"],
    );
    unfit(
        UNIVERSAL,
        5,
        plan(vec![out(0x06, STRANGER)]),
        expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"],
    );
    unfit(
        UNIVERSAL,
        5,
        plan(vec![out(0x02, EXECUTOR)]),
        expect![
            "call to 0xc2C2C2C2C2C2c2c2c2c2C2C2c2C2C2C2C2C2c2C2 with selector 0x24856bc3 is not allowed by the policy"
        ],
    );
    unfit(
        UNIVERSAL,
        5,
        plan(vec![(0x10, Bytes::new())]),
        expect![
            "the final bytes do not decode as the executor's call: execute(bytes,bytes[]) of 0xc2C2C2C2C2C2c2c2c2c2C2C2c2C2C2C2C2C2c2C2: it has a router's command that is not known"
        ],
    );
    let within = |step| (0x21, Bytes::from(plan(vec![step])[4..].to_vec()));
    fine(UNIVERSAL, 5, plan(vec![within(v3(EXECUTOR, 5, true))]));
    unfit(
        UNIVERSAL,
        5,
        plan(vec![within(within(out(0x05, STRANGER)))]),
        expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"],
    );
    let until = PlanUntil::executeCall { commands: Bytes::new(), inputs: vec![], deadline: U256::MAX };
    unfit(
        UNIVERSAL,
        5,
        encoded(&until),
        expect!["the deadline 18446744073709551615 is not within the allowed window after 1000"],
    );
}

#[test]
fn a_lender_acts_for_the_executor_alone() {
    let five = U256::from(5);
    let liquidation = |collateral, amount| {
        let (debt, user, receipts) = (USDC, STRANGER, false);
        encoded(&Market::liquidationCallCall { collateral, debt, user, amount, receipts })
    };
    fine(LENDING, 5, liquidation(WETH, five));
    // As much as is approved.
    fine(LENDING, 5, liquidation(WETH, U256::MAX));
    unfit(
        LENDING,
        0,
        liquidation(WETH, U256::MAX),
        expect![
            "what a call takes, against what it declares to spend, is over its limit: 115792089237316195423570985008687907853269984665640564039457584007913129.639935 USDC asked, 0 USDC allowed"
        ],
    );
    unfit(
        LENDING,
        5,
        liquidation(STRANGER, five),
        expect!["token 0x6666666666666666666666666666666666666666 is not in the policy"],
    );
    let supply = |account| encoded(&Market::supplyCall { asset: USDC, amount: five, account, code: 0 });
    fine(LENDING, 5, supply(EXECUTOR));
    unfit(
        LENDING,
        5,
        supply(STRANGER),
        expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"],
    );
    let withdraw = |to| encoded(&Market::withdrawCall { asset: USDC, amount: U256::MAX, to });
    fine(LENDING, 0, withdraw(EXECUTOR));
    unfit(
        LENDING,
        0,
        withdraw(SAFE),
        expect!["recipient 0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A is not allowed by the policy"],
    );
    // A debt counts like a spend, so that the caps are for it too.
    let borrow = |amount, account| {
        encoded(&Market::borrowCall { asset: USDC, amount, mode: U256::from(2), code: 0, account })
    };
    fine(LENDING, 5, borrow(five, EXECUTOR));
    unfit(
        LENDING,
        0,
        borrow(five, EXECUTOR),
        expect![
            "what a call takes, against what it declares to spend, is over its limit: 0.000005 USDC asked, 0 USDC allowed"
        ],
    );
    unfit(
        LENDING,
        5,
        borrow(U256::MAX, EXECUTOR),
        expect![
            "what a call takes, against what it declares to spend, is over its limit: 115792089237316195423570985008687907853269984665640564039457584007913129.639935 USDC asked, 0.000005 USDC allowed"
        ],
    );
    unfit(
        LENDING,
        5,
        borrow(five, STRANGER),
        expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"],
    );
}

#[test]
fn every_objection_is_found_and_not_only_the_first() {
    let bad = several(vec![single(STRANGER, 9), old_single(SAFE, 1, NOW)]);
    expect![[r#"
        what a call takes, against what it declares to spend, is over its limit: 0.000009 USDC asked, 0.000005 USDC allowed
        recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy
        what a call takes, against what it declares to spend, is over its limit: 0.00001 USDC asked, 0.000005 USDC allowed
        recipient 0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A is not allowed by the policy
        the deadline 1000 is not within the allowed window after 1000"#]].assert_eq(&against(AMM, 5, bad).join("\n"));
}

/// The whole judgement, and not this part of it alone.
#[test]
fn an_intent_is_refused_by_the_arguments_of_its_calls() {
    let judged = |recipient| {
        let mut case = Case::default();
        *case.call() = Call {
            target: AMM,
            spend: Some(amount(USDC, LOAN)),
            data: several(vec![single(recipient, LOAN)]),
        };
        let frame = encode(&case.draft.action, KEY, Some(EXECUTOR)).unwrap();
        let Case { draft, origin, simulation, quote, .. } = case;
        judge(&markets(), Simulated { draft, origin, frame, simulation }, &quote, None).map(|_| ())
    };
    assert_eq!(judged(EXECUTOR), Ok(()));
    assert_eq!(judged(STRANGER), Err(Refusal::RecipientNotAllowed(STRANGER)));
}
