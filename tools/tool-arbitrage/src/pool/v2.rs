//! Uniswap v2's pair, and its forks'.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolEvent;

use super::{Pool, Quote, Side, Stretch, Unquotable};
use crate::math::full::narrow;
use crate::math::v2::{MOST, V2Fee, amount_in, amount_out, keeps_k, least_in};
use crate::pool::abi;
use crate::sizing::Product;

/// A pair: two reserves, of which a swap keeps the product. Wholly known from its last `Sync`, so that a missed log is mended
/// by the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V2Pool {
    tokens: [Address; 2],
    reserves: [u128; 2],
    fee: V2Fee,
}

impl V2Pool {
    /// A pair with these reserves, in base units of token 0 and token 1.
    ///
    /// # Errors
    /// [`Unquotable::TooLarge`] for a reserve of more than 112 bits.
    pub fn new(tokens: [Address; 2], reserves: [u128; 2], fee: V2Fee) -> Result<Self, Unquotable> {
        let mut pool = Self { tokens, reserves: [0; 2], fee };
        pool.sync(reserves)?;
        Ok(pool)
    }

    /// What the pair holds of token 0 and token 1, in base units.
    #[must_use]
    pub const fn reserves(&self) -> [u128; 2] {
        self.reserves
    }

    /// What it keeps of what comes in.
    #[must_use]
    pub const fn fee(&self) -> V2Fee {
        self.fee
    }

    /// Takes a `Sync` event: swaps, mints, burns, `skim` and `sync` all end in one.
    ///
    /// # Errors
    /// [`Unquotable::TooLarge`] for a reserve of more than 112 bits, which no event of the contract says. Nothing is changed.
    pub fn sync(&mut self, reserves: [u128; 2]) -> Result<(), Unquotable> {
        let [zero, one] = reserves;
        if zero > MOST || one > MOST {
            return Err(Unquotable::TooLarge);
        }
        self.reserves = reserves;
        Ok(())
    }

    /// The first topics of the logs that change a pair.
    #[must_use]
    pub const fn topics() -> [B256; 1] {
        [abi::Sync::SIGNATURE_HASH]
    }

    /// The reserves that a log says: those of a `Sync`, and `None` for any other. A pair's other logs change nothing that it
    /// does not say as well.
    ///
    /// # Errors
    /// [`Unquotable::Inconsistent`] for a `Sync` whose data are not those of one.
    pub fn decode_sync(topics: &[B256], data: &[u8]) -> Result<Option<[u128; 2]>, Unquotable> {
        if topics.first() != Some(&abi::Sync::SIGNATURE_HASH) {
            return Ok(None);
        }
        let sync = abi::Sync::decode_raw_log_validate(topics, data).or(Err(Unquotable::Inconsistent))?;
        Ok(Some([sync.reserve0.to(), sync.reserve1.to()]))
    }

    /// The least input for which the pair lets `output` go: what a router asks, or one less. See
    /// [`least_in`](crate::math::v2::least_in).
    ///
    /// # Errors
    /// Whatever the pair would revert for.
    pub fn least_in(&self, side: Side, output: U256) -> Result<Quote, Unquotable> {
        let (reserve_in, reserve_out) = self.facing(side);
        self.fits(side, Quote { consumed: least_in(output, reserve_in, reserve_out, self.fee)?, output })
    }

    /// Takes a swap: the pair as it stands once `quote.consumed` came in and `quote.output` went out.
    ///
    /// # Errors
    /// Whatever the pair would revert for: nothing out ([`Unquotable::TooSmall`]), all of a reserve or more out, or a price
    /// that its check refuses ([`Unquotable::TooLarge`]). Nothing is changed then.
    pub fn swap(&mut self, side: Side, quote: Quote) -> Result<(), Unquotable> {
        if quote.output.is_zero() || quote.consumed.is_zero() {
            return Err(Unquotable::TooSmall);
        }
        let (reserve_in, reserve_out) = self.facing(side);
        let too_large = Unquotable::TooLarge;
        let consumed = narrow(quote.consumed).ok_or(too_large)?;
        let output = narrow(quote.output).filter(|output| *output < reserve_out).ok_or(too_large)?;
        if !keeps_k(consumed, output, reserve_in, reserve_out, self.fee) {
            return Err(too_large);
        }
        let balance_in = reserve_in.checked_add(consumed).ok_or(too_large)?;
        let balance_out = reserve_out.checked_sub(output).ok_or(too_large)?;
        self.sync(match side {
            Side::Zero => [balance_in, balance_out],
            Side::One => [balance_out, balance_in],
        })
    }

    /// What lies on the side that goes in, and on the other.
    #[inline]
    const fn facing(&self, side: Side) -> (u128, u128) {
        let [zero, one] = self.reserves;
        match side {
            Side::Zero => (zero, one),
            Side::One => (one, zero),
        }
    }

