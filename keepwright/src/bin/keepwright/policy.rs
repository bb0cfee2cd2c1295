//! `keepwright policy`, and the copies of confirmed policies.

mod copies;
mod explain;
mod settle;

use std::collections::BTreeMap;

use eyre::{Context, OptionExt, ensure};
use keepwright::{
    control::Client,
    core::units::Token,
    door::{Policy, PolicyError},
};
use serde_json::json;

pub(crate) use copies::changed;
pub(crate) use settle::{Settled, Waiting, confirm_if, settle};

use crate::{
    cli::{PolicyCommand, Which},
    config::{self, Config},
    operate::{agreed, can_ask, print},
};

pub(crate) async fn run(command: PolicyCommand) -> eyre::Result<()> {
    match command {
        PolicyCommand::Check { file, json } => check(&file, json),
        PolicyCommand::Explain { transaction, policy, json } => explain::run(&transaction, &policy, json),
        PolicyCommand::Schema => {
            println!("{}", serde_json::to_string_pretty(&Policy::schema())?);
            Ok(())
        }
        PolicyCommand::Confirm { which, yes } => confirm(&which, yes).await,
    }
}

fn check(file: &std::path::Path, json: bool) -> eyre::Result<()> {
    let (policy, _) = read(file)?;
    let (hash, chain) = (policy.hash(), policy.chain());
    let tokens: Vec<_> = policy.tokens().map(|token: &Token| token.symbol.clone()).collect();
    if json {
        let lanes: BTreeMap<_, _> = policy.lanes().collect();
        let told = json!({ "hash": hash, "chain": chain, "executor": policy.executor(), "lanes": lanes, "tokens": tokens, "report": policy.report() });
        println!("{told}");
        return Ok(());
    }
    println!("{} is a policy for chain {chain}; its hash is {hash}", file.display());
    print!("{}", policy.report());
    Ok(())
}

/// A policy and its text.
pub(crate) fn read(file: &std::path::Path) -> eyre::Result<(Policy, String)> {
    let path = file.display();
    let text = std::fs::read_to_string(file)
        .wrap_err_with(|| format!("policy {path} cannot be read; name an existing file"))?;
    match Policy::parse(&text) {
        Err(PolicyError::Syntax(error)) => Err(config::wrong(&format!("policy {path}"), &text, &error)),
        parsed => Ok((parsed.wrap_err_with(|| format!("policy {path} is wrong"))?, text)),
    }
}

/// Confirms what the running agent runs under, if it is what the file says: nobody confirms what he has not in front of him.
async fn confirm(which: &Which, yes: bool) -> eyre::Result<()> {
    let file = which
        .config
        .as_ref()
        .ok_or_eyre("a policy is confirmed from its file; name the agent with `--config`")?;
    let config = Config::read(file)?;
    let (policy, text) = read(&config.policy)?;
    let (hash, client) = (policy.hash(), Client::of(config.operated()));
    let running = client.policy().await?;
    ensure!(
        running.hash == hash,
        "the agent runs under policy {}, but {} is {hash}; restart the agent first",
        running.hash,
        config.policy.display()
    );
    if running.confirmed {
        return print(which, &json!({ "policy": hash, "confirmed": true }), || {
            format!("policy {hash} is confirmed already")
        });
    }
    can_ask(yes)?;
    if !which.json {
        println!("{}", changed(config.operated(), hash, &text).told());
    }
    ensure!(yes || agreed("confirm it?")?, "nothing was confirmed");
    client.confirm(hash).await?;
    print(which, &json!({ "policy": hash, "confirmed": true }), || format!("policy {hash} is confirmed"))
}
