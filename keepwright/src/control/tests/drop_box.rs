//! Approvals by file.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    time::Duration,
};

use agent_core::ports::Reply;
use alloy_primitives::B256;

use super::{Desk, Serving, question};
use crate::control::drop_box::DropBox;

/// What anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Folder {
    desk: Desk,
    _serving: Serving,
}

impl Folder {
    fn open() -> Self {
        let desk = Desk::asked(&[question(1), question(2)]);
        let (_, serving) = desk.serve();
        Self { desk, _serving: serving }
    }

    fn file(&self, digest: u8, extension: &str) -> PathBuf {
        let digest = B256::repeat_byte(digest);
        self.desk.state().join("approvals").join(format!("{digest}.{extension}"))
    }

    /// Puts a file there whole, as an operator should.
    fn drop(&self, digest: u8, extension: &str, mode: u32) {
        let made = self.file(digest, "made");
        fs::write(&made, "").unwrap();
        fs::set_permissions(&made, Permissions::from_mode(mode)).unwrap();
        fs::rename(made, self.file(digest, extension)).unwrap();
    }

    async fn until(&self, file: &PathBuf) {
        let looking = async {
            while fs::symlink_metadata(file).is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.unwrap();
    }
}

#[tokio::test]
async fn a_file_replies_once() {
    let folder = Folder::open();
    folder.drop(1, "approve", 0o600);
    folder.drop(2, "deny", 0o644);
    for digest in [1, 2] {
        folder.until(&folder.file(digest, "done")).await;
    }
    let digest = B256::repeat_byte;
    assert_eq!(folder.desk.replies(), [(digest(1), Some(Reply::Approve)), (digest(2), Some(Reply::Deny))]);
    assert!(!folder.file(1, "approve").exists());
    // The same file again.
    fs::copy(folder.file(1, "done"), folder.file(1, "approve")).unwrap();
    folder.until(&folder.file(1, "refused")).await;
    let told = folder.desk.told.all();
    assert!(told[0].contains("was approved before"), "{told:?}");
    assert_eq!(folder.desk.door.commands().len(), 2);
}

#[tokio::test]
async fn a_file_that_somebody_else_could_have_made_replies_nothing() {
    let folder = Folder::open();
    folder.drop(1, "approve", 0o666);
    folder.until(&folder.file(1, "refused")).await;
    fs::write(folder.desk.state().join("elsewhere"), "").unwrap();
    symlink(folder.desk.state().join("elsewhere"), folder.file(2, "approve")).unwrap();
    folder.until(&folder.file(2, "refused")).await;
    folder.drop(9, "approve", 0o600);
    folder.until(&folder.file(9, "refused")).await;
    let approvals = folder.desk.state().join("approvals");
    fs::write(approvals.join("yes.approve"), "").unwrap();
    folder.until(&approvals.join("yes.refused")).await;
    let told = folder.desk.told.all();
    for (told, sentence) in told.iter().zip([
        "others may write to it",
        "it is no plain file",
        "no question of digest 0x0909",
        "its name is no digest of a question",
    ]) {
        assert!(told.contains(sentence), "{told}");
    }
    assert_eq!(told.len(), 4);
    assert_eq!(folder.desk.replies().iter().filter(|(_, reply)| reply.is_some()).count(), 0);
}

#[tokio::test]
async fn a_late_file_says_so() {
    let folder = Folder::open();
    assert_eq!(folder.desk.replies().len(), 2);
    folder.desk.door.give_up(B256::repeat_byte(1));
    folder.drop(1, "approve", 0o600);
    folder.until(&folder.file(1, "refused")).await;
    assert!(folder.desk.told.all()[0].contains("too late"));
}

#[test]
fn a_file_of_another_user_is_none() {
    let state = tempfile::tempdir().unwrap();
    fs::set_permissions(state.path(), Permissions::from_mode(0o700)).unwrap();
    let mut drop_box = DropBox::open(state.path()).unwrap();
    let file = state.path().join("approvals").join(format!("{}.approve", B256::repeat_byte(1)));
    fs::write(&file, "").unwrap();
    drop_box.be_of_another_user();
    assert_eq!(drop_box.check(&file).unwrap_err(), "it belongs to another user");
}
