//! The second entrance.

use agent_core::{
    Action, Draft, Maintenance, Origin, Settlement,
    ports::{
        Appended, Command, Door as _, DoorError, Entry, EntryKind, Journal as _, Sequence, SimulatedOutcome,
        Standing,
    },
    units::Timestamp,
};
use alloy_primitives::{B256, U256};
use expect_test::{Expect, expect};
use futures::executor::block_on;

use super::world::{World, known, unknown};
use crate::{Page, Policy, RecordedPage, scripted::*};

/// A world in which a process died right after it recorded `draft`: before it signed, for all that anybody knows.
fn died(draft: Draft, origin: Origin) -> World {
    let world = World::new();
    let door = world.door();
    if let Origin::Reflex { .. } = origin {
        world.command(&door, Command::Arm(order()), Origin::Operator).unwrap();
    }
    drop(block_on(door.offer(draft, origin)).unwrap());
    let mut lane = world.sender.lane.lock().unwrap();
    assert_eq!(lane.sent.len(), 1);
    lane.sent.clear();
    lane.quote = Some(quote());
    lane.standing = Some(unknown());
    drop(lane);
    world.trace.take();
    world
}

/// Recovers; what was sent, and how it ended.
fn recovered(world: &World, policy: Policy) -> String {
    let door = world.door_under(policy);
    if !door.status().confirmed {
        // With the switch latched not even that is taken.
        drop(world.command(&door, Command::Confirm { policy: door.policy().hash() }, Origin::Operator));
    }
    world.settles(settled());
    world.trace.take();
    let underway = match block_on(door.recover()) {
        Ok(underway) => underway,
        Err(error) => return format!("error: {error}"),
    };
    for underway in underway {
        block_on(underway.outcome).unwrap();
    }
    let lines = world.trace.take();
    let told =
        |line: &&String| ["- closed", "- replaced", "send"].iter().any(|start| line.starts_with(start));
    let mut told: Vec<String> = lines.iter().filter(told).cloned().collect();
    if !block_on(world.list.open_intents()).unwrap().is_empty() {
        told.push("kept".into());
    }
    told.join("; ")
}

#[track_caller]
fn check(origin: Origin, change: impl FnOnce(&World) -> Policy, expected: Expect) {
    let world = died(draft(1), origin);
    let policy = change(&world);
    expected.assert_eq(&recovered(&world, policy));
}

fn stands(standing: Standing) -> impl FnOnce(&World) -> Policy {
    move |world| {
        world.sender.lane.lock().unwrap().standing = Some(standing);
        policy()
    }
}

fn other_policy() -> Policy {
    Policy::parse(&format!("{POLICY}# changed")).unwrap()
}

fn killed(world: &World) -> Policy {
    world.kill.latch().unwrap();
    policy()
}

#[test]
fn what_is_unknown_and_still_allowed_is_sent_again_to_the_byte() {
    let world = died(draft(1), planner());
    let before = block_on(world.list.open_intents()).unwrap();
    let Page::Recorded(page) = Page::of(&before[0]).unwrap() else { panic!("another page") };
    expect!["send; - closed: settled in block 101"].assert_eq(&recovered(&world, policy()));
    assert_eq!(world.sent(), [page.transaction]);
    check(reflex(), |_| policy(), expect!["send; - closed: settled in block 101"]);
}

#[test]
fn what_is_known_is_followed_and_what_is_superseded_is_dropped_whatever_changed() {
    let changes: [fn(&World) -> Policy; 3] = [|_| policy(), |_| other_policy(), killed];
    for change in changes {
        check(
            planner(),
            |world| {
                stands(known())(world);
                change(world)
            },
            expect!["- closed: settled in block 101"],
        );
        check(
            planner(),
            |world| {
                stands(Standing::Superseded)(world);
                change(world)
            },
            expect!["- closed: dropped: its nonce was used by another transaction"],
        );
    }
}

#[test]
fn what_is_unknown_gives_way_to_nothing_when_anything_changed() {
    check(
        planner(),
        |_| other_policy(),
        expect!["send; - replaced at nonce 7; - closed: cancelled in block 101"],
    );
    check(planner(), killed, expect!["kept"]);
    check(
        planner(),
        |world| {
            world.at(NOW + 30);
            policy()
        },
        expect!["send; - replaced at nonce 7; - closed: cancelled in block 101"],
    );
    check(
        planner(),
        |world| {
            world.simulator.answers(|request| {
                let mut simulation = success(request);
                if request.frame.to == Some(EXECUTOR) {
                    simulation.outcome = SimulatedOutcome::Revert(vec![].into());
                }
                simulation
            });
            policy()
        },
        expect!["send; - replaced at nonce 7; - closed: cancelled in block 101"],
    );
    check(
        planner(),
        |world| {
            world.simulator.answers(|request| {
                let mut simulation = success(request);
                simulation.deltas.iter_mut().for_each(|delta| delta.change = alloy_primitives::I256::ZERO);
                simulation
            });
            policy()
        },
        expect!["send; - replaced at nonce 7; - closed: cancelled in block 101"],
    );
}

#[test]
fn a_reflex_needs_the_very_order_that_it_was_recorded_under() {
    let disarm = |world: &World| {
        let door = world.door();
        world.command(&door, Command::Disarm(order().id), Origin::Operator).unwrap();
        door
    };
    check(
        reflex(),
        |world| {
            disarm(world);
            policy()
        },
        expect!["send; - replaced at nonce 7; - closed: cancelled in block 101"],
    );
    check(
        reflex(),
        |world| {
            // An order of the same name is another order.
            world.command(&disarm(world), Command::Arm(order()), Origin::Operator).unwrap();
            policy()
        },
        expect!["send; - replaced at nonce 7; - closed: cancelled in block 101"],
    );
    let world = World::new();
    let door = world.door();
    let brief = agent_core::StandingOrder { expires: Timestamp(NOW + 10), ..order() };
    world.command(&door, Command::Arm(brief), Origin::Operator).unwrap();
    drop(block_on(door.offer(draft(1), reflex())).unwrap());
    world.sender.lane.lock().unwrap().standing = Some(unknown());
    world.at(NOW + 10);
    expect!["send; - replaced at nonce 7; - closed: cancelled in block 101"]
        .assert_eq(&recovered(&world, policy()));
}

