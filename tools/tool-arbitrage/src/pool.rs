//! What any pool of two tokens answers. Curve and Balancer would be further kinds of it.

pub(crate) mod abi;
mod fork;
mod v2;
mod v3;

use std::fmt::Debug;

use alloy_primitives::{Address, U256};

use crate::sizing::Product;

pub use fork::{Fork, ForkKind};
pub use v2::V2Pool;
pub use v3::{Swap, TickLiquidity, V3Event, V3LogError, V3Pool, V3Slot, V3Terms, Walk};

/// Which of a pool's two tokens goes in. Token 0 is the one with the smaller address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Token 0 goes in, token 1 comes out: Uniswap v3's `zeroForOne`.
    Zero,
    /// Token 1 goes in, token 0 comes out.
    One,
}

impl Side {
    /// The other direction.
    #[must_use]
    pub const fn flipped(self) -> Self {
        match self {
            Self::Zero => Self::One,
            Self::One => Self::Zero,
        }
    }
}

/// What a swap takes and gives, in base units of the two tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// What the pool takes, its fee included. Less than was offered where the price came to its limit, or liquidity to its end.
    pub consumed: U256,
    /// What the pool gives.
    pub output: U256,
}

/// Why a pool has no answer. A value, not a failure: the contract would revert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unquotable {
    /// There is nothing in it to swap against.
    #[error("the pool holds no liquidity")]
    Empty,
    /// Nothing goes in, or nothing comes out.
    #[error("the amount is too small for this pool")]
    TooSmall,
    /// More than there is, or than the contract's integers hold.
    #[error("the amount is too large for this pool")]
    TooLarge,
    /// The price is already past the limit.
    #[error("the price limit is already reached")]
    Limit,
    /// What is known of the pool contradicts itself: a log was missed. No contract answers that.
    #[error("the pool's ticks do not fit its liquidity: take a new snapshot of it")]
    Inconsistent,
}

/// A stretch of a pool's curve on which it is a constant product, for screens and closed forms: approximate, never money.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// What (virtually) lies on the side that goes in, in base units.
    pub reserve_in: f64,
    /// What (virtually) lies on the side that comes out, in base units.
    pub reserve_out: f64,
    /// The share of the input that the pool keeps, between 0 and 1.
    pub fee: f64,
    /// How much may go in, fee included, before the next stretch begins. Infinite where there is none.
    pub until: f64,
}

/// A pool of two tokens, as it stands after one block's logs.
pub trait Pool: Debug + Send + Sync {
    /// Token 0 and token 1.
    fn tokens(&self) -> [Address; 2];

    /// What comes out for `amount` in.
    ///
    /// # Errors
    /// Whatever the contract would revert for.
    fn quote_in(&self, side: Side, amount: U256) -> Result<Quote, Unquotable>;

    /// What has to go in for `amount` out.
    ///
    /// # Errors
    /// Whatever the contract would revert for.
    fn quote_out(&self, side: Side, amount: U256) -> Result<Quote, Unquotable>;

    /// What comes out for `amount` in, and the pool as it stands after that: for a cycle that comes by twice, and for what
    /// follows a pending transaction.
    ///
    /// # Errors
    /// Whatever the contract would revert for.
    fn after_in(&self, side: Side, amount: U256) -> Result<(Quote, Box<dyn Pool>), Unquotable>;

    /// The stretch that the price is on now, in this direction; none where nothing can be swapped.
    fn stretch(&self, side: Side) -> Option<Stretch>;

    /// An amount that is not greater, and of which rounding the fee takes nothing: between such amounts, what comes out falls short
    /// of the curve by up to what a whole unit brings.
    fn trimmed(&self, _side: Side, amount: U256) -> U256 {
        amount
    }

    /// Whether to ask for an output costs about what it costs to offer an input.
    fn inverts(&self) -> bool {
        true
    }

    /// The whole curve in this direction, where it is one constant product with the rounding of Uniswap v2: then
    /// [`quote_in`](Pool::quote_in) answers exactly as it, and cycles of such pools are sized by a closed form.
    fn product(&self, _side: Side) -> Option<Product> {
        None
    }
}
