//! Stories of one node, each a table of what happened and what it is good for then.

use NodeState::{
    Ahead, Alive, Lagging, OnFork, Quarantined, RateLimited, Stalled, Unreachable, Untried, WrongChain,
};
use agent_core::units::{BlockRef, Timestamp};
use alloy::primitives::B256;
use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules { lag_allowed: 2, stall_after: secs(10) };

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn head(number: u64) -> Input {
    let hash = B256::left_padding_from(&number.to_be_bytes());
    let block = BlockRef { number: BlockNumber(number), hash, timestamp: Timestamp(number) };
    Input::Head(Head { block, parent: B256::ZERO, base_fee: 0 })
}

const fn limited(after: u64) -> Input {
    Input::Limited { after: Some(secs(after)), chance: 0 }
}

/// Each step: at which second, what happened, where the others are, and what the node is good for right after.
fn check(story: &[(u64, Input, u64, NodeState)]) {
    let mut health = Health::new();
    for (step, (at, input, best, expected)) in story.iter().enumerate() {
        health.take(secs(*at), *input);
        let state = health.state(secs(*at), Some(BlockNumber(*best)), &RULES);
        assert_eq!(state, *expected, "step {step} of {story:?}");
    }
}

#[test]
fn a_node_without_a_head_is_untried_and_one_at_the_head_alive() {
    check(&[(0, Input::Answered, 5, Untried), (1, head(5), 5, Alive), (2, head(6), 6, Alive)]);
}

#[test]
fn behind_by_more_than_is_allowed_is_lagging_until_it_has_caught_up() {
    check(&[
        (0, head(5), 7, Alive),
        (1, Input::Answered, 8, Lagging { blocks: 3 }),
        (2, head(8), 11, Lagging { blocks: 3 }),
        (3, head(11), 12, Alive),
    ]);
}

#[test]
fn far_ahead_of_what_a_quorum_has_is_not_believed_first() {
    check(&[(0, head(7), 5, Alive), (1, head(8), 5, Ahead { blocks: 3 }), (2, head(9), 8, Alive)]);
}

#[test]
fn no_new_head_for_too_long_is_stalled_however_well_it_answers() {
    check(&[
        (0, head(5), 5, Alive),
        (9, head(5), 5, Alive),
        (9, Input::Answered, 5, Alive),
        (10, head(5), 5, Stalled { silent: secs(10) }),
        (30, Input::Answered, 50, Stalled { silent: secs(30) }),
        (31, head(50), 50, Alive),
    ]);
}

#[test]
fn a_reorg_to_the_same_height_is_a_new_head() {
    let other = {
        let Input::Head(mut head) = head(5) else { panic!() };
        head.block.hash = B256::repeat_byte(7);
        Input::Head(head)
    };
    check(&[
        (0, head(5), 5, Alive),
        (9, other, 5, Alive),
        (18, head(5), 5, Alive),
        (28, Input::Answered, 5, Stalled { silent: secs(10) }),
    ]);
}

#[test]
fn three_failures_in_a_row_are_unreachable_and_one_answer_is_back() {
    check(&[
        (0, head(5), 5, Alive),
        (1, Input::Failed, 5, Alive),
        (2, Input::Failed, 5, Alive),
        (3, Input::Failed, 5, Unreachable),
        (4, Input::Failed, 5, Unreachable),
        (5, Input::Answered, 5, Alive),
        // Once back, it is not trusted for long.
        (6, Input::Failed, 5, Alive),
        (6, Input::Failed, 5, Unreachable),
    ]);
}

#[test]
fn failures_add_up_despite_successes_between() {
    let mut story = vec![(0, head(5), 5, Alive)];
    for second in 0..4 {
        story.push((second, Input::Failed, 5, Alive));
        story.push((second, Input::Answered, 5, Alive));
    }
    story.push((5, Input::Failed, 5, Unreachable));
    check(&story);
}

#[test]
fn one_failure_among_many_successes_is_nothing() {
    let mut story = vec![(0, head(5), 5, Alive)];
    for _ in 0..50 {
        story.extend([
            (1, Input::Failed, 5, Alive),
            (1, Input::Answered, 5, Alive),
            (1, Input::Answered, 5, Alive),
        ]);
    }
    check(&story);
}

#[test]
fn a_rest_that_was_asked_for_is_kept() {
    check(&[
        (0, head(5), 5, Alive),
        (1, limited(4), 5, RateLimited { left: secs(4) }),
        // A request that was under way, and a shorter rest, change nothing.
        (2, Input::Answered, 5, RateLimited { left: secs(3) }),
        (2, limited(1), 5, RateLimited { left: secs(3) }),
        (4, head(6), 6, RateLimited { left: secs(1) }),
        (5, head(7), 7, Alive),
        // Nobody rests for a year because a node said so.
        (6, limited(31_536_000), 7, RateLimited { left: LONGEST_REST }),
    ]);
}

