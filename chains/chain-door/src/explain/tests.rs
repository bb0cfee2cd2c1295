//! What a person reads.

use agent_core::{Action, Borrow, Intent, Lending, Maintenance};
use alloy_primitives::{Bytes, U256};
use expect_test::{Expect, expect};

use super::*;
use crate::{encode::encode, scripted::*};

fn transaction(action: &Action) -> Transaction {
    let frame = encode(action, KEY, Some(EXECUTOR)).unwrap();
    let gas = Gas { limit: 180_000, max_fee: GWEI, tip: 1 };
    Transaction::new(frame, &quote(), gas)
}

fn calling(calls: Vec<(Address, u64, Bytes)>) -> Action {
    let mut intent = intent();
    let call = |(target, spend, data)| agent_core::Call { target, spend: Some(amount(USDC, spend)), data };
    intent.calls = calls.into_iter().map(call).collect();
    Action::Execute(intent)
}

#[track_caller]
fn check(transaction: &AnyTransaction, sentence: Expect) {
    let explanation = explain(&markets(), transaction, Some(Timestamp(NOW)));
    sentence.assert_eq(&explanation.to_string());
}

#[test]
fn an_intent_is_shown_in_the_policys_own_names() {
    let path = packed(&[USDC, WETH]);
    let v3 = Input::v3Call {
        to: EXECUTOR,
        amountIn: U256::from(LOAN),
        least: U256::from(ETHER),
        path,
        takes: true,
    };
    let calls = vec![
        (AMM, LOAN, several(vec![single(EXECUTOR, LOAN), selector("donate(uint256)")])),
        (UNIVERSAL, LOAN, plan(vec![(0x80, input(&v3))])),
        (ROUTER, 1_500_000, selector("swap(uint256)")),
    ];
    check(
        &(&transaction(&calling(calls))).into(),
        expect![[r#"
            chain 31337, from 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 with nonce 7
            pays at most 0.00018 ETH for gas (180000 units at 1000000000 wei)
            the executor, all or nothing
              borrows 500 USDC from "pool", and pays it back at the end
              calls multicall(bytes[]) of "amm", which may take 500 USDC
                calls exactInputSingle((address,address,uint24,address,uint256,uint256,uint160)) of "amm"
                  takes at most 500 USDC from the executor
                  pays at least 0.000000000000000001 WETH to the executor
                calls donate(uint256) of "amm", unseen
              calls execute(bytes,bytes[]) of "universal", which may take 500 USDC
                calls V3_SWAP_EXACT_IN of "universal"
                  takes at most 500 USDC from the executor
                  pays at least 1 WETH to the executor
              calls swap(uint256) of "router", unseen, which may take 1.5 USDC
                4 bytes: 0x94b918de
              or reverts unless the executor gains at least 0.000001 USDC
              or reverts after chain time 1030
            refused: amount per transaction is over its limit: 1001.5 USDC asked, 1000 USDC allowed
        "#]],
    );
}

#[test]
fn a_flash_swap_says_whose_it_is_and_what_it_costs() {
    let mut swap = intent();
    let (usdc, price) = (amount(USDC, LOAN), amount(WETH, ETHER / 2));
    let lent = |lender, lending| Some(Borrow { lender, amount: usdc, lending });
    swap.borrow = lent(pair(), Lending::PairV2 { price });
    let shown = |intent: &Intent| {
        let transaction = transaction(&Action::Execute(intent.clone()));
        let explanation = explain(&policy(), &(&transaction).into(), Some(Timestamp(NOW)));
        assert_eq!(explanation.objections, Vec::<String>::new());
        explanation.to_string().lines().find(|line| line.contains(" 500 USDC from")).unwrap().to_owned()
    };
    expect!["  takes 500 USDC from the pair 0x5d576b1Acd3F962Bb7bFf95F8e0AdbD830C4Ae91 of \"pairs\", and pays 0.5 WETH for it at the end"].assert_eq(&shown(&swap));
    swap.borrow = lent(pool_of_500(), Lending::PoolV3 { price });
    expect!["  takes at least 500 USDC from the pool 0xCFE61Ba502C24Ea69915244c71107eE5f93748A5 of \"pools\", and pays at most 0.5 WETH for it at the end"].assert_eq(&shown(&swap));
}

#[test]
fn every_rule_that_refuses_has_its_sentence() {
    let action = calling(vec![
        (AMM, 2 * LOAN + 1, several(vec![single(STRANGER, 3 * LOAN)])),
        (STRANGER, 1, Bytes::new()),
    ]);
    let mut it = AnyTransaction::from(&transaction(&action));
    it.chain = 1;
    it.value = U256::ONE;
    it.gas = Some(Gas { limit: 500_001, max_fee: GWEI, tip: 1 });
    it.authorizations = vec![STRANGER];
    check(
        &it,
        expect![[r#"
            chain 1, from 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 with nonce 7
            pays at most 0.000500001 ETH for gas (500001 units at 1000000000 wei)
            sends 0.000000000000000001 ETH along
            lets an account take on the code of 0x6666666666666666666666666666666666666666 (not in the policy) (EIP-7702)
            the executor, all or nothing
              borrows 500 USDC from "pool", and pays it back at the end
              calls multicall(bytes[]) of "amm", which may take 1000.000001 USDC
                calls exactInputSingle((address,address,uint24,address,uint256,uint256,uint160)) of "amm"
                  takes at most 1500 USDC from the executor
                  pays at least 0.000000000000000001 WETH to 0x6666666666666666666666666666666666666666 (not in the policy)
              calls 0x6666666666666666666666666666666666666666 (not in the policy) without naming a function, which may take 0.000001 USDC
                0 bytes: 0x
              or reverts unless the executor gains at least 0.000001 USDC
              or reverts after chain time 1030
            refused: the policy is for chain 31337, this is chain 1
            refused: it sends 0.000000000000000001 ETH along, and the door sends no coin
            refused: it lets accounts take on foreign code, and the door authorises none
            refused: gas per transaction is over its limit: 500001 asked, 500000 allowed
            refused: what a call takes, against what it declares to spend, is over its limit: 1500 USDC asked, 1000.000001 USDC allowed
            refused: recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy
            refused: call to 0x6666666666666666666666666666666666666666 with selector 0x is not allowed by the policy
            refused: amount per transaction is over its limit: 1000.000002 USDC asked, 1000 USDC allowed
        "#]],
    );
}

#[test]
fn what_the_door_would_never_make_is_shown_for_what_it_is() {
    let foreign = |to, data| AnyTransaction {
        chain: 31_337,
        from: KEY,
        nonce: 7,
        to,
        value: U256::ZERO,
        data,
        gas: None,
        authorizations: vec![],
    };
    let approve = encoded(&Market::approveCall { spender: STRANGER, amount: U256::MAX });
    check(
        &foreign(Some(USDC), approve),
        expect![[r#"
        chain 31337, from 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 with nonce 7
        calls approve(address,uint256) of USDC
          lets 0x6666666666666666666666666666666666666666 (not in the policy) take USDC without limit from the key
        refused: the final bytes do not decode as the executor's call: 0x0C0c0C0c0c0c0c0c0c0c0C0C0C0c0c0C0c0c0c0c is not the policy's executor
    "#]],
    );
    let theft = encoded(&Market::transferFromCall { from: SAFE, to: STRANGER, amount: U256::from(LOAN) });
    check(
        &foreign(Some(USDC), theft),
        expect![[r#"
        chain 31337, from 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 with nonce 7
        calls transferFrom(address,address,uint256) of USDC
          takes 500 USDC from recipient 0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A for 0x6666666666666666666666666666666666666666 (not in the policy)
        refused: the final bytes do not decode as the executor's call: 0x0C0c0C0c0c0c0c0c0c0c0C0C0C0c0c0C0c0c0c0c is not the policy's executor
    "#]],
    );
    check(
        &foreign(None, vec![0x60; 100].into()),
        expect![[r#"
        chain 31337, from 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 with nonce 7
        creates a contract from 100 bytes: 0x6060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060606060… (all of it hashes to 0x229b6b3c5338e36105fe46f9b0173374d332c99c0869647edf815a4a9fa2e7de)
        refused: the final bytes do not decode as the executor's call: bytes do not encode back to themselves
    "#]],
    );
    check(
        &foreign(Some(STRANGER), Bytes::new()),
        expect![[r#"
        chain 31337, from 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 with nonce 7
        sends nothing but coin to 0x6666666666666666666666666666666666666666 (not in the policy)
        refused: the final bytes do not decode as the executor's call: 0x6666666666666666666666666666666666666666 is not the policy's executor
    "#]],
    );
    check(
        &foreign(Some(AMM), vec![1, 2, 3].into()),
        expect![[r#"
            chain 31337, from 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 with nonce 7
            calls "amm" without naming a function
              3 bytes: 0x010203
            refused: the final bytes do not decode as the executor's call: 0xC1C1c1c1C1C1C1c1c1C1C1C1c1C1C1C1c1C1c1c1 is not the policy's executor
        "#]],
    );
    // What the key sends to itself is nothing, unless it carries something.
    check(
        &AnyTransaction { value: U256::from(ETHER), ..foreign(Some(KEY), Bytes::new()) },
        expect![[r#"
        chain 31337, from 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 with nonce 7
        sends 1 ETH along
        uses up its nonce for nothing
        refused: it sends 1 ETH along, and the door sends no coin
    "#]],
    );
}

#[test]
fn maintenance_is_a_sentence() {
    for (maintenance, sentence) in [
        (
            Maintenance::Withdraw { token: USDC, raw: U256::from(LOAN), to: SAFE },
            expect![[r#"
            chain 31337, from 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 with nonce 7
            pays at most 0.00018 ETH for gas (180000 units at 1000000000 wei)
            withdraws 500 USDC from the executor to recipient 0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A
            the policy has nothing against these bytes
        "#]],
        ),
        (
            Maintenance::Withdraw { token: Address::ZERO, raw: U256::from(ETHER), to: STRANGER },
            expect![[r#"
            chain 31337, from 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 with nonce 7
            pays at most 0.00018 ETH for gas (180000 units at 1000000000 wei)
            withdraws 1 ETH from the executor to 0x6666666666666666666666666666666666666666 (not in the policy)
            refused: recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy
        "#]],
        ),
        (
            Maintenance::TransferOwnership { to: SAFE },
            expect![[r#"
            chain 31337, from 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 with nonce 7
            pays at most 0.00018 ETH for gas (180000 units at 1000000000 wei)
            offers the ownership of the executor to recipient 0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A
            the policy has nothing against these bytes
        "#]],
        ),
        (
            Maintenance::DeployExecutor,
            expect![[r#"
            chain 31337, from 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0 with nonce 7
            pays at most 0.00018 ETH for gas (180000 units at 1000000000 wei)
            creates an executor that the key owns
            the policy has nothing against these bytes
        "#]],
        ),
    ] {
        check(&(&transaction(&Action::Maintain(maintenance))).into(), sentence);
    }
}

#[test]
fn what_is_approved_is_what_is_explained() {
    let action = Action::Execute(intent());
    let transaction = transaction(&action);
    let action = decode(&transaction.frame(), Some(EXECUTOR)).unwrap();
    let shown = shown(&policy(), &transaction, &action);
    let explained = explain(&policy(), &(&transaction).into(), None).to_string();
    assert!(explained.starts_with(&shown) && shown.contains("borrows 500 USDC from \"pool\""), "{shown}");
}

/// Names are the operator's; even so, a terminal stays as it is.
#[test]
fn nothing_unprintable_is_printed() {
    let text = markets_text().replace("name = \"amm\"", "name = \"a\\u001b[2Jm\\nm\\u202e\"");
    let policy = Policy::parse(&text).unwrap();
    let action = calling(vec![(AMM, LOAN, single(EXECUTOR, LOAN))]);
    let shown = shown(&policy, &transaction(&action), &action);
    assert!(
        shown.lines().all(|line| !line.contains(|letter: char| letter.is_control() || letter == '\u{202e}')),
        "{shown}"
    );
}

#[test]
fn a_lane_is_told_by_the_executor_that_is_called() {
    let intent = Action::Execute(intent());
    let frame = encode(&intent, FAST_KEY, Some(FAST_EXECUTOR)).unwrap();
    let transaction = Transaction::new(frame, &quote(), Gas { limit: 180_000, max_fee: GWEI, tip: 1 });
    let explained = |policy: Policy| explain(&policy, &(&transaction).into(), Some(Timestamp(NOW)));
    let of_lanes = explained(policy_of_lanes());
    expect!["chain 31337, from 0xf1f1f1F1f1f1F1F1f1F1f1F1F1F1F1f1F1f1f1F1 with nonce 7, in lane fast"]
        .assert_eq(&of_lanes.tree[0].text);
    assert!(of_lanes.objections.is_empty(), "{of_lanes}");
    assert!(!explained(policy()).objections.is_empty(), "without the lane it is nobody's executor");
}
