//! Reading: newest first, on a thread of its own.

use std::cmp::Reverse;

use agent_core::ports::{Cue, Record, RecordKind};

use crate::{
    index::{self, Place},
    trees::Trees,
    trouble::Trouble,
};

const READING: &str = "read";

pub(crate) fn recall(trees: &Trees, cue: &Cue) -> Result<Vec<Record>, Trouble> {
    if cue.subject.is_empty() { newest(trees, cue) } else { by_subject(trees, cue) }
}

/// Everything, oldest first.
pub(crate) fn export(trees: &Trees) -> Result<Vec<Record>, Trouble> {
    let mut everything = recall(trees, &Cue { subject: String::new(), kind: None, limit: usize::MAX })?;
    everything.reverse();
    Ok(everything)
}

/// The newest of each kind, and of those the newest.
fn newest(trees: &Trees, cue: &Cue) -> Result<Vec<Record>, Trouble> {
    let mut found = Vec::new();
    for kind in [RecordKind::Episode, RecordKind::Fact] {
        if cue.kind.is_some_and(|wanted| wanted != kind) {
            continue;
        }
        let rows = trees.records(kind).iter().rev();
        let records = rows.filter_map(|row| match row {
            Ok((key, bytes)) => trees.read(&key, &bytes).map(Ok),
            Err(error) => Some(Err(error)),
        });
        let records: sled::Result<Vec<_>> = records.take(cue.limit).collect();
        found.extend(records.map_err(Trouble::sled(READING))?);
    }
    found.sort_unstable_by_key(|(sequence, _)| Reverse(*sequence));
    found.truncate(cue.limit);
    Ok(found.into_iter().map(|(_, record)| record).collect())
}

/// Only the index is walked for all matches; records are read until there are enough.
fn by_subject(trees: &Trees, cue: &Cue) -> Result<Vec<Record>, Trouble> {
    let mut places = places(trees, &cue.subject, cue.kind)?;
    places.sort_unstable_by_key(|place| Reverse(place.sequence));
    let records = places.into_iter().filter_map(|place| {
        let key = place.sequence.to_be_bytes();
        // A record that was forgotten since the index was read is simply not there.
        let row = trees.records(place.kind).get(key).transpose()?;
        row.map(|bytes| trees.read(&key, &bytes)).transpose()
    });
    let records: sled::Result<Vec<_>> = records.take(cue.limit).collect();
    Ok(records.map_err(Trouble::sled(READING))?.into_iter().map(|(_, record)| record).collect())
}

fn places(trees: &Trees, prefix: &str, kind: Option<RecordKind>) -> Result<Vec<Place>, Trouble> {
    let mut places = Vec::new();
    for key in trees.subjects.scan_prefix(prefix).keys() {
        let key = key.map_err(Trouble::sled(READING))?;
        // The prefix may match beyond the subject's end.
        let of_subject = index::read(&key).filter(|(subject, _)| subject.starts_with(prefix.as_bytes()));
        places.extend(
            of_subject.map(|(_, place)| place).filter(|place| kind.is_none_or(|kind| kind == place.kind)),
        );
    }
    Ok(places)
}
