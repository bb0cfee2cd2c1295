//! Keystore files: read within bounds, created whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use alloy::hex;

use super::error::Flaw;
use super::key::random;
use super::{KeystoreError, KeystoreWarning};

/// A real keystore has about 500 bytes.
const MOST_BYTES: u64 = 64 * 1024;
const OWNER_ONLY_FILE: u32 = 0o600;
const OWNER_ONLY_FOLDER: u32 = 0o700;
const PERMISSIONS: u32 = 0o7777;
const OTHERS: u32 = 0o077;
const OTHERS_WRITE: u32 = 0o022;

pub(super) struct KeystoreFile {
    pub(super) text: Vec<u8>,
    pub(super) loose_modes: Vec<KeystoreWarning>,
}

pub(super) fn read(path: &Path) -> Result<KeystoreFile, KeystoreError> {
    let unreadable = |source| KeystoreError::from_read(path, source);
    // Asked before it is opened, as opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(KeystoreError::from_flaw(path, Flaw::Form("it is not a file")));
    }
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode();
    let mut text = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut text).map_err(unreadable)?;
    let loose_modes = [loose(path, mode, OTHERS), loose_folder(path)].into_iter().flatten().collect();
    Ok(KeystoreFile { text, loose_modes })
}

pub(super) fn refuse_existing(path: &Path) -> Result<(), KeystoreError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(KeystoreError::Exists { path: path.to_owned() }),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(KeystoreError::from_read(path, source)),
    }
}

/// Writes a hidden file beside `path`, makes it durable, and only then gives it its name. The name is given by a hard link, as a
/// rename would silently replace a file that appeared meanwhile.
pub(super) fn create(directory: &Path, path: &Path, content: &[u8]) -> Result<(), KeystoreError> {
    let unwritable = |source| KeystoreError::from_write(path, source);
    create_directory(directory).map_err(unwritable)?;
    let part = PartFile::write(directory, content)?;
    fs::hard_link(&part.0, path).map_err(unwritable)?;
    drop(part);
    sync_directory(directory).map_err(unwritable)
}

fn create_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(OWNER_ONLY_FOLDER).create(directory)?;
    directory.parent().map_or(Ok(()), sync_directory)
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    let named = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    File::open(named)?.sync_all()
}

/// The file before it has its name. Removed when dropped.
struct PartFile(PathBuf);

impl PartFile {
    fn write(directory: &Path, content: &[u8]) -> Result<Self, KeystoreError> {
        let path = directory.join(format!(".{}.part", hex::encode(random::<8>()?)));
        let unwritable = |source| KeystoreError::from_write(&path, source);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(OWNER_ONLY_FILE)
            .open(&path)
            .map_err(unwritable)?;
        let part = Self(path.clone());
        // The mode at creation is cut by the umask; this is not.
        file.set_permissions(Permissions::from_mode(OWNER_ONLY_FILE)).map_err(unwritable)?;
        file.write_all(content).map_err(unwritable)?;
        file.sync_all().map_err(unwritable)?;
        Ok(part)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // What cannot be removed is hidden and encrypted; the outcome is decided by then.
        drop(fs::remove_file(&self.0));
    }
}

fn loose_folder(path: &Path) -> Option<KeystoreWarning> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = fs::metadata(folder).ok()?.permissions().mode();
    // In a sticky folder, such as /tmp, others cannot replace a file.
    if mode & 0o1000 != 0 { None } else { loose(folder, mode, OTHERS_WRITE) }
}

fn loose(path: &Path, mode: u32, forbidden: u32) -> Option<KeystoreWarning> {
    let mode = mode & PERMISSIONS;
    (mode & forbidden != 0).then(|| KeystoreWarning::LooseMode { path: path.to_owned(), mode })
}
