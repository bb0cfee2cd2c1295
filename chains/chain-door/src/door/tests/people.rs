//! What a person decides: approvals, the policy itself, and what is stood down.

use agent_core::{
    Origin, Refusal, Settlement, StandDown,
    ports::{Command, Door as _, DoorStatus, Offered, Question, Reply},
    units::Timestamp,
};
use alloy_primitives::B256;
use expect_test::expect;
use futures::executor::block_on;

use super::world::World;
use crate::{Door, Policy, scripted::*};

/// Half of what [`draft`] puts to work needs a person.
fn asking() -> Policy {
    let text = POLICY.replacen("per_window = \"2000\"", "per_window = \"2000\"\nask_above = \"250\"", 1);
    Policy::parse(&format!("{text}\n[approval]\nseconds = 20\n")).unwrap()
}

fn asked(door: &Door, seed: u8) -> Question {
    match block_on(door.offer(draft(seed), planner())).unwrap() {
        Offered::Asked(question) => question,
        other @ (Offered::Refused(_) | Offered::Underway(_)) => panic!("{other:?}"),
    }
}

fn replies(world: &World, door: &Door, digest: B256, reply: Reply) -> Result<(), Refusal> {
    world.command(door, Command::Reply { digest, reply }, Origin::Operator)
}

#[test]
fn above_a_threshold_nothing_is_recorded_before_a_person_approves_and_then_once() {
    let world = World::new();
    let door = world.door_under(asking());
    let question = asked(&door, 1);
    expect!["it puts 500 USDC to work, more than 250 USDC"].assert_eq(&question.why);
    assert_eq!(asked(&door, 1), question, "asked once");
    assert_eq!(door.status().questions, std::slice::from_ref(&question));
    assert!(world.sent().is_empty() && world.kinds().is_empty());
    assert_eq!(
        world.command(&door, Command::Reply { digest: question.digest, reply: Reply::Approve }, planner()),
        Err(Refusal::OperatorOnly)
    );
    replies(&world, &door, question.digest, Reply::Approve).unwrap();
    assert!(world.passes(&door, draft(1), planner()));
    assert_eq!(world.sent().len(), 1);
    // The reply is used up: the next one is another question, and the old digest none.
    let next = asked(&door, 2);
    assert_ne!(next.digest, question.digest);
    let again = replies(&world, &door, question.digest, Reply::Approve);
    assert_eq!(again, Err(Refusal::NoQuestion(question.digest)));
}

#[test]
fn no_and_nothing_both_mean_no() {
    let world = World::new();
    let door = world.door_under(asking());
    let denied = asked(&door, 1);
    replies(&world, &door, denied.digest, Reply::Deny).unwrap();
    assert_eq!(world.refused(&door, draft(1), planner()), Refusal::Denied);
    let unanswered = asked(&door, 2);
    world.at(NOW + 20);
    assert!(block_on(door.offer(draft(9), Origin::Operator)).is_ok(), "tells the time");
    assert_eq!(world.refused(&door, draft(2), planner()), Refusal::NoReply);
    let late = replies(&world, &door, unanswered.digest, Reply::Approve);
    assert_eq!(late, Err(Refusal::NoQuestion(unanswered.digest)));
    assert_eq!(door.status().questions, []);
}

#[test]
fn an_approval_of_one_transaction_lets_no_other_through() {
    let world = World::new();
    let door = world.door_under(asking());
    let question = asked(&door, 1);
    replies(&world, &door, question.digest, Reply::Approve).unwrap();
    let mut swapped = draft(1);
    super::world::borrows(&mut swapped, 600_000_000);
    match block_on(door.offer(swapped, planner())).unwrap() {
        Offered::Asked(other) => assert_ne!(other.digest, question.digest),
        other @ (Offered::Refused(_) | Offered::Underway(_)) => panic!("{other:?}"),
    }
    assert!(world.sent().is_empty());
    // The nonce has moved on: what was approved is not what would be sent.
    let question = asked(&door, 2);
    replies(&world, &door, question.digest, Reply::Approve).unwrap();
    world.sender.lane.lock().unwrap().quote.as_mut().unwrap().nonce = 8;
    assert_ne!(asked(&door, 2).digest, question.digest);
    assert!(world.sent().is_empty());
}

#[test]
fn what_is_approved_is_checked_again_and_keeps_the_reply_while_something_is_unavailable() {
    let world = World::new();
    let door = world.door_under(asking());
    let question = asked(&door, 1);
    replies(&world, &door, question.digest, Reply::Approve).unwrap();
    world.simulator.fails();
    assert!(matches!(world.refused(&door, draft(1), planner()), Refusal::Unavailable { .. }));
    world.simulator.answers(success);
    assert!(world.passes(&door, draft(1), planner()));
    let question = asked(&door, 2);
    replies(&world, &door, question.digest, Reply::Approve).unwrap();
    world.simulator.answers(|request| {
        let mut simulation = success(request);
        simulation.outcome = agent_core::ports::SimulatedOutcome::Revert(vec![].into());
        simulation
    });
    assert!(matches!(world.refused(&door, draft(2), planner()), Refusal::SimulationReverts(_)));
    assert_eq!(world.sent().len(), 1);
}

