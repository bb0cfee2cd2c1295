//! A key that gives another signature each time: what it signed is in the journal before it leaves, and nothing is signed twice.

use std::{pin::pin, task::Context};

use agent_core::{
    Outcome, Settlement,
    ports::{
        Door as _, Entry, EntryKind, Journal as _, Offered, Pending, Sequence, Standing, Stuck, StuckReason,
    },
    units::Timestamp,
};
use alloy_primitives::B256;
use expect_test::expect;
use futures::{executor::block_on, task::noop_waker};

use super::{
    trace,
    world::{World, known, unknown},
};
use crate::{Door, KeptSignature, Page, scripted::*};

/// The hashes of what the journal has signatures of.
fn written(world: &World) -> Vec<B256> {
    let entries = block_on(world.list.read(Sequence(0), 1_000)).unwrap();
    let signed = entries.iter().filter_map(|stored| {
        let Page::Signed(page) = Page::of(stored).unwrap() else { return None };
        assert_eq!(stored.entry.kind, EntryKind::Noted);
        Some(page.signature.transaction)
    });
    signed.collect()
}

fn under_way(door: &Door) -> Vec<Pending> {
    door.status().under_way
}

#[test]
fn a_signature_is_written_down_before_it_leaves() {
    let world = World::elsewhere();
    let door = world.door();
    world.settles(settled());
    assert!(world.passes(&door, draft(1), planner()));
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
            append Noted
            - sent with nonce 7
            follow
            append Closed
            - closed: settled in block 101"#]],
    );
    assert_eq!(written(&world), world.sent_as());
}

#[test]
fn what_signs_the_same_each_time_writes_no_signature_down() {
    let world = World::new();
    let door = world.door();
    assert!(world.passes(&door, draft(1), planner()));
    let entries = block_on(world.list.read(Sequence(1), 1_000)).unwrap();
    assert!(written(&world).is_empty());
    assert!(!String::from_utf8_lossy(&entries[0].entry.payload).contains("keeps_signatures"));
}

#[test]
fn what_left_is_found_by_its_hash_after_a_crash_and_never_signed_again() {
    let world = World::elsewhere();
    drop(block_on(world.door().offer(draft(1), planner())).unwrap());
    let left = world.sent_as();
    // Nobody knows it any more, so that it is sent again: the same.
    world.sender.lane.lock().unwrap().standing = Some(unknown());
    let door = world.door();
    assert_eq!(under_way(&door)[0].attempts, left, "known before anybody was asked");
    drop(block_on(door.recover()).unwrap());
    assert_eq!(world.sent_as(), [left[0], left[0]]);
    assert_eq!(world.sender.lane.lock().unwrap().signatures, 1);
    // Somebody knows it, and it is followed.
    world.sender.lane.lock().unwrap().standing = Some(known());
    world.settles(settled());
    for underway in block_on(world.door().recover()).unwrap() {
        assert_eq!(underway.sent.transaction, left[0]);
        assert_eq!(block_on(underway.outcome).unwrap().outcome, Outcome::Closed(settled()));
    }
    assert!(block_on(world.list.open_intents()).unwrap().is_empty());
}

