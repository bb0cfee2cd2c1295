//! `scripts/bench journal`: 64 writers who share commits, against the same 64 writers with one commit each, and both against a
//! loop of raw writes with `fdatasync`, in turns on the same disk.
//!
//! The journal is the real one with its checks, its claims and its budget; only the most entries that one transaction may
//! take differs. Syncs are counted where redb asks for them. `KEEPWRIGHT_BENCH_DIR` chooses the disk; a tmpfs is refused.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time, and is told where")]
#![expect(clippy::unwrap_used, reason = "a benchmark that fails should say where")]
#![expect(clippy::arithmetic_side_effects, reason = "counts of a benchmark do not overflow")]

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use agent_core::{
    ports::{Appended, Claim, Entry, EntryKind, Journal, Reservation, Sequence},
    units::Timestamp,
};
use alloy_primitives::{U256, keccak256};
use futures::executor::block_on;
use memory_journal::{JournalReader, RedbJournal};
use redb::backends::FileBackend;

mod counted;
mod row;

use counted::Counted;
use row::{Row, quantile};

const WRITERS: u64 = 64;
/// Turns of each side, so that the disk's moods meet all of them.
const ROUNDS: u64 = 5;
/// Appends of each writer in one turn.
const SHARED: u64 = 64;
const ALONE: u64 = 4;
const SINGLE: u64 = 128;
/// A door's payload: a draft, its verdict and the transaction.
const PAYLOAD: usize = 700;

/// One side: a journal, and what was measured on it.
struct Side {
    folder: PathBuf,
    journal: RedbJournal,
    syncs: Arc<AtomicU64>,
    sent: BTreeSet<Vec<u8>>,
    latencies: Vec<u128>,
    /// Entries in a second, turn by turn.
    rates: Vec<u128>,
    /// Syncs during the turns.
    counted: u64,
}

impl Side {
    fn new(folder: &Path, group: usize) -> Self {
        drop(RedbJournal::open(folder).unwrap());
        let syncs = Arc::new(AtomicU64::new(0));
        let open = |name| {
            let file = OpenOptions::new().read(true).write(true).open(folder.join(name)).unwrap();
            Counted(FileBackend::new(file).unwrap(), Arc::clone(&syncs))
        };
        let journal = RedbJournal::open_on(open("journal.redb"), open("head"), group).unwrap();
        let (folder, sent) = (folder.to_owned(), BTreeSet::new());
        Self { folder, journal, syncs, sent, latencies: vec![], rates: vec![], counted: 0 }
    }

    /// Every writer appends `each` entries, one after the other.
    fn turn(&mut self, round: u64, writers: u64, each: u64) {
        let before = self.syncs.load(Ordering::Relaxed);
        let began = Instant::now();
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                let journal = self.journal.clone();
                let entries = (0..each).map(move |number| entry(round, writer, number));
                thread::spawn(move || entries.map(|entry| append(&journal, entry)).collect::<Vec<_>>())
            })
            .collect();
        let done: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let took = began.elapsed().as_micros();
        self.counted += self.syncs.load(Ordering::Relaxed) - before;
        self.rates.push(u128::from(writers * each) * 1_000_000 / took);
        for (payload, latency) in done {
            self.latencies.push(latency.as_micros());
            assert!(self.sent.insert(payload));
        }
    }

    /// Whether what was acknowledged, and nothing else, is there when the journal is opened again.
    fn holds_what_was_sent(self) -> bool {
        drop(self.journal);
        let reader = JournalReader::open(&self.folder).unwrap();
        let entries = usize::try_from(reader.verify().unwrap().entries).unwrap();
        let there = reader.entries(Sequence(0)).map(|stored| stored.unwrap().entry.payload);
        entries == self.sent.len() && there.collect::<BTreeSet<_>>() == self.sent
    }
}

fn append(journal: &RedbJournal, entry: Entry) -> (Vec<u8>, Duration) {
    let payload = entry.payload.clone();
    let began = Instant::now();
    let appended = block_on(journal.append(entry)).unwrap();
    let took = began.elapsed();
    assert!(matches!(appended, Appended::Written(_)), "{appended:?}");
    (payload, took)
}