#[test]
fn the_operators_own_drafts_and_small_ones_are_not_asked_about() {
    let world = World::new();
    let door = world.door_under(asking());
    assert!(world.passes(&door, draft(1), Origin::Operator));
    let mut small = draft(2);
    super::world::borrows(&mut small, 250_000_000);
    let agent_core::Action::Execute(intent) = &mut small.action else { panic!("maintenance") };
    intent.calls[0].spend = Some(amount(USDC, 250_000_000));
    assert!(world.passes(&door, small, planner()));
}

#[test]
fn a_changed_policy_acts_once_the_operator_has_confirmed_it() {
    let world = World::new();
    assert!(world.door().status().confirmed, "the first one is taken");
    let door = world.door_under(asking());
    assert!(!door.status().confirmed);
    assert_eq!(world.refused(&door, draft(1), Origin::Operator), Refusal::PolicyUnconfirmed);
    let arm = world.command(&door, Command::Arm(order()), Origin::Operator);
    assert_eq!(arm, Err(Refusal::PolicyUnconfirmed));
    let confirm = |door: &Door, policy, origin| world.command(door, Command::Confirm { policy }, origin);
    let hash = door.policy().hash();
    assert_eq!(confirm(&door, hash, planner()), Err(Refusal::OperatorOnly));
    assert_eq!(confirm(&door, B256::ZERO, Origin::Operator), Err(Refusal::PolicyUnconfirmed));
    confirm(&door, hash, Origin::Operator).unwrap();
    assert!(door.status().confirmed && world.door_under(asking()).status().confirmed);
    assert!(!world.door().status().confirmed, "and the old one is not any more");
}

fn rests(status: &DoorStatus) -> Vec<&str> {
    status.stood_down.iter().map(|rest| rest.class.as_str()).collect()
}

#[test]
fn what_is_stood_down_is_refused_until_it_is_over_also_after_a_restart() {
    let world = World::new();
    let door = world.door();
    let rest = |class: &str, until| {
        let (class, why) = (class.to_owned(), "the feed is stale".to_owned());
        Command::StandDown(StandDown { class, until: Timestamp(until), why, by: Origin::Operator })
    };
    world.command(&door, rest("arb/*", NOW + 100), planner()).unwrap();
    for door in [&door, &world.door()] {
        let refusal = world.refused(door, draft(1), planner());
        expect!["arb/* is stood down until 1100: the feed is stale"].assert_eq(&refusal.to_string());
        assert_eq!(rests(&door.status()), ["arb/*"]);
    }
    world.command(&door, Command::Resume { class: "arb/*".into() }, planner()).unwrap();
    world.command(&door, rest("arb", NOW + 9_000), Origin::Operator).unwrap();
    assert!(
        matches!(world.refused(&door, draft(1), planner()), Refusal::StoodDown { .. }),
        "a whole strategy"
    );
    world.command(&door, Command::Resume { class: "arb".into() }, Origin::Operator).unwrap();
    world.command(&door, rest("*", NOW + 10), Origin::Operator).unwrap();
    assert!(matches!(world.refused(&door, draft(1), planner()), Refusal::StoodDown { .. }));
    world.at(NOW + 10);
    assert!(world.command(&door, Command::Disarm(order().id), planner()).is_ok(), "tells the time");
    assert!(world.passes(&door, draft(1), planner()));
}

#[test]
fn reverts_in_a_row_trip_the_breaker_also_after_a_restart() {
    let world = World::new();
    let text = format!("{POLICY}\n[breakers]\nwindow_seconds = 3600\nreverts = 2\nrest_seconds = 600\n");
    let policy = || Policy::parse(&text).unwrap();
    let door = world.door_under(policy());
    for seed in 1..=2 {
        world.settles(Settlement::Reverted(mined(NOW + 1)));
        assert!(world.passes(&door, draft(seed), planner()));
    }
    for door in [&door, &world.door_under(policy())] {
        let refusal = world.refused(door, draft(3), planner());
        expect!["arb is stood down until 1601: 2 transactions in a row reverted"]
            .assert_eq(&refusal.to_string());
        let books = &door.status().books[0];
        assert_eq!((books.strategy.as_str(), books.reverted, books.settled), ("arb", 2, 0));
    }
    let mut other = draft(4);
    other.strategy = "keeper".into();
    assert!(world.passes(&door, other, planner()), "another strategy goes on");
    world.command(&door, Command::Resume { class: "arb".into() }, Origin::Operator).unwrap();
    assert!(world.passes(&door, draft(3), planner()));
}
