//! The sweep: what the policy asks for, at the door like everything else.

use agent_core::{
    Action, Draft, Maintenance, Origin, Refusal, StandDown,
    ports::{Command, Door as _, EntryKind, Journal as _, Sequence},
    units::Timestamp,
};
use alloy_primitives::{Address, U256};
use expect_test::expect;
use futures::executor::block_on;

use super::world::{World, known, unknown};
use crate::{Door, scripted::*};

fn sweeping(world: &World) -> Door {
    world.door_under(policy_of_sweeps())
}

/// What there is to sweep of so much USDC at this time.
fn sweep(usdc: u64, now: u64) -> Draft {
    let sweep = policy_of_sweeps().sweeps().next().unwrap();
    let balances = [U256::from(usdc), U256::ZERO];
    let answers = balances.map(|balance| Ok(balance.to_be_bytes::<32>().to_vec().into()));
    sweep.drafts(&answers, Timestamp(now)).remove(0)
}

fn withdraw(token: Address, raw: u64, to: Address) -> Draft {
    Draft {
        action: Action::Maintain(Maintenance::Withdraw { token, raw: U256::from(raw), to }),
        ..sweep(LOAN, NOW)
    }
}

#[test]
fn a_sweep_is_let_through_and_pays_from_its_own_budgets() {
    let world = World::new();
    let door = sweeping(&world);
    world.settles(settled());
    assert!(world.passes(&door, sweep(LOAN, NOW), Origin::Sweep));
    let stored = block_on(world.list.read(Sequence(0), 100)).unwrap();
    let recorded = stored.iter().find(|stored| stored.entry.kind == EntryKind::Recorded).unwrap();
    let budgets: Vec<_> =
        recorded.entry.reservations.iter().map(|kept| (kept.budget.as_str(), kept.window)).collect();
    assert_eq!(budgets, [("gas/all", 3_600), ("gas//sweep", 3_600), (&*format!("sweep//sweep/{USDC}"), 600)]);
    assert_eq!(door.status().books[0].strategy, "sweep");
}

#[test]
fn only_what_the_policy_has_swept_is_swept() {
    let refused = |draft: Draft, origin| {
        let world = World::new();
        let refusal = world.refused(&sweeping(&world), draft, origin).to_string();
        assert!(world.sent().is_empty());
        refusal
    };
    expect!["recipient 0x6666666666666666666666666666666666666666 is not allowed by the policy"]
        .assert_eq(&refused(withdraw(USDC, LOAN, STRANGER), Origin::Sweep));
    expect!["token 0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa is not in the policy"]
        .assert_eq(&refused(withdraw(POOL, LOAN, SAFE), Origin::Sweep));
    expect!["token 0x0000000000000000000000000000000000000000 is not in the policy"]
        .assert_eq(&refused(withdraw(Address::ZERO, LOAN, SAFE), Origin::Sweep));
    expect![
        "what is too little to be swept is over its limit: 49.999999 USDC asked, from 50 USDC on allowed"
    ]
    .assert_eq(&refused(withdraw(USDC, 49_999_999, SAFE), Origin::Sweep));
    let other = Draft { strategy: "arb".into(), ..sweep(LOAN, NOW) };
    expect!["strategy arb is not in the policy"].assert_eq(&refused(other, Origin::Sweep));
    let ownership = Action::Maintain(Maintenance::TransferOwnership { to: SAFE });
    expect!["only the operator may ask for this"]
        .assert_eq(&refused(Draft { action: ownership, ..sweep(LOAN, NOW) }, Origin::Sweep));
    // Who sweeps does nothing else, and nobody else sweeps.
    expect!["only the operator may ask for this"].assert_eq(&refused(draft(1), Origin::Sweep));
    expect!["only the operator may ask for this"]
        .assert_eq(&refused(Draft { strategy: "sweep".into(), ..draft(1) }, planner()));
    expect!["only the operator may ask for this"].assert_eq(&refused(sweep(LOAN, NOW), planner()));
    let world = World::new();
    assert!(matches!(
        world.refused(&world.door(), sweep(LOAN, NOW), Origin::Sweep),
        Refusal::StrategyNotAllowed(_)
    ));
}

