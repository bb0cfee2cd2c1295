//! Approvals by file: `approvals/DIGEST.approve` or `.deny` in the state folder, consumed by renaming.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use agent_core::ports::Reply;
use alloy_primitives::B256;
use tokio::{task::spawn_blocking, time::interval};

use super::{ControlError, Panel, Replied, listen::private};

/// How often the folder is looked into.
const GLANCE: Duration = Duration::from_millis(500);
/// Files that are looked at in one glance.
const MOST: usize = 64;

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct DropBox {
    folder: PathBuf,
    owner: u32,
}

/// A reply that was dropped, and its file: consumed, so that nobody finds it twice.
#[derive(Debug, PartialEq, Eq)]
struct Dropped {
    file: PathBuf,
    reply: Result<Replied, String>,
}

impl DropBox {
    pub(crate) fn open(state: &Path) -> Result<Self, ControlError> {
        let folder = state.join("approvals");
        private(&folder)?;
        let owner = fs::metadata(&folder).map_err(ControlError::system(&folder))?.uid();
        Ok(Self { folder, owner })
    }

    /// Looks into the folder for ever, and says what came of each reply: in the file's last name, and to the observer.
    pub(crate) async fn watch(self, panel: Panel) {
        let mut glances = interval(GLANCE);
        loop {
            glances.tick().await;
            let here = self.clone();
            let found = spawn_blocking(move || here.collect()).await;
            for dropped in found.ok().and_then(Result::ok).unwrap_or_default() {
                give(dropped, &panel).await;
            }
        }
    }

    fn collect(&self) -> io::Result<Vec<Dropped>> {
        let entries = fs::read_dir(&self.folder)?;
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
        Ok(paths.filter_map(|path| self.take(&path)).take(MOST).collect())
    }

    /// Consumes `file` if it is a reply: whatever comes of it, it is not there a second time.
    fn take(&self, file: &Path) -> Option<Dropped> {
        let (digest, reply) = match file.extension()?.to_str()? {
            "approve" => (file.file_stem()?.to_str()?, Reply::Approve),
            "deny" => (file.file_stem()?.to_str()?, Reply::Deny),
            _ => return None,
        };
        let reply = self.check(file).and_then(|()| {
            let digest: B256 =
                digest.parse().map_err(|_no_hash| "its name is no digest of a question".to_owned())?;
            Ok(Replied { digest, reply })
        });
        let taken = file.with_extension("taken");
        fs::rename(file, &taken).ok()?;
        Some(Dropped { file: taken, reply })
    }

    #[cfg(test)]
    pub(super) fn be_of_another_user(&mut self) {
        self.owner = self.owner.wrapping_add(1);
    }

    /// Only a file that this user made, and nobody else could have written, is a reply.
    pub(super) fn check(&self, file: &Path) -> Result<(), String> {
        let metadata = fs::symlink_metadata(file).map_err(|error| error.to_string())?;
        if !metadata.is_file() {
            return Err("it is no plain file".to_owned());
        }
        if metadata.uid() != self.owner {
            return Err("it belongs to another user".to_owned());
        }
        if metadata.mode() & 0o022 != 0 {
            return Err("others may write to it".to_owned());
        }
        Ok(())
    }
}

async fn give(dropped: Dropped, panel: &Panel) {
    let heard = match dropped.reply {
        Ok(replied) => panel.reply(replied).await.map_err(|refused| refused.error),
        Err(sentence) => Err(sentence),
    };
    let name = dropped.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let last = match heard {
        Ok(()) => "done",
        Err(sentence) => {
            panel.warn(&format!("the reply in approvals/{name} was not taken: {sentence}"));
            "refused"
        }
    };
    // The name only tells the operator; the reply is used up already.
    drop(fs::rename(&dropped.file, dropped.file.with_extension(last)));
}
