//! Counting answers that must be the same. No IO.

/// What one node said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said<R> {
    /// Something.
    Answer(R),
    /// Nothing where something may be: a `null`, an empty list.
    Nothing(R),
    /// It refuses to say: it does not keep that much, or not that far back.
    Refused,
    /// It could not say: it failed, or does not know the block.
    Cannot,
}

/// What makes an answer a lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Agreement<R> {
    /// Whether two honest nodes can never give these two.
    contradicts: fn(&R, &R) -> bool,
    /// Whether nothing is an answer like any other: honest nodes that answer at all know what is asked about.
    pinned: bool,
    /// Whether those who answer are believed when all others refuse to.
    alone: bool,
}

impl<R: PartialEq> Agreement<R> {
    /// For questions about one block by its hash: whoever answers something else than the majority lied.
    pub(crate) fn on_block() -> Self {
        Self { contradicts: |one, other| one != other, pinned: true, alone: false }
    }

    /// For questions that honest nodes may answer differently, being at different heads: nobody is blamed, unless two
    /// answers `contradict` each other in themselves.
    pub(crate) const fn loosely(contradict: fn(&R, &R) -> bool) -> Self {
        Self { contradicts: contradict, pinned: false, alone: false }
    }

    /// What few nodes keep is believed when every other node refuses, and nobody says otherwise.
    pub(crate) const fn or_of_who_keeps_it(self) -> Self {
        Self { alone: true, ..self }
    }
}

/// How a count ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Count<R> {
    /// So many gave this.
    Agreed(R),
    /// Not yet.
    Open,
    /// Whatever the rest says, not enough will agree.
    Impossible,
}

/// The answers so far, by node.
#[derive(Debug)]
pub(super) struct Ballot<R> {
    rule: Agreement<R>,
    needed: usize,
    voters: usize,
    votes: Vec<(usize, Said<R>)>,
}

/// What a node's vote says of the node once something was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    Agreed,
    Empty,
    Lied,
}

impl<R: PartialEq + Clone> Ballot<R> {
    pub(super) const fn new(rule: Agreement<R>, needed: usize, voters: usize) -> Self {
        Self { rule, needed, voters, votes: Vec::new() }
    }

    /// Takes in what `node` said.
    pub(super) fn vote(&mut self, node: usize, said: Said<R>) {
        self.votes.push((node, said));
    }

    pub(super) fn count(&self) -> Count<R> {
        let (most, answer) = self.most();
        let outstanding = self.voters.saturating_sub(self.votes.len());
        match answer {
            Some(answer) if most >= self.needed => Count::Agreed(answer.clone()),
            Some(answer) if self.rule.alone && outstanding == 0 && self.only_refused_else(most) => {
                Count::Agreed(answer.clone())
            }
            _ if self.rule.alone && outstanding > 0 => Count::Open,
            _ if most.saturating_add(outstanding) < self.needed => Count::Impossible,
            _ => Count::Open,
        }
    }

    /// How many gave the answer that most gave.
    pub(super) fn agreeing(&self) -> usize {
        self.most().0
    }

    /// How many could say anything.
    pub(super) fn answered(&self) -> usize {
        self.votes.iter().filter(|(_, said)| said.content().is_some()).count()
    }

    /// What the votes say of the nodes: nothing, unless enough agreed.
    pub(super) fn judged(&self) -> Vec<(usize, Judged)> {
        let Count::Agreed(agreed) = self.count() else { return Vec::new() };
        let judge = |said: &Said<R>| match said {
            Said::Answer(answer) if *answer == agreed => Some(Judged::Agreed),
            // Who says nothing where there is nothing has not shown that it would say something.
            Said::Nothing(answer) if *answer == agreed => None,
            Said::Answer(answer) => (self.rule.contradicts)(answer, &agreed).then_some(Judged::Lied),
            Said::Nothing(_) => self.rule.pinned.then_some(Judged::Empty),
            Said::Refused | Said::Cannot => None,
        };
        self.votes.iter().filter_map(|(node, said)| Some((*node, judge(said)?))).collect()
    }

    /// Whether all but the `most` who agree have refused.
    fn only_refused_else(&self, most: usize) -> bool {
        let refused = self.votes.iter().filter(|(_, said)| matches!(said, Said::Refused)).count();
        most.saturating_add(refused) == self.voters
    }

    fn most(&self) -> (usize, Option<&R>) {
        let answers = || self.votes.iter().filter_map(|(_, said)| said.content());
        let count = |answer: &R| answers().filter(|other| *other == answer).count();
        answers()
            .map(|answer| (count(answer), Some(answer)))
            .max_by_key(|(count, _)| *count)
            .unwrap_or((0, None))
    }
}

