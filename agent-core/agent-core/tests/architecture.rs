//! The architecture, as a table: an edge, a crate or a folder that is not in it fails. A new edge is made here first.
//!
//! Std only, and reading the files themselves, so that nothing can be hidden from it.

#![expect(clippy::unwrap_used, reason = "a house that cannot be read fails the test, as it should")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Folder, and the crates of the workspace that it may name in any kind of dependency, dev-dependencies included.
const HOUSE: [(&str, &[&str]); 13] = [
    // Everything stands on the vocabulary and the ports; they stand on nothing.
    ("agent-core/agent-core", &[]),
    ("agent-core/agent-runtime", &["agent-core"]),
    // The layers around it are the runtime's: it knows the port alone.
    ("agent-core/planner-remote", &["agent-core"]),
    // Knows no agent: what acts there is unlocked on the node.
    ("chains/chain-devnet", &[]),
    ("chains/chain-door", &["agent-core"]),
    ("chains/chain-evm", &["agent-core", "chain-door"]),
    ("memory/memory-journal", &["agent-core"]),
    ("memory/memory-sled", &["agent-core"]),
    ("tools/tool-arbitrage", &["agent-core"]),
    ("tools/tool-liquidation", &["agent-core"]),
    ("tools/tool-oracle", &["agent-core"]),
    (
        "keepwright",
        &[
            "agent-core",
            "agent-runtime",
            "chain-devnet",
            "chain-door",
            "chain-evm",
            "memory-journal",
            "memory-sled",
            "tool-arbitrage",
            "tool-liquidation",
        ],
    ),
    ("examples", &["keepwright"]),
];

/// The only files, tests and benchmarks apart, that may use a disallowed method (sign, send, look at the clock, read the
/// environment), and why.
const DISALLOWED_METHODS: [(&str, &str); 5] = [
    ("chains/chain-devnet/src/cache.rs", "reads where the cache folder is"),
    (
        "chains/chain-devnet/src/chain.rs",
        "has the node send for its own accounts, and what the relay's clients signed; signs nothing",
    ),
    ("chains/chain-evm/src/anvil.rs", "starts a node for this crate's tests"),
    ("chains/chain-evm/src/clock.rs", "is the clock"),
    ("chains/chain-evm/src/wallet/key_task.rs", "signs what the door recorded"),
];

/// A file of more lines than this, tests apart, holds more than one concept.
const LINES: usize = 400;

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.contains("/benches/") || path.ends_with("tests.rs")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn names() -> BTreeSet<&'static str> {
    HOUSE.iter().map(|(folder, _)| folder.rsplit('/').next().unwrap()).collect()
}

/// The crates that a manifest depends on, whatever the kind of dependency.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut found = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.contains("dependencies");
            // `[dependencies.name]` names one in its header.
            if let Some((_, name)) = section.trim_end_matches(']').split_once("dependencies.") {
                found.insert(name.to_owned());
            }
        } else if inside
            && let Some(name) = line.split(['.', '=', ' ']).next().filter(|name| !name.is_empty())
        {
            found.insert(name.trim_matches('"').to_owned());
        }
    }
    found
}

#[test]
fn every_edge_is_in_the_table() {
    let names = names();
    for (folder, allowed) in HOUSE {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let inside: BTreeSet<_> =
            dependencies(&manifest).into_iter().filter(|name| names.contains(name.as_str())).collect();
        let own = folder.rsplit('/').next().unwrap();
        let forbidden: Vec<_> =
            inside.iter().filter(|name| *name != own && !allowed.contains(&name.as_str())).collect();
        assert!(forbidden.is_empty(), "{folder} depends on {forbidden:?}, which the table does not allow");
        assert!(
            manifest.contains(&format!("name = \"{own}\"")),
            "folder and crate of {folder} have two names"
        );
        assert!(manifest.contains("[lints]\nworkspace = true"), "{folder} does not have the house's lints");
    }
}

#[test]
fn every_crate_is_in_the_table_and_explains_itself() {
    let mut manifests = Vec::new();
    for_each_file(&root(), &mut |path| {
        if path.file_name().is_some_and(|name| name == "Cargo.toml") && path.parent() != Some(&root()) {
            manifests.push(path.parent().unwrap().strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
        }
    });
    let table: BTreeSet<_> = HOUSE.iter().map(|(folder, _)| (*folder).to_owned()).collect();
    assert_eq!(manifests.into_iter().collect::<BTreeSet<_>>(), table);
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    for folder in table {
        assert!(workspace.contains(&format!("\"{folder}\"")), "{folder} is not a member");
        let readme = fs::read_to_string(root().join(&folder).join("README.md")).unwrap();
        assert!(readme.lines().count() > 10, "{folder}/README.md says next to nothing");
    }
}

#[test]
fn no_file_holds_more_than_one_concept() {
    let mut long = BTreeMap::new();
    for_each_source(&mut |path, text| {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        if !is_test(path) && code.lines().count() > LINES {
            long.insert(path.to_owned(), code.lines().count());
        }
    });
    assert!(long.is_empty(), "longer than {LINES} lines: {long:#?}");
}

#[test]
fn who_may_sign_send_and_look_at_the_clock_is_known() {
    let mut found = BTreeSet::new();
    for_each_source(&mut |path, text| {
        if !is_test(path) && text.contains("clippy::disallowed_methods") {
            found.insert(path.to_owned());
        }
    });
    let known: BTreeSet<_> = DISALLOWED_METHODS.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(found, known);
}

#[test]
fn nothing_is_left_to_do_in_the_code() {
    for_each_source(&mut |path, text| {
        for (number, line) in text.lines().enumerate() {
            let left = ["TODO", "FIXME", "XXX"].iter().any(|word| line.contains(&format!("// {word}")));
            assert!(!left, "{path}:{}: {line}", number + 1);
        }
    });
}

fn for_each_source(visit: &mut dyn FnMut(&str, &str)) {
    for_each_file(&root(), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(path).unwrap();
            // This file quotes what it looks for.
            if !path.ends_with("tests/architecture.rs") {
                visit(path.strip_prefix(root()).unwrap().to_str().unwrap(), &text);
            }
        }
    });
}

fn for_each_file(folder: &Path, visit: &mut dyn FnMut(&Path)) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" {
                for_each_file(&path, visit);
            }
        } else {
            visit(&path);
        }
    }
}