#[test]
fn a_token_is_swept_once_in_its_time() {
    let world = World::new();
    let door = sweeping(&world);
    // In a block each, the last of a stretch and the first of the next.
    world.at(NOW + 190);
    world.settles(agent_core::Settlement::Settled(mined(NOW + 195)));
    assert!(world.passes(&door, sweep(LOAN, NOW + 190), Origin::Sweep));
    assert_eq!(world.refused(&door, sweep(LOAN, NOW + 190), Origin::Sweep), Refusal::AlreadyTaken);
    world.at(NOW + 210);
    let soon = sweep(LOAN, NOW + 210);
    assert_ne!(soon.id, sweep(LOAN, NOW + 190).id);
    assert!(matches!(world.refused(&door, soon, Origin::Sweep), Refusal::OverLimit { .. }));
    assert!(matches!(
        world.refused(&sweeping(&world), sweep(LOAN, NOW + 210), Origin::Sweep),
        Refusal::OverLimit { .. }
    ));
    world.at(NOW + 800);
    assert!(world.passes(&door, sweep(LOAN, NOW + 800), Origin::Sweep));
    assert_eq!(world.sent().len(), 2);
}

#[test]
fn a_sweep_waits_for_what_is_under_way() {
    let world = World::new();
    let door = sweeping(&world);
    assert!(world.passes(&door, draft(1), planner()), "and stays under way");
    let refusal = world.refused(&door, sweep(LOAN, NOW), Origin::Sweep);
    expect!["transactions of its lane under way beside a sweep is over its limit: 1 asked, 0 allowed"]
        .assert_eq(&refusal.to_string());
    assert_eq!(world.sent().len(), 1);
}

#[test]
fn a_sweep_is_stood_down_and_killed_like_everything_else() {
    let world = World::new();
    let door = sweeping(&world);
    let rest = |class: &str| StandDown {
        class: class.into(),
        until: Timestamp(NOW + 50),
        why: "a feed is stale".into(),
        by: Origin::Operator,
    };
    for class in ["sweep", "sweep/USDC", "*"] {
        world.command(&door, Command::StandDown(rest(class)), Origin::Operator).unwrap();
        let refusal = world.refused(&door, sweep(LOAN, NOW), Origin::Sweep);
        assert!(matches!(refusal, Refusal::StoodDown { .. }), "{refusal}");
        world.command(&door, Command::Resume { class: class.into() }, Origin::Operator).unwrap();
    }
    world.kill.latch().unwrap();
    assert_eq!(world.refused(&door, sweep(LOAN, NOW), Origin::Sweep), Refusal::Killed);
    assert!(world.sent().is_empty());
}

/// Recorded and not sent: given up, and its time is free again. Sent: followed to its end. One lands in either case.
#[test]
fn a_crash_sweeps_once() {
    for was_sent in [false, true] {
        let world = World::new();
        let door = sweeping(&world);
        drop(block_on(door.offer(sweep(LOAN, NOW), Origin::Sweep)).unwrap());
        let first = world.sent().remove(0);
        if !was_sent {
            let mut lane = world.sender.lane.lock().unwrap();
            lane.sent.clear();
            lane.quote = Some(quote());
        }
        world.sender.lane.lock().unwrap().standing = Some(if was_sent { known() } else { unknown() });
        world.settles(settled());
        let door = sweeping(&world);
        for underway in block_on(door.recover()).unwrap() {
            block_on(underway.outcome).unwrap();
        }
        world.settles(settled());
        // What is left would be swept with the next look.
        let again = world.passes(&door, sweep(LOAN, NOW), Origin::Sweep);
        let swept = world.sent().iter().filter(|sent| sent.data == first.data).count();
        assert_eq!((again, swept), (!was_sent, 1));
        assert_eq!(world.sent()[0].nonce, 7);
    }
}
