//! The command line.

use std::{path::PathBuf, process::ExitCode};

use alloy::primitives::{Address, B256};
use clap::{Args, Parser, Subcommand, ValueEnum};
use keepwright::door::DEFAULT_LANE;

use crate::{demo, devnet, door, executor, journal, keys, operate, policy, replay, run};

mod operate_args;

pub(crate) use operate_args::{OperateCommand, ReplyArgs, Which};

/// Autonomous on-chain agents whose money moves through one recorded door.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch an agent liquidate real Aave positions on a local chain.
    Demo(DemoArgs),
    /// Keep a local chain with real contracts running.
    Devnet(DevnetArgs),
    /// Run the agent that a config file describes.
    Run(RunArgs),
    /// Play a recording of `run --record` to the strategy of a config file, which may be changed. No node and no key is needed.
    Replay(ReplayArgs),
    /// Serve the door of a config file's `[door]` table, with its journal and its key, to agents in other processes.
    Door(DoorArgs),
    /// Make, import and list encrypted keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Deploy and look after the executor contract.
    #[command(subcommand)]
    Executor(ExecutorCommand),
    /// Read and check the journal, beside a running agent or without one.
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Check a policy, and confirm a changed one.
    #[command(subcommand)]
    Policy(PolicyCommand),
    #[command(flatten)]
    Operate(OperateCommand),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The world's seed: the same seed moves the same markets.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Keep the chain up after the summary, until Ctrl-C.
    #[arg(long)]
    pub(crate) keep_open: bool,
    /// Print one JSON object per event instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DevnetArgs {
    /// The port to listen on; 0 lets the system choose.
    #[arg(long, default_value_t = 8545)]
    pub(crate) port: u16,
    /// Seconds between blocks; 0 mines a block per transaction.
    #[arg(long, default_value_t = 1)]
    pub(crate) block_seconds: u64,
    /// Give these addresses 10 ETH each.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) fund: Vec<Address>,
    /// Let the world live: small trades, a gap between two markets, and every 30 seconds a crash or a recovery. The value
    /// is its seed.
    #[arg(long, value_name = "SEED")]
    pub(crate) world: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The config file; `examples/liquidator.toml` is one.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Overrides the config's mode.
    #[arg(long)]
    pub(crate) mode: Option<Mode>,
    /// Confirm the policy, if it has this hash: `keepwright policy check` prints it.
    #[arg(long, value_name = "HASH")]
    pub(crate) confirm_policy: Option<B256>,
    /// Write what each strategy hears and asks for into a file of this folder, to be replayed.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) record: Option<PathBuf>,
    /// Print one JSON object per event instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The config file: its table for the recorded strategy is what counts, with its policy's tokens.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The recording.
    #[arg(value_name = "RECORDING")]
    pub(crate) recording: PathBuf,
    /// Fail unless the strategy asks for exactly what was recorded.
    #[arg(long)]
    pub(crate) exact: bool,
    /// Print one JSON object per event instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoorArgs {
    /// The config file, with a table `[door]`.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Confirm the policy, if it has this hash: `keepwright policy check` prints it.
    #[arg(long, value_name = "HASH")]
    pub(crate) confirm_policy: Option<B256>,
    /// Print one JSON object per event instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Look, find and explain; no key is needed, nothing can be signed.
    Observe,
    /// Act, within the policy.
    Live,
}

#[derive(Debug, Args)]
pub(crate) struct KeyFolder {
    /// The folder of the keystore files.
    #[arg(long, default_value = ".state/keys")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PasswordArgs {
    /// Read the password from the first line of this file instead of the terminal.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a new random key and store it encrypted.
    New {
        #[command(flatten)]
        folder: KeyFolder,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Store a private key, read from a file or the terminal, encrypted.
    Import {
        #[command(flatten)]
        folder: KeyFolder,
        #[command(flatten)]
        password: PasswordArgs,
        /// A file with the key as 64 hex digits; wiping it afterwards is up to you.
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
    /// List the stored keys by address.
    List {
        #[command(flatten)]
        folder: KeyFolder,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The config file of the agent whose executor it is.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The lane whose executor it is, by its name in the policy.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_LANE)]
    pub(crate) lane: String,
    /// Confirm the policy, if it has this hash: `keepwright policy check` prints it.
    #[arg(long, value_name = "HASH")]
    pub(crate) confirm_policy: Option<B256>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExecutorCommand {
    /// Deploy the executor, owned by the agent's key.
    Deploy(ConfigFile),
    /// Say who owns the executor, offer it to another owner, or accept it.
    Owner {
        #[command(flatten)]
        config: ConfigFile,
        /// Offer it to this address, which the policy must name as a recipient and which has to accept.
        #[arg(long, value_name = "ADDRESS", conflicts_with = "accept")]
        offer_to: Option<Address>,
        /// Accept the ownership that was offered to this config's key.
        #[arg(long)]
        accept: bool,
    },
    /// Move tokens from the executor to a recipient that the policy names.
    Withdraw {
        #[command(flatten)]
        config: ConfigFile,
        /// A symbol of the policy's registry, or ETH.
        #[arg(long)]
        token: String,
        /// How much, like 1.5.
        #[arg(long)]
        amount: String,
        /// The recipient.
        #[arg(long)]
        to: Address,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Check every entry against the chain of hashes.
    Verify(Which),
    /// Print entries; with `--json` one object per line.
    Show {
        #[command(flatten)]
        which: Which,
        /// The first one.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many at most.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Print all entries, one JSON object per line.
    Export {
        #[command(flatten)]
        which: Which,
        /// The first one.
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// Copy this moment of the journal into a new folder, beside a running agent or without one, and verify the copy.
    Backup {
        #[command(flatten)]
        which: Which,
        /// The new folder.
        to: PathBuf,
    },
    /// Save what can be verified of a damaged journal into a new folder. The damaged one stays as it is.
    Repair {
        #[command(flatten)]
        which: Which,
        /// The new folder.
        to: PathBuf,
    },
    /// Let a repaired journal be used for signing, once you know from the chain what the lost entries did.
    Accept {
        /// The repaired journal's folder.
        folder: PathBuf,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Say what a transaction does, and what the policy has against it.
    Explain {
        /// A signed transaction as hex, or a file with JSON: a transaction, or an entry of the journal; `-` reads standard input.
        transaction: String,
        /// The policy.
        #[arg(long, value_name = "FILE")]
        policy: PathBuf,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON schema of policy files.
    Schema,
    /// Say whether a policy file is valid, and what its hash is.
    Check {
        /// The file.
        file: PathBuf,
        /// Print JSON instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Show what changed in the policy that the agent runs under, and let it act under it.
    Confirm {
        #[command(flatten)]
        which: Which,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

impl Command {
    pub(crate) async fn run(self) -> eyre::Result<ExitCode> {
        let done = |()| ExitCode::SUCCESS;
        match self {
            Self::Demo(args) => demo::run(args).await,
            Self::Devnet(args) => devnet::run(args).await.map(done),
            Self::Replay(args) => replay::run(&args),
            Self::Run(args) => run::run(args).await.map(done),
            Self::Door(args) => door::run(args).await.map(done),
            Self::Keys(command) => keys::run(command).map(done),
            Self::Executor(command) => executor::run(command).await.map(done),
            Self::Journal(command) => journal::run(command).map(done),
            Self::Policy(command) => policy::run(command).await.map(done),
            Self::Operate(command) => operate::run(command).await.map(done),
        }
    }
}
