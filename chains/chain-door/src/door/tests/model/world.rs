//! What outlives a process: the journal, the chain, and everything that was ever signed.

use agent_core::ports::Stored;
use alloy_primitives::{Address, B256};

use super::Action;
use crate::{
    Page, Transaction,
    scripted::{EXECUTOR, FAST_EXECUTOR, FAST_KEY, KEY, NOW, draft},
};

/// How often things may happen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Chances {
    /// Keys at work; the second intent is the second's.
    pub(super) lanes: u8,
    pub(super) intents: u8,
    pub(super) crashes: u8,
    pub(super) strangers: u8,
    pub(super) reorgs: u8,
    pub(super) forgotten: u8,
    pub(super) stuck: u8,
    pub(super) failed: u8,
    pub(super) kills: u8,
    pub(super) late: u8,
    /// Whether the key gives another signature each time.
    pub(super) elsewhere: bool,
}

/// The first nonce of each lane: of several the same, so that one taken for another's shows.
pub(super) const FIRST: u64 = 7;

/// A transaction with a signature, and whether the node has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) transaction: Transaction,
    /// Under which it is known, if at all.
    pub(super) hash: B256,
    pub(super) known: bool,
}

#[derive(Clone)]
pub(super) struct World {
    pub(super) entries: Vec<Stored>,
    /// What used the next nonce of each key, block by block: the index of ours, or a stranger.
    pub(super) chain: Vec<(Address, Option<usize>)>,
    /// How many of these are final.
    pub(super) finals: usize,
    pub(super) signed: Vec<Signed>,
    pub(super) killed: bool,
    pub(super) signed_after_latch: bool,
    pub(super) now: u64,
    pub(super) left: Chances,
    /// Processes so far, and of which each signature is.
    pub(super) processes: usize,
    pub(super) recorded_by: Vec<(usize, Transaction)>,
    pub(super) broken: Option<String>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nonces: Vec<_> = self.signed.iter().map(|signed| signed.transaction.nonce).collect();
        write!(f, "chain {:?}, signed at {nonces:?}, {} entries", self.chain, self.entries.len())
    }
}

/// Whether it does what some intent asks for.
fn acts(transaction: &Transaction) -> bool {
    [Some(EXECUTOR), Some(FAST_EXECUTOR)].contains(&transaction.to)
}

fn spend(chance: &mut u8) -> bool {
    chance.checked_sub(1).map(|left| *chance = left).is_some()
}

impl World {
    pub(super) fn new(left: Chances) -> Self {
        Self {
            entries: Vec::new(),
            chain: Vec::new(),
            finals: 0,
            signed: Vec::new(),
            killed: false,
            signed_after_latch: false,
            now: NOW,
            left,
            processes: 1,
            recorded_by: Vec::new(),
            broken: None,
        }
    }

    /// The lowest nonce of `key` that nothing mined has used.
    pub(super) fn next(&self, key: Address) -> u64 {
        FIRST + u64::try_from(self.chain.iter().filter(|(of, _)| *of == key).count()).unwrap()
    }

    /// What used this nonce for good.
    pub(super) fn end_of(&self, key: Address, nonce: u64) -> Option<Option<usize>> {
        let at = usize::try_from(nonce - FIRST).ok()?;
        let finals = self.chain.iter().take(self.finals).filter(|(of, _)| *of == key);
        finals.map(|(_, used_by)| *used_by).nth(at)
    }

    fn is_mined(&self, index: usize) -> bool {
        self.chain.iter().any(|(_, used_by)| *used_by == Some(index))
    }

