//! What a relay holds, and what became of it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use alloy::primitives::{Address, B256, TxHash};

use super::order::Order;

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fate {
    /// Its block has not come.
    Waiting,
    /// It is in this block.
    Landed {
        /// The block.
        block: u64,
    },
    /// The relay won the last of its blocks and left it out.
    LeftOut {
        /// Why.
        why: Why,
    },
    /// Somebody else built the last of its blocks.
    Expired,
    /// Its sender sent another one under the same name.
    Replaced,
    /// Its sender took it back.
    Cancelled,
    /// The relay said yes and threw it away ([`Manner::Forgetful`](super::Manner::Forgetful)).
    Forgotten,
}

/// Why an order was left out of a block.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Why {
    /// This transaction reverts, and the order does not allow it to.
    Reverts(TxHash),
    /// The node does not take this transaction.
    Refused {
        /// The transaction.
        transaction: TxHash,
        /// What the node said.
        reason: String,
    },
    /// This transaction was not in the block, or not behind the one before it.
    OutOfOrder(TxHash),
    /// The block's time is outside of what the order allows.
    WrongTime(u64),
}

/// An order that a relay accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The bundle's hash, as it was answered; of a private transaction its own hash.
    pub hash: B256,
    /// Its transactions, in order.
    pub transactions: Vec<TxHash>,
    /// The blocks in which it may land.
    pub blocks: RangeInclusive<u64>,
    /// What became of it.
    pub fate: Fate,
}

/// What came to a relay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelayTally {
    /// The requests, by method.
    pub requests: BTreeMap<String, u64>,
    /// Orders that were accepted.
    pub accepted: u64,
    /// Requests that were refused, bad signatures included.
    pub refused: u64,
    /// Requests with a missing or a wrong signature.
    pub bad_signatures: u64,
    /// Requests that met with a fault ([`Manner`](super::Manner)).
    pub mistreated: u64,
}

/// The orders in the order of their arrival.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) tally: RelayTally,
    orders: Vec<(Order, Fate)>,
}

impl Book {
    pub(crate) fn requested(&mut self, method: &str) {
        let count = self.tally.requests.entry(method.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    /// Takes an order. What its sender sent under the same name is replaced.
    pub(crate) fn accept(&mut self, order: Order, fate: Fate) {
        self.tally.accepted = self.tally.accepted.saturating_add(1);
        if fate == Fate::Waiting
            && let Some((sender, name)) = &order.name
        {
            self.end_named(*sender, name, &Fate::Replaced);
        }
        self.orders.push((order, fate));
    }

    /// Takes back what a sender sent under a name. Returns whether there was anything.
    pub(crate) fn cancel(&mut self, sender: Address, name: &str) -> bool {
        self.end_named(sender, name, &Fate::Cancelled)
    }

    /// Takes back a private transaction. Returns whether there was one.
    pub(crate) fn cancel_private(&mut self, hash: TxHash) -> bool {
        self.end(|order| order.hash == hash, &Fate::Cancelled)
    }

    fn end_named(&mut self, sender: Address, name: &str, fate: &Fate) -> bool {
        let is_it = |order: &Order| {
            order.name.as_ref().is_some_and(|(owner, named)| *owner == sender && named == name)
        };
        self.end(is_it, fate)
    }

    fn end(&mut self, is_it: impl Fn(&Order) -> bool, fate: &Fate) -> bool {
        let mut any = false;
        for (order, now) in &mut self.orders {
            if *now == Fate::Waiting && is_it(order) {
                (*now, any) = (fate.clone(), true);
            }
        }
        any
    }

    /// What waits for a block, with its place in the book.
    pub(crate) fn waiting(&self, block: u64) -> Vec<(usize, Order)> {
        let waiting = |(_, (order, fate)): &(usize, &(Order, Fate))| {
            *fate == Fate::Waiting && order.blocks.contains(&block)
        };
        self.orders
            .iter()
            .enumerate()
            .filter(waiting)
            .map(|(place, (order, _))| (place, order.clone()))
            .collect()
    }

    /// Writes down what became of an order in a block that its relay built. One that was left out and may land in a later
    /// block goes on waiting.
    pub(crate) fn settle(&mut self, place: usize, block: u64, fate: Fate) {
        let Some((order, now)) = self.orders.get_mut(place) else { return };
        let may_wait = *order.blocks.end() > block && matches!(fate, Fate::LeftOut { .. });
        if *now == Fate::Waiting && !may_wait {
            *now = fate;
        }
    }

    /// A block is there: what could land in it at the latest has expired.
    pub(crate) fn expire(&mut self, block: u64) {
        self.end(|order| *order.blocks.end() <= block, &Fate::Expired);
    }

    pub(crate) fn kept(&self) -> Vec<Kept> {
        self.orders.iter().map(|(order, fate)| kept(order, fate.clone())).collect()
    }
}

fn kept(order: &Order, fate: Fate) -> Kept {
    let transactions = order.transactions.iter().map(|transaction| transaction.hash).collect();
    Kept { hash: order.hash, transactions, blocks: order.blocks.clone(), fate }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(name: Option<&str>, sender: u8, blocks: RangeInclusive<u64>) -> Order {
        let name = name.map(|name| (Address::repeat_byte(sender), name.to_owned()));
        let times = 0..=u64::MAX;
        Order { hash: B256::ZERO, transactions: Vec::new(), blocks, times, may_revert: Vec::new(), name }
    }

    fn fates(book: &Book) -> Vec<Fate> {
        book.kept().into_iter().map(|kept| kept.fate).collect()
    }

    #[test]
    fn a_name_belongs_to_its_sender() {
        let mut book = Book::default();
        for (name, sender) in [(Some("a"), 1), (Some("a"), 2), (Some("b"), 1), (None, 1), (Some("a"), 1)] {
            book.accept(order(name, sender, 5..=5), Fate::Waiting);
        }
        assert_eq!(
            fates(&book),
            [Fate::Replaced, Fate::Waiting, Fate::Waiting, Fate::Waiting, Fate::Waiting]
        );
        assert!(!book.cancel(Address::repeat_byte(3), "a"));
        assert!(book.cancel(Address::repeat_byte(1), "a"));
        assert_eq!(fates(&book).last(), Some(&Fate::Cancelled));
        assert_eq!(book.waiting(5).len(), 3);
        assert!(book.waiting(4).is_empty() && book.waiting(6).is_empty());
    }

    #[test]
    fn what_may_land_later_goes_on_waiting() {
        let mut book = Book::default();
        book.accept(order(None, 1, 5..=6), Fate::Waiting);
        let left_out = Fate::LeftOut { why: Why::WrongTime(1) };
        book.settle(0, 5, left_out.clone());
        book.expire(5);
        assert_eq!(fates(&book), [Fate::Waiting]);
        book.settle(0, 6, left_out.clone());
        book.expire(6);
        assert_eq!(fates(&book), [left_out]);
    }
}
