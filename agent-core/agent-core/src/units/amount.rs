//! Token amounts, and the exact way from what a person writes to base units.

use std::fmt;

use alloy_primitives::{Address, U256, utils::ParseUnits};
use serde::{Deserialize, Serialize};

/// A token as the operator's registry or the chain itself knows it. Decimals are read once and kept with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Token {
    /// The contract.
    pub address: Address,
    /// The operator's name for it. Never taken from the contract: a token can call itself anything.
    pub symbol: String,
    /// How many decimals one whole token has.
    pub decimals: u8,
}

/// An exact amount of one token, in base units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TokenAmount {
    /// The token's contract.
    pub token: Address,
    /// Base units.
    pub raw: U256,
}

/// What a balance is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asset {
    /// The chain's native coin.
    Native,
    /// An ERC-20 token.
    Token(Address),
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native => f.write_str("native coin"),
            Self::Token(token) => write!(f, "token {token}"),
        }
    }
}

/// Why a written amount is not an exact number of base units.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// Not plain digits with at most one point.
    #[error("amount is not a plain decimal number like 1.5")]
    NotADecimal,
    /// More decimals than the token has.
    #[error("amount has more than the {decimals} decimals of {symbol}")]
    TooPrecise {
        /// The token's decimals.
        decimals: u8,
        /// The token's symbol.
        symbol: String,
    },
    /// Does not fit 256 bits.
    #[error("amount does not fit 256 bits")]
    TooLarge,
}

impl Token {
    /// Parses what a person writes (`1500`, `0.25`) exactly: no sign, exponent, separator, or rounding.
    ///
    /// # Errors
    /// When the text is no plain decimal, has more digits than the token's decimals, or does not fit.
    pub fn parse(&self, text: &str) -> Result<TokenAmount, AmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(AmountError::NotADecimal);
        }
        if fraction.trim_end_matches('0').len() > usize::from(self.decimals) {
            return Err(AmountError::TooPrecise { decimals: self.decimals, symbol: self.symbol.clone() });
        }
        let unit = U256::from(10u8).checked_pow(U256::from(self.decimals)).ok_or(AmountError::TooLarge)?;
        let whole = parse_digits(whole)?.checked_mul(unit).ok_or(AmountError::TooLarge)?;
        let kept: String =
            fraction.chars().chain(std::iter::repeat('0')).take(usize::from(self.decimals)).collect();
        let fraction = if kept.is_empty() { U256::ZERO } else { parse_digits(&kept)? };
        let raw = whole.checked_add(fraction).ok_or(AmountError::TooLarge)?;
        Ok(TokenAmount { token: self.address, raw })
    }

    /// `raw` base units as a person reads them: `1.5 WETH`.
    #[must_use]
    pub fn display(&self, raw: U256) -> String {
        let units = alloy_primitives::utils::Unit::new(self.decimals)
            .map_or_else(|| raw.to_string(), |unit| ParseUnits::from(raw).format_units(unit));
        format!("{} {}", trim_zeros(&units), self.symbol)
    }
}

fn parse_digits(digits: &str) -> Result<U256, AmountError> {
    U256::from_str_radix(digits, 10).map_err(|_overflow| AmountError::TooLarge)
}

fn trim_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(decimals: u8) -> Token {
        Token { address: Address::ZERO, symbol: "USDC".into(), decimals }
    }

    fn check(text: &str, decimals: u8, expected: Result<u128, AmountError>) {
        let raw = token(decimals).parse(text).map(|amount| amount.raw);
        assert_eq!(raw, expected.map(U256::from), "{text} at {decimals}");
    }

    #[test]
    fn amounts_parse_exactly_or_not_at_all() {
        check("1.0", 6, Ok(1_000_000));
        check("1", 6, Ok(1_000_000));
        check("0.000001", 6, Ok(1));
        check("0.5000000000", 1, Ok(5));
        check("7", 0, Ok(7));
        check("7.0", 0, Ok(7));
        check("1.0000001", 6, Err(AmountError::TooPrecise { decimals: 6, symbol: "USDC".into() }));
        for bad in ["", ".", "1.", ".5", "-1", "+1", "1e6", "1,5", "0x10", "1 000", "١", "1.2.3"] {
            check(bad, 6, Err(AmountError::NotADecimal));
        }
        check(&"9".repeat(80), 6, Err(AmountError::TooLarge));
        check("1", 78, Err(AmountError::TooLarge));
    }

    proptest! {
        #[test]
        fn what_is_displayed_parses_back(raw in any::<u128>(), decimals in 0u8..=50) {
            let token = token(decimals);
            let text = token.display(U256::from(raw));
            let number = text.strip_suffix(" USDC").unwrap();
            prop_assert_eq!(token.parse(number).unwrap().raw, U256::from(raw));
        }

        #[test]
        fn no_text_panics(text in ".*", decimals in any::<u8>()) {
            let _parsed = token(decimals).parse(&text);
        }
    }
}
