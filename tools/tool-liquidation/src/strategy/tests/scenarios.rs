//! What is published, when, and what is not.

use agent_core::{
    ChainEvent, Opportunity, Outcome, OutcomeReport, Refusal, Settlement,
    ports::Request,
    units::{Bps, TokenAmount, UsdE8},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use expect_test::{Expect, expect};

use super::{
    driver::{Bench, config},
    model::{Model, impossible_burn, named, pool, stable_debt, word},
};
use crate::{
    LiquidationConfig, TermsConfig,
    abi::{IPool, IRouter},
    undo::DEPTH,
    view::Phase,
};

const WETH: usize = 0;
const USDC: usize = 1;
const WBTC: usize = 2;

/// Alice has 10 WETH and owes 15,500 USDC; plenty of others have nothing to do with it.
fn lent() -> Model {
    let mut model = Model::new();
    model.supply(WETH, named("alice"), 10u128.pow(19));
    model.borrow(USDC, named("alice"), 15_500_000_000);
    model.supply(USDC, named("bank"), 10u128.pow(15));
    model
}

fn fallen(price: u64, config: LiquidationConfig) -> Bench {
    let mut bench = Bench::following(config, lent());
    bench.mine();
    assert_eq!(bench.open(), vec![]);
    bench.model.set_price(WETH, price);
    bench.mine();
    bench
}

fn only(bench: &Bench) -> Opportunity {
    let open = bench.open();
    assert_eq!(open.len(), 1, "{:?}", bench.warnings());
    open[0].clone()
}

fn check(opportunity: &Opportunity, expected: &Expect) {
    let mut lines = vec![
        format!("class: {}", opportunity.class),
        format!("gross: {}", opportunity.appraisal.gross),
        format!("gas: {}", opportunity.appraisal.gas),
    ];
    let facts = opportunity.facts.iter().filter(|(key, _)| *key != "user");
    lines.extend(facts.map(|(key, value)| format!("{key}: {value}")));
    expected.assert_eq(&lines.join("\n"));
}

fn with_data_fee() -> LiquidationConfig {
    let mut config = config();
    config.market.data_fee_oracle = Some(named("gas price oracle"));
    config
}

/// On an OP-stack chain the fee for data is counted as gas is, and the floor covers it.
#[test]
fn data_is_paid_for_too() {
    let of = |price| {
        let mut model = lent();
        model.data_price = Some(price);
        let mut bench = Bench::following(with_data_fee(), model);
        bench.model.set_price(WETH, 1_850);
        bench.mine();
        bench.open().pop().map(|open| (open.appraisal, open.intent.floors[0].raw))
    };
    let ((free, least), (paid, floor)) = (of(0).unwrap(), of(10_u64.pow(13)).unwrap());
    // 1300 bytes of 10^13 wei are 0.013 ether of 1850 dollars.
    assert_eq!((paid.gas.0 - free.gas.0, paid.gross), (2_405_000_000, free.gross));
    assert_eq!(floor, least, "the slippage's floor is above either");
    // 0.195 ether are more than it brings.
    assert_eq!(of(15 * 10_u64.pow(13)).map(|(appraisal, _)| appraisal), None);
}

#[test]
fn without_the_price_of_data_nothing_is_proposed() {
    let mut bench = fallen(1_850, with_data_fee());
    assert_eq!(bench.open(), vec![]);
    let sentence = "`data_fee_oracle` does not say what data costs; nothing is proposed until it does";
    bench.mine();
    assert_eq!(bench.warnings(), [sentence], "once");
    bench.model.data_price = Some(1);
    bench.mine();
    assert_eq!(bench.open().len(), 1);
}

#[test]
fn half_the_debt_between_095_and_1() {
    let bench = fallen(1_850, config());
    check(
        &only(&bench),
        &expect![[r#"
        class: aave-liquidation/WETH/USDC
        gross: $344.87
        gas: $11.10
        bonus: 105.00%
        close_factor: 50.00%
        debt_to_cover: 7750.000201 USDC
        e_mode: none
        floor: 304.381258 USDC
        health_factor: 0.9846
        premium: 3.875 USDC
        quoted_out: 8098.75021 USDC
        seized: 4.37770281624054054 WETH"#]],
    );
}

#[test]
fn all_of_it_below_095() {
    let bench = fallen(1_700, config());
    check(
        &only(&bench),
        &expect![[r#"
        class: aave-liquidation/WETH/USDC
        gross: $689.75
        gas: $10.20
        bonus: 105.00%
        close_factor: 100.00%
        debt_to_cover: 15500.000402 USDC
        e_mode: none
        floor: 608.762516 USDC
        health_factor: 0.9048
        premium: 7.75 USDC
        quoted_out: 16197.50042 USDC
        seized: 9.527941423582352941 WETH"#]],
    );
}

#[test]
fn collateral_that_does_not_suffice_is_seized_almost_whole() {
    let bench = fallen(1_500, config());
    let opportunity = only(&bench);
    check(
        &opportunity,
        &expect![[r#"
        class: aave-liquidation/WETH/USDC
        gross: $635.71
        gas: $9.00
        bonus: 105.00%
        close_factor: 100.00%
        debt_to_cover: 14285.714448 USDC
        e_mode: none
        floor: 561.071436 USDC
        health_factor: 0.7983
        premium: 7.142857 USDC
        quoted_out: 14928.571598 USDC
        seized: 9.95238106544 WETH"#]],
    );
}

#[test]
fn the_intent_repays_sells_and_demands_its_profit() {
    let bench = fallen(1_850, config());
    let intent = only(&bench).intent;
    let debt = TokenAmount { token: named("USDC"), raw: intent.borrow.unwrap().amount.raw };
    assert_eq!(intent.borrow.unwrap().lender, pool());
    assert_eq!((intent.calls[0].target, intent.calls[0].spend), (pool(), Some(debt)));
    let repay = IPool::liquidationCallCall::abi_decode(&intent.calls[0].data).unwrap();
    assert_eq!((repay.user, repay.debtToCover, repay.receiveAToken), (named("alice"), debt.raw, false));
    assert_eq!((repay.collateralAsset, repay.debtAsset), (named("WETH"), named("USDC")));
    let sale = IRouter::exactInputSingleCall::abi_decode(&intent.calls[1].data).unwrap().params;
    let spend = TokenAmount { token: named("WETH"), raw: sale.amountIn };
    assert_eq!((intent.calls[1].target, intent.calls[1].spend), (named("router"), Some(spend)));
    assert_eq!(
        (sale.tokenIn, sale.tokenOut, sale.recipient),
        (named("WETH"), named("USDC"), named("executor"))
    );
    // 5 basis points for the loan, and the floor on top.
    let premium = crate::v3_0::percent_mul(debt.raw, U256::from(5u8)).unwrap();
    assert_eq!(sale.amountOutMinimum, debt.raw + premium + intent.floors[0].raw);
    assert_eq!((intent.floors.len(), intent.floors[0].token), (1, named("USDC")));
    assert_eq!(intent.deadline, bench.chain.last().unwrap().0.block.timestamp.plus(60));
    // What is offered, moves: at the head, at the next block, and at the deadline.
    for later in [0, 12, 60] {
        let then = bench.chain.last().unwrap().0.block.timestamp.plus(later);
        let pair = (named("WETH"), named("USDC"));
        let moved = bench.strategy.liquidation(named("alice"), pair, debt.raw, then).unwrap();
        assert_eq!((moved.repaid, moved.seized), (debt.raw, sale.amountIn));
    }
}

#[test]
fn own_funds_borrow_nothing_and_pay_no_premium() {
    let terms = TermsConfig { flash_loan: false, ..config().terms };
    let bench = fallen(1_850, LiquidationConfig { terms, ..config() });
    let opportunity = only(&bench);
    assert_eq!((opportunity.intent.borrow, opportunity.facts["premium"].as_str()), (None, "0 USDC"));
}

#[test]
fn a_debt_in_the_collateral_itself_needs_no_sale() {
    let mut model = Model::new();
    model.supply(USDC, named("alice"), 10_000_000_000);
    model.borrow(USDC, named("alice"), 8_100_000_000);
    let bench = Bench::following(config(), model);
    let opportunity = only(&bench);
    assert_eq!(
        (opportunity.class.as_str(), opportunity.intent.calls.len()),
        ("aave-liquidation/USDC/USDC", 1)
    );
    assert_eq!(opportunity.intent.floors[0].token, named("USDC"));
}

#[test]
fn it_is_published_anew_at_each_block_under_the_same_id_until_something_changes() {
    let mut bench = fallen(1_850, config());
    let first = only(&bench);
    bench.mine();
    let second = only(&bench);
    assert_eq!(first.id, second.id);
    assert!(first.seen_at.number < second.seen_at.number);
    bench.model.set_price(WETH, 1_849);
    bench.mine();
    assert_ne!(only(&bench).id, first.id);
    bench.model.repay(USDC, named("alice"), 1);
    bench.mine();
    let after = only(&bench).id;
    assert_ne!(after, first.id);
    bench.model.set_price(WETH, 2_500);
    bench.mine();
    assert_eq!(bench.open(), vec![]);
    assert!(bench.requests.contains(&Request::Withdraw(after)));
}

#[test]
fn what_was_taken_is_not_published_again_and_what_was_refused_is() {
    let mut bench = fallen(1_850, config());
    let taken = only(&bench);
    let report = |outcome| {
        ChainEvent::Outcome(OutcomeReport {
            id: taken.id,
            strategy: taken.strategy.clone(),
            class: taken.class.clone(),
            outcome,
        })
    };
    bench.feed(report(Outcome::Refused(Refusal::Killed)));
    assert_eq!(bench.ids(), vec![taken.id]);
    bench.feed(report(Outcome::Closed(Settlement::Dropped { why: "late".into() })));
    assert_eq!(bench.ids(), vec![taken.id], "what was dropped may be taken again");
    bench.feed(report(Outcome::Refused(Refusal::AlreadyTaken)));
    assert_eq!(bench.open(), vec![]);
    bench.mine();
    assert_eq!(bench.open(), vec![]);
    bench.model.set_price(WETH, 1_849);
    bench.mine();
    assert_ne!(only(&bench).id, taken.id);
}

#[test]
fn too_little_is_not_worth_it() {
    let with = |terms: TermsConfig| LiquidationConfig { terms, ..config() };
    let greedy = TermsConfig { min_margin: UsdE8(100_000_000_000), ..config().terms };
    assert_eq!(fallen(1_850, with(greedy)).open(), vec![]);
    let costly = TermsConfig { gas: 100_000_000, ..config().terms };
    assert_eq!(fallen(1_850, with(costly)).open(), vec![]);
    // The sale brings 5 % less than the oracle says.
    let mut model = lent();
    model.market = 9_500;
    model.set_price(WETH, 1_850);
    assert_eq!(Bench::following(config(), model).open(), vec![]);
}

#[test]
fn the_floor_is_never_below_gas_and_margin_nor_worse_than_the_slippage() {
    let floor = |slippage| {
        let terms = TermsConfig { slippage, ..config().terms };
        only(&fallen(1_850, LiquidationConfig { terms, ..config() })).intent.floors[0].raw
    };
    // Gas is 0.006 ETH, 11.1 dollars, and the margin is 5.
    assert_eq!(floor(Bps(10_000)), U256::from(16_100_000u64));
    assert!(floor(Bps(10)) > floor(Bps(50)));
    let tight = only(&fallen(
        1_850,
        LiquidationConfig { terms: TermsConfig { slippage: Bps(0), ..config().terms }, ..config() },
    ));
    let profit = tight.appraisal.gross.0 / 100;
    assert_eq!(U256::try_from(profit).unwrap(), tight.intent.floors[0].raw);
}

#[test]
fn pairs_without_a_venue_or_a_name_are_left_alone() {
    let no_venue = LiquidationConfig { venues: vec![], ..config() };
    assert_eq!(fallen(1_850, no_venue).open(), vec![]);
    let mut nameless = config();
    nameless.tokens.retain(|token| token.symbol != "USDC");
    assert_eq!(fallen(1_850, nameless).open(), vec![]);
}

#[test]
fn the_best_pair_of_several_is_published() {
    let mut model = lent();
    model.supply(WBTC, named("alice"), 10_000_000);
    let mut bench = Bench::following(config(), model);
    bench.model.set_price(WETH, 1_500);
    bench.mine();
    // WBTC has the larger bonus and no protocol fee, but there is little of it.
    assert_eq!(only(&bench).class, "aave-liquidation/WETH/USDC");
    bench.model.set_collateral(WETH, named("alice"), false);
    bench.mine();
    assert_eq!(only(&bench).class, "aave-liquidation/WBTC/USDC");
}

#[test]
fn a_mode_changes_threshold_and_bonus() {
    let mut model = Model::new();
    model.supply(WBTC, named("alice"), 100_000_000);
    model.borrow(USDC, named("alice"), 24_000_000_000);
    model.set_mode(named("alice"), 1);
    let mut bench = Bench::following(config(), model);
    // At 75 % it would be lost; the mode's 93 % hold it.
    assert_eq!(bench.open(), vec![]);
    bench.model.set_price(WBTC, 25_500);
    bench.mine();
    let opportunity = only(&bench);
    assert_eq!((opportunity.facts["e_mode"].as_str(), opportunity.facts["bonus"].as_str()), ("1", "102.00%"));
}

#[test]
fn a_paused_reserve_is_left_alone_as_soon_as_it_is_paused() {
    let mut bench = fallen(1_850, config());
    only(&bench);
    bench.model.configure(WETH, word(8_250, 10_500, 18, 1_000, 0) | (U256::from(1u8) << 60));
    bench.mine();
    assert_eq!(bench.open(), vec![]);
}

#[test]
fn stable_debt_is_counted_and_left_alone() {
    let mut bench = Bench::following(config(), lent());
    stable_debt(&mut bench.model, USDC, named("alice"));
    bench.model.set_price(WETH, 1_500);
    bench.mine();
    assert_eq!(bench.open(), vec![]);
    assert_eq!(bench.strategy.view().skipped().stable_debt, 1);
    let now = bench.chain.last().unwrap().0.block.timestamp;
    assert_eq!(bench.strategy.account(named("alice"), now), None);
}

#[test]
fn logs_that_do_not_add_up_set_only_their_user_aside() {
    let mut model = lent();
    model.supply(WETH, named("bob"), 10u128.pow(19));
    model.borrow(USDC, named("bob"), 15_500_000_000);
    let mut bench = Bench::following(config(), model);
    impossible_burn(&mut bench.model, USDC, named("alice"));
    bench.model.set_price(WETH, 1_850);
    bench.mine();
    assert_eq!(only(&bench).facts["user"], named("bob").to_string());
    assert_eq!(bench.strategy.view().skipped().distrusted, 1);
}

#[test]
fn a_position_that_the_chain_does_not_confirm_is_left_alone_with_one_warning() {
    let mut bench = Bench::following(config(), lent());
    // The index misses a log: the model's event never reaches it.
    bench.model.borrow(USDC, named("alice"), 1_000_000_000);
    bench.model.logs.clear();
    bench.model.set_price(WETH, 1_850);
    bench.mine();
    bench.mine();
    assert_eq!(bench.open(), vec![]);
    assert_eq!(bench.warnings().len(), 1);
    assert_eq!(bench.strategy.view().skipped().distrusted, 1);
}

#[test]
fn a_price_that_the_oracle_does_not_confirm_is_read_again() {
    let mut bench = Bench::following(config(), lent());
    bench.model.set_price(WETH, 1_700);
    // The feed was exchanged without a log of the one that is followed.
    bench.model.reserves[WETH].price = 1_850;
    bench.mine();
    assert_eq!(bench.strategy.view().skipped().distrusted, 0);
    assert_eq!(only(&bench).facts["close_factor"], "50.00%");
}

#[test]
fn another_revision_is_refused_in_one_sentence() {
    let mut model = lent();
    model.revision = 2;
    let mut bench = Bench::following(config(), model);
    bench.mine();
    bench.mine();
    let sentence = "pool revision 2 is not supported: this version knows revision 1 (Aave v3.0) only";
    assert_eq!(bench.warnings(), vec![sentence]);
    assert_eq!(bench.strategy.view().phase(), Phase::Refused(sentence.into()));
    assert!(!bench.requests.iter().any(|request| matches!(request, Request::Publish(_))));
}

#[test]
fn wrong_decimals_and_an_unknown_native_coin_are_refused() {
    let mut wrong = config();
    wrong.tokens[1].decimals = 18;
    let bench = Bench::following(wrong, lent());
    assert_eq!(bench.warnings(), vec!["USDC has 6 decimals, the configuration says 18"]);
    let mut unknown = config();
    unknown.market.wrapped_native = Address::ZERO;
    assert!(Bench::following(unknown, lent()).warnings()[0].contains("gas has no price"));
}

#[test]
fn a_reorg_withdraws_everything_and_what_still_holds_comes_back() {
    let mut bench = fallen(1_850, config());
    let open = only(&bench);
    let last = bench.chain.len().checked_sub(2).unwrap();
    bench.rollback(last);
    assert_eq!(bench.open(), vec![]);
    bench.mine();
    assert_eq!(bench.open(), vec![]);
    bench.model.set_price(WETH, 1_850);
    bench.mine();
    assert_eq!(only(&bench).id, open.id);
}

#[test]
fn a_reorg_that_is_too_deep_starts_over_with_a_warning() {
    let mut bench = Bench::following(config(), lent());
    for _block in 0..DEPTH.checked_add(2).unwrap() {
        bench.mine();
    }
    bench.rollback(0);
    bench.model.set_price(WETH, 1_850);
    bench.mine();
    bench.mine();
    assert_eq!(bench.warnings().len(), 1);
    assert_eq!(bench.strategy.view().phase(), Phase::Following);
    only(&bench);
}
