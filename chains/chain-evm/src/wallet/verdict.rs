//! What a look at the chain says about the transactions of one nonce. No IO: the looks are given.

use agent_core::units::BlockNumber;
use alloy::primitives::B256;

use crate::endpoint::wire::WireReceipt;

/// Ever higher heads at which looks in a row must find the nonce used and no receipt before its transactions count as
/// dropped: nodes behind one address do not all know the same, and one that lags does so for blocks. For the same reason as
/// many must be seen before anything counts as stuck.
const SURE: u32 = 3;
/// At least once in so many blocks, what is nowhere is broadcast again: what a node refused (a key out of gas money) it
/// may take now.
const AGAIN: u64 = 16;

/// One look.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// The newest block.
    pub(super) head: BlockNumber,
    /// What is known of the transactions.
    pub(super) found: Found,
}

/// What is known of the transactions of one nonce: the original, what replaced it, what cancelled it.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// One of them is in a block of the canonical chain.
    Mined(B256, Box<WireReceipt>),
    /// One is in a block that a reorg has put aside, for all we know.
    Orphaned,
    /// None is mined, and the nonce was used in a block that is final.
    NonceGone,
    /// None is mined, and the nonce was used in a block that a reorg may still take back.
    NonceUsed,
    /// The latest is in the node's pool.
    Pending,
    /// The latest is nowhere.
    Nowhere,
    /// The latest is with relays only, for all we know: no node can tell.
    Withheld,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look again later.
    Wait,
    /// Broadcast the bytes of the latest once more: no node has them.
    Rebroadcast,
    /// Offer the latest to the relays for the blocks after a new one.
    Offer,
    /// This one is mined and deep enough.
    Final(B256, Box<WireReceipt>),
    /// Another transaction has their nonce for good.
    Dropped,
    /// None was mined for so many blocks.
    Stuck(u64),
}

/// Follows the transactions of one nonce from look to look.
#[derive(Debug)]
pub(super) struct Progress {
    confirmations: u64,
    stuck_after: u64,
    waiting: Option<Waiting>,
    gone: Heads,
    nowhere: u32,
    broadcast_at: BlockNumber,
}

/// Looks in a row that found nothing mined and the nonce free.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    since: BlockNumber,
    heads: Heads,
}

/// Ever higher heads that were looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Heads {
    count: u32,
    newest: Option<BlockNumber>,
}

impl Heads {
    /// Counts a look, unless an earlier one was at this head or a newer one.
    fn and(self, head: BlockNumber) -> Self {
        if self.newest >= Some(head) {
            return self;
        }
        Self { count: self.count.saturating_add(1), newest: Some(head) }
    }
}

impl Progress {
    pub(super) const fn new(confirmations: u64, stuck_after: u64) -> Self {
        Self {
            confirmations,
            stuck_after,
            waiting: None,
            gone: Heads { count: 0, newest: None },
            nowhere: 0,
            broadcast_at: BlockNumber(0),
        }
    }

    pub(super) fn judge(&mut self, look: Look) -> Verdict {
        let Look { head, found } = look;
        let gone = matches!(found, Found::NonceGone);
        let nowhere = matches!(found, Found::Nowhere);
        self.gone = if gone { self.gone.and(head) } else { Heads::default() };
        self.nowhere = if nowhere { self.nowhere.saturating_add(1) } else { 0 };
        if !matches!(found, Found::Pending | Found::Nowhere | Found::Withheld) {
            // Should a reorg take it back, its time begins anew.
            self.waiting = None;
        } else if let Some(blocks) = self.stuck(head) {
            return Verdict::Stuck(blocks);
        }
        match found {
            Found::Mined(transaction, receipt) => {
                let number = BlockNumber(receipt.block_number.to());
                let is_final = number <= deep(head, self.confirmations) && number <= head;
                if is_final { Verdict::Final(transaction, receipt) } else { Verdict::Wait }
            }
            Found::NonceGone if self.gone.count >= SURE => Verdict::Dropped,
            Found::Nowhere if self.is_time_to_broadcast(head) => {
                self.broadcast_at = head;
                Verdict::Rebroadcast
            }
            Found::Withheld if head > self.broadcast_at => {
                self.broadcast_at = head;
                Verdict::Offer
            }
            Found::Orphaned
            | Found::Pending
            | Found::NonceGone
            | Found::NonceUsed
            | Found::Nowhere
            | Found::Withheld => Verdict::Wait,
        }
    }

