use std::{
    collections::BTreeSet,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use agent_core::ports::{Memory, RecordKind};
use alloy_primitives::keccak256;
use futures::executor::block_on;
use memory_sled::{Limits, SledMemory};

use super::sample::{episode, record, remember};

/// Tells the child where its memory is.
pub(crate) const DIRECTORY: &str = "KEEPWRIGHT_TEST_MEMORY";
const LIMITS: Limits = Limits { episodes: 1_000_000, facts: 1_000_000 };
const ROUNDS: u64 = 15;

/// Not a test of its own: the process that [`killed_at_any_moment`] kills. Says what was acknowledged.
#[test]
fn child() {
    #[expect(clippy::disallowed_methods, reason = "how a parent test talks to its child")]
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let (memory, opened) = SledMemory::open(directory, LIMITS).unwrap();
    std::io::stdout().write_all(format!("\nopened {opened:?}\n").as_bytes()).unwrap();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let memory = memory.clone();
            thread::spawn(move || {
                for number in 0.. {
                    let text = format!("{} {writer} {number}", std::process::id());
                    remember(&memory, episode("crash", &text));
                    remember(&memory, record(RecordKind::Fact, &format!("newest of {writer}"), &text));
                    std::io::stdout().write_all(format!("\nacked {text}\n").as_bytes()).unwrap();
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

/// Runs a child for so long, kills it, and says what it had acknowledged.
fn run_and_kill(directory: &Path, moment: Duration) -> Vec<String> {
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
    whole.lines().filter_map(|line| line.strip_prefix("acked ")).map(str::to_owned).collect()
}

#[test]
fn killed_at_any_moment() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("memory");
    let (mut acked, mut not_clean) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        let moment = keccak256(round.to_be_bytes())[0];
        acked.extend(run_and_kill(&directory, Duration::from_millis(u64::from(moment))));
        let (memory, opened) = SledMemory::open(&directory, LIMITS).unwrap();
        if opened != memory_sled::Opened::Clean {
            println!("round {round}: {opened:?}");
            not_clean = round;
        }
        assert_eq!(memory.damaged(), 0);
        let there: BTreeSet<_> =
            block_on(memory.export()).unwrap().into_iter().map(|record| record.text).collect();
        let lost: Vec<_> = acked.iter().filter(|text| !there.contains(*text)).collect();
        assert!(lost.is_empty(), "round {round}, {opened:?}: lost {lost:?}");
    }
    println!(
        "{ROUNDS} kills, {} pairs acknowledged, none lost; last repair in round {not_clean}",
        acked.len()
    );
    assert!(acked.len() > 50, "the children hardly worked: {}", acked.len());
}
