//! What every memory must do.

use super::{Nonconforming, failed, must};
use crate::{
    ports::{Cue, Memory, Provenance, Record, RecordKind},
    units::Timestamp,
};

fn record(kind: RecordKind, subject: &str, at: u64, text: &str) -> Record {
    let (subject, text) = (subject.to_owned(), text.to_owned());
    Record { kind, subject, at: Timestamp(at), provenance: Provenance::Agent, text }
}

fn cue(subject: &str, kind: Option<RecordKind>, limit: usize) -> Cue {
    Cue { subject: subject.to_owned(), kind, limit }
}

async fn texts(memory: &dyn Memory, cue: Cue) -> Result<Vec<String>, Nonconforming> {
    let records = memory.recall(cue).await.map_err(failed)?;
    Ok(records.into_iter().map(|record| record.text).collect())
}

/// Runs the suite on an empty memory.
///
/// # Errors
/// The first thing that does not conform.
pub async fn memory(memory: &dyn Memory) -> Result<(), Nonconforming> {
    use RecordKind::{Episode, Fact};
    let kept = [
        record(Episode, "liq/WETH", 10, "first"),
        record(Episode, "liq/WETH", 10, "second, same time"),
        record(Episode, "liq/WBTC", 9, "third, though earlier by chain time"),
        record(Fact, "liq/WETH", 11, "old fact"),
        record(Fact, "liq/WETH", 12, "new fact"),
        record(Episode, "arb", 13, "other \u{202e} text \0 with anything in it"),
    ];
    for record in kept.clone() {
        memory.remember(record).await.map_err(failed)?;
    }
    let recalled = texts(memory, cue("liq/", Some(Episode), 10)).await?;
    must(
        "newest kept comes first",
        recalled.first().map(String::as_str),
        kept.get(2).map(|kept| kept.text.as_str()),
    )?;
    must("episodes of a subject", recalled.len(), 3)?;
    must(
        "a fact replaces the older",
        texts(memory, cue("liq/WETH", Some(Fact), 10)).await?,
        vec!["new fact".into()],
    )?;
    must("the limit holds", texts(memory, cue("", None, 2)).await?.len(), 2)?;
    must("nothing matches", texts(memory, cue("nothing", None, 10)).await?.len(), 0)?;

    let exported = memory.export().await.map_err(failed)?;
    must("export has everything that stands", exported.len(), 5)?;
    must("export keeps order and every field", exported.first(), kept.first())?;
    must("forget counts", memory.forget("liq/WETH".into()).await.map_err(failed)?, 3)?;
    must("forgotten is gone", texts(memory, cue("liq/WETH", None, 10)).await?.len(), 0)?;
    must("the rest stays", texts(memory, cue("", None, 10)).await?.len(), 2)
}
