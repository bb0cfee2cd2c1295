//! A mode against what a target holds: what the contract says, in the network's own words.

use agent_core::units::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Verdict,
    fluxmonitor::{FluxMonitor, Round},
    ocr2::{Ocr2, Transmission},
    pyth::{Price, Pyth},
    redstone::{Contract, Package, Redstone},
};
use crate::{aggregate::Value, decimal::Decimal, target::Held};

/// The rule that a feed is kept by. Any mode keeps any target: what a target does not say (rounds, packages) is what it would say if
/// it were the network's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Chainlink's Flux Monitor.
    FluxMonitor(FluxMonitor),
    /// Chainlink's off-chain reporting. A round that others began counts as requested.
    Ocr2(Ocr2),
    /// Pyth's price pusher. The source's publish time is that of the oldest source; the confidence, the widest that one says.
    Pyth(Pyth),
    /// RedStone's relayer. The points are the sources' values, the package's time is that of the oldest; there are no older points, so
    /// that a stand-in acts by time alone.
    Redstone(Redstone),
}

impl Mode {
    /// Whether an update to `value` is due.
    pub(crate) fn verdict(&self, held: &Held, value: &Value, now: Timestamp) -> Verdict {
        match self {
            Self::FluxMonitor(mode) => mode.verdict(&round(held), value.value, now),
            Self::Ocr2(mode) => mode.verdict(&transmission(held), value.value, now),
            Self::Pyth(mode) => mode.verdict(Some(&source(value)), target(held).as_ref()),
            Self::Redstone(mode) => {
                let package = Package {
                    points: &value.points,
                    older_points: &[],
                    package_ms: milliseconds(value.published),
                };
                mode.verdict(&package, &contract(held), milliseconds(now))
            }
        }
    }
}

fn round(held: &Held) -> Round {
    held.round.unwrap_or_else(|| {
        let known = held.value.is_some();
        Round {
            id: if known { 2 } else { 1 },
            started: None,
            last_submission: held.value.unwrap_or_default(),
            latest_started: known.then_some(held.updated),
        }
    })
}

fn transmission(held: &Held) -> Transmission {
    Transmission {
        answer: held.value.unwrap_or_default(),
        at: held.updated,
        initial: held.value.is_none(),
        requested: held.round.is_some_and(|round| round.started.is_some()),
    }
}

fn source(value: &Value) -> Price {
    let confidence = value.confidence.unwrap_or(Decimal::ZERO);
    Price { price: value.value, confidence, published: value.published }
}

fn target(held: &Held) -> Option<Price> {
    let price = |price| Price { price, confidence: Decimal::ZERO, published: held.updated };
    held.value.map(price)
}

fn contract(held: &Held) -> Contract {
    let at = milliseconds(held.updated);
    Contract { value: held.value.unwrap_or_default(), package_ms: at, updated_ms: at }
}

fn milliseconds(time: Timestamp) -> u64 {
    time.0.saturating_mul(1_000)
}
