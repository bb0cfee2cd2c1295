//! The table: each stage of both sides, and the whole way.

use std::time::Duration;

use crate::{ours, peer};

/// The peer's median is to be this many times ours.
const GOAL: u32 = 3;
const PEER: &str = "alloy, default fillers, HTTP";

/// One side: its stages in their order, and the whole.
pub(crate) struct Column {
    stages: Vec<(&'static str, Vec<u128>)>,
    whole: Vec<u128>,
    synced: Vec<u128>,
}

impl Column {
    pub(crate) fn ours(times: &[ours::Times]) -> Self {
        let stage = |take: &dyn Fn(&ours::Times) -> Duration| -> Vec<u128> {
            times.iter().map(|times| take(times).as_nanos()).collect()
        };
        let stages = vec![
            ("head heard", stage(&|at| at.seen.head - at.pushed)),
            ("offered", stage(&|at| at.seen.offered - at.seen.head)),
            ("approved", stage(&|at| at.seen.approved - at.seen.offered)),
            ("recorded, without sync", stage(&|at| at.seen.recorded - at.seen.approved - at.seen.synced)),
            ("signed and arrived", stage(&|at| at.arrival.at - at.seen.recorded)),
        ];
        let whole = stage(&|at| at.arrival.at - at.pushed - at.seen.synced);
        Self { stages, whole, synced: stage(&|at| at.seen.synced) }
    }

    pub(crate) fn peers(times: &[peer::Times]) -> Self {
        let stage = |take: &dyn Fn(&peer::Times) -> Duration| -> Vec<u128> {
            times.iter().map(|times| take(times).as_nanos()).collect()
        };
        let stages = vec![
            ("head heard", stage(&|at| at.heard - at.pushed)),
            ("filled", stage(&|at| at.arrival.answered - at.heard)),
            ("signed and arrived", stage(&|at| at.arrival.at - at.arrival.answered)),
        ];
        Self { stages, whole: stage(&|at| at.arrival.at - at.pushed), synced: Vec::new() }
    }

    fn stage(&self, name: &str) -> Option<&[u128]> {
        self.stages.iter().find(|(stage, _)| *stage == name).map(|(_, samples)| samples.as_slice())
    }
}

pub(crate) fn print(json: bool, prepared: &Column, theirs: &Column, offered: &Column) {
    if !json {
        println!(
            "{:<34} {:>8} {:>8} {:>8} {:>9} {:>8} {:>8} {:>6} {:>5}  equal",
            "µs", "min", "p50", "p99", "peer min", "p50", "p99", "ratio", "goal"
        );
    }
    for (name, samples) in &prepared.stages {
        Row { name, ours: Some(samples), peer: theirs.stage(name), goal: None }.print(json);
    }
    Row { name: "filled", ours: None, peer: theirs.stage("filled"), goal: None }.print(json);
    Row { name: "device sync", ours: Some(&prepared.synced), peer: None, goal: None }.print(json);
    let whole = "head to transaction, without sync";
    Row { name: whole, ours: Some(&prepared.whole), peer: Some(&theirs.whole), goal: Some(GOAL) }.print(json);
    let with_sync: Vec<u128> =
        prepared.whole.iter().zip(&prepared.synced).map(|(one, other)| one + other).collect();
    Row { name: "the same with sync", ours: Some(&with_sync), peer: Some(&theirs.whole), goal: None }
        .print(json);
    let plain = "not prepared, without sync";
    Row { name: plain, ours: Some(&offered.whole), peer: Some(&theirs.whole), goal: None }.print(json);
    Row { name: "not prepared: approved", ours: offered.stage("approved"), peer: None, goal: None }
        .print(json);
}

struct Row<'a> {
    name: &'a str,
    ours: Option<&'a [u128]>,
    peer: Option<&'a [u128]>,
    goal: Option<u32>,
}

impl Row<'_> {
    fn print(&self, json: bool) {
        let (ours, peer) = (self.ours.map(quantiles), self.peer.map(quantiles));
        let whole = self.name.contains("sync") && peer.is_some();
        let ratio = ours.zip(peer).filter(|_| whole);
        let ratio = ratio.map(|([_, ours, _], [_, peer, _])| decimal(peer * 1_000 / ours.max(1)));
        // Every sample of both sides was compared before this is printed.
        let equal = whole.then_some(true);
        if json {
            let (ours, peer) = (ours.map(|each| each.map(decimal)), peer.map(|each| each.map(decimal)));
            let [least, median, most] = [0, 1, 2].map(|place| ours.map(|each| each[place]));
            let [peer_least, peer_median, peer_most] = [0, 1, 2].map(|place| peer.map(|each| each[place]));
            let row = serde_json::json!({
                "name": self.name, "unit": "us", "ours_min": least, "ours_p50": median, "ours_p99": most,
                "peer": peer.map(|_| PEER), "peer_min": peer_least, "peer_p50": peer_median, "peer_p99": peer_most,
                "ratio": ratio, "goal": self.goal, "equal": equal, "samples": self.ours.or(self.peer).map(<[u128]>::len),
            });
            println!("{row}");
            return;
        }
        let shown = |value: Option<f64>| value.map(|value| format!("{value:.1}")).unwrap_or_default();
        let three =
            |each: Option<[u128; 3]>| [0, 1, 2].map(|place| shown(each.map(|each| decimal(each[place]))));
        let ([a, b, c], [d, e, f]) = (three(ours), three(peer));
        let goal = self.goal.map(|goal| goal.to_string()).unwrap_or_default();
        let equal = equal.map(|_| "yes").unwrap_or_default();
        println!(
            "{:<34} {a:>8} {b:>8} {c:>8} {d:>9} {e:>8} {f:>8} {:>6} {goal:>5}  {equal}",
            self.name,
            shown(ratio)
        );
    }
}

/// The least, the median and the 99th percentile.
fn quantiles(samples: &[u128]) -> [u128; 3] {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let last = sorted.len() - 1;
    [0, 50, 99].map(|percent| sorted[last * percent / 100])
}

/// Thousandths as a number.
fn decimal(thousandths: u128) -> f64 {
    let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
    format!("{whole}.{rest:03}").parse().unwrap()
}
