//! What every source must do.

use super::{Nonconforming, must};
use crate::ports::{MOST_BYTES, Source};

/// Runs the suite on a source whose place was made to say `answer`, every time.
///
/// # Errors
/// The first thing that does not conform.
pub async fn source(source: &dyn Source, answer: &[u8]) -> Result<(), Nonconforming> {
    let name = source.name().to_owned();
    must("it has a name", name.is_empty(), false)?;
    must("the answer may be that long", answer.len() <= MOST_BYTES, true)?;
    let said = |said: Result<alloy_primitives::Bytes, _>| said.map(|said| said.to_vec());
    must("it says what its place says", said(source.ask().await), Ok(answer.to_vec()))?;
    drop(source.ask());
    let (first, second) = futures::future::join(source.ask(), source.ask()).await;
    must("two may ask at once", (said(first), said(second)), (Ok(answer.to_vec()), Ok(answer.to_vec())))?;
    must("its name stays", source.name(), &name)
}

/// Runs the suite on a source whose place is dead, hangs, redirects, or says more than [`MOST_BYTES`]. It ends if every asking does.
///
/// # Errors
/// The first thing that does not conform.
pub async fn broken_source(source: &dyn Source) -> Result<(), Nonconforming> {
    for what in ["it says that there is no answer", "it says so again"] {
        must(what, source.ask().await.is_err(), true)?;
    }
    Ok(())
}
