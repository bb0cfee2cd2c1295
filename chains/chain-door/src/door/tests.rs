//! The door between scripted ports.

mod compromised;
mod lanes;
mod mend;
mod model;
mod orders;
mod people;
mod prepare;
mod recover;
mod signatures;
mod sweep;
mod world;

use std::{
    pin::pin,
    sync::{Arc, Mutex},
    task::Context,
};

use agent_core::{
    Outcome, Refusal, Settlement,
    ports::{Door as _, EntryKind, Journal as _, Offered},
    units::{Asset, Wei},
};
use alloy_primitives::U256;
use expect_test::{Expect, expect};
use futures::{executor::block_on, future::join_all, task::noop_waker};

use crate::scripted::*;
use world::World;

#[track_caller]
fn trace(world: &World, expected: Expect) {
    expected.assert_eq(&world.trace.take().join("\n"));
}

#[test]
fn the_ladder_is_climbed_in_order() {
    let world = World::new();
    let door = world.door();
    world.settles(settled());
    let Offered::Underway(underway) = block_on(door.offer(draft(1), planner())).unwrap() else {
        panic!("refused")
    };
    let report = block_on(underway.outcome).unwrap();
    assert_eq!(report.outcome, Outcome::Closed(settled()));
    trace(
        &world,
        expect![[r#"
            verify
            append Noted
            - offered 01010101
            quote
            simulate
            - simulated
            - approved
            append Recorded
            - recorded as 1
            send
            - sent with nonce 7
            follow
            append Closed
            - closed: settled in block 101"#]],
    );
}

#[test]
fn a_refusal_is_written_down_and_nothing_is_sent() {
    let world = World::new();
    let door = world.door();
    world.simulator.answers(|request| {
        let mut simulation = success(request);
        simulation.deltas.iter_mut().for_each(|delta| delta.change = alloy_primitives::I256::MINUS_ONE);
        simulation
    });
    assert!(matches!(world.refused(&door, draft(1), planner()), Refusal::Delta { .. }));
    trace(
        &world,
        expect![[r#"
            verify
            append Noted
            - offered 01010101
            quote
            simulate
            - simulated
            append Refused
            - refused: the token 0x0C0c0C0c0c0c0c0c0c0c0C0C0C0c0c0C0c0c0c0c balance of 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE would change by -1, and the intent allows 1"#]],
    );
    assert_eq!(world.kinds(), [EntryKind::Refused]);
    assert!(world.sent().is_empty());
}

#[test]
fn what_cannot_be_asked_refuses() {
    let world = World::new();
    let door = world.door();
    world.simulator.fails();
    let no_simulator = world.refused(&door, draft(1), planner());
    expect!["simulator is unavailable: simulation failed: no node"].assert_eq(&no_simulator.to_string());
    world.sender.lane.lock().unwrap().quote = None;
    let no_sender = world.refused(&door, draft(1), planner());
    expect!["sender is unavailable: sender failed to quote: no node"].assert_eq(&no_sender.to_string());
}

#[test]
fn an_opportunity_is_taken_once() {
    let world = World::new();
    let door = world.door();
    world.settles(settled());
    assert!(world.passes(&door, draft(1), planner()));
    assert_eq!(world.refused(&door, draft(1), planner()), Refusal::AlreadyTaken);
    assert_eq!(world.sent().len(), 1);
}

#[test]
fn concurrent_offers_share_no_nonce_and_keep_within_the_room_in_flight() {
    let world = World::new();
    let door = world.door();
    let offers = (1..=8).map(|seed| door.offer(draft(seed), planner()));
    let offered = block_on(join_all(offers));
    let underway = offered.iter().filter(|offered| matches!(offered, Ok(Offered::Underway(_)))).count();
    assert_eq!(underway, 2, "the policy has room for two");
    let nonces: Vec<_> = world.sent().iter().map(|transaction| transaction.nonce).collect();
    assert_eq!(nonces, [7, 8]);
    let refusal = world.refused(&door, draft(9), planner());
    expect!["transactions in flight is over its limit: 3 asked, 2 allowed"].assert_eq(&refusal.to_string());
}

#[test]
fn a_draft_is_simulated_after_those_on_their_way() {
    let world = World::new();
    let door = world.door();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let nonces = seen.clone();
    world.simulator.answers(move |request| {
        nonces.lock().unwrap().push(request.ahead.iter().map(|ahead| ahead.nonce).collect::<Vec<_>>());
        success(request)
    });
    assert!(world.passes(&door, draft(1), planner()) && world.passes(&door, draft(2), planner()));
    assert_eq!(*seen.lock().unwrap(), [vec![], vec![7]]);
}

#[test]
fn concurrent_offers_of_one_id_send_one() {
    let world = World::new();
    let door = world.door();
    let offered = block_on(join_all((0..4).map(|_| door.offer(draft(1), planner()))));
    let underway = offered.iter().filter(|offered| matches!(offered, Ok(Offered::Underway(_)))).count();
    assert_eq!((underway, world.sent().len()), (1, 1));
}

#[test]
fn concurrent_offers_stay_within_the_window() {
    let world = World::new();
    let door = world.door();
    // 600 USDC each, and 2,000 in the window: three fit, one after the other or all at once.
    let offer = |seed| {
        let mut draft = draft(seed);
        world::borrows(&mut draft, 600_000_000);
        let (door, world) = (&door, &world);
        async move {
            world.settles(settled());
            match door.offer(draft, planner()).await.unwrap() {
                Offered::Underway(underway) => underway.outcome.await.is_ok(),
                Offered::Refused(_) | Offered::Asked(_) => false,
            }
        }
    };
    let mut done = 0;
    for round in 0..4 {
        done +=
            block_on(join_all((0..3).map(|at| offer(round * 3 + at + 1)))).iter().filter(|ok| **ok).count();
    }
    assert_eq!((done, world.sent().len()), (3, 3));
    let refusal = world.refused(&door, draft(99), planner());
    expect!["budget token/0x0C0c0C0c0c0c0c0c0c0c0C0C0C0c0c0C0c0c0c0c is over its limit: 500000000 asked, 200000000 allowed"].assert_eq(&refusal.to_string());
}

#[test]
fn what_was_mined_late_counts_from_when_it_was_mined() {
    let world = World::new();
    let door = world.door();
    let full = |seed| {
        let mut draft = draft(seed);
        world::borrows(&mut draft, 1_000_000_000);
        draft
    };
    // Both were allowed at the same time, and mined just before the window ends.
    let both: Vec<_> = [1, 2]
        .into_iter()
        .map(|seed| {
            world.settles(Settlement::Settled(mined(NOW + 3_599)));
            block_on(door.offer(full(seed), planner())).unwrap()
        })
        .collect();
    for offered in both {
        let Offered::Underway(underway) = offered else { panic!("refused") };
        block_on(underway.outcome).unwrap();
    }
    world.at(NOW + 3_601);
    let late = |seed| world::deadline(full(seed), NOW + 3_630);
    assert!(matches!(world.refused(&door, late(3), planner()), Refusal::OverLimit { .. }));
    world.at(NOW + 7_200);
    assert!(world.passes(&door, world::deadline(full(3), NOW + 7_230), planner()));
}

#[test]
fn the_kill_switch_stops_every_step() {
    let steps = [
        ("- offered", "nothing was asked"),
        ("simulate", "between the question and the record"),
        ("- simulated", "after the answer"),
        ("- approved", "between the judgement and the record"),
        ("append Recorded", "while it was written"),
        ("- recorded", "between the record and the signature"),
    ];
    for (step, when) in steps {
        let world = World::new();
        let door = world.door();
        let kill = world.kill.clone();
        world.trace.at(step, move || kill.latch().unwrap());
        assert_eq!(world.refused(&door, draft(1), planner()), Refusal::Killed, "{when}");
        assert!(world.sent().is_empty(), "{when}");
        assert!(block_on(world.list.open_intents()).unwrap().is_empty(), "nothing stays claimed: {when}");
        assert_eq!(world.refused(&world.door(), draft(1), planner()), Refusal::Killed, "after a restart");
    }
}

#[test]
fn a_sender_that_cannot_sign_frees_everything() {
    let world = World::new();
    let door = world.door();
    for seed in 1..=9 {
        // Nine times the whole window, if it were not freed; and the same nonce each time.
        world.sender.lane.lock().unwrap().sends = false;
        let mut draft = draft(seed);
        world::borrows(&mut draft, 1_000_000_000);
        assert!(matches!(world.refused(&door, draft, planner()), Refusal::Unavailable { .. }));
    }
    assert_eq!(world.kinds()[..3], [EntryKind::Recorded, EntryKind::Dropped, EntryKind::Refused]);
    world.sender.lane.lock().unwrap().sends = true;
    assert!(world.passes(&door, draft(1), planner()), "the id is free again");
    assert_eq!(world.sent()[0].nonce, 7);
}

#[test]
fn budgets_keep_what_was_really_used() {
    let world = World::new();
    let door = world.door();
    let paid = |gas: u64| agent_core::Mined { gas_paid: Wei(U256::from(gas)), ..mined(NOW + 12) };
    world.settles(Settlement::Settled(paid(5)));
    world.settles(Settlement::Reverted(paid(6)));
    world.settles(Settlement::Dropped { why: "replaced".into() });
    for seed in 1..=3 {
        assert!(world.passes(&door, draft(seed), planner()));
    }
    expect![[r#"
        gas//arb [5, 6]
        gas/all [5, 6]
        token/0x0C0c0C0c0c0c0c0c0c0c0C0C0C0c0c0C0c0c0c0c [500000000, 0]
        token/0x0E0e0e0E0e0E0E0e0E0e0e0E0e0e0e0e0e0e0e0E [200000000000000000, 0]
    "#]]
    .assert_eq(&world.used());
    assert_eq!(block_on(world.list.open_intents()).unwrap().len(), 0);
}

#[test]
fn a_dropped_offer_leaves_nothing_that_recovery_does_not_mend() {
    // Drops the offer at each of its steps, as a time-out around it would.
    for steps in 0..40 {
        let world = World::new();
        let door = world.door();
        {
            let mut offer = pin!(door.offer(draft(1), planner()));
            let waker = noop_waker();
            for _ in 0..steps {
                if offer.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                    break;
                }
            }
        }
        world.settles(settled());
        let sent_before = world.sent().len();
        world.sender.lane.lock().unwrap().standing = Some(world::standing_of(sent_before));
        for underway in block_on(door.recover()).unwrap() {
            block_on(underway.outcome).unwrap();
        }
        assert!(block_on(world.list.open_intents()).unwrap().is_empty(), "step {steps}");
        assert!(block_on(door.recover()).unwrap().is_empty());
        assert!(world.sent().len() <= 1, "step {steps}: never signed twice");
        world.settles(settled());
        assert!(world.passes(&door, draft(2), planner()), "step {steps}: the door still works");
    }
}

#[test]
fn the_watched_balances_are_the_policys_tokens_and_the_coin() {
    let watched = crate::judge::watch(&policy(), KEY);
    assert_eq!(watched.len(), 6);
    for holder in [KEY, EXECUTOR] {
        for asset in [Asset::Native, Asset::Token(USDC), Asset::Token(WETH)] {
            assert!(watched.contains(&(holder, asset)));
        }
    }
}
