//! What a look at the chain says about a transaction under way. No IO: the looks are given.

use agent_core::units::BlockNumber;

use crate::endpoint::wire::WireReceipt;

/// Ever higher heads at which looks in a row must find the nonce used and no receipt before a transaction counts as
/// dropped: nodes behind one address do not all know the same, and one that lags does so for blocks.
const SURE: u32 = 3;
/// At least once in so many blocks, what is nowhere is broadcast again: what a node refused (a key out of gas money) it
/// may take now.
const AGAIN: u64 = 16;

/// One look.
#[derive(Debug, Clone)]
pub(super) struct Look {
    /// The newest block.
    pub(super) head: BlockNumber,
    /// What is known of the transaction.
    pub(super) found: Found,
}

/// What is known of a transaction.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// In a block of the canonical chain.
    Mined(Box<WireReceipt>),
    /// In a block that a reorg has put aside, for all we know.
    Orphaned,
    /// In the node's pool.
    Pending,
    /// Nowhere, and its nonce was used in a block that is final.
    NonceGone,
    /// Nowhere.
    Nowhere,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Look again later.
    Wait,
    /// Broadcast the same bytes once more.
    Rebroadcast,
    /// Mined and deep enough.
    Final(Box<WireReceipt>),
    /// Another transaction has its nonce for good.
    Dropped,
}

/// Follows one transaction from look to look.
#[derive(Debug)]
pub(super) struct Progress {
    confirmations: u64,
    stuck_after: u64,
    waiting_since: Option<BlockNumber>,
    said_stuck: bool,
    gone: Gone,
    nowhere: u32,
    broadcast_at: BlockNumber,
}

/// Looks in a row that found the nonce used.
#[derive(Debug, Clone, Copy, Default)]
struct Gone {
    heads: u32,
    newest: Option<BlockNumber>,
}

impl Gone {
    /// Counts a look, unless an earlier one was at this head or a newer one.
    fn at(self, head: BlockNumber) -> Self {
        if self.newest >= Some(head) {
            return self;
        }
        Self { heads: self.heads.saturating_add(1), newest: Some(head) }
    }
}

impl Progress {
    pub(super) const fn new(confirmations: u64, stuck_after: u64) -> Self {
        Self {
            confirmations,
            stuck_after,
            waiting_since: None,
            said_stuck: false,
            gone: Gone { heads: 0, newest: None },
            nowhere: 0,
            broadcast_at: BlockNumber(0),
        }
    }

    pub(super) fn judge(&mut self, look: Look) -> Verdict {
        let gone = matches!(look.found, Found::NonceGone);
        let nowhere = matches!(look.found, Found::Nowhere);
        self.gone = if gone { self.gone.at(look.head) } else { Gone::default() };
        self.nowhere = if nowhere { self.nowhere.saturating_add(1) } else { 0 };
        match look.found {
            Found::Mined(receipt) => {
                let number = BlockNumber(receipt.block_number.to());
                let is_final = number <= deep(look.head, self.confirmations) && number <= look.head;
                if is_final { Verdict::Final(receipt) } else { Verdict::Wait }
            }
            Found::NonceGone if self.gone.heads >= SURE => Verdict::Dropped,
            Found::Nowhere if self.is_time_to_broadcast(look.head) => {
                self.broadcast_at = look.head;
                Verdict::Rebroadcast
            }
            Found::Orphaned | Found::Pending | Found::NonceGone | Found::Nowhere => Verdict::Wait,
        }
    }

    /// At the first look, the second, the fourth and so on, ever more rarely, but once in [`AGAIN`] blocks.
    const fn is_time_to_broadcast(&self, head: BlockNumber) -> bool {
        self.nowhere.is_power_of_two() || head.0.saturating_sub(self.broadcast_at.0) >= AGAIN
    }

    /// For how many blocks it has waited when it is time to say, once, that it is stuck.
    pub(super) fn stuck_for(&mut self, look: &Look) -> Option<u64> {
        let since = *self.waiting_since.get_or_insert(look.head);
        let blocks = look.head.0.saturating_sub(since.0);
        let mined = matches!(look.found, Found::Mined(_));
        if mined || self.said_stuck || blocks < self.stuck_after {
            return None;
        }
        self.said_stuck = true;
        Some(blocks)
    }
}

/// The newest block that counts as final when `head` is the newest.
pub(super) const fn deep(head: BlockNumber, confirmations: u64) -> BlockNumber {
    BlockNumber(head.0.saturating_sub(confirmations.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{B256, U64, U128};

    use super::*;

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
        use Found::{Mined, Orphaned, Pending};
        use Verdict::{Final, Wait};
        let mined = || Mined(receipt(10));
        check(
            [(9, Pending), (10, mined()), (11, Orphaned), (11, mined()), (12, mined())],
            &[Wait, Wait, Wait, Wait, Final(receipt(10))],
        );
        // A node that is behind the one that gave the receipt.
        check([(9, mined())], &[Wait]);
    }

    #[test]
    fn a_used_nonce_is_believed_at_the_third_head_in_a_row() {
        use Found::{Mined, NonceGone};
        use Verdict::{Dropped, Final, Wait};
        check([(20, NonceGone), (21, NonceGone), (22, NonceGone)], &[Wait, Wait, Dropped]);
        // However often one head is looked at, or two nodes take turns.
        check([20, 20, 20, 20, 21, 20, 21, 20, 21].map(|head| (head, NonceGone)), &[const { Wait }; 9]);
        check(
            [(20, NonceGone), (21, NonceGone), (21, Mined(receipt(18))), (22, NonceGone)],
            &[Wait, Wait, Final(receipt(18)), Wait],
        );
        check(
            [(20, NonceGone), (21, NonceGone), (21, Found::Pending), (22, NonceGone), (23, NonceGone)],
            &[const { Wait }; 5],
        );
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
        let mut progress = Progress::new(3, 5);
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
    fn stuck_is_said_once() {
        let mut progress = Progress::new(3, 5);
        let mut said = |head, found| progress.stuck_for(&Look { head: BlockNumber(head), found });
        assert_eq!([said(1, Found::Pending), said(5, Found::Pending)], [None, None]);
        assert_eq!(said(6, Found::Mined(receipt(6))), None);
        assert_eq!([said(7, Found::Pending), said(8, Found::Pending)], [Some(6), None]);
    }
}
