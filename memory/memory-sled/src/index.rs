//! The subject index: one key for each record, `subject ‖ 0 ‖ kind ‖ sequence`, so that the records of a subject, of
//! all subjects with one prefix, and the one fact of a subject, are ranges.

use agent_core::ports::RecordKind;

use crate::codec::{kind_of, kind_tag};

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) kind: RecordKind,
    pub(crate) sequence: u64,
}

pub(crate) fn key(subject: &str, place: Place) -> Vec<u8> {
    [fact_prefix(subject, place.kind).as_slice(), &place.sequence.to_be_bytes()].concat()
}

/// What the keys of a subject's records of one kind begin with. A longer subject's may begin so, too: see [`read`].
pub(crate) fn fact_prefix(subject: &str, kind: RecordKind) -> Vec<u8> {
    [subject.as_bytes(), &[0, kind_tag(kind)]].concat()
}

/// The subject and place that a key speaks of. The end has a fixed length, so any byte can be in a subject.
pub(crate) fn read(key: &[u8]) -> Option<(&[u8], Place)> {
    let (rest, sequence) = key.split_last_chunk::<8>()?;
    let (subject, &[0, kind]) = rest.split_last_chunk::<2>()? else { return None };
    let kind = kind_of(kind).ok()?;
    Some((subject, Place { kind, sequence: u64::from_be_bytes(*sequence) }))
}
