use std::convert::Infallible;

use agent_core::ports::Conflict;
use proptest::prelude::*;

use super::*;
use crate::{
    ledger::{
        self,
        model::{Model, entries},
    },
    replay::Replay,
};

/// Writes as the journal does, and says what the rules say.
fn write(layers: &mut Layers<Replay>, sequence: u64, entry: &Entry) -> Result<u64, Conflict> {
    let Ok::<_, Infallible>(judged) = ledger::judge(layers, sequence, entry);
    let Ok(()) = layers.write(judged?, entry);
    Ok(sequence)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Wherever the checkpoints fall: windows, totals, freed claims and closed intents span them.
    #[test]
    fn layered_books_answer_as_the_model(entries in entries(), checkpoints in prop::collection::vec(any::<u8>(), 60)) {
        let (mut model, mut written) = (Model::default(), Vec::new());
        let mut layers = Layers::over(Replay::default());
        for (entry, checkpoint) in entries.iter().zip(checkpoints) {
            // As a reopened journal: everything in the checkpoint.
            if checkpoint < 40 {
                let mut base = Replay::default();
                for (at, entry) in (0..).zip(&written) {
                    prop_assert_eq!(base.write(at, entry), Ok(()));
                }
                layers = Layers::over(base);
            }
            let next = written.len().try_into().unwrap();
            let expected = model.append(entry);
            prop_assert_eq!(&write(&mut layers, next, entry), &expected, "at entry {}", next);
            if expected.is_ok() {
                written.push(entry.clone());
            }
        }
    }
}
