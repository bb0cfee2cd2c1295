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
mod record;
mod replay;
mod run;
mod shutdown;
mod unlock;
mod view;

use std::{io::IsTerminal, process::ExitCode};

use clap::Parser;
use tracing_subscriber::EnvFilter;

/// What is logged unless the environment says otherwise. What alloy says of a lost connection, or of a key
/// that is elsewhere, we say in our own words.
const LOG: &str = "warn,alloy_pubsub=off,alloy_signer_aws=off,alloy_signer_gcp=off,alloy_transport_ws=off";
/// Never logged, whatever the environment says: what they say holds whole URLs, and URLs hold keys; or the tokens by which a
/// cloud knows us, or signatures.
const SECRETIVE: [&str; 19] = [
    "alloy_signer_ledger=off",
    "alloy_transport_http=off",
    "alloy_transport_ws=off",
    "aws_config=off",
    "aws_runtime=off",
    "aws_sdk_kms=off",
    "aws_sdk_sts=off",
    "aws_sigv4=off",
    "aws_smithy_http_client=off",
    "aws_smithy_runtime=off",
    "aws_smithy_runtime_api=off",
    "coins_ledger=off",
    "gcloud_sdk=off",
    "h2=off",
    "hyper_util=off",
    "reqwest=off",
    "tokio_tungstenite=off",
    "tonic=off",
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
