//! The intents that the journal holds open: every transaction that may be signed for each, and whether somebody in this
//! process follows it. Nonces are per key: which one, the transactions say themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use agent_core::{
    Mined, Settlement,
    ports::{Ahead, Pending, Reservation, Sent},
};
use alloy_primitives::{Address, B256};

use crate::{Transaction, nonces, payload::KeptSignature};

/// Open intents by subject. All clones are one.
#[derive(Debug, Clone, Default)]
pub(super) struct Intents(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    open: BTreeMap<B256, Open>,
    keys: BTreeMap<Address, Nonces>,
}

/// What is known of one key's nonces beside the open intents.
#[derive(Debug, Default)]
struct Nonces {
    /// Above every nonce at which one of ours was mined for good.
    floor: u64,
    /// The lowest that the node did not know, when it was last asked.
    unknown: Option<u64>,
}

#[derive(Debug)]
struct Open {
    followed: bool,
    /// The latest last; never empty.
    attempts: Vec<Attempt>,
    /// What all of them have reserved.
    reserved: Vec<Reservation>,
}

/// One transaction that may be signed for an intent.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) transaction: Transaction,
    /// Whether it does nothing but use up the nonce.
    pub(super) cancels: bool,
    /// Whether each signature of it is in the journal before it leaves.
    pub(super) keeps: bool,
    /// Those that are.
    kept: Vec<KeptSignature>,
    /// Its hashes, once they are known: one for each signature, where no two are the same.
    sent: Vec<Sent>,
}

impl Attempt {
    pub(super) const fn of(transaction: Transaction, cancels: bool, keeps: bool) -> Self {
        Self { transaction, cancels, keeps, kept: Vec::new(), sent: Vec::new() }
    }

    fn is_sent_as(&mut self, sent: Sent) {
        if !self.sent.contains(&sent) {
            self.sent.push(sent);
        }
    }
}

impl Open {
    /// The key, and the nonce that all attempts share.
    fn place(&self) -> Option<(Address, u64)> {
        self.attempts.first().map(|attempt| (attempt.transaction.from, attempt.transaction.nonce))
    }

    fn hashes(&self) -> impl Iterator<Item = Sent> {
        self.attempts.iter().flat_map(|attempt| attempt.sent.iter().copied())
    }
}

impl Book {
    /// The next nonce of `key` to use, the node knowing of no transaction at `unknown`.
    fn next_nonce(&self, key: Address, unknown: u64) -> u64 {
        let floor = self.keys.get(&key).map_or(0, |nonces| nonces.floor);
        let held = self.open.values().filter_map(Open::place).filter(|(from, _)| *from == key);
        nonces::next(unknown, floor, held.map(|(_, nonce)| nonce))
    }
}

impl Intents {
    /// What of `key` is on its way before the transaction with `nonce`, in that order: the latest attempt of each.
    pub(super) fn ahead_of(&self, key: Address, nonce: u64) -> Vec<Ahead> {
        let book = self.book();
        let latest = book.open.values().filter_map(|open| open.attempts.last());
        let before = latest.map(|attempt| &attempt.transaction);
        let before = before.filter(|transaction| transaction.from == key && transaction.nonce < nonce);
        let ahead = before.map(|transaction| Ahead {
            nonce: transaction.nonce,
            frame: transaction.frame(),
            gas_limit: transaction.gas.limit,
        });
        let mut ahead: Vec<Ahead> = ahead.collect();
        ahead.sort_unstable_by_key(|ahead| ahead.nonce);
        ahead
    }

    /// The next nonce of `key` to use, the node knowing of no transaction at `unknown`.
    pub(super) fn next_nonce(&self, key: Address, unknown: u64) -> u64 {
        self.book().next_nonce(key, unknown)
    }

    /// The same, of a node that was asked just now.
    pub(super) fn asked(&self, key: Address, unknown: u64) -> u64 {
        let mut book = self.book();
        book.keys.entry(key).or_default().unknown = Some(unknown);
        book.next_nonce(key, unknown)
    }

    /// The same, going by what the node knew when it was last asked; none before that.
    pub(super) fn expected_nonce(&self, key: Address) -> Option<u64> {
        let book = self.book();
        let unknown = book.keys.get(&key)?.unknown?;
        Some(book.next_nonce(key, unknown))
    }

    /// The keys that have something open.
    pub(super) fn keys(&self) -> BTreeSet<Address> {
        self.book().open.values().filter_map(Open::place).map(|(key, _)| key).collect()
    }

    pub(super) fn count(&self) -> usize {
        self.book().open.len()
    }

    pub(super) fn followed(&self) -> BTreeSet<B256> {
        self.book().open.iter().filter(|(_, open)| open.followed).map(|(subject, _)| *subject).collect()
    }

    /// How things stand, by key and nonce.
    pub(super) fn statuses(&self) -> Vec<Pending> {
        let status = |(subject, open): (&B256, &Open)| {
            let (key, nonce) = open.place().unwrap_or_default();
            let attempts = open.hashes().map(|sent| sent.transaction).collect();
            Pending { subject: *subject, key, nonce, attempts }
        };
        let mut statuses: Vec<Pending> = self.book().open.iter().map(status).collect();
        statuses.sort_unstable_by_key(|pending| (pending.key, pending.nonce));
        statuses
    }

