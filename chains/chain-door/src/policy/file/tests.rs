use expect_test::{Expect, expect};

use crate::{Policy, scripted::POLICY};

const EXAMPLE: &str = include_str!("../../../policy.example.toml");

/// The policy with `from` replaced by `to` is refused with this sentence.
#[track_caller]
fn check(from: &str, to: &str, sentence: Expect) {
    assert!(POLICY.contains(from), "{from} is not in the policy");
    let error = Policy::parse(&POLICY.replacen(from, to, 1)).unwrap_err();
    sentence.assert_eq(&error.to_string());
}

#[test]
fn the_example_is_a_policy() {
    let policy = Policy::parse(EXAMPLE).unwrap();
    let symbols: Vec<_> = policy.tokens().map(|token| token.symbol.as_str()).collect();
    assert_eq!((policy.chain().0, symbols), (31_337, vec!["USDC", "WETH"]));
    assert_eq!(
        policy.tokens[&policy.tokens().next().unwrap().address].per_transaction.to_string(),
        "25000000000"
    );
    let again = Policy::parse(&EXAMPLE.replace("# The one chain", "#  The one chain")).unwrap();
    assert_ne!(policy.hash(), again.hash(), "the hash is of the text");
}

#[test]
fn without_tables_nothing_is_allowed() {
    let (head, _) = POLICY.split_once("[[tokens]]").unwrap();
    let policy = Policy::parse(head).unwrap();
    assert!(policy.tokens.is_empty() && policy.contracts.is_empty() && policy.parties.strategies.is_empty());
    assert!(policy.parties.planner.may_arm.is_empty());
}