#[test]
fn what_was_recorded_and_never_signed_is_signed_when_it_is_still_allowed() {
    let world = World::elsewhere();
    // The process ends right after the record.
    let door = world.door();
    {
        let mut offer = pin!(door.offer(draft(1), planner()));
        let waker = noop_waker();
        while block_on(world.list.open_intents()).unwrap().is_empty() {
            assert!(offer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
    }
    assert!(written(&world).is_empty());
    world.sender.lane.lock().unwrap().standing = Some(known());
    world.settles(settled());
    let underway = block_on(world.door().recover()).unwrap();
    assert_eq!((underway.len(), written(&world).len()), (1, 1));
    assert_eq!(written(&world), world.sent_as());
}

#[test]
fn a_process_that_ends_anywhere_loses_nothing_and_signs_nothing_twice_that_left() {
    for steps in 0..60 {
        let world = World::elsewhere();
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
        let left = world.sent_as();
        assert!(
            left.iter().all(|hash| written(&world).contains(hash)),
            "step {steps}: written before it left"
        );
        world.settles(settled());
        world.sender.lane.lock().unwrap().standing = Some(super::world::standing_of(left.len()));
        // As another process, and as the same one after a dropped offer.
        let door = if steps % 2 == 0 { door } else { world.door() };
        for underway in block_on(door.recover()).unwrap() {
            assert!(written(&world).contains(&underway.sent.transaction));
            block_on(underway.outcome).unwrap();
        }
        assert!(block_on(world.list.open_intents()).unwrap().is_empty(), "step {steps}");
        let all = world.sent_as();
        assert!(all.len() <= 1, "step {steps}: never sent under two hashes");
        assert!(all.starts_with(&left));
    }
}

#[test]
fn every_hash_of_every_attempt_is_followed_and_tells_what_it_did() {
    let world = World::elsewhere();
    let door = world.door();
    let Offered::Underway(underway) = block_on(door.offer(draft(1), planner())).unwrap() else {
        panic!("refused")
    };
    let stuck = Stuck { reason: StuckReason::PassedOver, blocks: 5 };
    world.sender.lane.lock().unwrap().stuck.push_back(stuck);
    // Past its deadline it is cancelled in place of being replaced.
    world.at(NOW + 30);
    {
        let mut outcome = underway.outcome;
        let waker = noop_waker();
        while world.sent().len() < 2 {
            assert!(outcome.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
    }
    let sent = world.sent_as();
    let again = world.door();
    assert_eq!(under_way(&again)[0].attempts, sent);
    // Whichever is mined, after a restart, is known for what it is.
    world.sender.lane.lock().unwrap().standing = Some(known());
    let mined = agent_core::Mined { transaction: sent[1], ..mined(NOW + 40) };
    world.sender.lane.lock().unwrap().exactly = Some(Settlement::Settled(mined.clone()));
    for underway in block_on(again.recover()).unwrap() {
        let report = block_on(underway.outcome).unwrap();
        assert_eq!(report.outcome, Outcome::Closed(Settlement::Cancelled(mined.clone())));
    }
}

#[test]
fn of_several_signatures_of_one_transaction_all_are_followed() {
    let world = World::elsewhere();
    drop(block_on(world.door().offer(draft(1), planner())).unwrap());
    let stored = block_on(world.list.open_intents()).unwrap().remove(0);
    let Page::Recorded(page) = Page::of(&stored).unwrap() else { panic!("another page") };
    // Written while whoever waited for that went away; it never left, which nobody can tell any more.
    let (transaction, signature) = (B256::repeat_byte(0x51), vec![9; 65].into());
    let signature = KeptSignature { transaction, signature };
    let page = crate::SignedPage { of: page.transaction.digest(), signature };
    let payload = Page::Signed(Box::new(page)).bytes().unwrap();
    let (kind, at, subject) = (EntryKind::Noted, Timestamp(NOW), stored.entry.subject);
    let entry = Entry { kind, subject, at, claims: vec![], reservations: vec![], payload };
    drop(block_on(world.list.append(entry)).unwrap());
    assert_eq!(under_way(&world.door())[0].attempts, [world.sent_as()[0], transaction]);
}

#[test]
fn a_signature_that_cannot_be_written_down_does_not_leave() {
    let world = World::elsewhere();
    let door = world.door();
    world.fails_at(EntryKind::Noted);
    let error = block_on(door.offer(draft(1), planner()));
    assert!(error.is_ok(), "it is refused, and dropped");
    assert!(world.sent().is_empty() && written(&world).is_empty());
    assert!(block_on(world.list.open_intents()).unwrap().is_empty());
}

#[test]
fn what_never_left_and_can_never_be_mined_is_dropped() {
    let world = World::elsewhere();
    drop(block_on(world.door().offer(draft(1), planner())).unwrap());
    world.sender.lane.lock().unwrap().standing = Some(Standing::Superseded);
    assert!(block_on(world.door().recover()).unwrap().is_empty());
    assert!(block_on(world.list.open_intents()).unwrap().is_empty());
}

#[test]
fn no_text_shows_a_signature() {
    let signature = KeptSignature { transaction: B256::repeat_byte(1), signature: vec![0xab; 65].into() };
    assert!(!format!("{signature:?}").contains("abab"));
}
