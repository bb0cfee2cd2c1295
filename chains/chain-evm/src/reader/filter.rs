//! From interests to what a node is asked, and from its answer to what was wanted.

use std::collections::{BTreeMap, BTreeSet};

use agent_core::{
    ChainLog, Interest,
    units::{BlockNumber, BlockRef},
};
use alloy::primitives::U64;
use serde_json::{Value, json};

use crate::endpoint::wire::WireLog;

/// Which blocks a question is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Blocks {
    /// One block, by hash.
    Of(BlockRef),
    /// Canonical blocks from one to another, both included.
    Range(BlockNumber, BlockNumber),
}

impl Blocks {
    const fn first(self) -> BlockNumber {
        match self {
            Self::Of(block) => block.number,
            Self::Range(first, _) => first,
        }
    }
}

/// The interests of one stream, and the fewest node filters that cover them.
#[derive(Debug, Clone)]
pub(super) struct Filters {
    interests: Vec<Interest>,
    /// Those of all interests, which hold from the block on at which the last of them begins.
    of_all: (BlockNumber, Vec<Interest>),
}

impl Filters {
    pub(super) fn new(interests: Vec<Interest>) -> Self {
        let from = interests.iter().map(|interest| interest.from).max().unwrap_or_default();
        let of_all = (from, fewest(interests.clone()));
        Self { interests, of_all }
    }

    /// The parameters of each `eth_getLogs` that is needed; none where nobody is interested yet. A range is not to go
    /// further than [`until`](Self::until) says.
    pub(super) fn questions(&self, blocks: Blocks) -> Vec<Value> {
        let first = blocks.first();
        let ask = |filters: &[Interest]| filters.iter().map(|filter| question(filter, blocks)).collect();
        if first >= self.of_all.0 {
            return ask(&self.of_all.1);
        }
        let begun = self.interests.iter().filter(|interest| interest.from <= first);
        ask(&fewest(begun.cloned().collect()))
    }

    /// The last block that can be asked about together with `first`: `end`, or the one before a further interest begins,
    /// whose logs of earlier blocks may be too many to be read for nothing. Blocks that interest nobody are no question,
    /// however many there are.
    pub(super) fn until(&self, first: BlockNumber, end: BlockNumber) -> BlockNumber {
        let later = self.interests.iter().map(|interest| interest.from).filter(|from| *from > first);
        let before = later.min().map_or(BlockNumber(u64::MAX), |from| BlockNumber(from.0.saturating_sub(1)));
        let is_asked = self.interests.iter().any(|interest| interest.from <= first);
        if is_asked { before.min(end) } else { before }
    }

    /// Exactly the wanted logs, each once, in order of block and index.
    pub(super) fn wanted(&self, answers: impl IntoIterator<Item = WireLog>) -> Vec<ChainLog> {
        let logs = answers.into_iter().map(ChainLog::from);
        let wanted = logs.filter(|log| self.interests.iter().any(|interest| interest.wants(log)));
        let in_order: BTreeMap<_, _> = wanted.map(|log| ((log.block, log.index), log)).collect();
        in_order.into_values().collect()
    }
}

/// One filter over the union, unless the union would be everything where no single interest is.
fn fewest(interests: Vec<Interest>) -> Vec<Interest> {
    match union(&interests) {
        Some(all) if !is_everything(&all) || interests.iter().any(is_everything) => vec![all],
        Some(_) => interests,
        None => Vec::new(),
    }
}

fn union(interests: &[Interest]) -> Option<Interest> {
    /// Empty means any, so one empty list makes the union empty.
    fn all<'a, T: Ord + Copy + 'a>(lists: impl Iterator<Item = &'a Vec<T>> + Clone) -> Vec<T> {
        if lists.clone().any(Vec::is_empty) {
            return Vec::new();
        }
        lists.flatten().copied().collect::<BTreeSet<_>>().into_iter().collect()
    }
    let from = interests.iter().map(|interest| interest.from).min()?;
    Some(Interest {
        from,
        addresses: all(interests.iter().map(|interest| &interest.addresses)),
        topics: all(interests.iter().map(|interest| &interest.topics)),
    })
}

const fn is_everything(interest: &Interest) -> bool {
    interest.addresses.is_empty() && interest.topics.is_empty()
}

