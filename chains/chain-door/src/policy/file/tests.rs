mod lanes;
mod sweep;

use alloy_primitives::B256;
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
            unknown field `allow_all`, expected one of `version`, `chain`, `executor`, `lanes`, `limits`, `tokens`, `contracts`, `flash_swaps`, `recipients`, `strategies`, `planner`, `approval`, `breakers`
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
fn a_factory_that_makes_nothing_is_a_mistake() {
    for fees in ["fees = []", "fees = [0]", "fees = [1_000_000]"] {
        check(
            "fees = [500]",
            fees,
            expect![
                "policy key `flash_swaps.pools.fees` is empty, or has one that is no part of a million; write pips, as in 3000"
            ],
        );
    }
    check(
        "kind = \"v2\"",
        "kind = \"v2\"\nfees = [500]",
        expect!["policy key `flash_swaps.pairs.fees` is there, and pairs have none; remove it"],
    );
    let none = format!("init_code_hash = \"{}\"", B256::ZERO);
    check(
        &format!("init_code_hash = \"{}\"", B256::repeat_byte(0x11)),
        &none,
        expect!["policy key `flash_swaps.pairs.init_code_hash` is zero; write the hash of the creation code"],
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
                "policy key `contracts.router.opaque` allows `approve(address,uint256)`, which no policy can: it hands out tokens or control, or hides other calls inside; the executor approves exactly and by itself"
            ],
        ),
        (
            "many_msg_babbage(bytes1)",
            expect![
                "policy key `contracts.router.opaque` allows `many_msg_babbage(bytes1)`, which no policy can: it hands out tokens or control, or hides other calls inside; the executor approves exactly and by itself"
            ],
        ),
        (
            "swap",
            expect![[
                r#"policy key `contracts.router.opaque` has `swap`, which is no signature; write one like "work(bytes32,uint256)""#
            ]],
        ),
        (
            "swap(uint)",
            expect![[
                r#"policy key `contracts.router.opaque` has `swap(uint)`, which is no signature; write one like "work(bytes32,uint256)""#
            ]],
        ),
        (
            "swap(uint256 amount)",
            expect![[
                r#"policy key `contracts.router.opaque` has `swap(uint256 amount)`, which is no signature; write one like "work(bytes32,uint256)""#
            ]],
        ),
        (
            "swap(uint256)(bool)",
            expect![[
                r#"policy key `contracts.router.opaque` has `swap(uint256)(bool)`, which is no signature; write one like "work(bytes32,uint256)""#
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
            "policy key `contracts.router` has the zero address or an executor's own; name the protocol's contract"
        ],
    );
    check(
        router,
        "address = \"0x0000000000000000000000000000000000000000\"",
        expect![
            "policy key `contracts.router` has the zero address or an executor's own; name the protocol's contract"
        ],
    );
}

