//! Two keys at work: neither waits for the other, neither acts for the other, and both live on one budget.

use std::sync::{Arc, Mutex};

use super::world::{World, known, unknown};
use crate::{Door, DoorPorts, Page, Policy, Recorded, RecordedPage, Senders, scripted::*};
use agent_core::{
    Action, Call, Draft, OrderId, Origin, OutsideMandate, Refusal, StandingOrder,
    ports::{
        BoxFuture, Command, Door as _, EntryKind, Followed, Journal as _, Offered, Quote, Sender,
        SenderError, Sent, Sequence, Standing,
    },
    units::Asset,
};
use alloy_primitives::Address;
use expect_test::{Expect, expect};
use futures::{
    executor::block_on,
    future::{join, join_all, poll_immediate},
    pin_mut,
};

/// A sender of the default lane that is asked to send, and never comes back.
struct Silent(Arc<ScriptedSender>);

impl Sender<Recorded> for Silent {
    fn quote(&self) -> BoxFuture<'_, Result<Quote, SenderError>> {
        self.0.quote()
    }

    fn send(&self, _: Recorded) -> BoxFuture<'_, Result<Sent, SenderError>> {
        Box::pin(std::future::pending())
    }

    fn find<'a>(&'a self, recorded: &'a Recorded) -> BoxFuture<'a, Result<Standing, SenderError>> {
        self.0.find(recorded)
    }

    fn follow(&self, attempts: Vec<Sent>, watch: Vec<(Address, Asset)>) -> BoxFuture<'static, Followed> {
        self.0.follow(attempts, watch)
    }
}

fn nonces(sender: &ScriptedSender) -> Vec<(Address, u64)> {
    let lane = sender.lane.lock().unwrap();
    lane.sent.iter().map(|transaction| (transaction.from, transaction.nonce)).collect()
}

#[test]
fn what_hangs_in_one_lane_holds_up_nothing_of_another() {
    let world = World::new();
    let ports = world.ports();
    let senders =
        Senders::one(KEY, Arc::new(Silent(world.sender.clone()))).with("fast", FAST_KEY, world.fast.clone());
    let door = block_on(Door::open(policy_of_lanes(), DoorPorts { senders, ..ports })).unwrap();
    let hangs = door.offer(draft(1), planner());
    pin_mut!(hangs);
    for _ in 0..20 {
        assert!(block_on(poll_immediate(&mut hangs)).is_none());
    }
    assert_eq!(door.status().under_way.len(), 1, "it is recorded, and hangs where it is signed");
    let behind = door.offer(draft(2), planner());
    pin_mut!(behind);
    assert!(block_on(poll_immediate(&mut behind)).is_none(), "its own lane waits");

    world.fast.lane.lock().unwrap().settlements.push_back(settled());
    let Offered::Underway(underway) = block_on(door.offer(fast(3), planner())).unwrap() else {
        panic!("refused")
    };
    block_on(underway.outcome).unwrap();
    assert_eq!(nonces(&world.fast), [(FAST_KEY, 3)]);
    world.command(&door, Command::Arm(order()), Origin::Operator).unwrap();
    assert_eq!(door.orders().len(), 1, "commands wait for no lane");
}

#[test]
fn a_stuck_transaction_is_its_own_lanes_business() {
    let world = World::new();
    let door = world.door_of_lanes();
    assert!(world.passes(&door, draft(1), planner()), "and stays where it is");
    for seed in 2..=3 {
        world.fast.lane.lock().unwrap().settlements.push_back(settled());
        let Offered::Underway(underway) = block_on(door.offer(fast(seed), planner())).unwrap() else {
            panic!("refused")
        };
        block_on(underway.outcome).unwrap();
    }
    assert_eq!(door.status().under_way.len(), 1);
    assert_eq!(
        (nonces(&world.sender), nonces(&world.fast)),
        (vec![(KEY, 7)], vec![(FAST_KEY, 3), (FAST_KEY, 4)])
    );
}

