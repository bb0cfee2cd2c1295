//! A body that came back: bounded, and without the key, whoever put it there.

use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use memchr::memmem;

use crate::{error::RemoteError, key::ApiKey};

/// Why a body ended before its end. The client in between turns errors into text; this is where they keep their type.
pub(crate) type Fault = Arc<OnceLock<RemoteError>>;

/// How much is read of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes in all.
    pub(crate) all: usize,
    /// Bytes of a line. Whoever reads events looks at an unfinished line again with each chunk.
    pub(crate) line: usize,
}

/// `body`, within `bounds`, in which asterisks stand for the key.
pub(crate) fn bounded<S>(
    body: S,
    bounds: Bounds,
    key: Option<ApiKey>,
    fault: Fault,
) -> impl Stream<Item = Result<Bytes, RemoteError>> + Send + 'static
where
    S: Stream<Item = reqwest::Result<Bytes>> + Send + Unpin + 'static,
{
    let scrubber = Scrubber { key, held: BytesMut::new() };
    let start = Some((body, scrubber, Read { bounds, all: 0, line: 0 }));
    stream::try_unfold(start, move |state| {
        let fault = fault.clone();
        async move {
            let next = next(state).await;
            if let Err(error) = &next {
                // The first is the one that counts.
                fault.get_or_init(|| error.clone());
            }
            next
        }
    })
}

type State<S> = Option<(S, Scrubber, Read)>;

/// How much was read.
struct Read {
    bounds: Bounds,
    all: usize,
    line: usize,
}

impl Read {
    fn count(&mut self, chunk: &[u8]) -> Result<(), RemoteError> {
        self.all = self.all.saturating_add(chunk.len());
        let (begun, rest) = match memchr::memrchr(b'\n', chunk) {
            Some(end) => (0, chunk.len().saturating_sub(end)),
            None => (self.line, chunk.len()),
        };
        self.line = begun.saturating_add(rest);
        let within = |count: usize, limit: usize| {
            if count <= limit { Ok(()) } else { Err(RemoteError::TooLarge { limit }) }
        };
        within(self.all, self.bounds.all)?;
        within(self.line, self.bounds.line)
    }
}

async fn next<S>(state: State<S>) -> Result<Option<(Bytes, State<S>)>, RemoteError>
where
    S: Stream<Item = reqwest::Result<Bytes>> + Unpin,
{
    let Some((mut body, mut scrubber, mut read)) = state else { return Ok(None) };
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| broke(&error))?;
        read.count(&chunk)?;
        let clean = scrubber.take(&chunk);
        if !clean.is_empty() {
            return Ok(Some((clean, Some((body, scrubber, read)))));
        }
    }
    Ok(Some((scrubber.rest(), None)))
}

/// A transport's error without what it says: it may say the URL.
pub(crate) fn broke(error: &reqwest::Error) -> RemoteError {
    if error.is_timeout() {
        RemoteError::TimedOut
    } else if error.is_connect() {
        RemoteError::Unreachable
    } else {
        RemoteError::Broken
    }
}

/// Holds back what may be the beginning of the key.
struct Scrubber {
    key: Option<ApiKey>,
    held: BytesMut,
}

impl Scrubber {
    fn take(&mut self, chunk: &[u8]) -> Bytes {
        self.held.extend_from_slice(chunk);
        let Some(key) = self.key.as_ref().and_then(ApiKey::to_scrub) else { return self.rest() };
        while let Some(at) = memmem::find(&self.held, key) {
            self.held.iter_mut().skip(at).take(key.len()).for_each(|byte| *byte = b'*');
        }
        let begun = (1..key.len()).rev().filter_map(|length| key.get(..length));
        let held_back = begun.filter(|begun| self.held.ends_with(begun)).map(<[u8]>::len).next().unwrap_or(0);
        self.held.split_to(self.held.len().saturating_sub(held_back)).freeze()
    }

    fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "sk-sk-sk-canary";

    fn scrub(chunks: &[&[u8]]) -> Vec<u8> {
        let mut scrubber = Scrubber { key: Some(ApiKey::new(KEY).unwrap()), held: BytesMut::new() };
        let mut clean: Vec<u8> = chunks.iter().flat_map(|chunk| scrubber.take(chunk)).collect();
        clean.extend(scrubber.rest());
        clean
    }

    proptest! {
        #[test]
        fn the_key_is_gone_wherever_the_chunks_part(text in "(sk-|canary|sk-sk-sk-canary|x){0,8}", parts in prop::collection::vec(1usize..7, 0..30)) {
            let (mut rest, mut chunks) = (text.as_bytes(), Vec::new());
            for part in parts {
                let (chunk, after) = rest.split_at(part.min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            chunks.push(rest);
            let clean = String::from_utf8(scrub(&chunks)).unwrap();
            prop_assert_eq!(clean, text.replace(KEY, &"*".repeat(KEY.len())));
        }
    }

    #[test]
    fn lines_count_from_their_beginning_wherever_the_chunks_part() {
        let mut read = Read { bounds: Bounds { all: 100, line: 5 }, all: 0, line: 0 };
        for chunk in ["abc", "de\nab", "c\n\n", "abcd", "\nabcde\nfghijkl\nabcd"] {
            assert_eq!(read.count(chunk.as_bytes()), Ok(()), "{chunk}");
        }
        assert_eq!(read.count(b"ef"), Err(RemoteError::TooLarge { limit: 5 }));
        assert_eq!(read.count(&[b'\n'; 100]), Err(RemoteError::TooLarge { limit: 100 }));
    }

    #[test]
    fn a_key_that_is_none_is_not_looked_for() {
        let mut scrubber = Scrubber { key: Some(ApiKey::new("null").unwrap()), held: BytesMut::new() };
        assert_eq!(scrubber.take(b"null"), Bytes::from_static(b"null"));
    }
}