fn entry(round: u64, writer: u64, number: u64) -> Entry {
    let name = format!("{round}/{writer}/{number}");
    let mut payload = name.clone().into_bytes();
    payload.resize(PAYLOAD, 0x5a);
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

/// A small write made durable, again and again: what one commit cannot be cheaper than.
fn raw(file: &mut File, count: u64, latencies: &mut Vec<u128>) {
    for _ in 0..count {
        let began = Instant::now();
        file.write_all(&[7; 4_096]).unwrap();
        file.sync_data().unwrap();
        latencies.push(began.elapsed().as_micros());
    }
}

/// The file system that `folder` is on: that of the longest mount point.
fn file_system(folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let ours = fields.filter(|fields| fields.get(1).is_some_and(|at| folder.starts_with(at)));
    let longest = ours.max_by_key(|fields| fields.get(1).map(|at| at.len()));
    longest.and_then(|fields| fields.get(2).map(|kind| (*kind).to_owned())).unwrap_or_default()
}

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let here = || env!("CARGO_TARGET_TMPDIR").to_owned();
    let folder =
        tempfile::tempdir_in(std::env::var("KEEPWRIGHT_BENCH_DIR").unwrap_or_else(|_| here())).unwrap();
    let kind = file_system(folder.path());
    assert_ne!(kind, "tmpfs", "a tmpfs syncs nothing: set KEEPWRIGHT_BENCH_DIR to a folder on a disk");
    eprintln!("file system: {kind}");
    let mut sides = [("shared", 1024), ("alone", 1), ("single", 1024)]
        .map(|(name, group)| Side::new(&folder.path().join(name), group));
    let (mut file, mut raws) = (File::create(folder.path().join("raw")).unwrap(), vec![]);
    for round in 0..ROUNDS {
        let turns = [(WRITERS, SHARED), (WRITERS, ALONE), (1, SINGLE)];
        for (side, (writers, each)) in sides.iter_mut().zip(turns) {
            side.turn(round, writers, each);
        }
        raw(&mut file, WRITERS * ALONE, &mut raws);
    }
    report(json, sides, raws);
}

fn report(json: bool, mut sides: [Side; 3], mut raws: Vec<u128>) {
    let rates = sides.each_mut().map(|side| quantile(&mut side.rates, 50));
    let counts = sides.each_ref().map(|side| (u128::from(side.counted), side.latencies.len()));
    let latencies = sides
        .each_mut()
        .map(|side| (quantile(&mut side.latencies, 50), Some(quantile(&mut side.latencies, 99))));
    let floor = (quantile(&mut raws, 50), Some(quantile(&mut raws, 99)));
    let equal = sides.map(Side::holds_what_was_sent) == [true; 3];
    assert!(equal, "what was acknowledged is not what is there");
    let ([together, apart, _], [(syncs, samples), (syncs_apart, samples_apart), (_, samples_single)]) =
        (rates, counts);
    let [shared, alone, single] = latencies;
    let rows = [
        Row { unit: "entries/s", ours: (together, None), samples, ..Row::new("64 writers") }
            .beside("one commit each", apart)
            .against(together * 10 / apart.max(1), equal),
        Row { ours: shared, samples, ..Row::new("append, 64 writers") }.beside("one commit each", alone.0),
        Row { ours: single, samples: samples_single, ..Row::new("append, 1 writer") }
            .beside("raw write and fdatasync", floor.0),
        Row { ours: floor, samples: raws.len(), ..Row::new("raw write and fdatasync") },
        Row { unit: "syncs", ours: (syncs, None), samples, ..Row::new("64 writers, syncs") }
            .beside("entries", samples.try_into().unwrap()),
        Row {
            unit: "syncs",
            ours: (syncs_apart, None),
            samples: samples_apart,
            ..Row::new("one commit each, syncs")
        }
        .beside("entries", samples_apart.try_into().unwrap()),
    ];
    rows.into_iter().for_each(|row| row.print(json));
}