#[test]
fn functions_are_judged_or_knowingly_not() {
    let opaque = "opaque = [\"swap(uint256)\"]";
    check(
        opaque,
        "functions = [\"swap(uint256)\"]",
        expect![
            "policy key `contracts.router.functions` has `swap(uint256)`, whose arguments the door cannot judge; list it under `opaque` if whatever it does with any argument is bearable within the limits"
        ],
    );
    check(
        opaque,
        "opaque = [\"exactInput((bytes,address,uint256,uint256))\"]",
        expect![
            "policy key `contracts.router.opaque` has `exactInput((bytes,address,uint256,uint256))`, whose arguments the door can judge; list it under `functions`, where it does"
        ],
    );
    check(
        opaque,
        "functions = [\"multicall(address,bytes[])\"]",
        expect![
            "policy key `contracts.router.functions` allows `multicall(address,bytes[])`, which no policy can: it hands out tokens or control, or hides other calls inside; the executor approves exactly and by itself"
        ],
    );
    check(
        opaque,
        "functions = [\"flashLoanSimple(address,address,uint256,bytes,uint16)\"]",
        expect![
            "policy key `contracts.router.functions` allows `flashLoanSimple(address,address,uint256,bytes,uint16)`, which no policy can: it hands out tokens or control, or hides other calls inside; the executor approves exactly and by itself"
        ],
    );
    check(
        opaque,
        "functions = [\"selfPermit(address,uint256,uint256,uint8,bytes32,bytes32)\"]",
        expect![
            "policy key `contracts.router.functions` allows `selfPermit(address,uint256,uint256,uint8,bytes32,bytes32)`, which no policy can: it hands out tokens or control, or hides other calls inside; the executor approves exactly and by itself"
        ],
    );
    // What carries other calls may be listed, as each of them is judged; but never unseen.
    let carrying =
        POLICY.replace(opaque, "functions = [\"multicall(bytes[])\", \"execute(bytes,bytes[],uint256)\"]");
    assert!(Policy::parse(&carrying).is_ok());
    for carries in ["multicall(bytes[])", "aggregate3((address,bool,bytes)[])", "execute(bytes,bytes[])"] {
        let unseen = POLICY.replace(opaque, &format!("opaque = [\"{carries}\"]"));
        assert!(Policy::parse(&unseen).unwrap_err().to_string().contains("list it under `functions`"));
    }
}

