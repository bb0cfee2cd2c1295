//! `scripts/bench kill`: how long something still leaves after the kill switch is thrown.
//!
//! A hundred intents and more are under way through the real door, journal and wallet, on a node whose pool loses half of
//! them, so that they are broadcast again while four tasks offer more. The switch is thrown from outside, by its file; the
//! time runs from before the file is written until the last broadcast reaches the proxy before the node. Whatever comes
//! later than that fails the run, as does a record after silence.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(clippy::unwrap_used, reason = "a benchmark that fails should say where")]

#[path = "../tests/kill/stage.rs"]
mod stage;

use std::time::Duration;

use stage::{IN_FLIGHT, Stage};

const THROWS: u64 = 100;
/// What the 99th percentile may be at most, in µs.
const GOAL: u32 = 100_000;

#[tokio::main]
async fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let stage = Stage::build().await.unwrap();
    let (mut times, mut least, mut before, mut after) = (Vec::new(), usize::MAX, 0_u64, 0_u64);
    for throw in 0..THROWS {
        stage.busy().await.unwrap();
        // At another point of what goes on each time.
        let thrown = stage.throw(Duration::from_millis(throw.wrapping_mul(37) % 50)).await.unwrap();
        stage.clear().unwrap();
        least = least.min(thrown.in_flight);
        before = before.saturating_add(thrown.before);
        after = after.saturating_add(thrown.after);
        times.push(u32::try_from(thrown.until_silent.as_micros()).unwrap());
    }
    assert!(least >= IN_FLIGHT && before > 0, "{least} under way, {before} broadcasts: nothing to stop");
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    let [p50, p99] =
        [50, 99].map(|percent| *times.get(last.saturating_mul(percent).div_euclid(100)).unwrap());
    let name = "kill switch, latch to silence";
    if json {
        let row = serde_json::json!({
            "name": name, "unit": "us", "ours_p50": p50, "ours_p99": p99, "peer": null, "peer_p50": null,
            "ratio": null, "goal": GOAL, "equal": true, "samples": times.len(), "in_flight": least,
            "broadcasts_before": before, "broadcasts_after": after,
        });
        println!("{row}");
    } else {
        println!("{:<32} {:>9} {:>9} {:>9}", "row, µs", "p50", "p99", "p99 goal");
        println!(
            "{name:<32} {p50:>9} {p99:>9} {GOAL:>9}  {} throws with {least} under way at least, {before} broadcasts before \
             and {after} after them",
            times.len()
        );
    }
}
