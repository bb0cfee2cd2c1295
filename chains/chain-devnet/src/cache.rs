//! Where fetched artifacts and dumped states are kept.

use std::path::{Path, PathBuf};

use crate::error::{DevnetError, Result};

/// The folder that `scripts/setup` fills: the configured one, else `$KEEPWRIGHT_CACHE`, else `.cache` of the workspace
/// that the current folder lies in. The devnet's part of it is `devnet`.
pub(crate) fn devnet_folder(configured: Option<&Path>) -> Result<PathBuf> {
    let root = match configured {
        Some(folder) => folder.to_owned(),
        None => from_environment().or_else(workspace_cache).ok_or(DevnetError::NoCacheFolder)?,
    };
    Ok(root.join("devnet"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "test support: the one place of this crate that reads the environment"
)]
fn from_environment() -> Option<PathBuf> {
    std::env::var_os("KEEPWRIGHT_CACHE").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// `.cache` of the nearest folder above that has one or that is a workspace's root.
fn workspace_cache() -> Option<PathBuf> {
    let current = std::env::current_dir().ok()?;
    let is_root =
        |folder: &&Path| folder.join(".cache/devnet").is_dir() || folder.join("Cargo.lock").is_file();
    current.ancestors().find(is_root).map(|folder| folder.join(".cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_folder_wins() {
        assert_eq!(devnet_folder(Some(Path::new("/a"))).unwrap(), Path::new("/a/devnet"));
    }

    #[test]
    fn the_workspace_is_found_from_below() {
        assert!(workspace_cache().unwrap().ends_with(".cache"));
    }
}