#[test]
fn each_lane_has_its_own_nonces_executor_and_watched_balances() {
    let world = World::new();
    let door = world.door_of_lanes();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    world.simulator.answers(move |request| {
        let mut holders: Vec<_> = request.watch.iter().map(|(holder, _)| *holder).collect();
        holders.dedup();
        let ahead: Vec<_> = request.ahead.iter().map(|ahead| (ahead.frame.from, ahead.nonce)).collect();
        seen.lock().unwrap().push((request.frame.from, request.frame.to, holders, ahead));
        success(request)
    });
    assert!(world.passes(&door, draft(1), planner()) && world.passes(&door, fast(2), planner()));
    assert_eq!(
        *asked.lock().unwrap(),
        [
            (KEY, Some(EXECUTOR), vec![EXECUTOR, KEY], vec![]),
            (FAST_KEY, Some(FAST_EXECUTOR), vec![FAST_EXECUTOR, FAST_KEY], vec![]),
        ]
    );
    assert_eq!((nonces(&world.sender), nonces(&world.fast)), (vec![(KEY, 7)], vec![(FAST_KEY, 3)]));
    let status = door.status();
    let lanes: Vec<_> =
        status.lanes.iter().map(|lane| (lane.name.as_str(), lane.key, lane.next_nonce)).collect();
    assert_eq!(lanes, [("default", KEY, Some(8)), ("fast", FAST_KEY, Some(4))]);
    let under_way: Vec<_> = status.under_way.iter().map(|pending| (pending.key, pending.nonce)).collect();
    assert_eq!(under_way, [(KEY, 7), (FAST_KEY, 3)]);
}

#[test]
fn a_sender_of_another_key_than_its_lanes_signs_nothing() {
    let world = World::new();
    let door = world.door_of_lanes();
    world.fast.lane.lock().unwrap().quote.as_mut().unwrap().from = KEY;
    let refusal = world.refused(&door, fast(1), planner());
    expect!["sender is unavailable: it quotes for 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0, and the lane's key is 0xf1f1f1F1f1f1F1F1f1F1f1F1F1F1F1f1F1f1f1F1"].assert_eq(&refusal.to_string());
}

#[test]
fn another_lanes_executor_is_a_stranger() {
    let world = World::new();
    let door = world.door_of_lanes();
    let mut draft = fast(1);
    let Action::Execute(intent) = &mut draft.action else { panic!("maintenance") };
    intent.calls.push(Call { target: EXECUTOR, spend: None, data: selector("acceptOwnership()") });
    let refusal = world.refused(&door, draft, planner());
    assert!(matches!(refusal, Refusal::CallNotAllowed { target: EXECUTOR, .. }), "{refusal}");
}

#[test]
fn both_lanes_together_keep_within_what_is_in_flight() {
    let world = World::new();
    let door = world.door_of_lanes();
    let offers = (1..=8).map(|seed| if seed % 2 == 0 { fast(seed) } else { draft(seed) });
    let offered = block_on(join_all(offers.map(|draft| door.offer(draft, planner()))));
    let underway = offered.iter().filter(|offered| matches!(offered, Ok(Offered::Underway(_)))).count();
    assert_eq!(underway, 2, "the policy has room for two");
    assert_eq!(nonces(&world.sender).len() + nonces(&world.fast).len(), 2);
}

#[test]
fn both_lanes_together_keep_within_a_budget() {
    let world = World::new();
    let door = world.door_of_lanes();
    // 600 USDC each, and 2,000 in the window: three fit, whichever lane they go.
    let offer = |mut draft: Draft| {
        super::world::borrows(&mut draft, 600_000_000);
        let door = &door;
        async move {
            match door.offer(draft, planner()).await.unwrap() {
                Offered::Underway(underway) => underway.outcome.await.is_ok(),
                Offered::Refused(_) | Offered::Asked(_) => false,
            }
        }
    };
    let mut done = 0;
    for round in 0..4 {
        for sender in [&world.sender, &world.fast] {
            sender.lane.lock().unwrap().settlements.push_back(settled());
        }
        let (own, other) = block_on(join(offer(draft(2 * round + 1)), offer(fast(2 * round + 2))));
        done += usize::from(own) + usize::from(other);
    }
    assert_eq!((done, nonces(&world.sender).len() + nonces(&world.fast).len()), (3, 3));
}

