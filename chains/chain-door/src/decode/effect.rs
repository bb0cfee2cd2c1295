//! What calls do, in the words of no protocol.

use agent_core::units::Asset;
use alloy_primitives::{Address, U256};

/// One thing that a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Takes at most this much from its caller; the largest number means whatever the caller lets it take.
    Spends {
        /// The token.
        token: Address,
        /// Base units.
        most: U256,
    },
    /// Makes its caller owe this much.
    Owes {
        /// The token.
        token: Address,
        /// Base units.
        amount: U256,
    },
    /// Pays somebody.
    Pays {
        /// In what; `None` is the wrapped coin that the contract knows.
        asset: Option<Asset>,
        /// Base units at least.
        least: U256,
        /// To whom.
        to: Address,
    },
    /// Exchanges by way of this token.
    Passes(Address),
    /// Takes a debtor's position in.
    Liquidates {
        /// Whose position.
        user: Address,
        /// The token that is seized.
        collateral: Address,
        /// Whether it is paid in the lender's receipts.
        receipts: bool,
    },
    /// Acts on this account's position.
    OnBehalf(Address),
    /// Must be mined by this chain time.
    Until(U256),
    /// Sends the chain's own coin along.
    Coin(U256),
    /// Lets somebody take tokens from `owner`, now or later.
    Allows {
        /// Whose tokens.
        owner: Address,
        /// Which; `None` is all of a collection.
        token: Option<Address>,
        /// Who may take them.
        spender: Address,
        /// Base units, or without end.
        most: U256,
    },
    /// Takes tokens from a named owner.
    Takes {
        /// The token.
        token: Address,
        /// From whom.
        from: Address,
        /// For whom.
        to: Address,
        /// Base units, or which one of a collection.
        amount: U256,
    },
    /// Something that no rule can judge, in a few words.
    Unjudged(&'static str),
}