#[test]
fn not_knowing_drops_nothing() {
    let world = died(draft(1), planner());
    world.sender.lane.lock().unwrap().standing = None;
    let error = block_on(world.door().recover()).unwrap_err();
    assert!(matches!(error, DoorError::Standing(_)));
    expect!["cannot find out where a recorded transaction stands (sender failed to find: no node); start again when the chain can be asked"].assert_eq(&error.to_string());
    world.sender.lane.lock().unwrap().standing = Some(unknown());
    world.simulator.fails();
    let error = block_on(world.door().recover()).unwrap_err();
    expect!["cannot find out where a recorded transaction stands (sender failed to check a recorded transaction again: simulator is unavailable: simulation failed: no node); start again when the chain can be asked"].assert_eq(&error.to_string());
    assert_eq!(block_on(world.list.open_intents()).unwrap().len(), 1);
    assert!(world.sent().is_empty());
}

#[test]
fn what_an_earlier_process_left_counts_as_in_flight() {
    let world = died(draft(1), planner());
    let door = world.door();
    world.sender.lane.lock().unwrap().quote.as_mut().unwrap().nonce = 8;
    assert!(world.passes(&door, draft(2), planner()));
    assert!(!world.passes(&door, draft(3), planner()), "two are in flight");
}

#[test]
fn recovery_leaves_alone_what_is_followed() {
    let world = World::new();
    let door = world.door();
    let offered = block_on(door.offer(draft(1), planner())).unwrap();
    assert!(block_on(door.recover()).unwrap().is_empty());
    drop(offered);
    world.sender.lane.lock().unwrap().standing = Some(known());
    assert_eq!(block_on(door.recover()).unwrap().len(), 1, "nobody follows it any more");
}

#[test]
fn maintenance_is_asked_for_again_and_not_sent_again() {
    let mut maintenance = draft(1);
    maintenance.action = Action::Maintain(Maintenance::TransferOwnership { to: SAFE });
    let world = died(maintenance, Origin::Operator);
    expect!["send; - replaced at nonce 7; - closed: cancelled in block 101"]
        .assert_eq(&recovered(&world, policy()));
}

/// Somebody who can write the journal's file, and keeps its hashes in order, writes what no door recorded.
fn forged(change: impl FnOnce(&mut RecordedPage, &mut Entry)) -> String {
    let world = died(draft(1), planner());
    let stored = block_on(world.list.open_intents()).unwrap().remove(0);
    let Page::Recorded(mut page) = Page::of(&stored).unwrap() else { panic!("another page") };
    let mut entry = stored.entry.clone();
    let (kind, reservations, payload) = (
        EntryKind::Dropped,
        vec![],
        Page::Closed { outcome: agent_core::Outcome::Closed(Settlement::Dropped { why: String::new() }) }
            .bytes()
            .unwrap(),
    );
    let dropped = Entry { kind, reservations, payload, claims: vec![], ..stored.entry };
    assert!(matches!(block_on(world.list.append(dropped)).unwrap(), Appended::Written(Sequence(2))));
    change(&mut page, &mut entry);
    entry.payload = Page::Recorded(page).bytes().unwrap();
    entry.subject = B256::repeat_byte(0xbd);
    assert!(matches!(block_on(world.list.append(entry)).unwrap(), Appended::Written(_)));
    recovered(&world, policy())
}

#[test]
fn a_forged_record_is_judged_like_any_draft() {
    expect!["send; - closed: settled in block 101"].assert_eq(&forged(|_, _| ()));
    expect!["send; - replaced at nonce 7; - closed: cancelled in block 101"]
        .assert_eq(&forged(|page, _| page.transaction.to = Some(STRANGER)));
    expect!["send; - replaced at nonce 7; - closed: cancelled in block 101"]
        .assert_eq(&forged(|page, _| page.transaction.data = selector("pendingOwner()")));
    let bytes = |action: &Action| crate::encode::encode(action, KEY, Some(EXECUTOR)).unwrap().data;
    let mut other = draft(1);
    super::world::borrows(&mut other, 1_000_000_001);
    let greedy = bytes(&other.action);
    expect!["kept"].assert_eq(&forged(|page, _| page.transaction.data = greedy));
    let ownership = bytes(&Action::Maintain(Maintenance::TransferOwnership { to: SAFE }));
    expect!["send; - replaced at nonce 7; - closed: cancelled in block 101"]
        .assert_eq(&forged(|page, _| (page.transaction.data, page.origin) = (ownership, Origin::Operator)));
    expect!["- closed: dropped: it is not of this chain and key"]
        .assert_eq(&forged(|page, _| page.transaction.chain.0 = 1));
    // Nobody here can say what became of another key's transaction.
    expect!["kept"].assert_eq(&forged(|page, _| page.transaction.from = STRANGER));
    expect!["kept"].assert_eq(&forged(|page, _| page.transaction.gas.limit = 500_001));
    expect!["kept"].assert_eq(&forged(|page, _| page.transaction.gas.max_fee = 10 * GWEI + 1));
    expect!["kept"].assert_eq(&forged(|_, entry| entry.reservations.clear()));
    expect!["kept"].assert_eq(&forged(|_, entry| entry.reservations[2].amount = U256::ONE));
}
