//! The lane's nonces: which one is next, given what the node knows and what the door itself holds.

/// The next nonce to use: the lowest that is free. `unknown` is the lowest for which the node knows no transaction, its pool
/// included; `held` are those of our own open intents, which the node may not know (yet, or any more); below `floor` our own
/// are mined, whatever a node that lags says.
///
/// What was dropped without ever having been signed leaves its nonce free, so that the next transaction closes the gap. What
/// may have been signed keeps it until something is mined there.
pub(crate) fn next(unknown: u64, floor: u64, held: impl IntoIterator<Item = u64>) -> u64 {
    let mut held: Vec<u64> = held.into_iter().collect();
    held.sort_unstable();
    held.into_iter()
        .fold(unknown.max(floor), |next, nonce| if nonce == next { next.saturating_add(1) } else { next })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_lowest_free_one_is_next() {
        assert_eq!(next(7, 0, []), 7);
        assert_eq!(next(7, 0, [7, 8]), 9, "ours, which the node does not know");
        assert_eq!(next(7, 0, [8, 9]), 7, "a gap is closed first");
        assert_eq!(next(9, 0, [7, 8]), 9, "the node knows them");
        assert_eq!(next(7, 9, []), 9, "a node that lags");
        assert_eq!(next(7, 0, [9, 7, 8, 11]), 10, "in any order");
    }

    proptest! {
        #[test]
        fn it_is_free_and_nothing_below_it_is(unknown in 0u64..20, floor in 0u64..20, held in prop::collection::btree_set(0u64..24, 0..8)) {
            let found = next(unknown, floor, held.iter().copied());
            prop_assert!(found >= unknown && found >= floor && !held.contains(&found));
            let between: BTreeSet<u64> = (unknown.max(floor)..found).collect();
            prop_assert!(between.is_subset(&held));
        }
    }
}
