//! Whether the contracts that an agent will use are the ones that were meant.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use alloy::primitives::Address;
use eyre::{Context, bail};
use keepwright::{
    door::Policy,
    evm::{Endpoint, SeenCode},
};

use crate::config::Config;

/// In the state folder: which code was seen where.
const FILE: &str = "code.json";

/// Refuses where a contract has no code, other code than its profile cites, or other code than the last time. Without a
/// profile nothing is looked at.
pub(crate) async fn check(
    config: &Config,
    policy: &Policy,
    endpoint: &Endpoint,
    state: &Path,
) -> eyre::Result<()> {
    let Some(profile) = &config.chain.profile else { return Ok(()) };
    let file = state.join(FILE);
    let mut seen = read(&file)?;
    for finding in profile.check(endpoint, &used(config, policy), &seen).await? {
        if !finding.is_fit() {
            bail!("{finding}; what was seen is in {}", file.display());
        }
        seen.insert(finding.address, finding.code_hash);
    }
    write(state, &file, &seen)
        .wrap_err_with(|| format!("{} cannot be written; make it writable", file.display()))
}

/// What the agent reads and calls, by what it is used for.
fn used(config: &Config, policy: &Policy) -> Vec<(String, Address)> {
    let mut used = config.contracts();
    used.extend(policy.tokens().map(|token| (format!("token {}", token.symbol), token.address)));
    used.sort_by_key(|(_, address)| *address);
    used.dedup_by_key(|(_, address)| *address);
    used
}

fn read(file: &PathBuf) -> eyre::Result<SeenCode> {
    match fs::read_to_string(file) {
        Ok(text) => serde_json::from_str(&text).wrap_err_with(|| {
            format!("{} is damaged; delete it to trust the code that is there now", file.display())
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(SeenCode::new()),
        Err(error) => Err(error).wrap_err_with(|| format!("{} cannot be read", file.display())),
    }
}

/// Whole or not at all: half a file would stop the next start.
fn write(state: &Path, file: &Path, seen: &SeenCode) -> eyre::Result<()> {
    fs::create_dir_all(state)?;
    let part = file.with_extension("part");
    fs::write(&part, serde_json::to_string_pretty(seen)?)?;
    Ok(fs::rename(part, file)?)
}
