//! The index against the model, whatever users do and however often the chain reorganises.

use agent_core::units::Timestamp;
use alloy_primitives::Address;
use proptest::prelude::*;

use super::{
    driver::{Bench, config, requests},
    model::{Model, named},
};
use crate::{v3_0::Holding, view::Phase};

#[derive(Debug, Clone)]
pub(super) enum Deed {
    Supply(u128),
    Withdraw(u128),
    Borrow(u128),
    Repay(u128),
    Transfer(usize, u128),
    Collateral(bool),
    Mode(u8),
    Price(u64),
    Mine,
    MineSilently,
    Rollback(usize),
}

pub(super) fn users() -> [Address; 4] {
    ["alice", "bob", "carol", "dave"].map(named)
}

fn deeds() -> impl Strategy<Value = Vec<(usize, usize, Deed)>> {
    let amount = prop_oneof![1u128..1_000, 1u128..10u128.pow(22), Just(u128::MAX >> 1)];
    let small = prop_oneof![1u128..1_000, 1u128..10u128.pow(22)];
    let deed = prop_oneof![
        4 => small.clone().prop_map(Deed::Supply),
        3 => amount.clone().prop_map(Deed::Withdraw),
        4 => small.prop_map(Deed::Borrow),
        3 => amount.clone().prop_map(Deed::Repay),
        3 => (0usize..4, amount).prop_map(|(to, amount)| Deed::Transfer(to, amount)),
        1 => any::<bool>().prop_map(Deed::Collateral),
        1 => (0u8..3).prop_map(Deed::Mode),
        1 => (1u64..100_000).prop_map(Deed::Price),
        6 => Just(Deed::Mine),
        2 => Just(Deed::MineSilently),
        1 => (0usize..6).prop_map(Deed::Rollback),
    ];
    prop::collection::vec((0usize..4, 0usize..3, deed), 1..80)
}

fn act(model: &mut Model, user: Address, id: usize, deed: &Deed) {
    match deed {
        Deed::Supply(amount) => model.supply(id, user, *amount),
        Deed::Withdraw(amount) => model.withdraw(id, user, *amount),
        Deed::Borrow(amount) => model.borrow(id, user, *amount),
        Deed::Repay(amount) => model.repay(id, user, *amount),
        Deed::Transfer(to, amount) => model.transfer(id, user, users()[*to], *amount),
        Deed::Collateral(on) => model.set_collateral(id, user, *on),
        Deed::Mode(mode) => model.set_mode(user, *mode),
        Deed::Price(price) => model.set_price(id, *price),
        Deed::Mine | Deed::MineSilently | Deed::Rollback(_) => {}
    }
}

fn perform(bench: &mut Bench, deeds: &[(usize, usize, Deed)]) {
    for (user, id, deed) in deeds {
        if let Deed::Rollback(depth) = deed {
            let last = bench.chain.len().checked_sub(1).unwrap();
            bench.rollback(last.saturating_sub(*depth));
        } else if matches!(deed, Deed::Mine) {
            bench.mine();
        } else if matches!(deed, Deed::MineSilently) {
            bench.end_block();
        } else {
            act(&mut bench.model, users()[*user], *id, deed);
        }
    }
    bench.mine();
}

fn agrees(bench: &Bench) {
    let model = &bench.chain.last().unwrap().2;
    for user in users() {
        let position = bench.strategy.position(user).cloned().unwrap_or_default();
        assert_eq!(position.category, model.modes.get(&user).copied().unwrap_or_default());
        for (id, reserve) in model.reserves.iter().enumerate() {
            let (supplied, borrowed) = model.scaled(id, user);
            let collateral = model.is_collateral(id, user);
            let expected = Holding { supplied, borrowed, collateral, stable: false };
            assert_eq!(position.holdings.get(&reserve.asset()).copied().unwrap_or_default(), expected);
        }
    }
}

/// What a strategy that reads all of the final chain as history knows.
fn fresh(bench: &Bench) -> Bench {
    let mut fresh = Bench::new(config(), bench.model.clone());
    fresh.chain = bench.chain.clone();
    fresh.replay_past();
    fresh
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn logs_give_every_balance_and_reorgs_leave_no_trace(deeds in deeds()) {
        let mut bench = Bench::following(config(), Model::new());
        perform(&mut bench, &deeds);
        agrees(&bench);
        let fresh = fresh(&bench);
        prop_assert_eq!(bench.strategy.view().phase(), Phase::Following);
        prop_assert_eq!(bench.strategy.view().skipped().distrusted, 0);
        let now = bench.chain.last().unwrap().0.block.timestamp;
        for user in users() {
            prop_assert_eq!(bench.strategy.position(user), fresh.strategy.position(user));
            for later in [0, 12, 1_000_000] {
                let then = Timestamp(now.0.checked_add(later).unwrap());
                prop_assert_eq!(bench.strategy.account(user, then), fresh.strategy.account(user, then));
            }
        }
        prop_assert_eq!(sorted(&bench), sorted(&fresh));
    }

    #[test]
    fn the_same_events_give_the_same_requests(deeds in deeds()) {
        let mut bench = Bench::following(config(), Model::new());
        perform(&mut bench, &deeds);
        prop_assert_eq!(requests(&bench.events), bench.requests);
    }
}

fn sorted(bench: &Bench) -> Vec<agent_core::Opportunity> {
    let mut open = bench.open();
    open.sort_by_key(|opportunity| opportunity.id);
    open
}
