//! Markets as files: a snapshot of pools, and the logs that changed them.
//!
//! # The format
//! UTF-8, a JSON object a line (compress the whole as you like; ours end in `.jsonl` or `.jsonl.zst`). Amounts are decimal
//! numbers in strings, in base units, since JSON's readers cut numbers of more than 53 bits; addresses, topics and data are
//! 0x-hex.
//!
//! The first line is a [`Header`]: `{"format":"keepwright-market","version":1,"chain":1,"origin":"…","block":17,"bases":[…],
//! "pools":[…]}`. `origin` says in words where it is from: a devnet, a chain, or a generator with its seed. `block` is the one
//! after whose last log the snapshot stands. `bases` are the tokens that cycles start from, the preferred ones first. A pool is
//! one of
//! - `{"kind":"v2","address":…,"tokens":[…,…],"kept":997,"whole":1000,"reserves":["…","…"]}`
//! - `{"kind":"v3","address":…,"tokens":[…,…],"fee":3000,"tick_spacing":60,"sqrt_price":"…","tick":0,"liquidity":"…",
//!   "fee_protocol":[0,0],"ticks":[{"tick":-60,"gross":"…","net":"…"},…]}`, with the initialised ticks in rising order.
//!
//! Each further line is a [`Block`]: `{"number":18,"logs":[{"index":3,"address":…,"topics":[…],"data":"0x…"},…]}` with the logs
//! as the node gave them, in the order of their index. Blocks come in rising order; one without logs may be left out. Logs of
//! other contracts may be there and mean nothing. A reorganised block is not part of a recording.
//!
//! # Where recordings are from
//! [`Generator`] makes them from a seed, by power laws: pairs of Uniswap v2, and pools of Uniswap v3 with positions that come and
//! go, as many as its [`Shape`] says. A recorder writes the same lines from a devnet's or a chain's logs. [`Pools`] follows either.

use std::io::{self, BufRead, Write};

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

mod decimal;
mod emit;
mod generator;
mod pools;

pub use generator::{Generator, Shape};
pub use pools::{Pools, Recorded};

use crate::pool::V3LogError;

/// What the first line's `format` says.
const FORMAT: &str = "keepwright-market";
const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format: String,
    version: u32,
    /// The chain's id.
    pub chain: u64,
    /// Where the recording is from, in words.
    pub origin: String,
    /// After this block's logs the pools stand as they are here.
    pub block: u64,
    /// Where cycles start, the preferred tokens first.
    pub bases: Vec<Address>,
    /// All pools.
    pub pools: Vec<Snapshot>,
}

/// A pool in the first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Snapshot {
    /// A pair of Uniswap v2 or a fork.
    V2(PairSnapshot),
    /// A pool of Uniswap v3 or a fork.
    V3(TickSnapshot),
}

/// A pair of Uniswap v2 or a fork.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairSnapshot {
    /// The pair's contract.
    pub address: Address,
    /// Token 0 and token 1.
    pub tokens: [Address; 2],
    /// Of an input, so many parts are left after the fee …
    pub kept: u32,
    /// … of so many.
    pub whole: u32,
    /// Of token 0 and token 1.
    #[serde(with = "decimal::pair")]
    pub reserves: [u128; 2],
}

/// A pool of Uniswap v3 or a fork.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickSnapshot {
    /// The pool's contract.
    pub address: Address,
    /// Token 0 and token 1.
    pub tokens: [Address; 2],
    /// In millionths.
    pub fee: u32,
    /// Between two initialised ticks at least.
    pub tick_spacing: i32,
    /// The square root of the price, times 2^96.
    #[serde(with = "decimal")]
    pub sqrt_price: alloy_primitives::U256,
    /// The tick that the price is in.
    pub tick: i32,
    /// What is in range.
    #[serde(with = "decimal")]
    pub liquidity: u128,
    /// The protocol's share of the fee of token 0 and token 1, as `slot0` says it.
    pub fee_protocol: [u8; 2],
    /// The initialised ones, rising.
    pub ticks: Vec<TickLine>,
}