#[test]
fn both_lanes_together_use_an_order_up() {
    let world = World::new();
    let door = world.door_of_lanes();
    let once = StandingOrder { uses: 1, ..order() };
    world.command(&door, Command::Arm(once), Origin::Operator).unwrap();
    let offered = block_on(join(door.offer(draft(1), reflex()), door.offer(fast(2), reflex())));
    let underway = [offered.0.unwrap(), offered.1.unwrap()];
    assert_eq!(underway.iter().filter(|offered| matches!(offered, Offered::Underway(_))).count(), 1);
}

/// Whatever an offer was at when its order was disarmed, nothing is recorded under it after the door has said that it is.
#[test]
fn nothing_is_recorded_under_an_order_that_is_disarmed() {
    let mut refused = 0;
    for steps in 0..30 {
        let world = World::new();
        let door = world.door_of_lanes();
        world.command(&door, Command::Arm(order()), Origin::Operator).unwrap();
        let disarm = async {
            for _ in 0..steps {
                breathe().await;
            }
            door.command(Command::Disarm(OrderId("o".into())), Origin::Operator).await.unwrap().unwrap();
        };
        let (offered, ()) = block_on(join(door.offer(fast(1), reflex()), disarm));
        let kinds = world.kinds();
        let disarmed = kinds.iter().rposition(|kind| *kind == EntryKind::Order).unwrap();
        let recorded = kinds.iter().position(|kind| *kind == EntryKind::Recorded);
        assert!(recorded.is_none_or(|recorded| recorded < disarmed), "{steps}: {kinds:?}");
        match offered.unwrap() {
            Offered::Refused(Refusal::OutsideMandate(OutsideMandate::NotArmed)) => refused += 1,
            Offered::Underway(_) => assert!(recorded.is_some()),
            other @ (Offered::Refused(_) | Offered::Asked(_)) => panic!("{other:?}"),
        }
    }
    assert!(refused > 0, "it was disarmed in time at least once");
}

#[test]
fn a_restart_finds_each_lanes_own() {
    let world = World::new();
    let door = world.door_of_lanes();
    for draft in [draft(1), fast(2)] {
        drop(block_on(door.offer(draft, planner())).unwrap());
    }
    for (sender, quote, standing) in [
        (&world.sender, quote(), known()),
        (&world.fast, Quote { from: FAST_KEY, nonce: 3, ..quote() }, unknown()),
    ] {
        let mut lane = sender.lane.lock().unwrap();
        lane.sent.clear();
        (lane.quote, lane.standing) = (Some(quote), Some(standing));
        lane.settlements.push_back(settled());
    }
    let door = world.door_of_lanes();
    let underway = block_on(door.recover()).unwrap();
    assert_eq!(underway.len(), 2);
    for underway in underway {
        block_on(underway.outcome).unwrap();
    }
    assert_eq!(
        (nonces(&world.sender), nonces(&world.fast)),
        (vec![], vec![(FAST_KEY, 3)]),
        "the unknown one again"
    );
    assert!(door.status().under_way.is_empty());
    // What was mined counts for its own key only.
    assert!(world.passes(&door, draft(3), planner()) && world.passes(&door, fast(4), planner()));
    assert_eq!(
        (nonces(&world.sender), nonces(&world.fast)),
        (vec![(KEY, 8)], vec![(FAST_KEY, 3), (FAST_KEY, 4)])
    );
}

