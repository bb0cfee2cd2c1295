//! The way of an exchange, token by token.

use alloy_primitives::Address;

use super::{Effect, Unread};

/// A way that is no way.
const NO_WAY: Unread = Unread::Nonsense("the path does not lead from one token to another");

/// Where an exchange begins, where it ends, and what it touches in between.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) first: Address,
    between: Vec<Address>,
    pub(super) last: Address,
}

impl Way {
    pub(super) fn of(tokens: &[Address]) -> Result<Self, Unread> {
        match tokens {
            [first, between @ .., last] => Ok(Self { first: *first, between: between.to_vec(), last: *last }),
            [] | [_] => Err(NO_WAY),
        }
    }

    /// Uniswap v3's packed path: a token, then a fee and a token for each pool.
    pub(super) fn packed(path: &[u8]) -> Result<Self, Unread> {
        let (first, rest) = path.split_first_chunk::<20>().ok_or(NO_WAY)?;
        let (pools, rest) = rest.as_chunks::<23>();
        if !rest.is_empty() {
            return Err(NO_WAY);
        }
        let after = pools.iter().map(|[_, _, _, token @ ..]| Address::from(*token));
        let tokens: Vec<_> = [Address::from(*first)].into_iter().chain(after).collect();
        Self::of(&tokens)
    }

    /// The same way from its end, as `exactOutput` writes it.
    pub(super) fn back(mut self) -> Self {
        std::mem::swap(&mut self.first, &mut self.last);
        self
    }

    /// One effect for each token in between.
    pub(super) fn passes(&self) -> impl Iterator<Item = Effect> {
        self.between.iter().copied().map(Effect::Passes)
    }
}