    /// The quote, where the balance that it leads to fits the contract's 112 bits (`UniswapV2: OVERFLOW`).
    #[inline]
    fn fits(&self, side: Side, quote: Quote) -> Result<Quote, Unquotable> {
        let (reserve_in, _) = self.facing(side);
        let balance = narrow(quote.consumed).and_then(|consumed| consumed.checked_add(reserve_in));
        balance.filter(|balance| *balance <= MOST).map(|_| quote).ok_or(Unquotable::TooLarge)
    }
}

impl Pool for V2Pool {
    fn tokens(&self) -> [Address; 2] {
        self.tokens
    }

    /// As Router02 and the pair answer: [`Unquotable::TooSmall`] where nothing would come out.
    #[inline]
    fn quote_in(&self, side: Side, amount: U256) -> Result<Quote, Unquotable> {
        let (reserve_in, reserve_out) = self.facing(side);
        let output = amount_out(amount, reserve_in, reserve_out, self.fee)?;
        if output.is_zero() {
            return Err(Unquotable::TooSmall);
        }
        self.fits(side, Quote { consumed: amount, output })
    }

    /// As Router02 answers; the pair itself may take one less, see [`V2Pool::least_in`].
    #[inline]
    fn quote_out(&self, side: Side, amount: U256) -> Result<Quote, Unquotable> {
        let (reserve_in, reserve_out) = self.facing(side);
        let consumed = amount_in(amount, reserve_in, reserve_out, self.fee)?;
        self.fits(side, Quote { consumed, output: amount })
    }

    fn after_in(&self, side: Side, amount: U256) -> Result<(Quote, Box<dyn Pool>), Unquotable> {
        let quote = self.quote_in(side, amount)?;
        let mut after = *self;
        after.swap(side, quote)?;
        Ok((quote, Box::new(after)))
    }

    #[expect(clippy::float_arithmetic, reason = "a screen: what it finds is quoted again in integers")]
    fn stretch(&self, side: Side) -> Option<Stretch> {
        let (reserve_in, reserve_out) = self.facing(side);
        if reserve_in == 0 || reserve_out == 0 {
            return None;
        }
        let float = crate::sizing::approximate;
        Some(Stretch {
            reserve_in: float(reserve_in),
            reserve_out: float(reserve_out),
            fee: 1.0 - f64::from(self.fee.kept()) / f64::from(self.fee.whole()),
            until: f64::INFINITY,
        })
    }

    #[inline]
    fn product(&self, side: Side) -> Option<Product> {
        let (reserve_in, reserve_out) = self.facing(side);
        Product::new(reserve_in, reserve_out, self.fee)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(reserves: [u128; 2]) -> V2Pool {
        V2Pool::new([Address::ZERO, Address::repeat_byte(1)], reserves, V2Fee::UNISWAP).unwrap()
    }

    fn u(value: u128) -> U256 {
        U256::from(value)
    }

    #[test]
    fn a_swap_leaves_what_its_sync_would_say() {
        let before = pool([1_000_000, 4_000_000]);
        let (quote, after) = before.after_in(Side::One, u(40_000)).unwrap();
        assert_eq!(quote, Quote { consumed: u(40_000), output: u(9_871) });
        let mut synced = before;
        synced.sync([990_129, 4_040_000]).unwrap();
        let again = u(7_777);
        assert_eq!(after.quote_in(Side::Zero, again), synced.quote_in(Side::Zero, again));
        let mut swapped = before;
        swapped.swap(Side::One, quote).unwrap();
        assert_eq!(swapped, synced);
    }

    #[test]
    fn what_the_pair_refuses_is_no_quote() {
        let pool = pool([1_000_000, 10]);
        assert_eq!(pool.quote_in(Side::Zero, u(1)), Err(Unquotable::TooSmall));
        assert_eq!(pool.quote_out(Side::Zero, u(10)), Err(Unquotable::TooLarge));
        // 112 bits are full before the library's arithmetic is.
        assert_eq!(pool.quote_in(Side::Zero, u(MOST)), Err(Unquotable::TooLarge));
        assert_eq!(pool.quote_in(Side::Zero, u(MOST - 1_000_000)).map(|quote| quote.output), Ok(u(9)));
        let mut changed = pool;
        let too_good = Quote { consumed: u(1), output: u(1) };
        assert_eq!(changed.swap(Side::Zero, too_good), Err(Unquotable::TooLarge));
        assert_eq!(changed.sync([MOST + 1, 1]), Err(Unquotable::TooLarge));
        assert_eq!(changed, pool);
    }

    #[test]
    fn the_least_input_is_one_less_where_it_divides_evenly() {
        let pool = pool([997, 2_000]);
        assert_eq!(pool.quote_out(Side::Zero, u(1_000)).map(|quote| quote.consumed), Ok(u(1_001)));
        let least = pool.least_in(Side::Zero, u(1_000)).unwrap();
        assert_eq!(least.consumed, u(1_000));
        let mut after = pool;
        after.swap(Side::Zero, least).unwrap();
        assert_eq!(after.reserves(), [1_997, 1_000]);
    }
}
