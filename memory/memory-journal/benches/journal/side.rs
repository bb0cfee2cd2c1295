//! One side of the comparison: a journal, and what was measured on it.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use agent_core::{
    ports::{Appended, Claim, Entry, EntryKind, Journal, Reservation, Sequence},
    units::Timestamp,
};
use alloy_primitives::{U256, keccak256};
use futures::executor::block_on;
use memory_journal::{Files, JournalReader, RedbJournal};
use redb::backends::FileBackend;

use crate::{
    counted::{Counted, Syncs},
    row::quantile,
};

pub(crate) struct Side {
    folder: PathBuf,
    journal: RedbJournal,
    payload: usize,
    sent: BTreeSet<Vec<u8>>,
    syncs: Arc<Syncs>,
    /// Microseconds of each append, and entries in a second, turn by turn.
    latencies: Vec<u128>,
    rates: Vec<u128>,
    total: Total,
}

/// Of all turns together.
#[derive(Default)]
struct Total {
    syncs: u128,
    /// Nanoseconds: on the clock, of that in syncs, and of the writing thread on a processor.
    took: u128,
    synced: u128,
    scribe: u128,
}

/// What the turns came to.
pub(crate) struct Measured {
    /// Entries in a second, of the median turn.
    pub(crate) rate: u128,
    /// Microseconds: the median append, and p99.
    pub(crate) append: (u128, Option<u128>),
    /// Nanoseconds for each entry: on the clock without the syncs, and of the writing thread on a processor.
    pub(crate) beside_syncs: u128,
    pub(crate) scribe: u128,
    /// Nanoseconds of a sync.
    pub(crate) sync: u128,
    pub(crate) syncs: u128,
    pub(crate) samples: usize,
}

impl Side {
    pub(crate) fn new(folder: &Path, group: usize, payload: usize) -> Self {
        drop(RedbJournal::open(folder).unwrap());
        let syncs = Arc::new(Syncs::default());
        let open = |name: &'static str| {
            let file = OpenOptions::new().read(true).write(true).open(folder.join(name)).unwrap();
            Counted(FileBackend::new(file).unwrap(), Arc::clone(&syncs))
        };
        let journal = RedbJournal::open_on(Files::named(open), group).unwrap();
        let (folder, sent) = (folder.to_owned(), BTreeSet::new());
        Self {
            folder,
            journal,
            payload,
            sent,
            syncs,
            latencies: vec![],
            rates: vec![],
            total: Total::default(),
        }
    }

    /// Every writer appends `each` entries, one after the other.
    pub(crate) fn turn(&mut self, round: u64, writers: u64, each: u64) {
        let payload = self.payload;
        let (syncs, synced, scribe) = self.now();
        let began = Instant::now();
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                let journal = self.journal.clone();
                let entries = (0..each).map(move |number| entry(round, writer, number, payload));
                thread::spawn(move || entries.map(|entry| append(&journal, entry)).collect::<Vec<_>>())
            })
            .collect();
        let done: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let took = began.elapsed();
        self.total.took += took.as_nanos();
        let now = self.now();
        self.total.syncs += now.0 - syncs;
        self.total.synced += now.1 - synced;
        self.total.scribe += now.2 - scribe;
        self.rates.push(u128::from(writers * each) * 1_000_000 / took.as_micros());
        for (payload, latency) in done {
            self.latencies.push(latency.as_micros());
            assert!(self.sent.insert(payload));
        }
    }

    fn now(&self) -> (u128, u128, u128) {
        let [count, nanoseconds] = [&self.syncs.count, &self.syncs.nanoseconds];
        let [count, nanoseconds] = [count, nanoseconds].map(|of| u128::from(of.load(Ordering::Relaxed)));
        (count, nanoseconds, scribes())
    }

    pub(crate) fn measured(&mut self) -> Measured {
        let samples = self.latencies.len();
        let entries = u128::try_from(samples).unwrap();
        Measured {
            rate: quantile(&mut self.rates, 50),
            append: (quantile(&mut self.latencies, 50), Some(quantile(&mut self.latencies, 99))),
            beside_syncs: (self.total.took - self.total.synced) / entries,
            scribe: self.total.scribe / entries,
            sync: self.total.synced / self.total.syncs,
            syncs: self.total.syncs,
            samples,
        }
    }

    /// Whether what was acknowledged, and nothing else, is there when the journal is opened again.
    pub(crate) fn holds_what_was_sent(self) -> bool {
        drop(self.journal);
        let reader = JournalReader::open(&self.folder).unwrap();
        let entries = usize::try_from(reader.verify().unwrap().entries).unwrap();
        let there = reader.entries(Sequence(0)).map(|stored| stored.unwrap().entry.payload);
        entries == self.sent.len() && there.collect::<BTreeSet<_>>() == self.sent
    }
}

/// Nanoseconds that threads that write a journal have been on a processor; those of the others stand still meanwhile.
fn scribes() -> u128 {
    let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let scribes = tasks
        .filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "journal-scribe\n"));
    let spent = scribes.filter_map(|task| {
        fs::read_to_string(task.join("schedstat")).ok()?.split(' ').next()?.parse::<u128>().ok()
    });
    spent.sum()
}

fn append(journal: &RedbJournal, entry: Entry) -> (Vec<u8>, Duration) {
    let payload = entry.payload.clone();
    let began = Instant::now();
    let appended = block_on(journal.append(entry)).unwrap();
    let took = began.elapsed();
    assert!(matches!(appended, Appended::Written(_)), "{appended:?}");
    (payload, took)
}

fn entry(round: u64, writer: u64, number: u64, length: usize) -> Entry {
    let name = format!("{round}/{writer}/{number}");
    let mut payload = name.clone().into_bytes();
    payload.resize(length, 0x5a);
    let claims = [("taken", false), ("nonce", true)];
    let claims = claims.map(|(what, releasable)| Claim { key: format!("{what}:{name}"), releasable });
    let (amount, limit) = (U256::from(1u8), U256::MAX);
    Entry {
        kind: EntryKind::Recorded,
        subject: keccak256(&name),
        at: Timestamp(1_700_000_000 + round),
        claims: claims.into(),
        reservations: vec![Reservation { budget: "gas".into(), amount, limit, window: 86_400 }],
        payload,
    }
}
