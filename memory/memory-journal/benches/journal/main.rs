//! `scripts/bench journal`: 64 writers who share commits, against the same 64 writers with one commit each, and both against a
//! loop of raw writes with `fdatasync`, in turns on the same disk.
//!
//! The journal is the real one with its checks, its claims and its budget; only the most entries that one sync may make
//! durable differs, and both sides write equally many, with their checkpoints. Syncs of all files are counted and timed.
//!
//! With a sync of s and c of everything else for each entry, sharing is (s + c) / (s / 64 + c) times as fast: 20 times needs
//! a c of at most 11/304 of s. What c was, and what it should have been on this disk, stands in the table. `KEEPWRIGHT_BENCH_DIR` chooses the disk; a tmpfs is refused.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its table")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time, and is told where")]
#![expect(clippy::unwrap_used, reason = "a benchmark that fails should say where")]
#![expect(clippy::arithmetic_side_effects, reason = "counts of a benchmark do not overflow")]

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
    time::Instant,
};

mod counted;
mod row;
mod side;

use row::{Row, quantile};
use side::{Measured, Side};

const WRITERS: u64 = 64;
/// Turns of each side, so that the disk's moods meet all of them.
const ROUNDS: u64 = 5;
/// Appends of each writer in one turn.
const EACH: u64 = 64;
const SINGLE: u64 = 128;
const RAW: u64 = 256;
/// A door's payload: a draft, its verdict and the transaction; and a long one, with much to explain.
const PAYLOAD: usize = 700;
const LONG: usize = 10_000;
/// How long a raw write is.
const PAGE: u64 = 4_096;

/// A small write made durable, again and again: what one commit cannot be cheaper than. The file grows, or is there already.
fn raw(file: &File, from: u64, latencies: &mut Vec<u128>) {
    for number in from..from + RAW {
        let began = Instant::now();
        file.write_all_at(&[7; 4_096], number * PAGE).unwrap();
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
    let kinds =
        [("shared", 1024, PAYLOAD), ("alone", 1, PAYLOAD), ("single", 1024, PAYLOAD), ("long", 1024, LONG)];
    let mut sides = kinds.map(|(name, group, payload)| Side::new(&folder.path().join(name), group, payload));
    let file = File::create(folder.path().join("raw")).unwrap();
    let (mut growing, mut there) = (vec![], vec![]);
    for round in 0..ROUNDS {
        let turns = [(WRITERS, EACH), (WRITERS, EACH), (1, SINGLE), (1, SINGLE)];
        for (side, (writers, each)) in sides.iter_mut().zip(turns) {
            side.turn(round, writers, each);
        }
        raw(&file, round * RAW, &mut growing);
        raw(&file, round * RAW, &mut there);
    }
    report(json, sides, [growing, there]);
}

fn report(json: bool, mut sides: [Side; 4], raws: [Vec<u128>; 2]) {
    let [shared, alone, single, long] = sides.each_mut().map(Side::measured);
    let equal = sides.map(Side::holds_what_was_sent) == [true; 4];
    assert!(equal, "what was acknowledged is not what is there");
    let [growing, there] = raws.map(|mut raws| {
        let samples = raws.len();
        Row { ours: (quantile(&mut raws, 50), Some(quantile(&mut raws, 99))), samples, ..Row::new("") }
    });
    let floor = there.ours.0;
    let row = |name, of: &Measured| Row { samples: of.samples, ..Row::new(name) };
    let ns = |name, of: &Measured, ours| Row { unit: "ns", ours: (ours, None), ..row(name, of) };
    let syncs = |name, of: &Measured| {
        let row = Row { unit: "syncs", ours: (of.syncs, None), ..row(name, of) };
        row.beside("entries", of.samples.try_into().unwrap())
    };
    let rows = [
        Row { unit: "entries/s", ours: (shared.rate, None), ..row("64 writers", &shared) }
            .beside("one commit each", alone.rate)
            .against(shared.rate * 10 / alone.rate.max(1), equal),
        ns("not in syncs, an entry", &shared, shared.beside_syncs)
            .beside("20x here needs", alone.sync * 11 / 304),
        ns("one commit each, the same", &alone, alone.beside_syncs).beside("a sync", alone.sync),
        ns("writing thread, an entry", &shared, shared.scribe).beside("one commit each", alone.scribe),
        Row { ours: shared.append, ..row("append, 64 writers", &shared) }
            .beside("one commit each", alone.append.0),
        Row { ours: single.append, ..row("append, 1 writer", &single) }.beside("raw overwrite", floor),
        Row { ours: long.append, ..row("append, 1 writer, 10 kB", &long) }.beside("raw overwrite", floor),
        ns("writing thread, 1 writer", &single, single.scribe),
        ns("writing thread, 10 kB", &long, long.scribe),
        Row { name: "raw append and fdatasync", ..growing },
        Row { name: "raw overwrite, fdatasync", ..there },
        syncs("64 writers, syncs", &shared),
        syncs("one commit each, syncs", &alone),
        syncs("1 writer, syncs", &single),
    ];
    rows.into_iter().for_each(|row| row.print(json));
}
