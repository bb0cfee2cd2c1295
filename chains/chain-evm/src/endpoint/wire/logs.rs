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
    // All unindexed arguments lie in one piece of memory; what is between them is less than their hex takes.
    let mut data = bytes::BytesMut::with_capacity(json.len().div_euclid(4));
    let mut logs = Vec::new();
    scan.list(|scan| {
        logs.push(scan.log(&mut data)?);
        Some(())
    })?;
    if !scan.space().is_empty() {
        return None;
    }
    let mut data = data.freeze();
    let whole = logs.into_iter().map(|(log, length)| WireLog { data: Bytes(data.split_to(length)), ..log });
    Some(whole.collect())
}

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

    /// What is between the next quotes, if it has no escapes.
    fn text(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let (text, rest) = self.rest.split_at_checked(memchr(b'"', self.rest)?)?;
        self.rest = rest.get(1..)?;
        // No early end, so that it is done many bytes at a time.
        let plain = text.iter().fold(true, |plain, byte| plain & (*byte >= b' ') & (*byte != b'\\'));
        plain.then_some(text)
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
        let mut bytes = FixedBytes::ZERO;
        hex::decode_to_slice(digits(self.text()?)?, bytes.as_mut_slice()).ok()?;
        Some(bytes)
    }

    fn quantity(&mut self) -> Option<U64> {
        let digits = std::str::from_utf8(digits(self.text()?)?).ok()?;
        let plain = digits.len() <= 16 && !digits.starts_with('+');
        plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten().map(U64::from)
    }

    /// Passes over a value without parts.
    fn skip(&mut self) -> Option<()> {
        if self.space().first()? == &b'"' {
            return self.text().map(drop);
        }
        let end = self.rest.iter().position(|byte| matches!(byte, b',' | b'}'))?;
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        matches!(word, b"true" | b"false" | b"null").then_some(())
    }

    /// A log without its data, which is added to `data`, and how long that is.
    fn log(&mut self, data: &mut bytes::BytesMut) -> Option<(WireLog, usize)> {
        let (mut address, mut topics, mut length) = (None, None, None);
        let (mut number, mut hash, mut index) = (None, None, None);
        self.expect(b'{')?;
        loop {
            let key = self.text()?;
            self.expect(b':')?;
            match key {
                b"address" => set(&mut address, Address(self.fixed()?))?,
                b"topics" => set(&mut topics, self.topics()?)?,
                b"data" => set(&mut length, self.data(data)?)?,
                b"blockNumber" => set(&mut number, self.quantity()?)?,
                b"blockHash" => set(&mut hash, self.fixed()?)?,
                b"logIndex" => set(&mut index, self.quantity()?)?,
                _ => self.skip()?,
            }
            match self.next()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        let log = WireLog {
            address: address?,
            topics: topics?,
            data: Bytes::new(),
            block_number: number?,
            block_hash: hash?,
            log_index: index?,
        };
        Some((log, length?))
    }

    fn topics(&mut self) -> Option<Vec<B256>> {
        let mut topics = Vec::with_capacity(4);
        self.list(|scan| {
            topics.push(scan.fixed()?);
            Some(())
        })?;
        Some(topics)
    }

    fn data(&mut self, data: &mut bytes::BytesMut) -> Option<usize> {
        let digits = digits(self.text()?)?;
        let (begin, length) = (data.len(), digits.len().div_euclid(2));
        data.resize(begin.checked_add(length)?, 0);
        hex::decode_to_slice(digits, data.get_mut(begin..)?).ok()?;
        Some(length)
    }
}

/// What is after `0x`.
fn digits(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"0x").filter(|digits| !digits.starts_with(b"0x"))
}

/// A field is there once.
fn set<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}