    /// Counts an intent that is about to be written; whether it was not counted before.
    pub(super) fn open(&self, subject: B256, attempt: Attempt, reserved: &[Reservation]) -> bool {
        let mut book = self.book();
        let is_new = !book.open.contains_key(&subject);
        let attempts = vec![attempt];
        let reserved = reserved.to_vec();
        book.open.entry(subject).or_insert(Open { followed: false, attempts, reserved });
        is_new
    }

    /// Counts a further transaction of an open intent.
    pub(super) fn replaced(&self, subject: B256, attempt: Attempt, more: Vec<Reservation>) {
        if let Some(open) = self.book().open.get_mut(&subject) {
            open.attempts.push(attempt);
            open.reserved.extend(more);
        }
    }

    /// What the journal holds reserved for it.
    pub(super) fn reserved(&self, subject: B256) -> Vec<Reservation> {
        self.book().open.get(&subject).map(|open| open.reserved.clone()).unwrap_or_default()
    }

    /// The sender has told the hash of the attempt that is `transaction`.
    pub(super) fn signed(&self, subject: B256, transaction: &Transaction, sent: Sent) {
        let mut book = self.book();
        let attempts = book.open.get_mut(&subject).into_iter().flat_map(|open| &mut open.attempts);
        for attempt in attempts.filter(|attempt| attempt.transaction == *transaction) {
            attempt.is_sent_as(sent);
        }
    }

    /// The journal has a signature of the attempt of this digest: from then on it may leave.
    pub(super) fn kept(&self, subject: B256, of: B256, signature: KeptSignature) {
        let mut book = self.book();
        let attempts = book.open.get_mut(&subject).into_iter().flat_map(|open| &mut open.attempts);
        for attempt in attempts.filter(|attempt| attempt.transaction.digest() == of) {
            let (transaction, nonce) = (signature.transaction, attempt.transaction.nonce);
            attempt.is_sent_as(Sent { transaction, nonce });
            attempt.kept.push(signature.clone());
        }
    }

    /// Whether signatures of the attempt of this digest are in the journal before they leave, and those that are.
    pub(super) fn signatures(&self, subject: B256, of: B256) -> (bool, Vec<KeptSignature>) {
        let book = self.book();
        let attempts = book.open.get(&subject).into_iter().flat_map(|open| &open.attempts);
        let mut same = attempts.filter(|attempt| attempt.transaction.digest() == of);
        same.next().map(|attempt| (attempt.keeps, attempt.kept.clone())).unwrap_or_default()
    }

    /// Every transaction that may be signed for it, the latest last.
    pub(super) fn attempts(&self, subject: B256) -> Vec<Attempt> {
        self.book().open.get(&subject).map(|open| open.attempts.clone()).unwrap_or_default()
    }

    /// Those that were signed, as far as this process knows.
    pub(super) fn sent(&self, subject: B256) -> Vec<Sent> {
        self.book().open.get(&subject).map(|open| open.hashes().collect()).unwrap_or_default()
    }

    /// What a mined transaction means for the intent: when it was one that only used up the nonce, nothing was done.
    pub(super) fn as_meant(&self, subject: B256, settlement: Settlement) -> Settlement {
        let cancels = |mined: &Mined| {
            let attempts = self.attempts(subject);
            let is_it =
                |attempt: &&Attempt| attempt.sent.iter().any(|sent| sent.transaction == mined.transaction);
            attempts.iter().find(is_it).is_some_and(|attempt| attempt.cancels)
        };
        match settlement {
            Settlement::Settled(ref mined) | Settlement::Reverted(ref mined) if cancels(mined) => {
                Settlement::Cancelled(mined.clone())
            }
            Settlement::Settled(_)
            | Settlement::Reverted(_)
            | Settlement::Cancelled(_)
            | Settlement::Dropped { .. } => settlement,
        }
    }

    /// The journal closed it, or never took it.
    pub(super) fn closed(&self, subject: B256) {
        self.book().open.remove(&subject);
    }

    /// One of its transactions was mined for good: no node's word brings its nonce back.
    pub(super) fn mined(&self, subject: B256) {
        let mut book = self.book();
        let Some((key, nonce)) = book.open.get(&subject).and_then(Open::place) else { return };
        let nonces = book.keys.entry(key).or_default();
        nonces.floor = nonces.floor.max(nonce.saturating_add(1));
    }

    /// Somebody follows it for as long as the guard lives.
    pub(super) fn follow(&self, subject: B256) -> Following {
        if let Some(open) = self.book().open.get_mut(&subject) {
            open.followed = true;
        }
        Following { intents: self.clone(), subject }
    }

    /// A panic elsewhere leaves the book whole: it is only ever changed by single calls.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When dropped before its intent was closed, the intent is free to be taken up again.
#[derive(Debug)]
pub(super) struct Following {
    intents: Intents,
    subject: B256,
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(open) = self.intents.book().open.get_mut(&self.subject) {
            open.followed = false;
        }
    }
}