    /// At the first look, the second, the fourth and so on, ever more rarely, but once in [`AGAIN`] blocks.
    const fn is_time_to_broadcast(&self, head: BlockNumber) -> bool {
        self.nowhere.is_power_of_two() || head.0.saturating_sub(self.broadcast_at.0) >= AGAIN
    }

    /// For how many blocks it has waited, when that is too many.
    fn stuck(&mut self, head: BlockNumber) -> Option<u64> {
        let Waiting { since, heads } =
            self.waiting.unwrap_or(Waiting { since: head, heads: Heads::default() });
        let heads = heads.and(head);
        self.waiting = Some(Waiting { since, heads });
        let blocks = head.0.saturating_sub(since.0);
        (blocks >= self.stuck_after && heads.count >= SURE).then_some(blocks)
    }
}

/// The newest block that counts as final when `head` is the newest.
pub(super) const fn deep(head: BlockNumber, confirmations: u64) -> BlockNumber {
    BlockNumber(head.0.saturating_sub(confirmations.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{U64, U128};
    use proptest::prelude::*;

    use super::*;

    const ORIGINAL: B256 = B256::repeat_byte(1);
    const REPLACEMENT: B256 = B256::repeat_byte(2);

    fn receipt(number: u64) -> Box<WireReceipt> {
        Box::new(WireReceipt {
            block_hash: B256::ZERO,
            block_number: U64::from(number),
            status: U64::from(1),
            gas_used: U64::from(21_000),
            effective_gas_price: U128::from(1),
            contract_address: None,
            l1_fee: None,
        })
    }

    fn mined(transaction: B256, number: u64) -> Found {
        Found::Mined(transaction, receipt(number))
    }

    fn check(looks: impl IntoIterator<Item = (u64, Found)>, expected: &[Verdict]) {
        let mut progress = Progress::new(3, 5);
        let verdicts: Vec<_> = looks
            .into_iter()
            .map(|(head, found)| progress.judge(Look { head: BlockNumber(head), found }))
            .collect();
        assert_eq!(verdicts, expected);
    }

    #[test]
    fn final_is_as_many_blocks_as_configured() {
        use Found::{Orphaned, Pending};
        use Verdict::{Final, Wait};
        let mined = || mined(ORIGINAL, 10);
        check(
            [(9, Pending), (10, mined()), (11, Orphaned), (11, mined()), (12, mined())],
            &[Wait, Wait, Wait, Wait, Final(ORIGINAL, receipt(10))],
        );
        // A node that is behind the one that gave the receipt.
        check([(9, mined())], &[Wait]);
    }

    #[test]
    fn whichever_attempt_was_mined_is_the_one() {
        use Verdict::{Final, Wait};
        // The replacement was mined, a reorg took it back, and the original was mined in its place.
        check(
            [
                (10, mined(REPLACEMENT, 10)),
                (11, Found::Orphaned),
                (12, mined(ORIGINAL, 12)),
                (14, mined(ORIGINAL, 12)),
            ],
            &[Wait, Wait, Wait, Final(ORIGINAL, receipt(12))],
        );
    }

    #[test]
    fn a_used_nonce_is_believed_at_the_third_head_in_a_row() {
        use Found::{NonceGone, NonceUsed};
        use Verdict::{Dropped, Final, Wait};
        check([(20, NonceGone), (21, NonceGone), (22, NonceGone)], &[Wait, Wait, Dropped]);
        // However often one head is looked at, or two nodes take turns.
        check([20, 20, 20, 20, 21, 20, 21, 20, 21].map(|head| (head, NonceGone)), &[const { Wait }; 9]);
        check(
            [(20, NonceGone), (21, NonceGone), (21, mined(ORIGINAL, 18)), (22, NonceGone)],
            &[Wait, Wait, Final(ORIGINAL, receipt(18)), Wait],
        );
        check(
            [(20, NonceGone), (21, NonceGone), (21, Found::Pending), (22, NonceGone), (23, NonceGone)],
            &[const { Wait }; 5],
        );
        check([20, 21, 22, 23].map(|head| (head, NonceUsed)), &[const { Wait }; 4]);
    }

    #[test]
    fn what_is_nowhere_is_broadcast_again_ever_more_rarely() {
        let mut progress = Progress::new(3, 5);
        let mut look = |found| progress.judge(Look { head: BlockNumber(1), found });
        let again: Vec<_> = (1..=20).filter(|_| look(Found::Nowhere) == Verdict::Rebroadcast).collect();
        assert_eq!(again, [1, 2, 4, 8, 16]);
        assert_eq!(look(Found::Pending), Verdict::Wait);
        assert_eq!(look(Found::Nowhere), Verdict::Rebroadcast, "a pool that lost it gets it at once");
    }

    #[test]
    fn what_is_nowhere_is_broadcast_again_once_in_some_blocks() {
        let mut progress = Progress::new(3, u64::MAX);
        // Ten looks at each block: by looks alone the last rebroadcast would be the 512th, in block 151.
        let looks = (1_000..2_000_u64).map(|look| (look / 10, look));
        let again: Vec<_> = looks
            .filter(|(head, _)| {
                let look = Look { head: BlockNumber(*head), found: Found::Nowhere };
                progress.judge(look) == Verdict::Rebroadcast
            })
            .map(|(head, _)| head)
            .collect();
        let gaps = again.iter().zip(again.iter().skip(1)).map(|(one, next)| next.saturating_sub(*one));
        assert!(gaps.max().unwrap() <= AGAIN && *again.last().unwrap() > 180, "{again:?}");
        assert!(again.len() < 20, "{again:?}");
    }

    #[test]
    fn relays_get_it_once_for_every_block_until_it_is_mined() {
        use Found::{Nowhere, Withheld};
        use Verdict::{Offer, Rebroadcast, Stuck, Wait};
        check(
            [
                (5, Withheld),
                (5, Withheld),
                (6, Withheld),
                (4, Withheld),
                (7, mined(ORIGINAL, 7)),
                (8, Withheld),
            ],
            &[Offer, Wait, Offer, Wait, Wait, Offer],
        );
        // The time that it had for itself is over: everybody gets it, at once.
        check(
            [(5, Withheld), (6, Nowhere), (9, Nowhere), (10, Nowhere)],
            &[Offer, Rebroadcast, Rebroadcast, Stuck(5)],
        );
        check([(1, Withheld), (3, Withheld), (6, Withheld)], &[Offer, Offer, Stuck(5)]);
    }

    #[test]
    fn stuck_is_what_waits_for_as_many_blocks_as_configured() {
        use Found::{NonceUsed, Orphaned, Pending};
        use Verdict::{Stuck, Wait};
        check([(1, Pending), (5, Pending), (6, Pending), (7, Pending)], &[Wait, Wait, Stuck(5), Stuck(6)]);
        // What was mined for a while waits anew.
        check(
            [(1, Pending), (4, Pending), (6, mined(ORIGINAL, 6)), (7, Orphaned), (8, Pending), (12, Pending)],
            &[const { Wait }; 6],
        );
        // A nonce that is used is somebody's: nothing waits for it.
        check([1, 4, 7, 10].map(|head| (head, NonceUsed)), &[const { Wait }; 4]);
        // Two nodes, of which one is far behind: one jump is no wait.
        check([(1, Pending), (90, Pending), (1, Pending), (90, Pending)], &[const { Wait }; 4]);
    }

    fn any_look() -> impl Strategy<Value = (u64, u8, u64)> {
        (1..60_u64, 0..7_u8, 1..60_u64)
    }

    proptest! {
        #[test]
        fn no_verdict_without_its_reason(looks in prop::collection::vec(any_look(), 1..80), confirmations in 1..5_u64, stuck_after in 0..9_u64) {
            let mut progress = Progress::new(confirmations, stuck_after);
            let mut idle: Vec<u64> = Vec::new();
            for (head, kind, number) in looks {
                let found = match kind {
                    0 => mined(REPLACEMENT, number),
                    1 => Found::Orphaned,
                    2 => Found::NonceGone,
                    3 => Found::NonceUsed,
                    4 => Found::Pending,
                    5 => Found::Nowhere,
                    _ => Found::Withheld,
                };
                if kind >= 4 { idle.push(head) } else { idle.clear() }
                match progress.judge(Look { head: BlockNumber(head), found }) {
                    Verdict::Final(transaction, receipt) => {
                        prop_assert!(kind == 0 && transaction == REPLACEMENT);
                        prop_assert_eq!(receipt.block_number.to::<u64>(), number);
                        prop_assert!(number.saturating_add(confirmations).saturating_sub(1) <= head);
                    }
                    Verdict::Dropped => prop_assert_eq!(kind, 2),
                    Verdict::Rebroadcast => prop_assert_eq!(kind, 5),
                    Verdict::Offer => prop_assert_eq!(kind, 6),
                    Verdict::Stuck(blocks) => {
                        let waited = head.saturating_sub(idle[0]);
                        prop_assert!(blocks == waited && blocks >= stuck_after && idle.len() >= 3);
                    }
                    Verdict::Wait => {}
                }
            }
        }
    }
}