#[test]
fn what_one_lane_cannot_find_out_keeps_no_other_from_its_own() {
    let world = World::new();
    let door = world.door_of_lanes();
    for draft in [draft(1), fast(2)] {
        drop(block_on(door.offer(draft, planner())).unwrap());
    }
    world.sender.lane.lock().unwrap().standing = None;
    world.fast.lane.lock().unwrap().standing = Some(known());
    let door = world.door_of_lanes();
    world.trace.take();
    assert_eq!(block_on(door.recover()).unwrap().len(), 1);
    let warned =
        |line: &String| line.starts_with("- warned: cannot find out where a recorded transaction stands");
    assert!(world.trace.take().iter().any(warned));
    assert_eq!(door.status().under_way.len(), 2, "it keeps its place");
}

/// A lane that is gone from the policy leaves its transactions where they are.
#[test]
fn what_a_lane_that_is_gone_has_open_stays_open() {
    let world = World::new();
    let door = world.door_of_lanes();
    drop(block_on(door.offer(fast(1), planner())).unwrap());
    world.trace.take();
    let door = world.door();
    let told = world.trace.take();
    let sentence = format!(
        "- warned: the journal holds a transaction of the key {FAST_KEY} open, and no lane has that key"
    );
    assert!(told.last().is_some_and(|line| line.starts_with(&sentence)), "{told:?}");
    world.sender.lane.lock().unwrap().standing = Some(known());
    assert!(block_on(door.recover()).unwrap().is_empty());
    assert_eq!(block_on(world.list.open_intents()).unwrap().len(), 1);
}

/// Somebody who can write the journal's file moves a strategy's draft into another lane.
#[test]
fn a_forged_record_of_a_strategy_in_another_lane_is_given_up() {
    let world = World::new();
    let door = world.door_of_lanes();
    drop(block_on(door.offer(fast(1), planner())).unwrap());
    let mut stored = block_on(world.list.read(Sequence(0), 100)).unwrap();
    let recorded = stored.iter_mut().find(|stored| stored.entry.kind == EntryKind::Recorded).unwrap();
    let Page::Recorded(mut page) = Page::of(recorded).unwrap() else { panic!("another page") };
    page.draft.strategy = "arb".into();
    recorded.entry.payload = Page::Recorded(Box::new(RecordedPage { ..*page })).bytes().unwrap();
    let world = World { list: Arc::new(agent_core::scripted::ListJournal::holding(stored)), ..world };
    let mut lane = world.fast.lane.lock().unwrap();
    lane.sent.clear();
    (lane.quote, lane.standing) = (Some(Quote { from: FAST_KEY, nonce: 3, ..quote() }), Some(unknown()));
    drop(lane);
    let _underway = block_on(world.door_of_lanes().recover()).unwrap();
    let sent = world.fast.lane.lock().unwrap().sent.clone();
    assert_eq!(sent.len(), 1);
    assert_eq!(
        (sent[0].to, sent[0].nonce, sent[0].data.len()),
        (Some(FAST_KEY), 3, 0),
        "nothing in its place"
    );
}

#[track_caller]
fn unfit(policy: Policy, senders: impl FnOnce(Senders, Arc<ScriptedSender>) -> Senders, sentence: Expect) {
    let world = World::new();
    let ports = world.ports();
    let senders = senders(ports.senders.clone(), world.fast.clone());
    let error = block_on(Door::open(policy, DoorPorts { senders, ..ports })).unwrap_err();
    sentence.assert_eq(&error.to_string());
    assert!(world.trace.take().is_empty(), "nothing was opened");
}

#[test]
fn every_lane_has_one_key_of_its_own() {
    unfit(
        policy_of_lanes(),
        |own, _| own,
        expect!["lane fast of the policy has no key; name one, or remove the lane"],
    );
    unfit(
        policy(),
        |own, fast| own.with("fast", FAST_KEY, fast),
        expect!["the policy has no lane fast, for which there is a key; add the lane there"],
    );
    unfit(
        policy_of_lanes(),
        |own, fast| own.with("fast", KEY, fast),
        expect![
            "lanes default and fast have one key 0xF0F0F0f0f0F0F0f0f0F0f0f0f0f0F0F0f0f0f0F0; give each its own"
        ],
    );
}
