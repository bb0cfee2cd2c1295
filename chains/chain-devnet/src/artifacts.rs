//! The contracts' bytecode, as `artifacts/fetch.mjs` left it in the cache folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alloy::primitives::{Address, Bytes, hex};
use serde::Deserialize;

use crate::error::{DevnetError, Result};

/// The folder of artifacts.
#[derive(Debug, Clone)]
pub(crate) struct Artifacts {
    folder: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Artifact {
    bytecode: String,
    #[serde(rename = "linkReferences", default)]
    link_references: BTreeMap<String, BTreeMap<String, Vec<LinkReference>>>,
}

/// Where a library's address goes, in bytes.
#[derive(Debug, Deserialize)]
struct LinkReference {
    start: usize,
    length: usize,
}

impl Artifacts {
    pub(crate) fn new(cache: &Path) -> Self {
        Self { folder: cache.join("artifacts") }
    }

    /// The code that deploys `name`: its bytecode with the addresses of its libraries, then its constructor's arguments.
    pub(crate) fn linked_init_code(
        &self,
        name: &str,
        libraries: &[(&str, Address)],
        arguments: &[u8],
    ) -> Result<Bytes> {
        let artifact = self.load(name)?;
        let bad = || DevnetError::BadArtifact { name: name.to_owned() };
        let mut code = link(&artifact, libraries).ok_or_else(bad)?;
        code.extend_from_slice(arguments);
        Ok(code.into())
    }

    fn load(&self, name: &str) -> Result<Artifact> {
        let path = self.folder.join(format!("{name}.json"));
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(DevnetError::ArtifactsMissing { path });
            }
            Err(error) => return Err(DevnetError::io("read", path, error)),
        };
        serde_json::from_slice(&text).map_err(|source| DevnetError::Json { path, source })
    }
}

/// Bytecode with the libraries' addresses in it; `None` where a library is missing or a reference lies outside.
fn link(artifact: &Artifact, libraries: &[(&str, Address)]) -> Option<Vec<u8>> {
    let mut digits = artifact.bytecode.trim_start_matches("0x").to_owned();
    for (library, references) in artifact.link_references.values().flatten() {
        let (_, address) = libraries.iter().find(|(name, _)| name == library)?;
        for reference in references {
            let start = reference.start.checked_mul(2)?;
            let end = start.checked_add(reference.length.checked_mul(2)?)?;
            digits.get(start..end)?;
            digits.replace_range(start..end, &hex::encode(address));
        }
    }
    hex::decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(bytecode: &str, start: usize) -> Artifact {
        let references = vec![LinkReference { start, length: 20 }];
        let libraries = BTreeMap::from([(String::from("Lib"), references)]);
        Artifact {
            bytecode: bytecode.to_owned(),
            link_references: BTreeMap::from([(String::from("a.sol"), libraries)]),
        }
    }

    #[test]
    fn a_library_lands_in_its_place() {
        let placeholder = "__$0123456789012345678901234567890123$__";
        let library = Address::repeat_byte(0xab);
        let code = link(&artifact(&format!("0x60{placeholder}61"), 1), &[("Lib", library)]).unwrap();
        assert_eq!(hex::encode(code), format!("60{}61", "ab".repeat(20)));
    }

    #[test]
    fn a_missing_library_or_a_reference_outside_is_refused() {
        assert!(link(&artifact("0x6000", 0), &[]).is_none());
        assert!(link(&artifact("0x6000", 900), &[("Lib", Address::ZERO)]).is_none());
    }
}
