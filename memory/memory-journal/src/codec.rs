//! An entry as bytes: lengths are four bytes, numbers eight, all big-endian. One entry has one encoding.

use agent_core::{
    ports::{Claim, Entry, EntryKind, Reservation},
    units::Timestamp,
};
use alloy_primitives::{B256, U256};

use crate::trouble::Misfit;

/// Bytes that are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not an entry")]
pub(crate) struct Undecodable;

/// Puts `entry` behind what `bytes` holds already.
pub(crate) fn encode(entry: &Entry, bytes: &mut Vec<u8>) -> Result<(), Misfit> {
    bytes.push(tag(entry.kind));
    bytes.extend_from_slice(entry.subject.as_slice());
    bytes.extend_from_slice(&entry.at.0.to_be_bytes());
    put_length(bytes, entry.claims.len())?;
    for claim in &entry.claims {
        put_bytes(bytes, claim.key.as_bytes())?;
        bytes.push(u8::from(claim.releasable));
    }
    put_length(bytes, entry.reservations.len())?;
    for reservation in &entry.reservations {
        put_bytes(bytes, reservation.budget.as_bytes())?;
        bytes.extend_from_slice(&reservation.amount.to_be_bytes::<32>());
        bytes.extend_from_slice(&reservation.limit.to_be_bytes::<32>());
        bytes.extend_from_slice(&reservation.window.to_be_bytes());
    }
    put_bytes(bytes, &entry.payload)
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Entry, Undecodable> {
    let (entry, rest) = decode_first(bytes)?;
    if rest.is_empty() { Ok(entry) } else { Err(Undecodable) }
}

/// The entry that `bytes` begin with, and the bytes after it.
pub(crate) fn decode_first(bytes: &[u8]) -> Result<(Entry, &[u8]), Undecodable> {
    let mut rest = Rest(bytes);
    let entry = Entry {
        kind: kind(rest.byte()?)?,
        subject: B256::from(rest.array()?),
        at: Timestamp(rest.number()?),
        claims: rest.list(Rest::claim)?,
        reservations: rest.list(Rest::reservation)?,
        payload: rest.bytes()?.to_vec(),
    };
    Ok((entry, rest.0))
}

/// The last of the kinds' tags.
pub(crate) const LAST_TAG: u8 = 6;

const fn tag(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::Refused => 0,
        EntryKind::Recorded => 1,
        EntryKind::Closed => 2,
        EntryKind::Dropped => 3,
        EntryKind::Order => 4,
        EntryKind::Replaced => 5,
        EntryKind::Noted => 6,
    }
}

const fn kind(tag: u8) -> Result<EntryKind, Undecodable> {
    Ok(match tag {
        0 => EntryKind::Refused,
        1 => EntryKind::Recorded,
        2 => EntryKind::Closed,
        3 => EntryKind::Dropped,
        4 => EntryKind::Order,
        5 => EntryKind::Replaced,
        6 => EntryKind::Noted,
        _ => return Err(Undecodable),
    })
}

fn put_length(bytes: &mut Vec<u8>, length: usize) -> Result<(), Misfit> {
    let length = u32::try_from(length).ok().ok_or(Misfit::TooLong)?;
    bytes.extend_from_slice(&length.to_be_bytes());
    Ok(())
}

fn put_bytes(bytes: &mut Vec<u8>, what: &[u8]) -> Result<(), Misfit> {
    put_length(bytes, what.len())?;
    bytes.extend_from_slice(what);
    Ok(())
}

/// What is left to decode.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take(&mut self, length: usize) -> Result<&'b [u8], Undecodable> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Undecodable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Undecodable> {
        self.take(N)?.try_into().ok().ok_or(Undecodable)
    }

    fn byte(&mut self) -> Result<u8, Undecodable> {
        self.array().map(|[byte]| byte)
    }

    fn number(&mut self) -> Result<u64, Undecodable> {
        self.array().map(u64::from_be_bytes)
    }

    fn length(&mut self) -> Result<usize, Undecodable> {
        usize::try_from(u32::from_be_bytes(self.array()?)).ok().ok_or(Undecodable)
    }

    fn bytes(&mut self) -> Result<&'b [u8], Undecodable> {
        let length = self.length()?;
        self.take(length)
    }

    fn text(&mut self) -> Result<String, Undecodable> {
        String::from_utf8(self.bytes()?.to_vec()).ok().ok_or(Undecodable)
    }

    /// Reserves nothing: a damaged length must not ask for memory that is not there.
    fn list<T>(&mut self, one: fn(&mut Self) -> Result<T, Undecodable>) -> Result<Vec<T>, Undecodable> {
        let length = self.length()?;
        let mut list = Vec::new();
        for _ in 0..length {
            list.push(one(self)?);
        }
        Ok(list)
    }

    fn claim(&mut self) -> Result<Claim, Undecodable> {
        let key = self.text()?;
        let releasable = match self.byte()? {
            0 => false,
            1 => true,
            _ => return Err(Undecodable),
        };
        Ok(Claim { key, releasable })
    }

    fn reservation(&mut self) -> Result<Reservation, Undecodable> {
        Ok(Reservation {
            budget: self.text()?,
            amount: U256::from_be_bytes::<32>(self.array()?),
            limit: U256::from_be_bytes::<32>(self.array()?),
            window: self.number()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn encoded(entry: &Entry) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(entry, &mut bytes).unwrap();
        bytes
    }

    fn entries() -> impl Strategy<Value = Entry> {
        let claim = (any::<String>(), any::<bool>()).prop_map(|(key, releasable)| Claim { key, releasable });
        let reservation = (any::<String>(), any::<[u8; 32]>(), any::<[u8; 32]>(), any::<u64>()).prop_map(
            |(budget, amount, limit, window)| Reservation {
                budget,
                amount: U256::from_be_bytes(amount),
                limit: U256::from_be_bytes(limit),
                window,
            },
        );
        (0..7u8, any::<[u8; 32]>(), any::<u64>(), vec(claim, 0..4), vec(reservation, 0..4), any::<Vec<u8>>())
            .prop_map(|(tag, subject, at, claims, reservations, payload)| Entry {
                kind: kind(tag).unwrap(),
                subject: subject.into(),
                at: Timestamp(at),
                claims,
                reservations,
                payload,
            })
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(entry in entries()) {
            prop_assert_eq!(decode(&encoded(&entry)), Ok(entry));
        }

        #[test]
        fn one_entry_has_one_encoding(entry in entries(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut bytes = encoded(&entry);
            *at.get_mut(&mut bytes) ^= 1 << bit;
            if let Ok(other) = decode(&bytes) {
                prop_assert_eq!(encoded(&other), bytes);
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in any::<Vec<u8>>()) {
            prop_assert!(decode(&bytes).is_ok_and(|entry| encoded(&entry) == bytes) || decode(&bytes) == Err(Undecodable));
        }
    }

    #[test]
    fn a_damaged_length_asks_for_no_memory() {
        let mut bytes = vec![0u8; 41];
        bytes.extend_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(decode(&bytes), Err(Undecodable));
    }
}
