//! A function by its signature, for arguments of one word each.

use std::fmt;

use alloy_primitives::{Address, B256, I256, U256, keccak256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Why a function cannot be called as the config has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FunctionError {
    /// Not like `setPrice(int256)`.
    #[error("`{0}` is no function's signature; write it like setPrice(bytes32,int256)")]
    Signature(String),
    /// A type of more than one word, or of unknown size.
    #[error(
        "arguments of type `{0}` are not supported; those of one word are: uint256, int64, address, bytes32, bool"
    )]
    Type(String),
    /// Not one argument for each type.
    #[error("{signature} takes {takes} arguments and is given {given}")]
    Count {
        /// The function.
        signature: String,
        /// What it takes.
        takes: usize,
        /// What it is given.
        given: usize,
    },
    /// A constant that is not of its type.
    #[error("`{literal}` is no {kind}")]
    Literal {
        /// What was written.
        literal: String,
        /// What it should be.
        kind: String,
    },
}

/// A type whose values are one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// Unsigned, of so many bits.
    Uint(usize),
    /// Signed, of so many bits.
    Int(usize),
    Address,
    Bool,
    Bytes32,
}

/// A function's name and the types of its arguments: `setPrice(bytes32,int256)`. Types are written in full: `uint256`, not `uint`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Function {
    signature: String,
    kinds: Vec<Kind>,
}

impl Function {
    /// The function of this signature, spaces left out.
    ///
    /// # Errors
    /// When it is none, or takes arguments of more than one word.
    pub fn parse(text: &str) -> Result<Self, FunctionError> {
        let signature: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        let wrong = || FunctionError::Signature(text.to_owned());
        let inside = signature.strip_suffix(')').and_then(|rest| rest.split_once('('));
        let (name, types) = inside.ok_or_else(wrong)?;
        let starts =
            name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_' || first == '$');
        let named = name.chars().all(|one| one.is_ascii_alphanumeric() || one == '_' || one == '$');
        if !starts || !named {
            return Err(wrong());
        }
        let types = (!types.is_empty()).then(|| types.split(','));
        let kinds = types.into_iter().flatten().map(Kind::parse).collect::<Result<_, _>>()?;
        Ok(Self { signature, kinds })
    }

    /// A function without arguments that this crate knows.
    pub(crate) fn constant(signature: &'static str) -> Self {
        Self { signature: signature.to_owned(), kinds: Vec::new() }
    }

    /// The first four bytes of a call.
    #[must_use]
    pub fn selector(&self) -> [u8; 4] {
        let hash = keccak256(&self.signature);
        hash.first_chunk().copied().unwrap_or_default()
    }

    /// How many arguments it takes.
    #[must_use]
    pub const fn takes(&self) -> usize {
        self.kinds.len()
    }

    /// The function of this signature, which takes nothing, out of a config.
    pub(crate) fn without_arguments<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let function = Self::deserialize(deserializer)?;
        function.count(0).map_err(D::Error::custom)?;
        Ok(function)
    }

    pub(super) fn count(&self, given: usize) -> Result<(), FunctionError> {
        let takes = self.takes();
        let wrong = || FunctionError::Count { signature: self.signature.clone(), takes, given };
        (takes == given).then_some(()).ok_or_else(wrong)
    }

    /// The word that is written like this, as the argument at `place`.
    pub(super) fn literal(&self, place: usize, text: &str) -> Result<B256, FunctionError> {
        let kind = self.kinds.get(place).copied().unwrap_or(Kind::Bytes32);
        kind.literal(text)
            .ok_or_else(|| FunctionError::Literal { literal: text.to_owned(), kind: kind.to_string() })
    }

    /// A number as the argument at `place`; none if it does not fit.
    pub(super) fn number(&self, place: usize, number: I256) -> Option<B256> {
        self.kinds.get(place)?.number(number)
    }

    /// The call with these words.
    pub(super) fn call(&self, words: &[B256]) -> Vec<u8> {
        let mut data = self.selector().to_vec();
        words.iter().for_each(|word| data.extend_from_slice(word.as_slice()));
        data
    }
}

impl Kind {
    fn parse(text: &str) -> Result<Self, FunctionError> {
        let unknown = || FunctionError::Type(text.to_owned());
        let bits = |digits: &str| {
            let bits = digits.parse::<usize>().ok().filter(|_| !digits.starts_with(['0', '+']));
            bits.filter(|bits| (8..=256).contains(bits) && bits.is_multiple_of(8)).ok_or_else(unknown)
        };
        match text {
            "address" => Ok(Self::Address),
            "bool" => Ok(Self::Bool),
            "bytes32" => Ok(Self::Bytes32),
            _ => match (text.strip_prefix("uint"), text.strip_prefix("int")) {
                (Some(digits), _) => bits(digits).map(Self::Uint),
                (None, Some(digits)) => bits(digits).map(Self::Int),
                (None, None) => Err(unknown()),
            },
        }
    }

    fn number(self, number: I256) -> Option<B256> {
        let fits = match self {
            Self::Uint(bits) => !number.is_negative() && number.unsigned_abs().bit_len() <= bits,
            // The least number has one bit more than the greatest.
            Self::Int(bits) => {
                let least =
                    number.is_negative() && number.unsigned_abs().trailing_zeros() >= bits.saturating_sub(1);
                let room = if least { bits } else { bits.saturating_sub(1) };
                number.unsigned_abs().bit_len() <= room
            }
            Self::Address | Self::Bool | Self::Bytes32 => false,
        };
        fits.then(|| B256::from(number.into_raw()))
    }

    fn literal(self, text: &str) -> Option<B256> {
        match self {
            Self::Uint(_) | Self::Int(_) => self.number(text.parse().ok()?),
            Self::Address => text.parse::<Address>().ok().map(|address| address.into_word()),
            Self::Bool => text.parse::<bool>().ok().map(|flag| B256::from(U256::from(u8::from(flag)))),
            Self::Bytes32 => text.parse().ok(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uint(bits) => write!(f, "uint{bits}"),
            Self::Int(bits) => write!(f, "int{bits}"),
            Self::Address => f.write_str("address"),
            Self::Bool => f.write_str("bool"),
            Self::Bytes32 => f.write_str("bytes32"),
        }
    }
}

impl Serialize for Function {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.signature)
    }
}

impl<'de> Deserialize<'de> for Function {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
