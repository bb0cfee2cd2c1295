//! Where and when something is true on a chain.

use std::fmt;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

number! {
    /// An EIP-155 chain id.
    ChainId
}
number! {
    /// The height of a block.
    BlockNumber
}
number! {
    /// Chain time: seconds since the Unix epoch, as block headers have it. Deadlines and budget windows use it,
    /// never the wall clock.
    Timestamp
}

impl BlockNumber {
    /// The block after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Timestamp {
    /// `seconds` later; saturates at the end of time.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

/// One block by height and hash, with its time: what "as of" means for a number read from a chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Height.
    pub number: BlockNumber,
    /// Hash; two blocks of one height differ in it after a reorg.
    pub hash: B256,
    /// The block's own timestamp.
    pub timestamp: Timestamp,
}
