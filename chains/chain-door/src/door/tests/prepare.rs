//! Drafts that are ready before they are offered: what it saves, and that nothing else changes.

use agent_core::{
    Action, Draft, Head, OrderId, OutsideMandate, Refusal,
    ports::{Command, Door as _, SimulatedOutcome},
    units::{BlockRef, Timestamp},
};
use alloy_primitives::{B256, Bytes};
use expect_test::{Expect, expect};
use futures::executor::block_on;

use super::world::{World, deadline};
use crate::{Door, scripted::*};

/// The block after the one that [`quote`] is of.
fn next() -> Head {
    Head { block: block(101, NOW + 12), parent: quote().head.hash, base_fee: 8 }
}

fn hears(world: &World, head: Head) {
    world.sender.lane.lock().unwrap().heard = Some(head);
}

/// A door that has prepared `draft`, and whose sender has heard of the next block since.
fn ready(world: &World, draft: Draft) -> Door {
    let door = world.door();
    world.command(&door, Command::Arm(order()), agent_core::Origin::Operator).unwrap();
    block_on(door.prepare(draft, reflex()));
    hears(world, next());
    world.trace.take();
    door
}

/// What happens from the offer on.
fn check(world: &World, door: &Door, draft: Draft, expected: &Expect) {
    world.passes(door, draft, reflex());
    expected.assert_eq(&world.trace.take().join("\n"));
}

#[test]
fn what_is_ready_asks_nobody_anything_and_is_judged_and_recorded_all_the_same() {
    let world = World::new();
    let door = ready(&world, draft(1));
    check(
        &world,
        &door,
        draft(1),
        &expect![[r#"
            - offered 01010101
            - simulated
            - approved
            append Recorded
            - recorded as 2
            send
            - sent with nonce 7"#]],
    );
    let sent = world.sent();
    assert_eq!((sent.len(), sent[0].nonce), (1, quote().nonce));
}

/// Offers what was prepared after `change`; whether it was looked at anew, and whether it went through.
fn after(prepared: Draft, change: impl FnOnce(&World, &Door), offered: Draft) -> (bool, bool) {
    let world = World::new();
    let door = ready(&world, prepared);
    change(&world, &door);
    world.trace.take();
    let passed = world.passes(&door, offered, reflex());
    (world.trace.take().contains(&"simulate".to_owned()), passed)
}

const READY: (bool, bool) = (false, true);
const ANEW: (bool, bool) = (true, true);

#[test]
fn what_is_ready_is_good_for_its_own_block_and_the_next() {
    let same = Head { block: quote().head, parent: B256::ZERO, base_fee: 8 };
    assert_eq!(after(draft(1), |_, _| {}, draft(1)), READY);
    assert_eq!(after(draft(1), |world, _| hears(world, same), draft(1)), READY);
    let later = Head { block: block(102, NOW + 24), parent: block(101, 0).hash, ..same };
    assert_eq!(after(draft(1), |world, _| hears(world, later), draft(1)), ANEW);
    let fork = Head { parent: B256::repeat_byte(7), ..next() };
    assert_eq!(after(draft(1), |world, _| hears(world, fork), draft(1)), ANEW, "on another branch");
    let deaf = |world: &World, _: &Door| world.sender.lane.lock().unwrap().heard = None;
    assert_eq!(after(draft(1), deaf, draft(1)), ANEW, "nobody listens");
}

#[test]
fn what_is_ready_is_that_very_action_after_those_very_transactions_at_that_price() {
    assert_eq!(after(draft(1), |_, _| {}, deadline(draft(1), NOW + 31)), ANEW, "another action");
    assert_eq!(
        after(draft(1), |_, _| {}, draft(9)),
        READY,
        "the opportunity's name is not what is simulated"
    );
    let another =
        |world: &World, door: &Door| assert!(world.passes(door, deadline(draft(2), NOW + 29), reflex()));
    assert_eq!(after(draft(1), another, draft(1)), ANEW, "one went ahead of it");
    let dear = Head { base_fee: GWEI, ..next() };
    assert_eq!(
        after(draft(1), |world, _| hears(world, dear), draft(1)),
        ANEW,
        "the next block may ask for more"
    );
    let once = |world: &World, door: &Door| {
        world.settles(settled());
        assert!(world.passes(door, draft(1), reflex()));
    };
    assert_eq!(after(draft(1), once, draft(2)), ANEW, "and once");
}

#[test]
fn nothing_is_ready_without_an_order_or_a_simulation_that_goes_well() {
    let world = World::new();
    let door = world.door();
    block_on(door.prepare(draft(1), reflex()));
    assert!(!world.trace.take().contains(&"simulate".to_owned()), "nothing is armed");
    world.command(&door, Command::Arm(order()), agent_core::Origin::Operator).unwrap();
    let reverts = |request: &agent_core::ports::SimulationRequest| {
        let mut simulation = success(request);
        simulation.outcome = SimulatedOutcome::Revert(Bytes::new());
        simulation
    };
    world.simulator.answers(reverts);
    block_on(door.prepare(draft(1), reflex()));
    hears(&world, next());
    world.simulator.answers(success);
    assert!(world.passes(&door, draft(1), reflex()), "what reverted a block ago may go well now");
    assert!(!world.trace.take().contains(&"- prepared".to_owned()));
}

#[test]
fn what_is_ready_does_not_outlive_its_mandate_its_deadline_or_the_kill_switch() {
    let refusal = |change: &dyn Fn(&World, &Door), offered: Draft| {
        let world = World::new();
        let door = ready(&world, offered.clone());
        change(&world, &door);
        let refusal = world.refused(&door, offered, reflex());
        assert_eq!(world.sent().len(), 0);
        refusal
    };
    let disarm = |world: &World, door: &Door| {
        world.command(door, Command::Disarm(OrderId("o".into())), agent_core::Origin::Operator).unwrap();
    };
    assert_eq!(refusal(&disarm, draft(1)), Refusal::OutsideMandate(OutsideMandate::NotArmed));
    let late = |world: &World, _: &Door| {
        hears(world, Head { block: BlockRef { timestamp: Timestamp(NOW + 30), ..next().block }, ..next() });
    };
    assert_eq!(refusal(&late, draft(1)), Refusal::Deadline { deadline: NOW + 30, now: NOW + 30 });
    let kill = |world: &World, _: &Door| world.kill.latch().unwrap();
    assert_eq!(refusal(&kill, draft(1)), Refusal::Killed);
}

#[test]
fn only_so_many_are_kept() {
    let world = World::new();
    let door = world.door();
    world.command(&door, Command::Arm(order()), agent_core::Origin::Operator).unwrap();
    for more in 0..200 {
        block_on(door.prepare(deadline(draft(1), NOW + 30 + more), reflex()));
    }
    assert_eq!(door.0.own.shared.desk().shelf.actions().len(), 32);
    assert!(door.0.own.shared.desk().shelf.actions().contains(&deadline(draft(1), NOW + 229).action));
    let first: Action = deadline(draft(1), NOW + 30).action;
    assert!(!door.0.own.shared.desk().shelf.actions().contains(&first));
}
