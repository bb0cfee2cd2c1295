//! How an agent keeps up with its chain: [`ChainTerms`].

use std::{num::NonZeroU64, time::Duration};

use chain_evm::{ChainProfile, FeeModel, ReaderConfig, TipBounds};

/// Bounds of the tip, in wei per gas, where a chain names none: 0.001 and 5 gwei.
const TIP: TipBounds = TipBounds { floor: 1_000_000, cap: 5_000_000_000 };
/// A transaction under way is looked at so often in a block time, but neither in a frenzy nor hardly ever.
const LOOKS_PER_BLOCK: u64 = 5;
const SOONEST: Duration = Duration::from_millis(100);
const LATEST: Duration = Duration::from_secs(2);
/// A transaction is stuck after this many blocks without inclusion, and where blocks are faster after as many as fit in
/// half a minute.
const STUCK_AFTER: u64 = 10;
const STUCK_AFTER_MS: u64 = 30_000;

/// What an agent goes by on its chain, as the operator or a [`ChainProfile`] knows it.
#[derive(Debug, Clone, Copy)]
pub struct ChainTerms {
    /// Seconds between blocks.
    pub block_seconds: NonZeroU64,
    /// How deep a transaction must be before it counts as final; 1 is the newest block.
    pub confirmations: u64,
    /// How often a transaction under way is looked at.
    pub poll: Duration,
    /// After how many blocks without inclusion a transaction is stuck.
    pub stuck_after: u64,
    /// How many blocks the reader remembers. A deeper reorg is read again.
    pub reorg_depth: usize,
    /// Bounds of the tip.
    pub tip: TipBounds,
    /// What a transaction pays for.
    pub fees: FeeModel,
}

impl ChainTerms {
    /// What suits a chain of that pace on which gas is all there is to pay.
    #[must_use]
    pub fn usual(block_seconds: NonZeroU64, confirmations: u64) -> Self {
        let block_ms = block_seconds.get().saturating_mul(1_000);
        Self {
            block_seconds,
            confirmations,
            poll: poll(block_ms),
            stuck_after: stuck_after(block_ms),
            reorg_depth: ReaderConfig::usual().depth,
            tip: TIP,
            fees: FeeModel::Eip1559,
        }
    }

    /// What a profile says.
    #[must_use]
    pub fn of(profile: &ChainProfile) -> Self {
        let pace = &profile.pace;
        let block_ms = pace.block_ms.value.get();
        Self {
            block_seconds: profile.block_seconds(),
            confirmations: pace.confirmations.value.get(),
            poll: poll(block_ms),
            stuck_after: stuck_after(block_ms),
            reorg_depth: pace.reorg_depth.value,
            tip: profile.tip(),
            fees: profile.fee_model(),
        }
    }
}

fn poll(block_ms: u64) -> Duration {
    Duration::from_millis(block_ms.div_euclid(LOOKS_PER_BLOCK)).clamp(SOONEST, LATEST)
}

fn stuck_after(block_ms: u64) -> u64 {
    STUCK_AFTER_MS.checked_div(block_ms).unwrap_or_default().max(STUCK_AFTER)
}

#[cfg(test)]
mod tests {
    use chain_evm::ChainProfiles;

    use super::*;

    fn terms(name: &str) -> ChainTerms {
        ChainTerms::of(ChainProfiles::built_in().unwrap().named(name).unwrap())
    }

    #[test]
    fn the_devnets_profile_is_what_suits_the_devnet() {
        let usual = ChainTerms::usual(NonZeroU64::MIN, 1);
        assert_eq!(format!("{:?}", terms("devnet")), format!("{usual:?}"));
    }

    #[test]
    fn fast_and_slow_chains_are_looked_at_in_their_own_time() {
        let told = |name| {
            let ChainTerms { block_seconds, poll, stuck_after, .. } = terms(name);
            (block_seconds.get(), poll.as_millis(), stuck_after)
        };
        assert_eq!(told("ethereum"), (12, 2_000, 10));
        assert_eq!(told("base"), (2, 400, 15));
        assert_eq!(told("arbitrum"), (1, 100, 120));
        assert_eq!(terms("polygon").tip.floor, 25_000_000_000);
    }
}
