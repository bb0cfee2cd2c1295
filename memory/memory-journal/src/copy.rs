//! Entries into a new journal, row by row as they are, by the rules.

use agent_core::ports::Verified;
use redb::Database;

use crate::{chain::Head, tail::Tail, trouble::Trouble};

/// Writes `rows` into the journal without entries that `database` holds. They keep their hashes.
pub(crate) fn fill(
    database: &Database,
    rows: impl Iterator<Item = Result<Vec<u8>, Trouble>>,
) -> Result<Head, Trouble> {
    let mut tail = Tail::of(database)?;
    for row in rows {
        tail.follow(row?)?;
        if tail.is_long() {
            tail.checkpoint(database)?;
        }
    }
    tail.checkpoint(database)?;
    Ok(tail.head())
}

/// Whether a copy that was read again is what it was copied from.
pub(crate) fn must_equal(head: Head, copied: Verified) -> Result<Verified, Trouble> {
    if (copied.entries, copied.head) == (head.entries, head.hash) {
        Ok(copied)
    } else {
        Err(Trouble::damaged(copied.entries, "the copy is not what was copied"))
    }
}
