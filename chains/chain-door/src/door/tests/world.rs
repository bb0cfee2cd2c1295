//! A door's whole world, scripted.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use agent_core::{
    Action, Draft, Origin, Refusal, Settlement,
    ports::{Command, Door as _, EntryKind, Journal as _, Offered, Quote, Sent, Sequence, Standing},
    scripted::ListJournal,
    units::Timestamp,
};
use alloy_primitives::{B256, U256};
use futures::executor::block_on;
use tempfile::TempDir;

use crate::{Door, DoorPorts, KillSwitch, Policy, Senders, Transaction, scripted::*};

pub(super) struct World {
    pub(super) trace: Arc<Trace>,
    pub(super) simulator: Arc<ScriptedSimulator>,
    pub(super) sender: Arc<ScriptedSender>,
    /// The lane `fast`'s, for doors that have it.
    pub(super) fast: Arc<ScriptedSender>,
    pub(super) list: Arc<ListJournal>,
    pub(super) fails: Arc<Mutex<Option<EntryKind>>>,
    pub(super) kill: KillSwitch,
    pub(super) folder: TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        let trace = Arc::new(Trace::default());
        let sender =
            |quote| Arc::new(ScriptedSender { trace: trace.clone(), lane: Mutex::new(lane_of(quote)) });
        let folder = tempfile::tempdir().unwrap();
        Self {
            simulator: Arc::new(ScriptedSimulator::new(trace.clone())),
            sender: sender(quote()),
            fast: sender(Quote { from: FAST_KEY, nonce: 3, ..quote() }),
            trace,
            list: Arc::default(),
            fails: Arc::default(),
            kill: KillSwitch::at(&folder.path().join("KILL")),
            folder,
        }
    }

    /// Opens a door, as each start of the process does.
    pub(super) fn door(&self) -> Door {
        self.door_under(policy())
    }

    pub(super) fn door_under(&self, policy: Policy) -> Door {
        block_on(Door::open(policy, self.ports())).unwrap()
    }

    /// A door with the lane `fast`.
    pub(super) fn door_of_lanes(&self) -> Door {
        let ports = self.ports();
        let senders = ports.senders.with("fast", FAST_KEY, self.fast.clone());
        block_on(Door::open(policy_of_lanes(), DoorPorts { senders, ..ports })).unwrap()
    }

    pub(super) fn ports(&self) -> DoorPorts {
        let journal =
            TracedJournal { trace: self.trace.clone(), list: self.list.clone(), fails: self.fails.clone() };
        DoorPorts {
            simulator: self.simulator.clone(),
            journal: Arc::new(journal),
            senders: Senders::one(KEY, self.sender.clone()),
            observer: self.trace.clone(),
            kill: self.kill.clone(),
        }
    }

    /// A world whose key gives another signature each time.
    pub(super) fn elsewhere() -> Self {
        let world = Self::new();
        world.sender.lane.lock().unwrap().keeps = true;
        world
    }

    /// The operator clears the switch while nothing runs; the next process looks at the file anew.
    pub(super) fn cleared(&mut self) {
        let file = self.folder.path().join("KILL");
        std::fs::remove_file(&file).unwrap();
        self.kill = KillSwitch::at(&file);
    }

    pub(super) fn at(&self, timestamp: u64) {
        self.sender.lane.lock().unwrap().quote.as_mut().unwrap().head.timestamp = Timestamp(timestamp);
    }

    /// Chain time, `seconds` later.
    pub(super) fn passes_time(&self, seconds: u64) -> u64 {
        let mut lane = self.sender.lane.lock().unwrap();
        let head = &mut lane.quote.as_mut().unwrap().head;
        head.timestamp = head.timestamp.plus(seconds);
        head.timestamp.0
    }

    pub(super) fn settles(&self, settlement: Settlement) {
        self.sender.lane.lock().unwrap().settlements.push_back(settlement);
    }

    /// Entries of this kind cannot be written from now on.
    pub(super) fn fails_at(&self, kind: EntryKind) {
        *self.fails.lock().unwrap() = Some(kind);
    }

    /// The hashes under which something was sent.
    pub(super) fn sent_as(&self) -> Vec<B256> {
        self.sender.lane.lock().unwrap().sent_as.iter().map(|sent| sent.transaction).collect()
    }

    pub(super) fn sent(&self) -> Vec<Transaction> {
        self.sender.lane.lock().unwrap().sent.clone()
    }

    /// Offers, and sees it through when there is a settlement for it. Whether the door let it through.
    pub(super) fn passes(&self, door: &Door, draft: Draft, origin: Origin) -> bool {
        let settles = !self.sender.lane.lock().unwrap().settlements.is_empty();
        let Offered::Underway(underway) = block_on(door.offer(draft, origin)).unwrap() else { return false };
        if settles {
            block_on(underway.outcome).unwrap();
        }
        true
    }

    #[track_caller]
    pub(super) fn refused(&self, door: &Door, draft: Draft, origin: Origin) -> Refusal {
        match block_on(door.offer(draft, origin)).unwrap() {
            Offered::Refused(refusal) => refusal,
            other @ (Offered::Underway(_) | Offered::Asked(_)) => panic!("{other:?}"),
        }
    }

    pub(super) fn command(&self, door: &Door, command: Command, origin: Origin) -> Result<(), Refusal> {
        block_on(door.command(command, origin)).unwrap()
    }

    /// What is in the journal after the first policy was taken over.
    pub(super) fn kinds(&self) -> Vec<EntryKind> {
        let stored = block_on(self.list.read(Sequence(1), 1_000)).unwrap();
        stored.into_iter().map(|stored| stored.entry.kind).collect()
    }

    /// What closed entries say was used, by budget.
    pub(super) fn used(&self) -> String {
        let mut used: BTreeMap<String, Vec<U256>> = BTreeMap::new();
        for stored in block_on(self.list.read(Sequence(0), 1_000)).unwrap() {
            if matches!(stored.entry.kind, EntryKind::Closed | EntryKind::Dropped) {
                for kept in stored.entry.reservations {
                    used.entry(kept.budget).or_default().push(kept.amount);
                }
            }
        }
        used.iter().map(|(budget, amounts)| format!("{budget} {amounts:?}\n")).collect()
    }
}

