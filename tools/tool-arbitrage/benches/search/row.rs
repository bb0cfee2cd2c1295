//! One line of the table, or of JSON.

pub(crate) struct Row {
    name: &'static str,
    unit: &'static str,
    /// Nanoseconds: the median, and p99.
    ours: (u128, u128),
    peer: Option<(&'static str, u128)>,
    goal: Option<f64>,
    samples: usize,
}

pub(crate) fn head(json: bool) {
    if !json {
        println!(
            "{:<32} {:>10} {:>10} unit  {:<28} {:>10} {:>8} {:>6}  equal",
            "search", "p50", "p99", "peer", "p50", "ratio", "goal"
        );
    }
}

impl Row {
    pub(crate) fn of(name: &'static str, unit: &'static str, samples: &[u128]) -> Self {
        let ours = (quantile(samples, 50), quantile(samples, 99));
        Self { name, unit, ours, peer: None, goal: None, samples: samples.len() }
    }

    /// Beside a peer that was found to agree.
    pub(crate) fn against(mut self, peer: &'static str, samples: &[u128], goal: Option<f64>) -> Self {
        self.peer = Some((peer, quantile(samples, 50)));
        self.goal = goal;
        self
    }

    fn shown(&self, nanoseconds: u128) -> f64 {
        let scale = if self.unit == "us" { 1_000.0 } else { 1.0 };
        (nanoseconds as f64 / scale * 10.0).round() / 10.0
    }

    pub(crate) fn print(self, json: bool) {
        let ratio =
            self.peer.map(|(_, peer)| (peer as f64 / self.ours.0.max(1) as f64 * 10.0).round() / 10.0);
        let (p50, p99) = (self.shown(self.ours.0), self.shown(self.ours.1));
        let peer = self.peer.map(|(_, p50)| self.shown(p50));
        if json {
            let row = serde_json::json!({
                "name": self.name, "unit": self.unit, "ours_p50": p50, "ours_p99": p99,
                "peer": self.peer.map(|peer| peer.0), "peer_p50": peer, "ratio": ratio, "goal": self.goal,
                "equal": self.peer.map(|_| true), "samples": self.samples,
            });
            println!("{row}");
            return;
        }
        let number = |value: Option<f64>| value.map(|value| format!("{value:.1}")).unwrap_or_default();
        let (name, equal) = self.peer.map(|(name, _)| (name, "yes")).unwrap_or_default();
        println!(
            "{:<32} {p50:>10.1} {p99:>10.1} {:<5} {name:<28} {:>10} {:>8} {:>6}  {equal}",
            self.name,
            self.unit,
            number(peer),
            number(ratio),
            number(self.goal)
        );
    }
}

fn quantile(samples: &[u128], percent: usize) -> u128 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or_default()
}
