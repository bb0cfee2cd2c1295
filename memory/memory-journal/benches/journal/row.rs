//! One line of the table, or of JSON.

/// How many times as many entries with shared commits.
const GOAL: u64 = 20;

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    /// The median, and p99 where it means something.
    pub(crate) ours: (u128, Option<u128>),
    pub(crate) peer: Option<(&'static str, u128)>,
    /// Ours to the peer's, in tenths, and whether both sides did what they said.
    pub(crate) ratio: Option<(u128, bool)>,
    pub(crate) samples: usize,
}

impl Row {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, unit: "us", ours: (0, None), peer: None, ratio: None, samples: 0 }
    }

    pub(crate) const fn beside(mut self, name: &'static str, p50: u128) -> Self {
        self.peer = Some((name, p50));
        self
    }

    pub(crate) const fn against(mut self, tenths: u128, equal: bool) -> Self {
        self.ratio = Some((tenths, equal));
        self
    }

    pub(crate) fn print(self, json: bool) {
        let ratio = self.ratio.map(|(tenths, _)| format!("{}.{}", tenths / 10, tenths % 10));
        if json {
            let ratio: Option<serde_json::Number> = ratio.map(|ratio| ratio.parse().unwrap());
            let row = serde_json::json!({
                "name": self.name, "unit": self.unit, "ours_p50": self.ours.0, "ours_p99": self.ours.1,
                "peer": self.peer.map(|peer| peer.0), "peer_p50": self.peer.map(|peer| peer.1),
                "ratio": ratio, "goal": self.ratio.map(|_| GOAL), "equal": self.ratio.map(|ratio| ratio.1),
                "samples": self.samples,
            });
            println!("{row}");
        } else {
            let p99 = self.ours.1.map(|p99| p99.to_string()).unwrap_or_default();
            let beside = self.peer.map(|(name, p50)| format!("{name}: {p50}")).unwrap_or_default();
            let ratio = ratio.map(|ratio| format!("  {ratio}x, goal {GOAL}x")).unwrap_or_default();
            println!("{:<24} {:>9} {p99:>9} {:<10} {beside}{ratio}", self.name, self.ours.0, self.unit);
        }
    }
}

pub(crate) fn quantile(samples: &mut [u128], percent: usize) -> u128 {
    samples.sort_unstable();
    let last = samples.len().saturating_sub(1);
    samples.get(last * percent / 100).copied().unwrap_or_default()
}
