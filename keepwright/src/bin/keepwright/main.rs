//! The operator's binary: thin. It reads the environment, the terminal and files, and hands over to the library.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the command line")]

mod attend;
mod beside;
mod cli;
mod code;
mod config;
mod demo;
mod devnet;
mod door;
mod executor;
mod journal;
mod keys;
mod operate;
mod password;
mod policy;
mod run;
mod shutdown;
mod unlock;
mod view;

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// What is logged unless the environment says otherwise. What alloy says of a lost connection, we say in our own words.
const LOG: &str = "warn,alloy_pubsub=off,alloy_transport_ws=off";
/// Never logged, whatever the environment says: their spans hold whole URLs, and URLs hold keys.
const SECRETIVE: [&str; 6] = [
    "alloy_transport_http=off",
    "alloy_transport_ws=off",
    "hyper_util=off",
    "reqwest=off",
    "tokio_tungstenite=off",
    "tungstenite=off",
];

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let filter = EnvFilter::try_from_env("KEEPWRIGHT_LOG").unwrap_or_else(|_unset| LOG.into());
    let filter =
        SECRETIVE.iter().filter_map(|target| target.parse().ok()).fold(filter, EnvFilter::add_directive);
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter)
        .init();
    match cli.command.run().await {
        Ok(code) => code,
        Err(report) => {
            eprintln!("keepwright: {}", sentence(&report));
            ExitCode::FAILURE
        }
    }
}

/// The whole chain of causes in one sentence; a cause that the text before it already quotes is not said twice.
fn sentence(report: &eyre::Report) -> String {
    let mut text = String::new();
    for cause in report.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text.replace('\n', " ")
}