impl<R> Said<R> {
    const fn content(&self) -> Option<&R> {
        match self {
            Self::Answer(answer) | Self::Nothing(answer) => Some(answer),
            Self::Refused | Self::Cannot => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(needed: usize, voters: usize, votes: &[Said<u8>]) -> (Count<u8>, Vec<(usize, Judged)>) {
        let mut ballot = Ballot::new(Agreement::on_block(), needed, voters);
        for (node, said) in votes.iter().enumerate() {
            ballot.vote(node, said.clone());
        }
        (ballot.count(), ballot.judged())
    }

    #[test]
    fn enough_agree_or_nobody_is_believed() {
        use Judged::{Agreed, Empty, Lied};
        use Said::{Answer, Cannot, Nothing};
        assert_eq!(count(2, 3, &[Answer(1)]), (Count::Open, vec![]));
        assert_eq!(count(2, 3, &[Answer(1), Answer(2)]), (Count::Open, vec![]));
        let (counted, judged) = count(2, 3, &[Answer(1), Answer(2), Answer(1)]);
        assert_eq!((counted, judged), (Count::Agreed(1), vec![(0, Agreed), (1, Lied), (2, Agreed)]));
        let (counted, judged) = count(2, 3, &[Nothing(0), Answer(1), Answer(1)]);
        assert_eq!((counted, judged), (Count::Agreed(1), vec![(0, Empty), (1, Agreed), (2, Agreed)]));
        let (counted, judged) = count(2, 3, &[Nothing(0), Answer(1), Nothing(0)]);
        assert_eq!((counted, judged), (Count::Agreed(0), vec![(1, Lied)]));
        assert_eq!(count(2, 3, &[Answer(1), Cannot, Cannot]).0, Count::Impossible);
        assert_eq!(count(2, 3, &[Answer(1), Answer(2), Answer(3)]), (Count::Impossible, vec![]));
        assert_eq!(count(1, 1, &[Answer(9)]).0, Count::Agreed(9));
    }

    #[test]
    fn nodes_at_different_heads_are_not_blamed_unless_they_contradict_each_other() {
        // Pairs of a block and what is in it.
        let loosely = Agreement::loosely(|one: &(u8, u8), other| one.0 == other.0 && one.1 != other.1);
        let mut ballot = Ballot::new(loosely, 2, 5);
        let said = [Said::Answer((1, 1)), Said::Answer((1, 1)), Said::Answer((2, 9)), Said::Answer((1, 7))];
        for (node, said) in said.into_iter().chain([Said::Nothing((0, 0))]).enumerate() {
            ballot.vote(node, said);
        }
        assert_eq!(ballot.judged(), [(0, Judged::Agreed), (1, Judged::Agreed), (3, Judged::Lied)]);
    }

    #[test]
    fn who_keeps_the_past_is_believed_only_when_all_others_refuse() {
        let past = Agreement::loosely(|_: &u8, _| false).or_of_who_keeps_it();
        let ballot = |votes: &[Said<u8>]| {
            let mut ballot = Ballot::new(past, 2, 3);
            votes.iter().enumerate().for_each(|(node, said)| ballot.vote(node, said.clone()));
            ballot.count()
        };
        use Said::{Answer, Cannot, Refused};
        assert_eq!(ballot(&[Answer(1), Refused]), Count::Open);
        assert_eq!(ballot(&[Answer(1), Refused, Refused]), Count::Agreed(1));
        assert_eq!(ballot(&[Answer(1), Refused, Cannot]), Count::Impossible);
        assert_eq!(ballot(&[Answer(1), Answer(2), Refused]), Count::Impossible);
        assert_eq!(ballot(&[Refused, Refused, Refused]), Count::Impossible);
    }

    proptest! {
        /// With a strict majority needed, no order of votes can agree on two answers, and who agreed is never blamed.
        #[test]
        fn a_majority_of_honest_nodes_is_never_outvoted_nor_blamed(
            (nodes, liars) in (1usize..8).prop_flat_map(|nodes| (Just(nodes), 0..nodes.div_ceil(2))),
            lies in prop::collection::vec(1u8..4, 8), turn in 0usize..8,
        ) {
            let needed = nodes.div_euclid(2).saturating_add(1);
            let mut ballot = Ballot::new(Agreement::on_block(), needed, nodes);
            let mut ended = None;
            for step in 0..nodes {
                let node = step.saturating_add(turn).rem_euclid(nodes);
                ballot.vote(node, Said::Answer(if node < liars { lies[node] } else { 0 }));
                match ballot.count() {
                    Count::Agreed(answer) => { prop_assert_eq!(*ended.get_or_insert(answer), answer); }
                    Count::Open => prop_assert!(ended.is_none()),
                    Count::Impossible => prop_assert!(false, "the honest are enough"),
                }
            }
            prop_assert_eq!(ended, Some(0));
            for (node, judged) in ballot.judged() {
                prop_assert_eq!(judged == Judged::Lied, node < liars);
            }
        }
    }
}
