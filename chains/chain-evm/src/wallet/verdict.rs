//! What a look at the chain says about a transaction under way. No IO: the looks are given.

use agent_core::units::BlockNumber;

use crate::endpoint::wire::WireReceipt;

/// Looks in a row that must find the nonce used and no receipt before a transaction counts as dropped: nodes behind one
/// address do not all know the same at the same moment.
const SURE: u32 = 3;

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
    gone: u32,
    nowhere: u32,
}

impl Progress {
    pub(super) const fn new(confirmations: u64, stuck_after: u64) -> Self {
        Self { confirmations, stuck_after, waiting_since: None, said_stuck: false, gone: 0, nowhere: 0 }
    }

    pub(super) fn judge(&mut self, look: Look) -> Verdict {
        let gone = matches!(look.found, Found::NonceGone);
        let nowhere = matches!(look.found, Found::Nowhere);
        self.gone = if gone { self.gone.saturating_add(1) } else { 0 };
        self.nowhere = if nowhere { self.nowhere.saturating_add(1) } else { 0 };
        match look.found {
            Found::Mined(receipt) => {
                let number = BlockNumber(receipt.block_number.to());
                let is_final = number <= deep(look.head, self.confirmations) && number <= look.head;
                if is_final { Verdict::Final(receipt) } else { Verdict::Wait }
            }
            Found::NonceGone if self.gone >= SURE => Verdict::Dropped,
            // At the first look, the second, the fourth and so on: ever more rarely.
            Found::Nowhere if self.nowhere.is_power_of_two() => Verdict::Rebroadcast,
            Found::Orphaned | Found::Pending | Found::NonceGone | Found::Nowhere => Verdict::Wait,
        }
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
    fn a_used_nonce_is_believed_at_the_third_look_in_a_row() {
        use Found::{Mined, NonceGone};
        use Verdict::{Dropped, Final, Wait};
        check([(20, NonceGone), (20, NonceGone), (20, NonceGone)], &[Wait, Wait, Dropped]);
        check(
            [(20, NonceGone), (20, NonceGone), (20, Mined(receipt(18))), (20, NonceGone)],
            &[Wait, Wait, Final(receipt(18)), Wait],
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
    fn stuck_is_said_once() {
        let mut progress = Progress::new(3, 5);
        let mut said = |head, found| progress.stuck_for(&Look { head: BlockNumber(head), found });
        assert_eq!([said(1, Found::Pending), said(5, Found::Pending)], [None, None]);
        assert_eq!(said(6, Found::Mined(receipt(6))), None);
        assert_eq!([said(7, Found::Pending), said(8, Found::Pending)], [Some(6), None]);
    }
}
