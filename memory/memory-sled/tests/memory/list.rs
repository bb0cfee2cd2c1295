use agent_core::{
    ports::{Cue, Memory, Record, RecordKind},
    scripted::ListMemory,
};
use futures::executor::block_on;
use proptest::{collection::vec, prelude::*};

use super::sample::{open, record};

#[derive(Debug, Clone)]
enum Step {
    Remember(Record),
    Recall(Cue),
    Forget(String),
    Export,
    Reopen,
}

/// Few subjects, that begin alike and hold what the index uses between its fields.
fn subjects() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "a\0", "a\0\0", "a\0\u{1}", "ab", "ab/c", "é", "b"])
        .prop_map(String::from)
}

fn kinds() -> impl Strategy<Value = RecordKind> {
    prop::sample::select(vec![RecordKind::Episode, RecordKind::Fact])
}

fn steps() -> impl Strategy<Value = Step> {
    let limits = prop_oneof![0..4usize, Just(usize::MAX)];
    prop_oneof![
        12 => (kinds(), subjects(), any::<String>()).prop_map(|(kind, subject, text)| {
            Step::Remember(record(kind, &subject, &text))
        }),
        6 => (subjects(), prop::option::of(kinds()), limits)
            .prop_map(|(subject, kind, limit)| Step::Recall(Cue { subject, kind, limit })),
        1 => subjects().prop_map(Step::Forget),
        1 => Just(Step::Export),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn answers_as_a_list(steps in vec(steps(), 0..80)) {
        let directory = tempfile::tempdir().unwrap();
        let (list, mut memory) = (ListMemory::default(), open(directory.path()));
        for step in steps {
            match step {
                Step::Remember(record) => {
                    block_on(list.remember(record.clone())).unwrap();
                    block_on(memory.remember(record)).unwrap();
                }
                Step::Recall(cue) => {
                    let found = block_on(memory.recall(cue.clone())).unwrap();
                    prop_assert_eq!(found, block_on(list.recall(cue)).unwrap());
                }
                Step::Forget(subject) => {
                    let found = block_on(memory.forget(subject.clone())).unwrap();
                    prop_assert_eq!(found, block_on(list.forget(subject)).unwrap());
                }
                Step::Export => {
                    prop_assert_eq!(block_on(memory.export()).unwrap(), block_on(list.export()).unwrap());
                }
                Step::Reopen => {
                    drop(memory);
                    memory = open(directory.path());
                }
            }
        }
        prop_assert_eq!(block_on(memory.export()).unwrap(), block_on(list.export()).unwrap());
    }
}
