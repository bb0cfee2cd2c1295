//! The contracts' integer arithmetic, function by function, under names that say what Solidity's say.

pub mod full;
pub mod v2;
pub mod v3;
pub(crate) mod wide;

/// Why a function of a contract's library would revert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MathError {
    /// Divided by zero.
    #[error("divided by zero")]
    DivisionByZero,
    /// The result does not fit the contract's type.
    #[error("the result does not fit its type")]
    Overflow,
    /// A tick beyond the least or the greatest (`T`).
    #[error("the tick lies outside of -887272 to 887272")]
    Tick,
    /// A square root of a price at or beyond the greatest, or below the least (`R`).
    #[error("the price lies outside of what ticks can say")]
    Price,
    /// A price or a liquidity of zero, where one is needed.
    #[error("price and liquidity must be greater than zero")]
    Zero,
    /// More is asked for than there is.
    #[error("there is less than what is asked for")]
    TooMuch,
    /// A fee of the whole or more.
    #[error("the fee must be less than 1,000,000 pips")]
    Fee,
    /// A tick spacing that is not positive.
    #[error("the tick spacing must be greater than zero")]
    Spacing,
    /// Liquidity below zero (`LS`) or above 128 bits (`LA`).
    #[error("liquidity would fall below zero, or not fit its type")]
    Liquidity,
}
