//! What is known of the state after one block.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    convert::Infallible,
    sync::atomic::{AtomicBool, Ordering},
};

use alloy::primitives::{Address, B256, U256, keccak256, map::HashMap};
use revm::{DatabaseRef, bytecode::Bytecode, state::AccountInfo};

use crate::simulator::parent::Parent;

/// Slots of one block's state that are kept; a block of simulations needs a few hundred.
const MOST_SLOTS: usize = 65_536;
/// Accounts of one block's state that are kept.
const MOST_ACCOUNTS: usize = 4_096;

/// A part of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Key {
    Account(Address),
    Slot(Address, U256),
    /// The hash of an ancestor.
    Hash(u64),
}

/// What a run looked for in vain.
pub(super) type Misses = BTreeSet<Key>;

/// The value of a key, in the state after one certain block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// `None` where there is nobody.
    Account(Address, Option<AccountInfo>),
    Slot(Address, U256, U256),
    Hash(u64, B256),
}

#[derive(Debug)]
struct Seen<T> {
    value: T,
    read: AtomicBool,
}

impl<T> Seen<T> {
    const fn new(value: T) -> Self {
        Self { value, read: AtomicBool::new(false) }
    }

    fn read(&self) -> &T {
        self.read.store(true, Ordering::Relaxed);
        &self.value
    }

    fn was_read(&self) -> bool {
        self.read.load(Ordering::Relaxed)
    }
}

impl<T: Clone> Clone for Seen<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), read: AtomicBool::new(self.was_read()) }
    }
}

/// Values after one block, and of no other: everything in it was asked for by that block's hash.
#[derive(Debug, Clone)]
pub(super) struct BlockState {
    pub(super) parent: Parent,
    accounts: HashMap<Address, Seen<Option<AccountInfo>>>,
    slots: HashMap<(Address, U256), Seen<U256>>,
    hashes: HashMap<u64, B256>,
}

impl BlockState {
    pub(super) fn new(parent: Parent) -> Self {
        let hashes = HashMap::from_iter([(parent.block.number.0, parent.block.hash)]);
        Self { parent, accounts: HashMap::default(), slots: HashMap::default(), hashes }
    }

    pub(super) fn block(&self) -> B256 {
        self.parent.block.hash
    }

    /// Adds what was asked for at this block. Where that would be too much to keep, it takes the place of all before.
    pub(super) fn learn(&mut self, known: Vec<Known>) {
        let most = |held: usize, most: usize| held.saturating_add(known.len()) > most;
        if most(self.slots.len(), MOST_SLOTS) || most(self.accounts.len(), MOST_ACCOUNTS) {
            *self = Self::new(self.parent);
        }
        for fact in known {
            match fact {
                Known::Account(address, account) => {
                    self.accounts.insert(address, Seen::new(account));
                }
                Known::Slot(address, slot, value) => {
                    self.slots.insert((address, slot), Seen::new(value));
                }
                Known::Hash(number, hash) => {
                    self.hashes.insert(number, hash);
                }
            }
        }
    }

    pub(super) fn knows(&self, key: &Key) -> bool {
        match key {
            Key::Account(address) => self.accounts.contains_key(address),
            Key::Slot(address, slot) => self.slots.contains_key(&(*address, *slot)),
            Key::Hash(number) => self.hashes.contains_key(number),
        }
    }

    /// How many transactions `address` has sent.
    pub(super) fn nonce(&self, address: Address) -> Result<u64, Misses> {
        let found = self.accounts.get(&address).ok_or_else(|| Misses::from([Key::Account(address)]))?;
        Ok(found.read().as_ref().map(|account| account.nonce).unwrap_or_default())
    }

    /// What a run has read of it.
    pub(super) fn keys_read(&self) -> impl Iterator<Item = Key> + '_ {
        let accounts = self.accounts.iter().filter(|(_, seen)| seen.was_read());
        let slots = self.slots.iter().filter(|(_, seen)| seen.was_read());
        accounts
            .map(|(address, _)| Key::Account(*address))
            .chain(slots.map(|((address, slot), _)| Key::Slot(*address, *slot)))
    }
}

/// A state as revm reads it. What is not known reads as nothing and is written down: a run with misses has no result, and
/// is repeated when they are known.
#[derive(Debug)]
pub(super) struct View<'a> {
    state: &'a BlockState,
    misses: RefCell<Misses>,
}

impl<'a> View<'a> {
    pub(super) const fn new(state: &'a BlockState) -> Self {
        Self { state, misses: RefCell::new(Misses::new()) }
    }

    pub(super) fn has_missed(&self) -> bool {
        !self.misses.borrow().is_empty()
    }

    pub(super) fn into_misses(self) -> Misses {
        self.misses.into_inner()
    }

    fn miss(&self, key: Key) {
        self.misses.borrow_mut().insert(key);
    }
}

impl DatabaseRef for View<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        let found = self.state.accounts.get(&address);
        if found.is_none() {
            self.miss(Key::Account(address));
        }
        Ok(found.and_then(|seen| seen.read().clone()))
    }

    /// Never asked for: every account comes with its code.
    fn code_by_hash_ref(&self, _: B256) -> Result<Bytecode, Infallible> {
        Ok(Bytecode::default())
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        let found = self.state.slots.get(&(address, slot));
        if found.is_none() {
            self.miss(Key::Slot(address, slot));
        }
        Ok(found.map(|seen| *seen.read()).unwrap_or_default())
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        let parent = self.state.parent.block;
        if number > parent.number.0 {
            // A block that is not there yet, in a variant that comes after it.
            return Ok(keccak256([parent.hash.as_slice(), &number.to_be_bytes()].concat()));
        }
        let found = self.state.hashes.get(&number).copied();
        if found.is_none() {
            self.miss(Key::Hash(number));
        }
        Ok(found.unwrap_or_default())
    }
}
