//! Standing orders: armed, used up, over, and across restarts.

use agent_core::{
    Action, ArmedBy, Maintenance, OrderId, Origin, OutsideMandate, Refusal, StandingOrder,
    ports::{Command, Door as _},
    units::Timestamp,
};
use expect_test::expect;

use super::world::{World, deadline};
use crate::{Door, scripted::*};

fn armed(world: &World, by: Origin) -> Door {
    let door = world.door();
    world.command(&door, Command::Arm(order()), by).unwrap();
    door
}

fn uses(door: &Door) -> Vec<(String, u32)> {
    door.orders().into_iter().map(|status| (status.order.id.0, status.used)).collect()
}

const NOT_ARMED: Refusal = Refusal::OutsideMandate(OutsideMandate::NotArmed);
const SPENT: Refusal = Refusal::OutsideMandate(OutsideMandate::Spent);
const EXPIRED: Refusal = Refusal::OutsideMandate(OutsideMandate::Expired);

#[test]
fn an_order_is_used_up_and_a_restart_finds_it_as_it_was() {
    let world = World::new();
    let door = world.door();
    assert_eq!(world.refused(&door, draft(1), reflex()), NOT_ARMED);
    world.command(&door, Command::Arm(order()), Origin::Operator).unwrap();
    for used in 1..=2 {
        world.settles(settled());
        assert!(world.passes(&door, draft(used), reflex()));
        let again = world.door();
        assert_eq!((uses(&door), uses(&again)), (vec![("o".into(), used.into())], uses(&door)));
        assert_eq!(again.orders(), door.orders());
    }
    assert_eq!(world.refused(&door, draft(3), reflex()), SPENT);
    assert_eq!(world.refused(&world.door(), draft(3), reflex()), SPENT);
}

#[test]
fn concurrent_reflexes_do_not_share_a_use() {
    let world = World::new();
    let door = armed(&world, Origin::Operator);
    for seed in [1, 2] {
        world.settles(settled());
        assert!(world.passes(&door, draft(seed), reflex()));
    }
    let again = StandingOrder { uses: 1, ..order() };
    world.command(&door, Command::Disarm(OrderId("o".into())), Origin::Operator).unwrap();
    world.command(&door, Command::Arm(again), Origin::Operator).unwrap();
    let offers = (3..6).map(|seed| agent_core::ports::Door::offer(&door, draft(seed), reflex()));
    let _offered = futures::executor::block_on(futures::future::join_all(offers));
    assert_eq!(world.sent().len(), 3, "one more use, whoever came first");
    assert_eq!(uses(&door), [("o".to_owned(), 1)], "armed anew, counted anew");
}

#[test]
fn an_order_ends_with_its_time_and_time_does_not_go_back() {
    let world = World::new();
    let door = armed(&world, Origin::Operator);
    world.at(NOW + 500);
    assert_eq!(world.refused(&door, deadline(draft(1), NOW + 530), reflex()), EXPIRED);
    // A lagging or lying node tells an earlier head.
    world.at(NOW);
    assert_eq!(world.refused(&door, deadline(draft(1), NOW + 530), reflex()), EXPIRED);
    assert_eq!(
        world.refused(&world.door(), deadline(draft(1), NOW + 530), reflex()),
        EXPIRED,
        "nor by a restart"
    );
}

#[test]
fn an_order_that_ends_while_it_is_simulated_covers_nothing() {
    let world = World::new();
    let door = armed(&world, Origin::Operator);
    world.simulator.answers(|request| {
        let mut simulation = success(request);
        simulation.at = block(101, NOW + 500);
        simulation
    });
    assert_eq!(world.refused(&door, deadline(draft(1), NOW + 530), reflex()), EXPIRED);
}

#[test]
fn a_disarmed_order_covers_nothing() {
    let world = World::new();
    let door = armed(&world, Origin::Operator);
    world.command(&door, Command::Disarm(OrderId("o".into())), planner()).unwrap();
    assert_eq!(world.refused(&door, draft(1), reflex()), NOT_ARMED);
    assert_eq!(uses(&world.door()), []);
}

#[test]
fn an_order_is_armed_by_who_says_so_and_once() {
    let world = World::new();
    let door = world.door();
    assert_eq!(world.command(&door, Command::Arm(order()), reflex()), Err(Refusal::OperatorOnly));
    assert_eq!(world.command(&door, Command::Disarm(order().id), reflex()), Err(Refusal::OperatorOnly));
    let lying = StandingOrder { armed_by: ArmedBy::Operator, ..order() };
    world.command(&door, Command::Arm(lying), planner()).unwrap();
    assert_eq!(door.orders()[0].order.armed_by, ArmedBy::Planner);
    let rival = world.command(&door, Command::Arm(order()), Origin::Operator).unwrap_err();
    expect!["standing order o is armed already; disarm it first"].assert_eq(&rival.to_string());
    world.at(NOW + 500);
    let later = StandingOrder { expires: Timestamp(NOW + 900), ..order() };
    world.command(&door, Command::Arm(later), Origin::Operator).unwrap();
}

#[test]
fn a_planner_arms_within_the_operators_limits_counted_from_now() {
    let world = World::new();
    let door = world.door();
    let refused =
        |order: StandingOrder| world.command(&door, Command::Arm(order), planner()).unwrap_err().to_string();
    expect!["classes that a planner may arm is over its limit: liq/* asked, arb/* allowed"]
        .assert_eq(&refused(StandingOrder { class: "liq/*".into(), ..order() }));
    expect!["uses of a planner's order is over its limit: 3 asked, 2 allowed"]
        .assert_eq(&refused(StandingOrder { uses: 3, ..order() }));
    expect!["end of a planner's order is over its limit: 1601 asked, 1600 allowed"]
        .assert_eq(&refused(StandingOrder { expires: Timestamp(NOW + 601), ..order() }));
    world.command(&door, Command::Arm(order()), planner()).unwrap();
}

#[test]
fn a_planner_arms_nothing_when_nobody_tells_the_time() {
    let world = World::new();
    let door = world.door();
    world.sender.lane.lock().unwrap().quote = None;
    assert!(world.command(&door, Command::Arm(order()), planner()).is_err());
}

#[test]
fn the_kill_switch_disarms_for_good() {
    for seen_by in ["an offer", "a command", "the next start", "recovery"] {
        let mut world = World::new();
        let door = armed(&world, Origin::Operator);
        world.kill.latch().unwrap();
        match seen_by {
            "an offer" => assert_eq!(world.refused(&door, draft(1), planner()), Refusal::Killed),
            "a command" => assert_eq!(
                world.command(&door, Command::Arm(order()), Origin::Operator),
                Err(Refusal::Killed)
            ),
            "recovery" => assert!(futures::executor::block_on(door.recover()).unwrap().is_empty()),
            _ => drop(world.door()),
        }
        world.cleared();
        assert_eq!(uses(&world.door()), [], "{seen_by}");
    }
}

#[test]
fn no_order_covers_maintenance() {
    let world = World::new();
    let door = armed(&world, Origin::Operator);
    let mut draft = draft(1);
    draft.action = Action::Maintain(Maintenance::TransferOwnership { to: SAFE });
    assert_eq!(world.refused(&door, draft, reflex()), Refusal::OutsideMandate(OutsideMandate::Class));
}
