//! The strongest test of the door: whoever makes drafts may make any draft, the simulator says anything, processes die and come
//! back, and still nothing reaches the sender that the policy does not allow.

mod checker;
mod lives;

use std::{pin::pin, task::Context};

use agent_core::{
    Origin, StandingOrder,
    ports::{Command, Door as _, Offered},
    units::Timestamp,
};
use futures::{executor::block_on, future::join_all, task::noop_waker};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

use super::world::World;
use crate::{Door, scripted::*};
use lives::{Life, Step};

/// The one standing order: operator's, three uses, for the whole life.
fn standing_order() -> StandingOrder {
    let max_notional = vec![amount(USDC, LOAN), amount(WETH, ETHER / 2)];
    StandingOrder { uses: 3, expires: Timestamp(u64::MAX), max_notional, ..order() }
}

fn live(life: Life) -> World {
    let world = World::new();
    let mut door = world.door();
    world.command(&door, Command::Arm(standing_order()), Origin::Operator).unwrap();
    for step in life {
        if step.dies {
            door = world.door();
        }
        take(&world, &door, step);
    }
    world
}

fn take(world: &World, door: &Door, step: Step) {
    let now = world.passes_time(step.wait);
    let Step { simulation, .. } = step;
    world.simulator.answers(move |request| simulation.answer(request));
    {
        let mut lane = world.sender.lane.lock().unwrap();
        lane.sends = step.sends;
        lane.standing = Some(step.standing);
        lane.quote.as_mut().unwrap().max_fee = step.max_fee;
        lane.settlements = step.ends.iter().map(|end| end.settlement(now)).collect();
    }
    let offers = step.drafts.into_iter().map(|lie| door.offer(lie.draft(now), lie.origin));
    let offered = block_on(join_all(offers)).into_iter().map(Result::unwrap);
    let mut underway: Vec<_> = offered
        .filter_map(|offered| match offered {
            Offered::Underway(underway) => Some(underway),
            Offered::Refused(_) | Offered::Asked(_) => None,
        })
        .collect();
    if step.dies {
        underway.extend(block_on(door.recover()).unwrap_or_default());
    }
    // Those that have an end come to it; the others are dropped, as by a process that dies.
    for underway in underway {
        poll_a_little(underway.outcome);
    }
    world.passes_time(lives::LONGEST_DELAY);
}

/// A few polls, as a pending outcome would block.
pub(super) fn poll_a_little(future: impl Future) {
    let (mut future, waker) = (pin!(future), noop_waker());
    let mut pending = || future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
    let _ended = (0..20).all(|_| pending());
}

fn check(lives: u32) {
    let mut runner = TestRunner::new(ProptestConfig { cases: lives, ..ProptestConfig::default() });
    let lived = runner.run(&lives::lives(), |life| checker::check(&live(life)));
    if let Err(error) = lived {
        panic!("{error}");
    }
}

#[test]
fn nothing_reaches_the_sender_that_the_policy_does_not_allow() {
    check(48);
}

/// Some fifty thousand drafts.
#[test]
#[ignore = "long: `scripts/test --long compromised`"]
fn long_compromised_planner_in_many_lives() {
    check(4_000);
}

/// The property would hold of a door that refuses everything: this one does not.
#[test]
fn lives_are_worth_living() {
    let mut runner = TestRunner::deterministic();
    let (mut sent, mut reflexes, mut operators) = (0, 0, 0);
    for _ in 0..24 {
        let life = lives::lives().new_tree(&mut runner).unwrap().current();
        let world = live(life);
        sent += world.sent().len();
        for (_, origin) in checker::origins(&world) {
            match origin {
                Origin::Reflex { .. } => reflexes += 1,
                Origin::Operator => operators += 1,
                Origin::Planner { .. } | Origin::Door => {}
            }
        }
    }
    assert!(
        sent > 30 && reflexes > 5 && operators > 5,
        "{sent} sent, {reflexes} reflexes, {operators} the operator's"
    );
}
