//! Where a damaged memory is kept: copies beside the directory, `<directory>.quarantine-<n>`.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use crate::directory::Directory;

/// The most copies that are kept. A container that is killed each night must not fill the disk.
const KEPT: usize = 4;

/// Copies the directory, and forgets the oldest copies.
pub(crate) fn copy(directory: &Directory) -> io::Result<PathBuf> {
    let old = copies(directory)?;
    let number = old.last().map_or(0, |(number, _)| *number).saturating_add(1);
    let mut name = prefix(directory);
    name.push(number.to_string());
    let copy = directory.path.with_file_name(name);
    make(&copy)?;
    if let Err(error) = directory.contents().and_then(|contents| copy_into(&copy, contents)) {
        fs::remove_dir_all(&copy)?;
        return Err(error);
    }
    let too_many = old.len().saturating_add(1).saturating_sub(KEPT);
    old.iter().take(too_many).try_for_each(|(_, path)| fs::remove_dir_all(path))?;
    Ok(copy)
}

/// Deletes what sled can make anew from its log: its snapshots, of which a truncated one keeps it from opening, and its
/// settings, which are always ours.
pub(crate) fn delete_derived(directory: &Directory) -> io::Result<()> {
    let is_derived = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name == "conf" || name.as_encoded_bytes().starts_with(b"snap."))
    };
    directory.contents()?.into_iter().filter(is_derived).try_for_each(fs::remove_file)
}

/// Deletes everything.
pub(crate) fn empty(directory: &Directory) -> io::Result<()> {
    directory
        .contents()?
        .into_iter()
        .try_for_each(|path| if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) })
}

fn prefix(directory: &Directory) -> OsString {
    let mut name = directory.path.file_name().unwrap_or_else(|| OsStr::new("memory")).to_owned();
    name.push(".quarantine-");
    name
}

/// The copies there are, oldest first.
fn copies(directory: &Directory) -> io::Result<Vec<(u64, PathBuf)>> {
    let prefix = prefix(directory);
    let Some(parent) = directory.path.parent() else { return Ok(Vec::new()) };
    let mut copies = Vec::new();
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str).zip(prefix.to_str());
        let number = name.and_then(|(name, prefix)| name.strip_prefix(prefix)?.parse().ok());
        copies.extend(number.map(|number| (number, path)));
    }
    copies.sort_unstable();
    Ok(copies)
}

fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(directory)
}

fn copy_into(to: &Path, contents: Vec<PathBuf>) -> io::Result<()> {
    for path in contents {
        let Some(copy) = path.file_name().map(|name| to.join(name)) else { continue };
        if path.is_dir() {
            make(&copy)?;
            let inside: io::Result<_> = fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect();
            copy_into(&copy, inside?)?;
        } else {
            fs::copy(&path, &copy)?;
        }
    }
    Ok(())
}
