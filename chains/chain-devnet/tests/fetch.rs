//! Nothing is used that is not what was pinned.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts").join(name)
}

/// A package of our own on disk, so that nothing is asked of the network.
fn write_package(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder.join("bin"))?;
    std::fs::write(folder.join("package.json"), r#"{"name":"pinned","version":"1.0.0"}"#)?;
    std::fs::write(folder.join("bin/anvil"), "#!/bin/sh\n")
}

fn fetch(work: &Path, integrity: &str) -> std::io::Result<Output> {
    let list = work.join("packages.json");
    let package = work.join("package").display().to_string();
    let entry = serde_json::json!({ "package": package, "integrity": integrity, "anvil": "bin/anvil" });
    std::fs::write(&list, serde_json::json!({ "packages": [entry] }).to_string())?;
    let cache = work.join("cache");
    Command::new("node")
        .arg(script("fetch.mjs"))
        .arg("--packages")
        .arg(list)
        .env("KEEPWRIGHT_CACHE", cache)
        .output()
}

#[test]
#[ignore = "needs npm: scripts/test runs it"]
fn a_package_that_is_not_the_pinned_one_is_refused() {
    let work = tempfile::tempdir().unwrap();
    write_package(&work.path().join("package")).unwrap();
    let binary = work.path().join("cache/devnet/bin/anvil");
    let refused = fetch(work.path(), "sha512-AAAA").unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && !binary.exists());
    assert!(said.contains("is not the package that was pinned") && said.lines().count() == 1, "{said}");
    // With the right pin the same package is taken, so the pin was the only obstacle.
    let found = said.split("found ").nth(1).unwrap().split(')').next().unwrap();
    let taken = fetch(work.path(), found).unwrap();
    assert!(taken.status.success() && binary.exists(), "{}", String::from_utf8_lossy(&taken.stderr));
    let again = fetch(work.path(), found).unwrap();
    assert!(String::from_utf8(again.stdout).unwrap().contains("in place"));
    std::fs::remove_file(&binary).unwrap();
    fetch(work.path(), found).unwrap();
    assert!(binary.exists());
}

#[test]
#[ignore = "needs solc: scripts/test runs it"]
fn the_pinned_compiler_compiles_standard_json() {
    let input = serde_json::json!({
        "language": "Solidity",
        "sources": { "a.sol": { "content": "// SPDX-License-Identifier: MIT\npragma solidity 0.8.27; contract A {}" } },
        "settings": { "outputSelection": { "*": { "*": ["evm.bytecode.object"] } } },
    });
    let mut compiler = Command::new("node")
        .arg(script("solc.mjs"))
        .arg("0.8.27")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    compiler.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = compiler.wait_with_output().unwrap();
    let output: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        output["contracts"]["a.sol"]["A"]["evm"]["bytecode"]["object"].as_str().unwrap().starts_with("60")
    );
}