fn question(interest: &Interest, blocks: Blocks) -> Value {
    let mut filter = match blocks {
        Blocks::Of(block) => json!({ "blockHash": block.hash }),
        Blocks::Range(from, to) => json!({ "fromBlock": U64::from(from.0), "toBlock": U64::from(to.0) }),
    };
    if let Some(fields) = filter.as_object_mut() {
        if !interest.addresses.is_empty() {
            fields.insert("address".to_owned(), json!(interest.addresses));
        }
        if !interest.topics.is_empty() {
            fields.insert("topics".to_owned(), json!([interest.topics]));
        }
    }
    filter
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256};
    use expect_test::{Expect, expect};

    use super::*;

    fn interest(addresses: &[u8], topics: &[u8]) -> Interest {
        Interest {
            from: BlockNumber(0),
            addresses: addresses.iter().map(|byte| Address::with_last_byte(*byte)).collect(),
            topics: topics.iter().map(|byte| B256::with_last_byte(*byte)).collect(),
        }
    }

    fn check(interests: Vec<Interest>, expected: &Expect) {
        let filters = Filters::new(interests);
        let questions = filters.questions(Blocks::Range(BlockNumber(1), BlockNumber(16)));
        let text: Vec<_> = questions.iter().map(ToString::to_string).collect();
        expected.assert_eq(&text.join("\n").replace("000000000000000000", ""));
    }

    #[test]
    fn the_node_is_asked_once_where_that_is_not_everything() {
        check(vec![], &expect![[""]]);
        check(
            vec![interest(&[1, 2], &[7]), interest(&[2, 3], &[8])],
            &expect![[
                r#"{"address":["0x0001","0x0002","0x0003"],"fromBlock":"0x1","toBlock":"0x10","topics":[["0x0000000007","0x0000000008"]]}"#
            ]],
        );
        check(
            vec![interest(&[1], &[]), interest(&[2], &[8])],
            &expect![[r#"{"address":["0x0001","0x0002"],"fromBlock":"0x1","toBlock":"0x10"}"#]],
        );
        check(
            vec![interest(&[1], &[]), interest(&[], &[8])],
            &expect![[r#"
                {"address":["0x0001"],"fromBlock":"0x1","toBlock":"0x10"}
                {"fromBlock":"0x1","toBlock":"0x10","topics":[["0x0000000008"]]}"#]],
        );
        check(
            vec![interest(&[], &[]), interest(&[], &[8])],
            &expect![[r#"{"fromBlock":"0x1","toBlock":"0x10"}"#]],
        );
    }

    #[test]
    fn nothing_is_asked_before_somebody_is_interested() {
        let from = |from, interest| Interest { from: BlockNumber(from), ..interest };
        let filters = Filters::new(vec![from(100, interest(&[1], &[7])), from(500, interest(&[], &[8]))]);
        let until = |first, end| filters.until(BlockNumber(first), BlockNumber(end)).0;
        assert_eq!([until(0, 9), until(99, 99), until(100, 109), until(490, 510)], [99, 99, 109, 499]);
        assert_eq!([until(499, 510), until(500, 510)], [499, 510]);
        let asked = |first| filters.questions(Blocks::Range(BlockNumber(first), BlockNumber(first)));
        assert_eq!(asked(99), Vec::<Value>::new());
        assert_eq!((asked(100).len(), asked(100)[0]["address"].is_array()), (1, true));
        let [both] = &asked(500)[..] else { panic!("one question for both") };
        assert_eq!((both["address"].is_null(), both["topics"][0].as_array().map(Vec::len)), (true, Some(2)));
        let block = |number| BlockRef { number: BlockNumber(number), ..BlockRef::default() };
        assert_eq!(filters.questions(Blocks::Of(block(1))), Vec::<Value>::new());
        assert_eq!(filters.questions(Blocks::Of(block(499))).len(), 1);
    }

    #[test]
    fn a_log_comes_once_in_order_and_only_when_wanted() {
        let log = |block: u64, index: u64, address: u8, topic: u8| -> WireLog {
            serde_json::from_value(json!({
                "address": Address::with_last_byte(address), "topics": [B256::with_last_byte(topic)], "data": "0x",
                "blockNumber": U64::from(block), "blockHash": B256::ZERO, "logIndex": U64::from(index),
            }))
            .unwrap()
        };
        let filters = Filters::new(vec![interest(&[1], &[7]), interest(&[2], &[8]), interest(&[1], &[7, 9])]);
        let answers = [
            log(2, 0, 1, 7),
            log(1, 3, 2, 8),
            log(1, 1, 1, 9),
            log(1, 2, 1, 8),
            log(2, 0, 1, 7),
            log(1, 0, 3, 7),
        ];
        let wanted: Vec<_> = filters.wanted(answers).iter().map(|log| (log.block.0, log.index)).collect();
        assert_eq!(wanted, [(1, 1), (1, 3), (2, 0)]);
    }
}
