//! The three files that a journal is made of.

/// The redb file, the log of what is not in it yet, and the witness of the last acknowledgement.
#[derive(Debug)]
#[cfg_attr(not(feature = "testing"), expect(unreachable_pub, reason = "named by tests and benchmarks only"))]
pub struct Files<B> {
    /// `journal.redb`: everything up to the last checkpoint.
    pub database: B,
    /// `journal.log`: the entries after it.
    pub log: B,
    /// `head`: where the chain stood at the last acknowledgement.
    pub witness: B,
}

/// The redb file's name.
pub(crate) const DATABASE: &str = "journal.redb";
/// The log's name.
pub(crate) const LOG: &str = "journal.log";
/// The witness's name.
pub(crate) const WITNESS: &str = "head";

#[cfg(feature = "testing")]
impl<B> Files<B> {
    /// Opens each of them by its name.
    pub fn named(mut open: impl FnMut(&'static str) -> B) -> Self {
        Self { database: open(DATABASE), log: open(LOG), witness: open(WITNESS) }
    }
}