    /// What can happen without the process.
    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for (index, signed) in self.signed.iter().enumerate() {
            if signed.transaction.nonce == self.next(signed.transaction.from) {
                actions.push(Action::Mine(index));
            }
            if self.left.forgotten > 0 && signed.known && !self.is_mined(index) {
                actions.push(Action::Forget(index));
            }
        }
        let left = &self.left;
        let mut may = |can: bool, action| {
            if can {
                actions.push(action);
            }
        };
        may(left.strangers > 0, Action::Stranger(KEY));
        may(left.strangers > 0 && left.lanes > 1, Action::Stranger(FAST_KEY));
        may(left.reorgs > 0 && self.chain.len() > self.finals, Action::Reorg);
        may(self.chain.len() > self.finals, Action::Finalise);
        may(left.kills > 0 && !self.killed, Action::Kill);
        may(left.late > 0, Action::Late);
        actions
    }

    /// Lets one of them happen.
    pub(super) fn live(&mut self, action: &Action) {
        match action {
            Action::Mine(index) => self.chain.push((self.signed[*index].transaction.from, Some(*index))),
            Action::Stranger(key) if spend(&mut self.left.strangers) => self.chain.push((*key, None)),
            Action::Reorg if spend(&mut self.left.reorgs) => drop(self.chain.pop()),
            Action::Finalise => self.finals = self.chain.len(),
            Action::Forget(index) if spend(&mut self.left.forgotten) => self.signed[*index].known = false,
            Action::Kill if spend(&mut self.left.kills) => self.killed = true,
            Action::Late if spend(&mut self.left.late) => self.now += 100,
            Action::Crash | Action::CrashLate => assert!(spend(&mut self.left.crashes)),
            Action::Restart => self.processes += 1,
            Action::FailSend(_) => assert!(spend(&mut self.left.failed)),
            Action::Stuck(_) => assert!(spend(&mut self.left.stuck)),
            Action::Offer(_) | Action::Step(_) => {}
            other => panic!("{other:?} is not possible now"),
        }
    }

    pub(super) fn digest(&self) -> String {
        let head = self.entries.last().map(|stored| stored.hash);
        let signed: Vec<_> = self
            .signed
            .iter()
            .map(|signed| {
                let Signed { transaction, hash, known } = signed;
                (transaction.from, transaction.nonce, transaction.gas, hash, known)
            })
            .collect();
        let Self { chain, finals, killed, now, left, signed_after_latch, .. } = self;
        format!(
            "{head:?} {chain:?} {finals} {signed:?} {killed} {now} {left:?} {signed_after_latch} {:?}",
            self.broken
        )
    }

    /// Ours that are on the chain now.
    fn mined(&self) -> impl Iterator<Item = &Transaction> {
        self.chain.iter().filter_map(|(_, used_by)| *used_by).map(|index| &self.signed[index].transaction)
    }

    fn page_of(&self, transaction: &Transaction) -> Option<(&Stored, Page)> {
        self.entries.iter().find_map(|stored| match Page::of(stored).unwrap() {
            page @ Page::Recorded(_) | page @ Page::Replaced(_) => {
                let of = match &page {
                    Page::Recorded(page) => &page.transaction,
                    Page::Replaced(page) => &page.transaction,
                    _ => return None,
                };
                (of == transaction).then_some((stored, page))
            }
            _ => None,
        })
    }

    /// How often each intent has landed. Its id is what the journal opened the transaction's subject with.
    pub(super) fn landed(&self) -> [usize; 2] {
        let id_of = |transaction: &Transaction| {
            let (stored, _) = self.page_of(transaction)?;
            let subject = stored.entry.subject;
            self.entries.iter().filter(|stored| stored.entry.subject == subject).find_map(|stored| {
                match Page::of(stored).unwrap() {
                    Page::Recorded(page) => Some(page.draft.id),
                    _ => None,
                }
            })
        };
        let acting: Vec<_> = self.mined().filter(|transaction| acts(transaction)).map(id_of).collect();
        [1, 2].map(|seed| acting.iter().filter(|id| **id == Some(draft(seed).id)).count())
    }

    /// USDC base units that landed transactions put to work.
    pub(super) fn put_to_work(&self) -> u64 {
        let times: usize = self.landed().iter().sum();
        crate::scripted::LOAN * u64::try_from(times).unwrap()
    }

    pub(super) fn is_all_recorded(&self) -> bool {
        let is_kept = |signed: &Signed| !self.left.elsewhere || self.is_kept(signed.hash);
        self.signed.iter().all(|signed| self.page_of(&signed.transaction).is_some() && is_kept(signed))
    }

    /// Whether the journal has the signature of this hash.
    fn is_kept(&self, hash: B256) -> bool {
        let pages = self.entries.iter().map(|stored| Page::of(stored).unwrap());
        pages.into_iter().any(|page| matches!(page, Page::Signed(page) if page.signature.transaction == hash))
    }

    /// How many signatures of it the journal has.
    pub(super) fn signatures_of(&self, transaction: &Transaction) -> usize {
        let (of, pages) = (transaction.digest(), self.entries.iter().map(|stored| Page::of(stored).unwrap()));
        pages.into_iter().filter(|page| matches!(page, Page::Signed(page) if page.of == of)).count()
    }

    /// Whether two subjects have signed for one nonce.
    pub(super) fn shares_a_nonce(&self) -> bool {
        let subjects: Vec<_> = self
            .signed
            .iter()
            .filter_map(|signed| {
                let (stored, _) = self.page_of(&signed.transaction)?;
                Some(((signed.transaction.from, signed.transaction.nonce), stored.entry.subject))
            })
            .collect();
        subjects.iter().any(|(nonce, subject)| subjects.iter().any(|(n, s)| n == nonce && s != subject))
    }

    /// Whether a key has signed for another than its own executor, or itself.
    pub(super) fn mixes_lanes(&self) -> bool {
        let own = |transaction: &Transaction| {
            let executor = if transaction.from == KEY { EXECUTOR } else { FAST_EXECUTOR };
            [Some(executor), Some(transaction.from)].contains(&transaction.to)
        };
        !self.signed.iter().all(|signed| own(&signed.transaction))
    }

    pub(super) fn replacement_landed(&self) -> bool {
        let replaces = |transaction: &Transaction| matches!(self.page_of(transaction), Some((_, Page::Replaced(page))) if !page.cancels);
        self.mined().any(replaces)
    }

    pub(super) fn nothing_landed(&self) -> bool {
        self.mined().any(|transaction| transaction.data.is_empty())
    }

    pub(super) fn landed_after_restart(&self) -> bool {
        self.processes > 1
            && self.mined().any(|transaction| {
                self.recorded_by.iter().any(|(by, of)| *by < self.processes && of == transaction)
            })
    }
}
