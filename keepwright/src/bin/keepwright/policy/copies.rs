//! Copies of the policies that were confirmed, so that an operator sees what changed. They authorise nothing: the journal
//! says what is confirmed.

use std::{fs, io, path::Path};

use alloy::primitives::{B256, keccak256};
use similar::{ChangeTag, TextDiff};

/// The folder, within the state folder.
const FOLDER: &str = "policies";
/// The file that names the last one.
const LAST: &str = "last";

/// Keeps a copy of a policy that is confirmed.
pub(crate) fn keep(state: &Path, hash: B256, text: &str) -> io::Result<()> {
    let folder = state.join(FOLDER);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{hash}.toml")), text)?;
    fs::write(folder.join(LAST), hash.to_string())
}

/// A policy that waits to be confirmed, and how it differs from the last one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    hash: B256,
    /// The last one's hash, and the lines that differ, with their signs; none where its text is not known.
    since: Option<(B256, Vec<String>)>,
}

/// How `text` differs from the last policy that was confirmed here.
pub(crate) fn changed(state: &Path, hash: B256, text: &str) -> Change {
    Change { hash, since: last(state).map(|(before, old)| (before, lines(&old, text))) }
}

/// A copy that is not what its name says is no copy.
fn last(state: &Path) -> Option<(B256, String)> {
    let folder = state.join(FOLDER);
    let hash: B256 = fs::read_to_string(folder.join(LAST)).ok()?.trim().parse().ok()?;
    let text = fs::read_to_string(folder.join(format!("{hash}.toml"))).ok()?;
    (keccak256(&text) == hash).then_some((hash, text))
}

fn lines(old: &str, new: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(old, new);
    let sign = |tag| match tag {
        ChangeTag::Delete => Some('-'),
        ChangeTag::Insert => Some('+'),
        ChangeTag::Equal => None,
    };
    let changes = diff.iter_all_changes();
    changes
        .filter_map(|change| Some(format!("{} {}", sign(change.tag())?, change.value().trim_end())))
        .collect()
}

impl Change {
    /// For a person.
    pub(crate) fn told(&self) -> String {
        let hash = self.hash;
        match &self.since {
            Some((before, lines)) => {
                format!(
                    "policy {hash} differs from {before}, the last one that was confirmed:\n{}",
                    lines.join("\n")
                )
            }
            None => format!(
                "policy {hash} is not the one that was last confirmed, whose text is not kept here; read all of it"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_told_line_by_line_while_the_old_text_is_what_its_hash_says() {
        let state = tempfile::tempdir().unwrap();
        let (old, new) = ("a = 1\nb = 2\nc = 3\n", "a = 1\nb = 20\nc = 3\nd = 4\n");
        let (before, hash) = (keccak256(old), keccak256(new));
        assert_eq!(changed(state.path(), hash, new), Change { hash, since: None });
        keep(state.path(), before, old).unwrap();
        let lines = ["- b = 2", "+ b = 20", "+ d = 4"].map(str::to_owned).to_vec();
        assert_eq!(changed(state.path(), hash, new), Change { hash, since: Some((before, lines)) });
        fs::write(state.path().join(format!("policies/{before}.toml")), new).unwrap();
        assert_eq!(changed(state.path(), hash, new), Change { hash, since: None }, "a forged copy");
    }
}
