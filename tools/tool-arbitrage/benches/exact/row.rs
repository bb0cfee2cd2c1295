//! One line of the table, or of JSON. Times are tenths of a nanosecond.

use std::{hint::black_box, time::Instant};

/// Turns of each side: they alternate, so that the machine's moods meet both.
const ROUNDS: usize = 101;

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) peer: &'static str,
    /// How many times as fast, at least. None where nothing was promised.
    pub(crate) goal: Option<u128>,
}

impl Row {
    /// Times both sides over the same inputs, after a look at whether they answer the same.
    pub(crate) fn run<I, T: PartialEq, O: Fn(&I) -> T, P: Fn(&I) -> T>(
        self,
        json: bool,
        inputs: &[I],
        ours: O,
        peer: P,
    ) {
        let equal = inputs.iter().all(|input| ours(input) == peer(input));
        assert!(equal, "{}: the two sides differ", self.name);
        let (mut a, mut b) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            a.push(time(inputs, &ours));
            b.push(time(inputs, &peer));
        }
        self.print(json, &mut a, &mut b, inputs.len());
    }

    fn print(self, json: bool, ours: &mut [u128], peer: &mut [u128], inputs: usize) {
        let (p50, p99, beside) = (quantile(ours, 50), quantile(ours, 99), quantile(peer, 50));
        let ratio = tenths(beside * 10 / p50.max(1));
        let (p50, p99, beside) = (tenths(p50), tenths(p99), tenths(beside));
        if json {
            let number = |text: &str| text.parse::<serde_json::Number>().unwrap();
            let row = serde_json::json!({
                "name": self.name, "unit": "ns", "ours_p50": number(&p50), "ours_p99": number(&p99),
                "peer": self.peer, "peer_p50": number(&beside), "ratio": number(&ratio), "goal": self.goal,
                "equal": true, "samples": inputs * ROUNDS,
            });
            println!("{row}");
        } else {
            let goal = self.goal.map(|goal| format!(", goal {goal}x")).unwrap_or_default();
            println!("{:<26} {p50:>9} {p99:>9} ns  {}: {beside}  {ratio}x{goal}", self.name, self.peer);
        }
    }
}

fn time<I, T>(inputs: &[I], call: impl Fn(&I) -> T) -> u128 {
    let began = Instant::now();
    for input in inputs {
        black_box(call(black_box(input)));
    }
    began.elapsed().as_nanos() * 10 / u128::try_from(inputs.len()).unwrap()
}

fn tenths(value: u128) -> String {
    format!("{}.{}", value / 10, value % 10)
}

fn quantile(samples: &mut [u128], percent: usize) -> u128 {
    samples.sort_unstable();
    let last = samples.len().saturating_sub(1);
    samples.get(last * percent / 100).copied().unwrap_or_default()
}
