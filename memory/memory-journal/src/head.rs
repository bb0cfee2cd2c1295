//! A witness beside the redb file and the log: where the chain stood at the last acknowledgement.
//!
//! When the newest commit of a redb file is damaged, or the bit that points at it, the file can open at the commit
//! before, whole in itself and short of entries that were acknowledged; and a log that is gone looks like one without
//! entries. The witness finds that out. It is written after the log's sync and before the acknowledgement, in place and
//! without a sync of its own: after a loss of power it may be behind, which is allowed, but it is never ahead. With each
//! checkpoint it is synced, before the log is written over.

use std::io;

use alloy_primitives::keccak256;
use redb::StorageBackend;

use crate::{chain::Head, trouble::Trouble};

/// Forty bytes of head and four of its hash: less than a sector, so that a write is old or new.
const LENGTH: usize = 44;

/// The open witness.
#[derive(Debug)]
pub(crate) struct Witness(Box<dyn StorageBackend>);

impl Witness {
    /// From now on it says where the chain stands, beginning with `head`.
    pub(crate) fn begin(file: impl StorageBackend, head: Head) -> Result<Self, Trouble> {
        let witness = Self(Box::new(file));
        witness.put(head)?;
        witness.sync()?;
        Ok(witness)
    }

    /// What it says is there after a loss of power, too.
    pub(crate) fn sync(&self) -> Result<(), Trouble> {
        self.0.sync_data().map_err(Trouble::failed("sync its witness"))
    }

    /// The chain stands here now.
    pub(crate) fn put(&self, head: Head) -> Result<(), Trouble> {
        self.0.write(0, &sealed(head)).map_err(Trouble::failed("write its witness"))
    }
}

/// What the witness says, if it says anything: a new one is empty.
pub(crate) fn read(file: &impl StorageBackend) -> Result<Option<Head>, Trouble> {
    let mut bytes = [0; LENGTH];
    match file.read(0, &mut bytes) {
        // The length of a new one can reach the disk before its bytes do.
        Ok(()) if bytes == [0; LENGTH] => return Ok(None),
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(Trouble::failed("read its witness")(error)),
    }
    let witnessed =
        bytes.get(..40).and_then(Head::from_bytes).filter(|witnessed| sealed(*witnessed) == bytes);
    witnessed.map(Some).ok_or_else(|| Trouble::damaged(0, "the file `head` is damaged"))
}

fn sealed(head: Head) -> [u8; LENGTH] {
    let head = head.to_bytes();
    let seal = keccak256(head);
    let mut bytes = [0; LENGTH];
    for (to, from) in bytes.iter_mut().zip(head.iter().chain(seal.as_slice())) {
        *to = *from;
    }
    bytes
}

/// Whether the chain that ends at `head` has what was acknowledged.
pub(crate) fn compare(witnessed: Option<Head>, head: Head) -> Result<(), Trouble> {
    let Some(witnessed) = witnessed else {
        let missing = || Trouble::damaged(0, "the file `head` is missing or cut");
        return if head.entries == 0 { Ok(()) } else { Err(missing()) };
    };
    if witnessed.entries > head.entries {
        let what = format!("{} entries were acknowledged, {} are there", witnessed.entries, head.entries);
        return Err(Trouble::damaged(head.entries, what));
    }
    if witnessed.entries == head.entries && witnessed.hash != head.hash {
        return Err(Trouble::damaged(head.entries, "the last entry is not the one that was acknowledged"));
    }
    Ok(())
}