/// An initialised tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickLine {
    /// Its number.
    pub tick: i32,
    /// `liquidityGross`.
    #[serde(with = "decimal")]
    pub gross: u128,
    /// `liquidityNet`.
    #[serde(with = "decimal")]
    pub net: i128,
}

/// A further line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Its height.
    pub number: u64,
    /// By index.
    pub logs: Vec<Log>,
}

/// A log as the node gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Its place in the block.
    pub index: u64,
    /// Who emitted it.
    pub address: Address,
    /// Its topics, the signature first.
    pub topics: Vec<B256>,
    /// What is not indexed.
    pub data: Bytes,
}

/// Why a recording cannot be read on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file.
    #[error("the recording cannot be read or written")]
    Io(#[from] io::Error),
    /// A line that is not what it should be.
    #[error("line {line} of the recording is not what its format says")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        #[source]
        cause: serde_json::Error,
    },
    /// Another format, or a later one.
    #[error("this is version {version} of \"{format}\": version 1 of \"keepwright-market\" can be read")]
    Format {
        /// What the file says it is.
        format: String,
        /// And of which version.
        version: u32,
    },
    /// Blocks or logs that do not rise.
    #[error("line {line} of the recording is out of order: sort blocks by number and logs by index")]
    Order {
        /// Counted from 1.
        line: u64,
    },
    /// A log that cannot follow on what was there.
    #[error(
        "block {number} of the recording has a log of {address} that cannot be: one before it is missing"
    )]
    Log {
        /// The block's height.
        number: u64,
        /// Who emitted it.
        address: Address,
        /// Why it cannot be.
        #[source]
        cause: V3LogError,
    },
}

impl Header {
    /// A first line of this version.
    #[must_use]
    pub fn new(chain: u64, origin: String, block: u64, bases: Vec<Address>, pools: Vec<Snapshot>) -> Self {
        Self { format: FORMAT.to_owned(), version: VERSION, chain, origin, block, bases, pools }
    }
}

/// Writes a [`Header`] or a [`Block`] as one line.
///
/// # Errors
/// Whatever the writer says; a part of the line may be written then.
pub fn write_line<W: Write>(into: &mut W, line: &impl Serialize) -> Result<(), RecordingError> {
    serde_json::to_writer(&mut *into, line).map_err(io::Error::from)?;
    Ok(into.write_all(b"\n")?)
}

/// A recording that is read line by line: its blocks, in order. Ends after the first error.
#[derive(Debug)]
pub struct Recording<R> {
    from: R,
    line: u64,
    number: Option<u64>,
    failed: bool,
}

impl<R: BufRead> Recording<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// Where it is not the header of a version that is known.
    pub fn open(from: R) -> Result<(Header, Self), RecordingError> {
        let mut recording = Self { from, line: 0, number: None, failed: false };
        let header: Option<Header> = recording.line()?;
        let header = header.ok_or(RecordingError::Format { format: String::new(), version: 0 })?;
        if header.format != FORMAT || header.version != VERSION {
            return Err(RecordingError::Format { format: header.format, version: header.version });
        }
        recording.number = Some(header.block);
        Ok((header, recording))
    }

    fn line<T: DeserializeOwned>(&mut self) -> Result<Option<T>, RecordingError> {
        let mut text = String::new();
        self.line = self.line.saturating_add(1);
        if self.from.read_line(&mut text)? == 0 {
            return Ok(None);
        }
        let line = self.line;
        serde_json::from_str(&text).map(Some).map_err(|cause| RecordingError::Line { line, cause })
    }

    fn block(&mut self) -> Result<Option<Block>, RecordingError> {
        let Some(block) = self.line::<Block>()? else { return Ok(None) };
        let rises = block.logs.is_sorted_by(|one, other| one.index < other.index);
        if !rises || self.number.is_some_and(|number| block.number <= number) {
            return Err(RecordingError::Order { line: self.line });
        }
        self.number = Some(block.number);
        Ok(Some(block))
    }
}

impl<R: BufRead> Iterator for Recording<R> {
    type Item = Result<Block, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let block = self.block().transpose();
        self.failed = !matches!(block, Some(Ok(_)));
        block
    }
}

#[cfg(test)]
mod tests;