#[test]
fn what_is_not_understood_is_no_policy() {
    check(
        "version = 1",
        "version = 2",
        expect!["policy key `version` is not 1, the only version that this program reads"],
    );
    check(
        "version = 1",
        "",
        expect![[r#"
        policy does not parse: TOML parse error at line 1, column 1
          |
        1 | 
          | ^
        missing field `version`
    "#]],
    );
    check(
        "in_flight = 2",
        "in_flight = 2\nin_fligth = 3",
        expect![[r#"
        policy does not parse: TOML parse error at line 14, column 1
           |
        14 | in_fligth = 3
           | ^^^^^^^^^
        unknown field `in_fligth`, expected one of `gas_per_transaction`, `max_fee_gwei`, `gas_per_window_eth`, `window_seconds`, `deadline_seconds`, `in_flight`
    "#]],
    );
    check(
        "chain = 31337",
        "chain = 31337\nallow_all = true",
        expect![[r#"
            policy does not parse: TOML parse error at line 4, column 1
              |
            4 | allow_all = true
              | ^^^^^^^^^
            unknown field `allow_all`, expected one of `version`, `chain`, `executor`, `limits`, `tokens`, `contracts`, `recipients`, `strategies`, `planner`, `approval`, `breakers`
        "#]],
    );
    check(
        "lender = true",
        "lender = \"yes\"",
        expect![[r#"
        policy does not parse: TOML parse error at line 33, column 10
           |
        33 | lender = "yes"
           |          ^^^^^
        invalid type: string "yes", expected a boolean
    "#]],
    );
    check(
        "chain = 31337",
        "chain = -1",
        expect![[r#"
        policy does not parse: TOML parse error at line 3, column 9
          |
        3 | chain = -1
          |         ^^
        invalid value: integer `-1`, expected u64
    "#]],
    );
    check(
        "chain = 31337",
        "chain = 31337\nchain = 1",
        expect![[r#"
        policy does not parse: TOML parse error at line 4, column 1
          |
        4 | chain = 1
          | ^^^^^
        duplicate key
    "#]],
    );
}

#[test]
fn limits_that_allow_nothing_are_mistakes() {
    check(
        "gas_per_transaction = 500_000",
        "gas_per_transaction = 0",
        expect!["policy key `limits.gas_per_transaction` is 0, which allows nothing; write a larger number"],
    );
    check(
        "window_seconds = 3600",
        "window_seconds = 0",
        expect!["policy key `limits.window_seconds` is 0, which allows nothing; write a larger number"],
    );
    check(
        "deadline_seconds = 60",
        "deadline_seconds = 0",
        expect!["policy key `limits.deadline_seconds` is 0, which allows nothing; write a larger number"],
    );
    check(
        "in_flight = 2",
        "in_flight = 0",
        expect!["policy key `limits.in_flight` is 0, which allows nothing; write a larger number"],
    );
}

#[test]
fn amounts_are_exact() {
    check(
        "per_transaction = \"1000\"",
        "per_transaction = \"1000.0000001\"",
        expect![[
            r#"policy key `tokens.USDC.per_transaction` is not an exact amount: amount has more than the 6 decimals of USDC; write one like "1.5""#
        ]],
    );
    check(
        "per_transaction = \"1000\"",
        "per_transaction = \"1e3\"",
        expect![[
            r#"policy key `tokens.USDC.per_transaction` is not an exact amount: amount is not a plain decimal number like 1.5; write one like "1.5""#
        ]],
    );
    check(
        "per_transaction = \"1000\"",
        "per_transaction = 1000",
        expect![[r#"
        policy does not parse: TOML parse error at line 19, column 19
           |
        19 | per_transaction = 1000
           |                   ^^^^
        invalid type: integer `1000`, expected a string
    "#]],
    );
    check(
        "per_window = \"2000\"",
        "per_window = \"-1\"",
        expect![[
            r#"policy key `tokens.USDC.per_window` is not an exact amount: amount is not a plain decimal number like 1.5; write one like "1.5""#
        ]],
    );
    check(
        "max_fee_gwei = \"10\"",
        "max_fee_gwei = \"0.0000000001\"",
        expect![[
            r#"policy key `limits.max_fee_gwei` is not an exact amount: amount has more than the 9 decimals of the unit; write one like "1.5""#
        ]],
    );
    check(
        "max_fee_gwei = \"10\"",
        "max_fee_gwei = \"1000000000000000000000000000000000\"",
        expect!["policy key `limits.max_fee_gwei` is too large"],
    );
    check(
        "gas_per_window_eth = \"0.01\"",
        "gas_per_window_eth = \"\"",
        expect![[
            r#"policy key `limits.gas_per_window_eth` is not an exact amount: amount is not a plain decimal number like 1.5; write one like "1.5""#
        ]],
    );
    check(
        "gas_per_window_eth = \"0.008\"",
        "gas_per_window_eth = \"a lot\"",
        expect![[
            r#"policy key `strategies.arb.gas_per_window_eth` is not an exact amount: amount is not a plain decimal number like 1.5; write one like "1.5""#
        ]],
    );
}

#[test]
fn tokens_have_one_name_and_one_address() {
    check(
        "symbol = \"WETH\"",
        "symbol = \"USDC\"",
        expect!["policy key `tokens.USDC` is there twice (by symbol or by address); keep one"],
    );
    let weth = "address = \"0x0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e\"";
    check(
        weth,
        "address = \"0x0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c\"",
        expect!["policy key `tokens.WETH` is there twice (by symbol or by address); keep one"],
    );
    check(
        weth,
        "address = \"0x0000000000000000000000000000000000000000\"",
        expect!["policy key `tokens.WETH` has the zero address, or more than 77 decimals"],
    );
    check(
        weth,
        "address = \"0x0e0e\"",
        expect![[r#"
        policy does not parse: TOML parse error at line 24, column 11
           |
        24 | address = "0x0e0e"
           |           ^^^^^^^^
        invalid string length
    "#]],
    );
    check(
        "symbol = \"WETH\"",
        "symbol = \"WETH (real)\"",
        expect![
            "policy key `tokens.WETH (real)` is no plain symbol; use letters, digits, dot, dash and underscore"
        ],
    );
    check(
        "symbol = \"WETH\"",
        "symbol = \"\"",
        expect!["policy key `tokens.` is no plain symbol; use letters, digits, dot, dash and underscore"],
    );
    check(
        "decimals = 18",
        "decimals = 78",
        expect!["policy key `tokens.WETH` has the zero address, or more than 77 decimals"],
    );
}

#[test]
fn contracts_have_canonical_functions_that_hand_out_nothing() {
    for (never, sentence) in [
        (
            "approve(address,uint256)",
            expect![
                "policy key `contracts.router.functions` allows `approve(address,uint256)`, which no policy can: it hands out tokens or control, or hides other calls inside; the executor approves exactly and by itself"
            ],
        ),
        (
            "multicall(bytes[])",
            expect![
                "policy key `contracts.router.functions` allows `multicall(bytes[])`, which no policy can: it hands out tokens or control, or hides other calls inside; the executor approves exactly and by itself"
            ],
        ),
        (
            "many_msg_babbage(bytes1)",
            expect![
                "policy key `contracts.router.functions` allows `many_msg_babbage(bytes1)`, which no policy can: it hands out tokens or control, or hides other calls inside; the executor approves exactly and by itself"
            ],
        ),
        (
            "swap",
            expect![[
                r#"policy key `contracts.router.functions` has `swap`, which is no signature; write one like "work(bytes32,uint256)""#
            ]],
        ),
        (
            "swap(uint)",
            expect![[
                r#"policy key `contracts.router.functions` has `swap(uint)`, which is no signature; write one like "work(bytes32,uint256)""#
            ]],
        ),
        (
            "swap(uint256 amount)",
            expect![[
                r#"policy key `contracts.router.functions` has `swap(uint256 amount)`, which is no signature; write one like "work(bytes32,uint256)""#
            ]],
        ),
        (
            "swap(uint256)(bool)",
            expect![[
                r#"policy key `contracts.router.functions` has `swap(uint256)(bool)`, which is no signature; write one like "work(bytes32,uint256)""#
            ]],
        ),
    ] {
        check("swap(uint256)", never, sentence);
    }
    let router = "address = \"0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"";
    check(
        router,
        "address = \"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
        expect!["policy key `contracts.router` has an address that is there twice; merge the two tables"],
    );
    check(
        router,
        "address = \"0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\"",
        expect![
            "policy key `contracts.router` has the zero address or the executor's own; name the protocol's contract"
        ],
    );
    check(
        router,
        "address = \"0x0000000000000000000000000000000000000000\"",
        expect![
            "policy key `contracts.router` has the zero address or the executor's own; name the protocol's contract"
        ],
    );
}

#[test]
fn money_goes_to_people() {
    let safe = "[\"0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\"]";
    check(
        safe,
        "[\"0x0000000000000000000000000000000000000000\"]",
        expect![
            "policy key `recipients` has 0x0000000000000000000000000000000000000000, which is zero, the executor, a token or a contract; remove it"
        ],
    );
    for contract in ["ee", "0c", "aa"] {
        let text = POLICY.replace(safe, &format!("[\"0x{}\"]", contract.repeat(20)));
        assert!(
            Policy::parse(&text)
                .unwrap_err()
                .to_string()
                .contains("is zero, the executor, a token or a contract")
        );
    }
    let executor = "executor = \"0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\"";
    check(
        executor,
        "executor = \"0x0000000000000000000000000000000000000000\"",
        expect!["policy key `executor` is the zero address; leave the key out until one is deployed"],
    );
    check(
        executor,
        "executor = \"\"",
        expect![[r#"
        policy does not parse: TOML parse error at line 4, column 12
          |
        4 | executor = ""
          |            ^^
        invalid string length
    "#]],
    );
}

#[test]
fn a_planners_classes_end_in_a_star_or_have_none() {
    check(
        "may_arm = [\"arb/*\"]",
        "may_arm = [\"*\"]",
        expect![[
            r#"policy key `planner.may_arm` has a class with a star that is not its last part, as in "liquidation/*""#
        ]],
    );
    check(
        "may_arm = [\"arb/*\"]",
        "may_arm = [\"arb*\"]",
        expect![[
            r#"policy key `planner.may_arm` has a class with a star that is not its last part, as in "liquidation/*""#
        ]],
    );
    check(
        "may_arm = [\"arb/*\"]",
        "may_arm = [\"*/USDC\"]",
        expect![[
            r#"policy key `planner.may_arm` has a class with a star that is not its last part, as in "liquidation/*""#
        ]],
    );
}