#[test]
fn rests_that_name_no_time_double() {
    let mut health = Health::new();
    let rests = [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000].map(Duration::from_millis);
    for left in rests {
        health = Health { rest_until: None, ..health };
        health.take(secs(1), Input::Limited { after: None, chance: 0 });
        assert_eq!(health.state(secs(1), None, &RULES), RateLimited { left });
    }
    health.take(secs(2), Input::Answered);
    health.rest_until = None;
    health.take(secs(2), Input::Limited { after: None, chance: 0 });
    assert_eq!(health.state(secs(2), None, &RULES), RateLimited { left: Duration::from_millis(250) });
}

#[test]
fn a_wrong_chain_is_for_good() {
    let wrong = WrongChain { found: ChainId(5) };
    check(&[
        (0, head(5), 5, Alive),
        (1, Input::WrongChain(ChainId(5)), 5, wrong),
        (2, head(6), 6, wrong),
        (3, Input::Answered, 6, wrong),
        (100_000, Input::Fork(false), 6, wrong),
    ]);
}

#[test]
fn a_lie_is_quarantine_and_the_next_one_twice_as_long() {
    check(&[
        (0, head(5), 5, Alive),
        (1, Input::Lied, 5, Quarantined { left: secs(600) }),
        (2, Input::Answered, 5, Quarantined { left: secs(599) }),
        (601, head(6), 6, Alive),
        (602, Input::Lied, 6, Quarantined { left: secs(1_200) }),
    ]);
}

#[test]
fn the_third_nothing_in_a_row_is_a_lie() {
    check(&[
        (0, head(5), 5, Alive),
        (1, Input::Empty, 5, Alive),
        (1, Input::Empty, 5, Alive),
        (1, Input::Agreed, 5, Alive),
        (1, Input::Empty, 5, Alive),
        (1, Input::Empty, 5, Alive),
        (1, Input::Empty, 5, Quarantined { left: secs(600) }),
    ]);
}

#[test]
fn a_fork_that_the_majority_has_not_is_left_when_it_is_over() {
    check(&[
        (0, head(5), 5, Alive),
        (1, Input::Fork(true), 5, OnFork),
        (2, head(6), 6, OnFork),
        (3, Input::Fork(false), 6, Alive),
    ]);
}

fn inputs() -> impl Strategy<Value = Input> {
    prop_oneof![
        4 => Just(Input::Answered),
        4 => Just(Input::Failed),
        1 => (prop::option::of(0u64..1_000), any::<u32>())
            .prop_map(|(after, chance)| Input::Limited { after: after.map(secs), chance }),
        1 => Just(Input::WrongChain(ChainId(9))),
        6 => (0u64..20).prop_map(head),
        1 => Just(Input::Agreed),
        1 => Just(Input::Empty),
        1 => Just(Input::Lied),
        1 => any::<bool>().prop_map(Input::Fork),
    ]
}

proptest! {
    /// Whatever happened before: a wrong chain stays; and unless it is that, a node that answers with a moving head, and
    /// is silent about nothing, is good again within the longest quarantine.
    #[test]
    fn every_state_but_a_wrong_chain_is_left_again(story in prop::collection::vec((0u64..100, inputs()), 0..60)) {
        let (mut health, mut now) = (Health::new(), 0u64);
        for (pause, input) in &story {
            now = now.saturating_add(*pause);
            health.take(secs(now), *input);
            let state = health.state(secs(now), Some(BlockNumber(10)), &RULES);
            prop_assert_eq!(health.wrong_chain.is_some(), matches!(state, WrongChain { .. }));
        }
        let wrong = story.iter().any(|(_, input)| matches!(input, Input::WrongChain(_)));
        let later = secs(now).saturating_add(LONGEST_QUARANTINE);
        for input in [Input::Answered, Input::Fork(false), head(1_000)] {
            health.take(later, input);
        }
        let state = health.state(later, Some(BlockNumber(1_000)), &RULES);
        prop_assert_eq!(state == Alive, !wrong, "{:?}", state);
    }

    /// A rest is never longer than asked for and a quarter, nor, unnamed, than the longest.
    #[test]
    fn rests_have_an_end(after in prop::option::of(0u64..10_000), chance: u32, before in 0usize..40) {
        let mut health = Health::new();
        for _ in 0..before {
            health.rest(None, chance);
        }
        let rest = health.rest(after.map(secs), chance);
        let most = after.map_or(RESTS.1, |after| secs(after).min(LONGEST_REST).mul_f64(1.26));
        prop_assert!(rest <= most, "{rest:?} {most:?}");
        prop_assert!(after.is_none_or(|after| rest >= secs(after).min(LONGEST_REST)));
    }
}
