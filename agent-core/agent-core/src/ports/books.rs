//! What a strategy has made and paid, from receipts.

use alloy_primitives::I256;
use serde::{Deserialize, Serialize};

use crate::units::{Asset, Wei};

/// Realised profit and loss of one strategy since the journal began. Changes of balances are those of the executor and the
/// key in the blocks that hold its transactions; gas is not counted in them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyBooks {
    /// Its name.
    pub strategy: String,
    /// Transactions that did what they should.
    pub settled: u64,
    /// Transactions that reverted.
    pub reverted: u64,
    /// Intents that were dropped or cancelled.
    pub dropped: u64,
    /// What all of them paid for gas, cancellations included.
    pub gas_paid: Wei,
    /// What was gained or lost of each asset, in base units, where it was anything.
    pub changes: Vec<(Asset, I256)>,
}
