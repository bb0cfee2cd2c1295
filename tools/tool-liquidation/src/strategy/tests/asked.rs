//! What planners are told.

use std::sync::Arc;

use agent_core::{
    ports::{Read, Tool, ToolContext, ToolErrorKind},
    units::BlockRef,
};
use expect_test::expect;

use super::{
    driver::{Bench, config},
    model::{Model, named},
};
use crate::{ExplainLiquidation, HowMany, LiquidationPositions, WhichLiquidation};

fn context() -> ToolContext {
    ToolContext { now: BlockRef::default(), board: Arc::new([]) }
}

/// Alice is lost at 1,850, Bob is not.
fn bench() -> Bench {
    let mut model = Model::new();
    for (user, owed) in [("alice", 15_500_000_000), ("bob", 9_000_000_000)] {
        model.supply(0, named(user), 10u128.pow(19));
        model.borrow(1, named(user), owed);
    }
    let mut bench = Bench::following(config(), model);
    bench.model.set_price(0, 1_850);
    bench.mine();
    bench
}

#[tokio::test]
async fn the_riskiest_come_first() {
    let tool = LiquidationPositions::new(bench().strategy.view());
    let answer = tool.call(context(), HowMany { count: 1 }).await.unwrap().output;
    assert_eq!((answer.borrowers, answer.positions.len()), (2, 1));
    assert_eq!(answer.positions[0].user, named("alice").to_string());
    let all = tool.call(context(), HowMany { count: u8::MAX }).await.unwrap().output;
    let lines =
        all.positions.iter().map(|line| format!("{} {} {}", line.health_factor, line.collateral, line.debt));
    expect![[r#"
        0.9846 $18500.00 $15500.00
        1.6958 $18500.00 $9000.00"#]]
    .assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn an_open_liquidation_is_explained_by_the_beginning_of_its_id() {
    let bench = bench();
    let id = bench.ids()[0];
    let tool = ExplainLiquidation::new(bench.strategy.view());
    let ask = |text: String| tool.call(context(), WhichLiquidation { id: text });
    let explained = ask(id.to_string()).await.unwrap().output;
    assert_eq!(explained, ask(format!(" 0x{id} ")).await.unwrap().output);
    assert_eq!(explained.id, id.0.to_string());
    expect![[r#"
        health factor 0.9846 = collateral $18500.00 x average threshold 82.50% / debt $15500.00, projected to the next block
        close factor 50.00%: 100% at or below 0.95, else 50% of this debt
        repay 7750.000101 USDC at $1.00 for 4.377702759754054053 WETH at $1850.00 with 105.00% of the value, less the protocol's 10.00% of the bonus
        the sale brings 8098.750105 USDC; after the loan's premium of 3.875 USDC at least 304.381254 USDC must remain"#]].assert_eq(&explained.steps.join("\n"));
    for (text, kind) in [
        ("", ToolErrorKind::BadArguments),
        ("0x12", ToolErrorKind::BadArguments),
        ("not an id", ToolErrorKind::BadArguments),
        ("00000000", ToolErrorKind::NotFound),
    ] {
        assert_eq!(ask(text.to_owned()).await.unwrap_err().kind, kind, "{text}");
    }
}

#[tokio::test]
async fn what_is_withdrawn_is_explained_no_longer() {
    let mut bench = bench();
    let id = bench.ids()[0];
    bench.model.set_price(0, 2_500);
    bench.mine();
    let tool = ExplainLiquidation::new(bench.strategy.view());
    let error = tool.call(context(), WhichLiquidation { id: id.to_string() }).await.unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::NotFound);
}

#[test]
fn arguments_are_checked_against_the_schema_and_both_only_read() {
    fn reads<T: Tool<Class = Read>>() {}
    reads::<LiquidationPositions>();
    reads::<ExplainLiquidation>();
    let count = |text: &str| serde_json::from_str::<HowMany>(text).map(|args| args.count).ok();
    assert_eq!((count("{}"), count(r#"{"count": 3}"#)), (Some(10), Some(3)));
    assert_eq!((count(r#"{"count": -1}"#), count(r#"{"limit": 1}"#)), (None, None));
    assert!(serde_json::from_str::<WhichLiquidation>("{}").is_err());
}
