//! A record as bytes: version, seal, kind, provenance, time, the subject with its length, the text.

use agent_core::{
    ports::{Provenance, Record, RecordKind},
    units::Timestamp,
};
use alloy_primitives::Keccak256;

/// The version of the encoding.
const VERSION: u8 = 1;
/// The first bytes of a hash over the record's position and bytes: finds damage, not malice.
const SEAL: usize = 4;

/// Bytes that are no record, or not the one that was written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record is damaged")]
pub(crate) struct Damaged;

pub(crate) fn encode(sequence: u64, record: &Record) -> Vec<u8> {
    let subject = record.subject.as_bytes();
    // Records are checked for size long before.
    let length = u32::try_from(subject.len()).unwrap_or(u32::MAX);
    let body = [
        &[kind_tag(record.kind), provenance_tag(record.provenance)],
        record.at.0.to_be_bytes().as_slice(),
        length.to_be_bytes().as_slice(),
        subject,
        record.text.as_bytes(),
    ]
    .concat();
    [&[VERSION], seal(sequence, &body).as_slice(), &body].concat()
}

pub(crate) fn decode(sequence: u64, bytes: &[u8]) -> Result<Record, Damaged> {
    let (&[VERSION], rest) = bytes.split_first_chunk::<1>().ok_or(Damaged)? else { return Err(Damaged) };
    let (found, body) = rest.split_first_chunk::<SEAL>().ok_or(Damaged)?;
    if *found != seal(sequence, body) {
        return Err(Damaged);
    }
    let (&[kind, provenance], rest) = body.split_first_chunk::<2>().ok_or(Damaged)?;
    let (at, rest) = rest.split_first_chunk::<8>().ok_or(Damaged)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(Damaged)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok().ok_or(Damaged)?;
    let (subject, text) = rest.split_at_checked(length).ok_or(Damaged)?;
    Ok(Record {
        kind: kind_of(kind)?,
        subject: string(subject)?,
        at: Timestamp(u64::from_be_bytes(*at)),
        provenance: provenance_of(provenance)?,
        text: string(text)?,
    })
}

fn seal(sequence: u64, body: &[u8]) -> [u8; SEAL] {
    let mut hasher = Keccak256::new();
    hasher.update([VERSION]);
    hasher.update(sequence.to_be_bytes());
    hasher.update(body);
    hasher.finalize().first_chunk().copied().unwrap_or_default()
}

fn string(bytes: &[u8]) -> Result<String, Damaged> {
    String::from_utf8(bytes.to_vec()).ok().ok_or(Damaged)
}

pub(crate) const fn kind_tag(kind: RecordKind) -> u8 {
    match kind {
        RecordKind::Episode => 0,
        RecordKind::Fact => 1,
    }
}

pub(crate) const fn kind_of(tag: u8) -> Result<RecordKind, Damaged> {
    match tag {
        0 => Ok(RecordKind::Episode),
        1 => Ok(RecordKind::Fact),
        _ => Err(Damaged),
    }
}

const fn provenance_tag(provenance: Provenance) -> u8 {
    match provenance {
        Provenance::Agent => 0,
        Provenance::Operator => 1,
        Provenance::Planner => 2,
        Provenance::Outside => 3,
    }
}

const fn provenance_of(tag: u8) -> Result<Provenance, Damaged> {
    Ok(match tag {
        0 => Provenance::Agent,
        1 => Provenance::Operator,
        2 => Provenance::Planner,
        3 => Provenance::Outside,
        _ => return Err(Damaged),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records() -> impl Strategy<Value = Record> {
        (0..2u8, 0..4u8, any::<u64>(), any::<String>(), any::<String>()).prop_map(
            |(kind, provenance, at, subject, text)| Record {
                kind: kind_of(kind).unwrap(),
                subject,
                at: Timestamp(at),
                provenance: provenance_of(provenance).unwrap(),
                text,
            },
        )
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(sequence: u64, record in records()) {
            prop_assert_eq!(decode(sequence, &encode(sequence, &record)), Ok(record));
        }

        #[test]
        fn a_flipped_bit_is_found(record in records(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut bytes = encode(7, &record);
            *at.get_mut(&mut bytes) ^= 1 << bit;
            prop_assert_eq!(decode(7, &bytes), Err(Damaged));
        }

        #[test]
        fn a_record_in_the_wrong_place_is_found(record in records()) {
            prop_assert_eq!(decode(8, &encode(7, &record)), Err(Damaged));
        }

        #[test]
        fn any_bytes_are_survived(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(decode(0, &bytes), Err(Damaged));
        }
    }
}
