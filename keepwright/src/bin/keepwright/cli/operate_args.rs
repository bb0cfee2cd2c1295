//! The commands with which an operator talks to an agent.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::Config;

/// Which agent.
#[derive(Debug, Clone, Args)]
pub(crate) struct Which {
    /// The agent's config file.
    #[arg(long, value_name = "FILE", required_unless_present = "state")]
    pub(crate) config: Option<PathBuf>,
    /// Its state folder, where there is no config file.
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    pub(crate) state: Option<PathBuf>,
    /// Print JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Which {
    /// The agent's state folder.
    pub(crate) fn state(&self) -> eyre::Result<PathBuf> {
        match (&self.config, &self.state) {
            (Some(config), _) => Ok(Config::read(config)?.operated().to_owned()),
            (None, Some(state)) => Ok(state.clone()),
            (None, None) => eyre::bail!("name the agent with `--config` or `--state`"),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum OperateCommand {
    /// Say how a running agent's door stands: orders, questions, what is under way, profit and loss.
    Status(Which),
    /// List what waits for a person.
    Questions(Which),
    /// Show a transaction that waits for a person, and let it through.
    Approve(ReplyArgs),
    /// Show a transaction that waits for a person, and do not let it through.
    Deny(ReplyArgs),
    /// List the standing orders that are armed.
    Orders(Which),
    /// Arm one of the config's standing orders, anew from now on.
    Arm {
        #[command(flatten)]
        which: Which,
        /// Its name in the config.
        name: String,
    },
    /// Disarm a standing order.
    Disarm {
        #[command(flatten)]
        which: Which,
        /// Its name.
        name: String,
    },
    /// Let nobody take opportunities of a class for a while.
    StandDown {
        #[command(flatten)]
        which: Which,
        /// The class: `aave-liquidation/WETH/USDC`, `aave-liquidation/*`, or `*` for every one.
        class: String,
        /// For how long, in chain time: 90s, 15m, 1h, 2d.
        #[arg(long = "for", value_name = "TIME", value_parser = seconds)]
        seconds: u64,
        /// Why, in one sentence.
        #[arg(long)]
        why: String,
    },
    /// End that early.
    Resume {
        #[command(flatten)]
        which: Which,
        /// The class, as it was stood down.
        class: String,
    },
    /// Keep every signature and broadcast from leaving, now and after every restart. Works with and without a running agent.
    Kill {
        #[command(flatten)]
        which: Which,
        /// Why, in one sentence.
        #[arg(long, default_value = "no reason was given")]
        why: String,
    },
    /// Clear the kill switch for the next start. Refused while an agent runs.
    Unkill {
        #[command(flatten)]
        which: Which,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ReplyArgs {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The question's digest, or enough of its beginning (at least 8 digits) to mean one open question.
    pub(crate) digest: String,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Digits, and what they count.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no time; write one like 90s, 15m, 1h or 2d");
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let (digits, unit) =
        units.iter().find_map(|(unit, size)| Some((text.strip_suffix(*unit)?, size))).ok_or_else(wrong)?;
    let count: u64 = digits.parse().map_err(|_no_number| wrong())?;
    count.checked_mul(*unit).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn a_time_is_digits_and_a_unit() {
        assert_eq!(["90s", "15m", "1h", "2d"].map(seconds), [Ok(90), Ok(900), Ok(3_600), Ok(172_800)]);
        for wrong in
            ["", "h", "1", "1.5h", "-1h", "0s", "1 h", "99999999999999999999s", "9999999999999999999d"]
        {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
