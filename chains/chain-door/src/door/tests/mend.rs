//! Stuck transactions, each helped as its reason asks.

use agent_core::{
    Outcome,
    ports::{Door as _, EntryKind, Journal as _, Offered, Sequence, SimulatedOutcome, Stuck, StuckReason},
};
use alloy_primitives::U256;
use expect_test::{Expect, expect};
use futures::executor::block_on;

use super::world::World;
use crate::{Page, scripted::*};

/// Offers, is stuck for each reason in turn, and then mined; what the door did from the first of them on.
#[track_caller]
fn check(reasons: &[StuckReason], change: impl Fn(&World), expected: Expect) -> World {
    let world = World::new();
    let door = world.door();
    let Offered::Underway(underway) = block_on(door.offer(draft(1), planner())).unwrap() else {
        panic!("refused")
    };
    for reason in reasons {
        world.sender.lane.lock().unwrap().stuck.push_back(Stuck { reason: *reason, blocks: 5 });
    }
    world.settles(settled());
    change(&world);
    world.trace.take();
    block_on(underway.outcome).unwrap();
    let told = |line: &&String| line.starts_with("- ") || line.starts_with("append");
    let lines = world.trace.take();
    expected.assert_eq(&lines.iter().filter(told).cloned().collect::<Vec<_>>().join("\n"));
    world
}

fn as_it_was(_: &World) {}

fn reverts_now(world: &World) {
    world.simulator.answers(|request| {
        let mut simulation = success(request);
        if request.frame.to == Some(EXECUTOR) {
            simulation.outcome = SimulatedOutcome::Revert(vec![].into());
        }
        simulation
    });
}

