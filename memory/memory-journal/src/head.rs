//! A witness beside the redb file: where the chain stood at the last acknowledgement.
//!
//! When the newest commit of a redb file is damaged, or the bit that points at it, the file can open at the commit
//! before, whole in itself and short of entries that were acknowledged. The witness finds that out. It is written
//! after the commit and before the acknowledgement, in place and without a sync of its own: after a loss of power it
//! may be behind the file, which is allowed, but it is never ahead of it.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use alloy_primitives::keccak256;

use crate::{chain::Head, trouble::Trouble};

/// The file's name.
const NAME: &str = "head";
/// Forty bytes of head and four of its hash: less than a sector, so that a write is old or new.
const LENGTH: usize = 44;

/// The open witness.
#[derive(Debug)]
pub(crate) struct Witness(File);

impl Witness {
    /// Opens the witness and compares it with `head`, the head of the redb file.
    pub(crate) fn open(directory: &Path, head: Head) -> Result<Self, Trouble> {
        let reading = Trouble::failed("read its witness");
        let path = directory.join(NAME);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(path).map_err(Trouble::failed("open its witness"))?;
        let mut bytes = [0; LENGTH];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => check(&bytes, head)?,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && head.entries == 0 => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(Trouble::damaged(0, "the file `head` is missing or cut"));
            }
            Err(error) => return Err(reading(error)),
        }
        let witness = Self(file);
        witness.put(head)?;
        witness.0.sync_all().map_err(Trouble::failed("write its witness"))?;
        Ok(witness)
    }

    /// The chain stands here now.
    pub(crate) fn put(&self, head: Head) -> Result<(), Trouble> {
        self.0.write_all_at(&sealed(head), 0).map_err(Trouble::failed("write its witness"))
    }
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

fn check(bytes: &[u8; LENGTH], head: Head) -> Result<(), Trouble> {
    let witnessed =
        bytes.get(..40).and_then(Head::from_bytes).filter(|witnessed| sealed(*witnessed) == *bytes);
    let witnessed = witnessed.ok_or_else(|| Trouble::damaged(0, "the file `head` is damaged"))?;
    if witnessed.entries > head.entries {
        let what = format!("{} entries were acknowledged, {} are there", witnessed.entries, head.entries);
        return Err(Trouble::damaged(head.entries, what));
    }
    if witnessed.entries == head.entries && witnessed.hash != head.hash {
        return Err(Trouble::damaged(head.entries, "the last entry is not the one that was acknowledged"));
    }
    Ok(())
}
