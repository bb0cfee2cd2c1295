//! What the journal tells a door that opens.

use agent_core::{
    Origin, Outcome, Settlement,
    ports::{Command, DoorError, EntryKind, Journal, Sequence, Stored},
    units::Timestamp,
};
use alloy_primitives::B256;

use super::intents::{Attempt, Intents};
use crate::{Page, Transaction, books::Books, orders::OrderBook, rests::Rests};

/// How many entries are read from the journal at a time.
const PAGE: usize = 1_024;

/// Everything that a door knows, read entry by entry. A running door changes the same books by the same calls, after each
/// entry that it has written: so a restart finds what was there.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) orders: OrderBook,
    pub(super) rests: Rests,
    pub(super) books: Books,
    pub(super) intents: Intents,
    confirmed: Option<B256>,
    used: Option<B256>,
    /// The latest chain time heard of.
    pub(super) latest: Timestamp,
}

impl Past {
    pub(super) async fn read(journal: &dyn Journal) -> Result<Self, DoorError> {
        let (mut past, mut from) = (Self::default(), Sequence(0));
        loop {
            let page = journal.read(from, PAGE).await?;
            let Some(last) = page.last() else { return Ok(past) };
            from = Sequence(last.sequence.0.saturating_add(1));
            for stored in &page {
                past.take(stored)?;
            }
        }
    }

    /// The policy that was last confirmed; in a journal from before there were confirmations, the last one used.
    pub(super) const fn policy(&self) -> Option<B256> {
        match self.confirmed {
            Some(policy) => Some(policy),
            None => self.used,
        }
    }

    fn take(&mut self, stored: &Stored) -> Result<(), DoorError> {
        let (subject, at) = (stored.entry.subject, stored.entry.at);
        self.latest = self.latest.max(at);
        match Page::of(stored)? {
            Page::Order { command, policy, .. } => {
                self.used = Some(policy);
                self.orders.apply(command, stored.sequence);
            }
            Page::Noted { command, origin, .. } => self.noted(command, &origin),
            Page::Recorded(page) => {
                self.used = Some(page.policy);
                self.orders.used(&page.origin);
                self.books.opened(subject, &page.draft.strategy);
                let attempt = Attempt::of(page.transaction, false, page.keeps_signatures);
                self.intents.open(subject, attempt, &stored.entry.reservations);
            }
            Page::Replaced(page) => {
                let attempt = Attempt::of(page.transaction, page.cancels, page.keeps_signatures);
                self.intents.replaced(subject, attempt, stored.entry.reservations.clone());
            }
            Page::Signed(page) => self.intents.kept(subject, page.of, page.signature),
            Page::Closed { outcome: Outcome::Closed(settlement) } => {
                self.closed(subject, &settlement, at);
            }
            Page::Closed { outcome: Outcome::Refused(_) } | Page::Refused(_) => {}
        }
        // An entry whose kind opens an intent must say which transaction that is.
        let opens = stored.entry.kind == EntryKind::Recorded;
        if opens && self.intents.attempts(subject).is_empty() {
            return Err(DoorError::Payload("an open intent whose page records none".to_owned()));
        }
        Ok(())
    }

    fn noted(&mut self, command: Command, origin: &Origin) {
        match command {
            Command::StandDown(rest) => self.rests.begun(rest),
            Command::Resume { class } => {
                self.rests.resumed(&class);
                if *origin == Origin::Operator {
                    self.books.resumed(&class);
                }
            }
            Command::Confirm { policy } => self.confirmed = Some(policy),
            Command::Reply { .. } | Command::Arm(_) | Command::Disarm(_) => {}
        }
    }

    fn closed(&mut self, subject: B256, settlement: &Settlement, at: Timestamp) {
        self.books.ended(subject, settlement, at);
        if !matches!(settlement, Settlement::Dropped { .. }) {
            self.intents.mined(subject);
        }
        self.intents.closed(subject);
    }
}

/// The transaction of an entry that opened an intent.
pub(super) fn recorded(stored: &Stored) -> Result<Box<crate::RecordedPage>, DoorError> {
    match Page::of(stored)? {
        Page::Recorded(page) => Ok(page),
        Page::Refused(_)
        | Page::Replaced(_)
        | Page::Signed(_)
        | Page::Closed { .. }
        | Page::Order { .. }
        | Page::Noted { .. } => Err(DoorError::Payload("an open intent whose page records none".to_owned())),
    }
}

/// Whether `transaction` is of the lane that quotes: a forged record may be of another.
pub(super) fn is_ours(transaction: &Transaction, quote: &agent_core::ports::Quote) -> bool {
    transaction.chain == quote.chain && transaction.from == quote.from
}
