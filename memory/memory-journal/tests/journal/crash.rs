use std::{
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use agent_core::ports::{Journal, Sequence};
use alloy_primitives::keccak256;
use futures::executor::block_on;
use memory_journal::RedbJournal;

use super::sample::{append, recorded};

/// Tells the child where its journal is.
pub(crate) const DIRECTORY: &str = "KEEPWRIGHT_TEST_JOURNAL";
const ROUNDS: u64 = 25;

/// Not a test of its own: the process that [`killed_at_any_moment`] kills. Says what was acknowledged.
#[test]
fn child() {
    #[expect(clippy::disallowed_methods, reason = "how a parent test talks to its child")]
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let journal = RedbJournal::open(directory).unwrap();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let journal = journal.clone();
            thread::spawn(move || {
                for number in 0.. {
                    let text = format!("{} {writer} {number}", std::process::id());
                    let sequence = append(&journal, recorded(&text));
                    let line = format!("\nacked {sequence} {text}\n");
                    std::io::stdout().write_all(line.as_bytes()).unwrap();
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

/// Runs a child for so long, kills it, and says what it had acknowledged.
fn run_and_kill(directory: &Path, moment: Duration) -> Vec<(usize, String)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reading = thread::spawn(move || {
        let mut said = String::new();
        stdout.read_to_string(&mut said).map(|_| said).unwrap()
    });
    thread::sleep(moment);
    child.kill().unwrap();
    child.wait().unwrap();
    let said = reading.join().unwrap();
    let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let acked = whole.lines().filter_map(|line| line.strip_prefix("acked ")?.split_once(' '));
    acked.map(|(sequence, text)| (sequence.parse().unwrap(), text.to_owned())).collect()
}

#[test]
fn killed_at_any_moment() {
    let directory = tempfile::tempdir().unwrap();
    let mut acked = Vec::new();
    for round in 0..ROUNDS {
        let moment = keccak256(round.to_be_bytes())[0];
        acked.extend(run_and_kill(directory.path(), Duration::from_millis(u64::from(moment / 2))));
        let journal = RedbJournal::open(directory.path()).unwrap();
        let verified = block_on(journal.verify()).unwrap();
        let there = block_on(journal.read(Sequence(0), usize::MAX)).unwrap();
        assert_eq!(Ok(there.len()), verified.entries.try_into());
        for (sequence, text) in &acked {
            let stored = there.get(*sequence).unwrap_or_else(|| panic!("{sequence} is lost"));
            assert_eq!(stored.entry.payload, text.as_bytes(), "round {round}, entry {sequence}");
        }
    }
    println!("{ROUNDS} kills, {} entries acknowledged, none lost", acked.len());
    assert!(acked.len() > 100, "the children hardly worked: {}", acked.len());
}
