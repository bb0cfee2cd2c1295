use agent_core::{
    ports::{Cue, Provenance, Record},
    units::Timestamp,
};
use std::sync::atomic::Ordering;

use super::*;
use crate::{recall::recall, trees::Change};

fn trees() -> Trees {
    let database = sled::Config::new().temporary(true).open().unwrap();
    let trees = Trees::open(database).unwrap();
    for sequence in 0..5 {
        let (subject, text) = (format!("s{sequence}"), sequence.to_string());
        let (kind, provenance) = (RecordKind::Episode, Provenance::Agent);
        let mut change = Change::default();
        change.keep(sequence, &Record { kind, subject, at: Timestamp(0), provenance, text });
        trees.commit(&change).unwrap();
    }
    trees
}

fn found(trees: &Trees, subject: &str) -> Vec<String> {
    let cue = Cue { subject: subject.into(), kind: None, limit: usize::MAX };
    recall(trees, &cue).unwrap().into_iter().map(|record| record.text).collect()
}

#[test]
fn counts_what_is_there() {
    assert_eq!(settle(&trees()).unwrap(), Counts { next: 5, episodes: 5, facts: 0 });
}

#[test]
fn an_index_that_does_not_fit_is_rebuilt() {
    let place = Place { kind: RecordKind::Episode, sequence: 3 };
    let harms: [fn(&Trees, Place); 3] = [
        |trees, place| drop(trees.subjects.remove(index::key("s3", place)).unwrap()),
        |trees, place| drop(trees.subjects.insert(index::key("other", place), &[]).unwrap()),
        |trees, _| trees.subjects.clear().unwrap(),
    ];
    for harm in harms {
        let trees = trees();
        harm(&trees, place);
        settle(&trees).unwrap();
        assert_eq!(found(&trees, "s"), ["4", "3", "2", "1", "0"]);
        assert!(found(&trees, "other").is_empty());
    }
}

#[test]
fn a_damaged_record_is_skipped_and_counted() {
    let trees = trees();
    let key = 3u64.to_be_bytes();
    let mut bytes = trees.episodes.get(key).unwrap().unwrap().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    trees.episodes.insert(key, bytes).unwrap();
    assert_eq!(settle(&trees).unwrap().episodes, 5);
    assert_eq!(trees.damaged.load(Ordering::Relaxed), 1);
    for subject in ["", "s"] {
        assert_eq!(found(&trees, subject), ["4", "2", "1", "0"]);
    }
}
