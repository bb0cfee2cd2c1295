//! Whom to ask, and whom to believe about the head. No IO.

use agent_core::units::BlockNumber;

use super::status::NodeState;

/// What the choice depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) state: NodeState,
    pub(super) head: Option<BlockNumber>,
}

/// The nodes to ask, best first: by state, then the one in use, then by head. Among good nodes the one in use stays, so
/// that a series of questions is answered by one node where that is possible.
pub(super) fn order(nodes: &[Candidate], in_use: usize) -> Vec<usize> {
    let mut ranked: Vec<_> = nodes
        .iter()
        .enumerate()
        .filter_map(|(place, node)| {
            let rank = node.state.rank()?;
            let newest_first = u64::MAX.saturating_sub(node.head.map_or(0, |head| head.0));
            // Among good nodes the one in use; among poor ones the one that knows most.
            let sticky = node.state == NodeState::Alive && place != in_use;
            Some(((rank, sticky, newest_first, place != in_use), place))
        })
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, place)| place).collect()
}

/// The newest head that `quorum` of the nodes have reached, of those that are believed; the newest there is when fewer
/// have one.
pub(super) fn best_head(heads: impl Iterator<Item = BlockNumber>, quorum: usize) -> Option<BlockNumber> {
    let mut heads: Vec<_> = heads.collect();
    heads.sort_unstable_by(|one, other| other.cmp(one));
    let place = if heads.len() < quorum { 0 } else { quorum.saturating_sub(1) };
    heads.get(place).copied()
}

/// Whose block at one height is another than that of more than half of those who have one: `None` for who has none, or
/// where no block has so many.
pub(super) fn forked<H: PartialEq>(blocks: &[Option<H>]) -> Vec<Option<bool>> {
    let known = blocks.iter().flatten().count();
    let has_majority =
        |block: &H| blocks.iter().flatten().filter(|other| *other == block).count().saturating_mul(2) > known;
    let majority = blocks.iter().flatten().find(|block| has_majority(block));
    blocks.iter().map(|block| Some(block.as_ref()? != majority?)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn check(nodes: &[(NodeState, u64)], in_use: usize, expected: &[usize]) {
        let nodes: Vec<_> = nodes
            .iter()
            .map(|(state, head)| Candidate { state: *state, head: Some(BlockNumber(*head)) })
            .collect();
        assert_eq!(order(&nodes, in_use), expected, "{nodes:?}");
    }

    #[test]
    fn the_healthiest_with_the_newest_head_first_and_who_is_in_use_stays() {
        use NodeState::{Alive, Lagging, OnFork, Quarantined, RateLimited, Stalled, Unreachable, WrongChain};
        let left = Duration::from_secs(1);
        check(&[(Alive, 10), (Alive, 11), (Alive, 9)], 0, &[0, 1, 2]);
        check(&[(Alive, 10), (Alive, 11), (Alive, 9)], 2, &[2, 1, 0]);
        check(&[(Lagging { blocks: 9 }, 10), (Alive, 19)], 0, &[1, 0]);
        check(&[(Unreachable, 10), (Stalled { silent: left }, 9), (OnFork, 12)], 0, &[1, 2, 0]);
        // The last that answers nothing is asked all the same; who lied, is of another chain or rests is not.
        check(&[(Unreachable, 10)], 0, &[0]);
        check(
            &[
                (Quarantined { left }, 10),
                (WrongChain { found: agent_core::units::ChainId(5) }, 10),
                (RateLimited { left }, 10),
                (Unreachable, 0),
            ],
            0,
            &[3],
        );
        // None is good: the one that knows most, not the one in use.
        check(&[(Lagging { blocks: 9 }, 10), (Lagging { blocks: 4 }, 15)], 0, &[1, 0]);
    }

    #[test]
    fn one_node_cannot_make_up_the_best_head() {
        let best = |heads: &[u64], quorum| best_head(heads.iter().copied().map(BlockNumber), quorum);
        assert_eq!(best(&[100, 101, 1_000_000], 2), Some(BlockNumber(101)));
        assert_eq!(best(&[100, 101], 1), Some(BlockNumber(101)));
        assert_eq!(best(&[100], 2), Some(BlockNumber(100)));
        assert_eq!(best(&[], 2), None);
    }

    #[test]
    fn only_a_majority_says_who_is_on_a_fork() {
        assert_eq!(forked(&[Some(1), Some(1), Some(2)]), [Some(false), Some(false), Some(true)]);
        assert_eq!(forked(&[Some(1), None, Some(1)]), [Some(false), None, Some(false)]);
        assert_eq!(forked(&[Some(1), Some(2)]), [None, None]);
        assert_eq!(forked::<u8>(&[None, None]), [None, None]);
    }

    proptest! {
        #[test]
        fn every_node_that_may_be_asked_is_in_the_order_once(
            nodes in prop::collection::vec((0u8..4, 0u64..5), 0..6), in_use in 0usize..6,
        ) {
            let state = |kind| match kind {
                0 => NodeState::Alive,
                1 => NodeState::Unreachable,
                2 => NodeState::Lagging { blocks: 3 },
                _ => NodeState::Quarantined { left: Duration::MAX },
            };
            let nodes: Vec<_> = nodes
                .into_iter()
                .map(|(kind, head)| Candidate { state: state(kind), head: Some(BlockNumber(head)) })
                .collect();
            let mut places = order(&nodes, in_use);
            prop_assert!(places.is_sorted_by_key(|place| nodes[*place].state.rank()));
            places.sort_unstable();
            let expected: Vec<_> = (0..nodes.len()).filter(|place| nodes[*place].state.rank().is_some()).collect();
            prop_assert_eq!(places, expected);
        }
    }
}
