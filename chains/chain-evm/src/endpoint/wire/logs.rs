//! Logs out of JSON: what a block costs before anybody looks at it.
//!
//! A node's answer of some hundred logs is a few hundred kilobytes of hex, most of which nobody reads. So the usual shape is
//! scanned from quote to quote, and decoded where it lies. Whatever is unusual (an escape, a nested value, a field twice, a
//! number in place of a quantity) is left to serde, whose word on errors is final.

use agent_core::ChainLog;
use alloy::{
    hex,
    primitives::{Address, B256, Bytes, FixedBytes, U64, bytes},
};
use memchr::memchr;
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;

use super::WireLog;

#[cfg(test)]
mod tests;

/// The logs of an `eth_getLogs` answer: the JSON of its `result`, as the node gave it.
///
/// # Errors
/// Where that is no list of mined logs.
pub fn logs_from_json(json: &str) -> serde_json::Result<Vec<ChainLog>> {
    let logs = scan(json).map_or_else(|| serde_json::from_str::<Vec<WireLog>>(json), Ok)?;
    Ok(logs.into_iter().map(ChainLog::from).collect())
}

/// The same, for whoever asks an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WireLogs(pub(crate) Vec<WireLog>);

impl<'de> Deserialize<'de> for WireLogs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        match scan(raw) {
            Some(logs) => Ok(Self(logs)),
            None => serde_json::from_str(raw).map(Self).map_err(D::Error::custom),
        }
    }
}

/// The logs of a list of the usual shape.
fn scan(json: &str) -> Option<Vec<WireLog>> {
    let mut scan = Scan { rest: json.as_bytes() };
    // All unindexed arguments lie in one piece of memory; what is between them is more than their hex takes.
    let mut memory = bytes::BytesMut::with_capacity(json.len().div_euclid(4));
    let mut logs = Vec::with_capacity(json.len().div_euclid(500));
    scan.list(|scan| {
        logs.push(scan.log(&mut memory)?);
        Some(())
    })?;
    scan.space().is_empty().then_some(logs)
}

/// What is read of a log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Address,
    Topics,
    Data,
    BlockNumber,
    BlockHash,
    LogIndex,
    Unknown,
}

/// With the quote after the name.
const FIELDS: [(&[u8], Field); 6] = [
    (b"address\"", Field::Address),
    (b"topics\"", Field::Topics),
    (b"data\"", Field::Data),
    (b"blockNumber\"", Field::BlockNumber),
    (b"blockHash\"", Field::BlockHash),
    (b"logIndex\"", Field::LogIndex),
];

/// JSON that is still to be read. Every method gives `None` for what is not as usual.
struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    fn space(&mut self) -> &'a [u8] {
        while let [b' ' | b'\n' | b'\r' | b'\t', rest @ ..] = self.rest {
            self.rest = rest;
        }
        self.rest
    }

    /// The next byte that is no space.
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.space().split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// What is between the next quotes. It may have escapes, or what no text may have: whoever does not compare or decode all of it
    /// looks whether it is [`plain`].
    fn text(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let (text, rest) = self.rest.split_at_checked(memchr(b'"', self.rest)?)?;
        self.rest = rest.get(1..)?;
        Some(text)
    }

    /// The next field, by its name and the colon after it.
    fn field(&mut self) -> Option<Field> {
        self.expect(b'"')?;
        let known = FIELDS.iter().find_map(|(name, field)| Some((self.rest.strip_prefix(*name)?, *field)));
        let (rest, field) = known.unwrap_or((self.rest, Field::Unknown));
        self.rest = rest;
        if field == Field::Unknown {
            let (name, rest) = self.rest.split_at_checked(memchr(b'"', self.rest)?)?;
            plain(name)?;
            self.rest = rest.get(1..)?;
        }
        self.expect(b':')?;
        Some(field)
    }

    /// The elements of a list, each read by `element`.
    fn list(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(b'[')?;
        if let [b']', rest @ ..] = self.space() {
            self.rest = rest;
            return Some(());
        }
        loop {
            element(self)?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// The bytes of a fixed number of hex digits.
    fn fixed<const N: usize>(&mut self) -> Option<FixedBytes<N>> {
        self.expect(b'"')?;
        let (digits, rest) = self.rest.strip_prefix(b"0x")?.split_at_checked(N.checked_mul(2)?)?;
        self.rest = rest.strip_prefix(b"\"")?;
        let mut bytes = FixedBytes::ZERO;
        hex::decode_to_slice(digits, bytes.as_mut_slice()).ok()?;
        Some(bytes)
    }

    fn quantity(&mut self) -> Option<U64> {
        self.expect(b'"')?;
        let digits = self.rest.strip_prefix(b"0x")?;
        let mut value = 0_u64;
        for (count, byte) in digits.iter().take(17).enumerate() {
            if *byte == b'"' {
                self.rest = digits.get(count.checked_add(1)?..)?;
                return (count > 0).then_some(U64::from(value));
            }
            let digit = char::from(*byte).to_digit(16)?;
            value = value.checked_mul(16)?.checked_add(digit.into())?;
        }
        None
    }

    /// Passes over a value without parts.
    fn skip(&mut self) -> Option<()> {
        if self.space().first()? == &b'"' {
            return plain(self.text()?);
        }
        let end = self.rest.iter().position(|byte| matches!(byte, b',' | b'}'))?;
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        matches!(word, b"true" | b"false" | b"null").then_some(())
    }

    /// A log, whose data lies in `memory`.
    fn log(&mut self, memory: &mut bytes::BytesMut) -> Option<WireLog> {
        let (mut address, mut topics, mut data) = (None, None, None);
        let (mut number, mut hash, mut index) = (None, None, None);
        self.expect(b'{')?;
        loop {
            match self.field()? {
                Field::Address => set(&mut address, Address(self.fixed()?))?,
                Field::Topics => set(&mut topics, self.topics()?)?,
                Field::Data => set(&mut data, self.data(memory)?)?,
                Field::BlockNumber => set(&mut number, self.quantity()?)?,
                Field::BlockHash => set(&mut hash, self.fixed()?)?,
                Field::LogIndex => set(&mut index, self.quantity()?)?,
                Field::Unknown => self.skip()?,
            }
            match self.next()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        Some(WireLog {
            address: address?,
            topics: topics?,
            data: data?,
            block_number: number?,
            block_hash: hash?,
            log_index: index?,
        })
    }

    fn topics(&mut self) -> Option<Vec<B256>> {
        let mut topics = Vec::with_capacity(4);
        self.list(|scan| {
            topics.push(scan.fixed()?);
            Some(())
        })?;
        Some(topics)
    }

    fn data(&mut self, memory: &mut bytes::BytesMut) -> Option<Bytes> {
        let digits = self.text()?.strip_prefix(b"0x")?;
        memory.resize(digits.len().div_euclid(2), 0);
        // `decode_to_slice` takes a prefix of its own.
        (!digits.starts_with(b"0x")).then_some(())?;
        hex::decode_to_slice(digits, memory).ok()?;
        Some(Bytes(memory.split().freeze()))
    }
}

/// Whether a text has no escapes and nothing that must be one. Without an early end, so that it is done many bytes at a time.
fn plain(text: &[u8]) -> Option<()> {
    let odd = text.iter().fold(0, |odd, byte| odd | u8::from(*byte < b' ') | u8::from(*byte == b'\\'));
    (odd == 0).then_some(())
}

/// A field is there once.
fn set<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}