/// A lane in which nothing was done yet.
fn lane_of(quote: Quote) -> Lane {
    Lane {
        quote: Some(quote),
        heard: None,
        sends: true,
        keeps: false,
        standing: None,
        settlements: VecDeque::new(),
        stuck: VecDeque::new(),
        exactly: None,
        sent: vec![],
        sent_as: vec![],
        signatures: 0,
        sent_at: vec![],
        ended: BTreeMap::new(),
    }
}

/// The sender's answer when it has broadcast `sent` transactions.
pub(super) fn standing_of(sent: usize) -> Standing {
    if sent == 0 { unknown() } else { known() }
}

/// The scripted sender puts in what it is asked about.
const ANY: Sent = Sent { transaction: B256::ZERO, nonce: 0 };

pub(super) fn known() -> Standing {
    Standing::Known(ANY)
}

pub(super) fn unknown() -> Standing {
    Standing::Unknown(ANY)
}

pub(super) fn borrows(draft: &mut Draft, raw: u64) {
    let Action::Execute(intent) = &mut draft.action else { panic!("maintenance") };
    intent.borrow.as_mut().unwrap().amount = amount(USDC, raw);
    // One swap each, so that the other token's budget stays out of it.
    intent.calls.truncate(1);
}

pub(super) fn deadline(mut draft: Draft, timestamp: u64) -> Draft {
    let Action::Execute(intent) = &mut draft.action else { panic!("maintenance") };
    intent.deadline = Timestamp(timestamp);
    draft
}