#[test]
fn what_is_outbid_is_replaced_by_the_same_at_a_higher_price() {
    let world = check(
        &[StuckReason::Underpriced, StuckReason::PassedOver],
        as_it_was,
        expect![[r#"
        - stuck: its fee cap is below what the next block asks
        - simulated
        append Replaced
        - sent with nonce 7
        - replaced at nonce 7
        - stuck: blocks pass it over
        - simulated
        append Replaced
        - sent with nonce 7
        - replaced at nonce 7
        append Closed
        - closed: settled in block 101"#]],
    );
    let sent = world.sent();
    assert_eq!(sent.len(), 3);
    for (before, after) in sent.iter().zip(&sent[1..]) {
        assert_eq!((before.nonce, &before.data, before.to), (after.nonce, &after.data, after.to));
        assert!(after.gas.max_fee * 8 >= before.gas.max_fee * 9 && after.gas.tip * 8 >= before.gas.tip * 9);
    }
    // Budgets hold what the dearest of them may cost, and in the end what was paid.
    let stored = block_on(world.list.read(Sequence(0), 100)).unwrap();
    let opens = |kind| matches!(kind, EntryKind::Recorded | EntryKind::Replaced);
    let reserved = stored.iter().filter(|stored| opens(stored.entry.kind)).map(|stored| {
        let of = stored.entry.reservations.iter().find(|kept| kept.budget == "gas/all");
        of.map_or(U256::ZERO, |kept| kept.amount)
    });
    let dearest = U256::from(sent[2].gas.limit) * U256::from(sent[2].gas.max_fee);
    assert_eq!(reserved.sum::<U256>(), dearest);
}

#[test]
fn what_would_revert_by_now_gives_way_to_nothing() {
    let world = check(
        &[StuckReason::PassedOver, StuckReason::Nowhere],
        reverts_now,
        expect![[r#"
        - stuck: blocks pass it over
        - simulated
        - simulated
        append Replaced
        - sent with nonce 7
        - replaced at nonce 7
        - stuck: no node keeps it
        - simulated
        append Replaced
        - sent with nonce 7
        - replaced at nonce 7
        append Dropped
        - closed: cancelled in block 101"#]],
    );
    let sent = world.sent();
    assert!(sent[1..].iter().all(|cancel| cancel.to == Some(KEY) && cancel.data.is_empty()), "{sent:?}");
    assert!(sent.iter().all(|attempt| attempt.nonce == 7));
    let stored = block_on(world.list.read(Sequence(0), 100)).unwrap();
    let Page::Closed { outcome } = Page::of(stored.last().unwrap()).unwrap() else { panic!("not closed") };
    assert!(matches!(outcome, Outcome::Closed(agent_core::Settlement::Cancelled(_))));
    assert_eq!(stored.last().unwrap().entry.kind, EntryKind::Dropped, "the opportunity is free again");
    assert!(world.used().contains("gas/all"), "its gas was paid: {}", world.used());
}

#[test]
fn a_gap_is_filled_and_then_it_is_followed_on() {
    let gap = |world: &World| {
        // Somebody saw to it that ours is at 7 and the node knows nothing at 6.
        world.sender.lane.lock().unwrap().quote.as_mut().unwrap().nonce = 6;
        world.settles(settled());
    };
    let world = check(
        &[StuckReason::Gap { missing: 6 }],
        gap,
        expect![[r#"
        - stuck: nonce 6 of the key is not used by anything
        - simulated
        - approved
        append Recorded
        - recorded as 2
        - sent with nonce 6
        append Closed
        - closed: settled in block 101
        append Closed
        - closed: settled in block 101"#]],
    );
    let fill = &world.sent()[1];
    assert_eq!((fill.nonce, fill.to, fill.data.len()), (6, Some(KEY), 0));
}

#[test]
fn what_cannot_be_helped_is_told_and_followed_on() {
    let reasons = [StuckReason::Behind { nonce: 5 }, StuckReason::Unfunded, StuckReason::Gap { missing: 5 }];
    check(
        &reasons,
        as_it_was,
        expect![[r#"
        - stuck: nonce 5 of the key comes first
        - stuck: the key holds too little of the native coin
        - stuck: nonce 5 of the key is not used by anything
        append Closed
        - closed: settled in block 101"#]],
    );
    let dear = |world: &World| {
        let mut lane = world.sender.lane.lock().unwrap();
        let quote = lane.quote.as_mut().unwrap();
        (quote.least_fee, quote.max_fee) = (10 * GWEI, 20 * GWEI);
        quote.balance.0 = U256::from(ETHER);
        drop(lane);
    };
    let world = check(
        &[StuckReason::Underpriced, StuckReason::Underpriced],
        dear,
        expect![[r#"
        - stuck: its fee cap is below what the next block asks
        - simulated
        append Replaced
        - sent with nonce 7
        - replaced at nonce 7
        - stuck: its fee cap is below what the next block asks
        - warned: opportunity 01010101 is stuck for 5 blocks: its fee cap is below what the next block asks; it cannot be helped: fee per gas of a replacement is over its limit: an eighth more than 10000000000 asked, 10000000000 allowed
        append Closed
        - closed: settled in block 101"#]],
    );
    assert!(world.sent().iter().all(|attempt| attempt.gas.max_fee <= 10 * GWEI), "never above the cap");
}

#[test]
fn after_the_latch_nothing_is_replaced_or_cancelled() {
    let killed = |world: &World| world.kill.latch().unwrap();
    let world = check(
        &[StuckReason::Underpriced, StuckReason::Nowhere],
        killed,
        expect![[r#"
        - stuck: its fee cap is below what the next block asks
        - warned: opportunity 01010101 is stuck for 5 blocks: its fee cap is below what the next block asks; it cannot be helped: the kill switch is latched; only the operator clears it
        - stuck: no node keeps it
        - warned: opportunity 01010101 is stuck for 5 blocks: no node keeps it; it cannot be helped: the kill switch is latched; only the operator clears it
        append Closed
        - closed: settled in block 101"#]],
    );
    assert_eq!(world.sent().len(), 1);
}

#[test]
fn an_original_that_is_mined_after_all_is_no_cancellation() {
    let world = World::new();
    let door = world.door();
    let Offered::Underway(underway) = block_on(door.offer(draft(1), planner())).unwrap() else {
        panic!("refused")
    };
    reverts_now(&world);
    let original = sent(&world.sent()[0]);
    let mut late = mined(NOW + 12);
    late.transaction = original.transaction;
    let mut lane = world.sender.lane.lock().unwrap();
    lane.stuck.push_back(Stuck { reason: StuckReason::PassedOver, blocks: 5 });
    lane.exactly = Some(agent_core::Settlement::Settled(late));
    drop(lane);
    let report = block_on(underway.outcome).unwrap();
    assert!(matches!(report.outcome, Outcome::Closed(agent_core::Settlement::Settled(_))));
    assert_eq!(world.sent().len(), 2);
}

#[test]
fn a_replacement_that_an_earlier_process_recorded_is_found_and_followed() {
    let world = World::new();
    let door = world.door();
    let Offered::Underway(underway) = block_on(door.offer(draft(1), planner())).unwrap() else {
        panic!("refused")
    };
    world.sender.lane.lock().unwrap().stuck.push_back(Stuck { reason: StuckReason::Underpriced, blocks: 5 });
    // It is replaced, then followed without an end.
    super::compromised::poll_a_little(underway.outcome);
    assert_eq!(world.sent().len(), 2);
    world.sender.lane.lock().unwrap().standing = Some(super::world::known());
    let again = world.door();
    let left = block_on(again.recover()).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(again.status().under_way[0].attempts.len(), 2);
    assert_eq!(world.sent().len(), 2, "what is known is not sent again");
}