#[test]
fn asking_breaking_and_hiding_have_their_keys() {
    let limit = "per_window = \"2000\"";
    check(
        limit,
        "per_window = \"2000\"\nask_above = \"500\"",
        expect![
            "policy key `tokens.USDC.ask_above` needs to know how long to wait for a reply; add the table [approval] with `seconds`"
        ],
    );
    check(
        limit,
        "per_window = \"2000\"\nask_above = \"0.0000001\"",
        expect![[
            r#"policy key `tokens.USDC.ask_above` is not an exact amount: amount has more than the 6 decimals of USDC; write one like "1.5""#
        ]],
    );
    let gas = "gas_per_window_eth = \"0.008\"";
    check(
        gas,
        "gas_per_window_eth = \"0.008\"\norder_flow = \"secret\"",
        expect![[r#"
        policy does not parse: TOML parse error at line 43, column 14
           |
        43 | order_flow = "secret"
           |              ^^^^^^^^
        unknown variant `secret`, expected one of `public`, `private`, `private_then_public`
    "#]],
    );
    check(
        gas,
        "gas_per_window_eth = \"0.008\"\norder_flow = { private_then_public = {} }",
        expect![[r#"
        policy does not parse: TOML parse error at line 43, column 38
           |
        43 | order_flow = { private_then_public = {} }
           |                                      ^^
        missing field `after_blocks`
    "#]],
    );
    check(
        gas,
        "gas_per_window_eth = \"0.008\"\norder_flow = { private_then_public = { after_blocks = -1 } }",
        expect![[r#"
            policy does not parse: TOML parse error at line 43, column 55
               |
            43 | order_flow = { private_then_public = { after_blocks = -1 } }
               |                                                       ^^
            invalid value: integer `-1`, expected u64
        "#]],
    );
    let planner = "[planner]";
    for (table, sentence) in [
        (
            "[approval]\nseconds = 0",
            expect!["policy key `approval.seconds` is 0, in which nobody can reply; write a larger number"],
        ),
        (
            "[approval]\ngas_above_eth = \"1\"",
            expect![[r#"
            policy does not parse: TOML parse error at line 47, column 1
               |
            47 | [approval]
               | ^^^^^^^^^^
            missing field `seconds`
        "#]],
        ),
        (
            "[approval]\nseconds = 60\ngas_above_eth = \"much\"",
            expect![[
                r#"policy key `approval.gas_above_eth` is not an exact amount: amount is not a plain decimal number like 1.5; write one like "1.5""#
            ]],
        ),
        (
            "[breakers]\nwindow_seconds = 0\nrest_seconds = 1",
            expect!["policy key `breakers.window_seconds` is 0; write a larger number"],
        ),
        (
            "[breakers]\nwindow_seconds = 1\nrest_seconds = 0",
            expect!["policy key `breakers.rest_seconds` is 0; write a larger number"],
        ),
        (
            "[breakers]\nwindow_seconds = 1\nrest_seconds = 1\ngas_lost_eth = \"-1\"",
            expect![[
                r#"policy key `breakers.gas_lost_eth` is not an exact amount: amount is not a plain decimal number like 1.5; write one like "1.5""#
            ]],
        ),
        (
            "[breakers]\nwindow_seconds = 1\nrest_seconds = 1\nreverts = -1",
            expect![[r#"
            policy does not parse: TOML parse error at line 50, column 11
               |
            50 | reverts = -1
               |           ^^
            invalid value: integer `-1`, expected u32
        "#]],
        ),
        (
            "[breakers]\nwindow_seconds = 1\nrest_seconds = 1\nlosses = 1",
            expect![[r#"
            policy does not parse: TOML parse error at line 50, column 1
               |
            50 | losses = 1
               | ^^^^^^
            unknown field `losses`, expected one of `window_seconds`, `gas_lost_eth`, `reverts`, `rest_seconds`
        "#]],
        ),
    ] {
        check(planner, &format!("{table}\n\n[planner]"), sentence);
    }
}

#[test]
fn a_policy_that_parses_is_reported_on() {
    let example = Policy::parse(EXAMPLE).unwrap().report();
    expect![[r#"
        acts on chain 31337 through the executor 0x1111111111111111111111111111111111111111
        in lane upkeep, with a key of its own, acts through the executor 0x8888888888888888888888888888888888888888
        uses at most 1500000 gas a transaction, at 40000000000 wei, and 0.5 ETH per 86400 s; 4 transactions under way; deadlines within 120 s
        puts to work at most 25000 USDC at a time and 250000 USDC per 86400 s, of the token at 0x3333333333333333333333333333333333333333; asks a person above 10000 USDC
        puts to work at most 10.5 WETH at a time and 100 WETH per 86400 s, of the token at 0x4444444444444444444444444444444444444444
        "aave-v3-pool" at 0x5555555555555555555555555555555555555555: calls liquidationCall(address,address,address,uint256,bool); lets it take what a call declares; takes flash loans
        "swap-router" at 0x6666666666666666666666666666666666666666: calls exactInput((bytes,address,uint256,uint256)), exactInputSingle((address,address,uint24,address,uint256,uint256,uint160)), multicall(uint256,bytes[]); lets it take what a call declares
        "upkeep" at 0x7777777777777777777777777777777777777777: calls performUpkeep(bytes) whatever the arguments
        takes flash swaps from the pools of 500, 3000 pips that "Uniswap v3" at 0x1F98431c8aD98523631AE4a59f267346ea31F984 makes of these tokens
        strategy aave-liquidation may pay 0.3 ETH for gas in a window, and sends to private relays, and after 3 blocks in the public pool
        strategy oracle-keeper in lane upkeep may pay 0.1 ETH for gas in a window, and sends in the public pool
        strategy sweep may pay 0.02 ETH for gas in a window, and sends in the public pool; it moves from 500 USDC above 1000 USDC and from 0.5 WETH above 0 WETH on to 0x2222222222222222222222222222222222222222, each once in 86400 s
        pays out, and hands the executor over, to 0x2222222222222222222222222222222222222222
        a planner may arm orders of aave-liquidation/*, for 5 uses and 3600 s at most
        asks a person when gas may cost more than 0.05 ETH
        waits 300 s for a person's reply; none means no
        rests a strategy for 1800 s after 0.02 ETH of gas lost in 3600 s or 3 reverts in a row
        warning: tokens.WETH has no ask_above: nobody is asked, up to 10.5 WETH
        warning: contracts.upkeep: performUpkeep(bytes) is opaque: nobody looks at its arguments
    "#]].assert_eq(&example.to_string());
    let small = Policy::parse(POLICY).unwrap().report();
    expect![[r#"
        there is no [breakers] table: a strategy that loses gas is stopped by its budget only
        tokens.USDC has no ask_above: nobody is asked, up to 1000 USDC
        tokens.WETH has no ask_above: nobody is asked, up to 1 WETH
        contracts.pool: poke() is opaque: nobody looks at its arguments
        contracts.router: swap(uint256) is opaque: nobody looks at its arguments, and may take what a call declares"#]].assert_eq(&small.warnings.join("\n"));
}

#[test]
fn a_report_warns_of_what_may_not_have_been_meant() {
    let warned = |from: &str, to: &str, warning: &str| {
        let report = Policy::parse(&POLICY.replacen(from, to, 1)).unwrap().report();
        assert!(report.warnings.iter().any(|line| line.contains(warning)), "{report}");
    };
    warned("deadline_seconds = 60", "deadline_seconds = 6000", "can surprise for that long");
    warned("per_window = \"2000\"", "per_window = \"999\"", "USDC.per_window is less than per_transaction");
    warned("symbol = \"WETH\"", "symbol = \"uSdC\"", "differ by case only");
    warned("opaque = [\"poke()\"]\nlender = true", "opaque = []", "can neither be called nor lend");
    warned("lender = true", "pays_recipients = true", "past the executor and its floors");
    warned(
        "gas_per_window_eth = \"0.008\"",
        "gas_per_window_eth = \"8\"",
        "is more than limits.gas_per_window_eth",
    );
    let asks = "per_window = \"2000\"\nask_above = \"1000\"\n\n[approval]\nseconds = 60\n\n[[tokens]]";
    warned("per_window = \"2000\"\n\n[[tokens]]", asks, "nobody is ever asked");
    let debt = "functions = [\"borrow(address,uint256,uint256,uint16,address)\"]";
    warned("opaque = [\"poke()\"]", debt, "go into debt");
}

#[test]
fn the_schema_knows_every_key_of_the_example() {
    let schema = Policy::schema();
    let example: serde_json::Value =
        serde_json::to_value(toml::from_str::<toml::Table>(EXAMPLE).unwrap()).unwrap();
    let known = schema["properties"].as_object().unwrap();
    for (key, value) in example.as_object().unwrap() {
        assert!(known.contains_key(key), "{key}");
        let definition =
            ["limits", "tokens", "contracts", "planner", "approval", "breakers"].contains(&key.as_str());
        let row = value.as_array().and_then(|rows| rows.first()).unwrap_or(value);
        let name = match key.trim_end_matches('s') {
            "limit" => "LimitsTable",
            "token" => "TokenTable",
            "contract" => "ContractTable",
            "planner" => "PlannerTable",
            "approval" => "ApprovalTable",
            "breaker" => "BreakersTable",
            _ => continue,
        };
        assert!(definition);
        let properties = schema["$defs"][name]["properties"].as_object().unwrap();
        assert!(row.as_object().unwrap().keys().all(|inner| properties.contains_key(inner)), "{name}");
        assert_eq!(schema["$defs"][name]["additionalProperties"], false);
    }
}

#[test]
fn money_goes_to_people() {
    let safe = "[\"0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\"]";
    check(
        safe,
        "[\"0x0000000000000000000000000000000000000000\"]",
        expect![
            "policy key `recipients` has 0x0000000000000000000000000000000000000000, which is zero, an executor, a token or a contract; remove it"
        ],
    );
    for contract in ["ee", "0c", "aa"] {
        let text = POLICY.replace(safe, &format!("[\"0x{}\"]", contract.repeat(20)));
        assert!(
            Policy::parse(&text)
                .unwrap_err()
                .to_string()
                .contains("is zero, an executor, a token or a contract")
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
