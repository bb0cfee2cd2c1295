use expect_test::expect;

use super::check;
use crate::{Policy, scripted::POLICY};

#[test]
fn lanes_are_named_once_and_share_nothing_but_limits() {
    let policy = crate::scripted::policy_of_lanes();
    let lanes: Vec<_> = policy.lanes().map(|(lane, _)| lane).collect();
    assert_eq!(lanes, ["default", "fast"]);
    assert_eq!((policy.lane_of("arb"), policy.lane_of("keeper")), ("default", "fast"));
    let fast = policy.in_lane("fast").unwrap();
    assert_eq!((fast.executor(), fast.hash()), (policy.executor_of("keeper"), policy.hash()));
    assert_ne!(fast.executor(), policy.executor());
    assert_eq!(fast.lane_of("whatever is no strategy"), "fast");
    assert!(policy.in_lane("slow").is_none() && fast.in_lane("default").is_none());
    let own = |policy: &Policy| policy.parties.strategies.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        (own(&fast), own(&policy.in_lane("default").unwrap())),
        (vec!["keeper".into()], vec!["arb".into()])
    );
}

#[test]
fn a_lane_is_refused_in_one_sentence() {
    let lanes = |table: &str| format!("{table}\n\n[limits]");
    let executor = "executor = \"0xefefefefefefefefefefefefefefefefefefefef\"";
    let refused = |table: &str, sentence| check("[limits]", &lanes(table), sentence);
    refused(
        &format!("[lanes.default]\n{executor}"),
        expect!["policy key `lanes.default` is the lane of the top-level `executor`; choose another name"],
    );
    refused(
        &format!("[lanes.\"a lane\"]\n{executor}"),
        expect!["policy key `lanes.a lane` is no plain name; use letters, digits, dot, dash and underscore"],
    );
    refused(
        "[lanes.fast]\nexecutor = \"0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\"",
        expect![
            "policy key `lanes.fast.executor` is zero or another lane's; each lane has an executor of its own, and none until one is deployed"
        ],
    );
    refused(
        "[lanes.fast]\nexecutor = \"0x0000000000000000000000000000000000000000\"",
        expect![
            "policy key `lanes.fast.executor` is zero or another lane's; each lane has an executor of its own, and none until one is deployed"
        ],
    );
    refused(
        &format!("[lanes.a]\n{executor}\n[lanes.b]\n{executor}"),
        expect![
            "policy key `lanes.b.executor` is zero or another lane's; each lane has an executor of its own, and none until one is deployed"
        ],
    );
    refused(
        "[lanes.fast]\nkey = 1",
        expect![[r#"
        policy does not parse: TOML parse error at line 8, column 1
          |
        8 | key = 1
          | ^^^
        unknown field `key`, expected `executor`
    "#]],
    );
    // Another lane's executor is no contract that calls may name, and nobody who may receive.
    refused(
        "[lanes.fast]\nexecutor = \"0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"",
        expect![
            "policy key `contracts.router` has the zero address or an executor's own; name the protocol's contract"
        ],
    );
    refused(
        "[lanes.fast]\nexecutor = \"0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\"",
        expect![
            "policy key `recipients` has 0x5a5A5a5a5A5a5a5a5a5A5a5A5A5a5a5A5A5A5A5A, which is zero, an executor, a token or a contract; remove it"
        ],
    );
    check(
        "[strategies.arb]",
        "[strategies.arb]\nlane = \"slow\"",
        expect![[
            r#"policy key `strategies.arb.lane` names the lane "slow", which there is not; add the table [lanes.slow]"#
        ]],
    );
    let idle = Policy::parse(&POLICY.replacen("[limits]", &lanes("[lanes.fast]"), 1)).unwrap().report();
    assert!(idle.warnings.contains(&"no strategy acts in lanes.fast".to_owned()), "{:?}", idle.warnings);
    assert!(
        idle.to_string().contains("in lane fast, with a key of its own, can only deploy an executor so far")
    );
}
