//! `keepwright replay`: a recording, played to the strategy of a config file.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::ExitCode,
};

use eyre::{Context, OptionExt, bail, ensure};
use keepwright::{
    arbitrage::{self, ArbitrageStrategy},
    core::{
        ChainEvent, Heard, OpportunityId, Replay, Replayed,
        ports::{Request, Strategy},
        units::{BlockNumber, UsdE8},
    },
    door::Policy,
    liquidation::{self, LiquidationStrategy},
};
use serde::Serialize;

use crate::{
    cli::ReplayArgs,
    config::{self, Config},
    policy,
    record::Header,
};

/// How a compressed file begins (RFC 8878).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

pub(crate) fn run(args: &ReplayArgs) -> eyre::Result<ExitCode> {
    let config = Config::read(&args.config)?;
    let (policy, _) = policy::read(&config.policy)?;
    let path = args.recording.display();
    let file = open(&args.recording)
        .wrap_err_with(|| format!("recording {path} cannot be read; name an existing file"))?;
    let played = play(args, file, |name| strategy(name, &config, &policy));
    let told = played.wrap_err_with(|| format!("recording {path} cannot be replayed"))?;
    if args.json {
        println!("{}", serde_json::to_string(&told)?);
    } else {
        println!("{told}");
    }
    let good = !args.exact || told.different == 0;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A recording, as it is or compressed with zstd.
fn open(path: &Path) -> std::io::Result<Box<dyn BufRead>> {
    let mut file = BufReader::new(File::open(path)?);
    if file.fill_buf()?.starts_with(&ZSTD) {
        return Ok(Box::new(BufReader::new(zstd::Decoder::with_buffer(file)?)));
    }
    Ok(Box::new(file))
}

/// The config's strategy of this name.
fn strategy(name: &str, config: &Config, policy: &Policy) -> eyre::Result<Box<dyn Strategy>> {
    let terms = config.chain.terms;
    Ok(match (name, &config.liquidation, &config.arbitrage) {
        (liquidation::STRATEGY, Some(table), _) => {
            Box::new(LiquidationStrategy::new(table.strategy(policy, terms)?))
        }
        (arbitrage::STRATEGY, _, Some(table)) => {
            Box::new(ArbitrageStrategy::new(table.strategy(policy, terms)?))
        }
        _ => bail!("the config has no strategy `{name}`; name the config that it was recorded with"),
    })
}

fn play(
    args: &ReplayArgs,
    file: Box<dyn BufRead>,
    strategy: impl Fn(&str) -> eyre::Result<Box<dyn Strategy>>,
) -> eyre::Result<Told> {
    let mut lines = Lines { file, number: 0 };
    let header = Header::read(&lines.next()?.ok_or_eyre("it is empty")?)?;
    let mut replay = Replay::new(strategy(&header.strategy)?);
    let (mut told, mut ours, mut theirs) = (Told::new(header.strategy), Found::default(), Found::default());
    while let Some(line) = lines.next()? {
        let heard: Heard =
            serde_json::from_str(&line).wrap_err_with(|| format!("line {} is no event", lines.number))?;
        told.reach(&heard.event);
        theirs.take(&heard.requests);
        match replay.play(&heard) {
            Replayed::Untold => told.untold = told.untold.saturating_add(1),
            Replayed::Asked { requests, same } => {
                show(&requests, told.last, args.json)?;
                ours.take(&requests);
                if !same {
                    told.different = told.different.saturating_add(1);
                    told.first_difference = told.first_difference.or(Some(told.last.0));
                }
            }
        }
    }
    ensure!(told.events > 0, "it has no events");
    told.unanswered = replay.unanswered();
    [told.found, told.recorded] = [ours.sum()?, theirs.sum()?];
    Ok(told)
}

struct Lines {
    file: Box<dyn BufRead>,
    number: u64,
}

impl Lines {
    /// The next whole line. One without an end was cut off when the agent was killed, and is left out.
    fn next(&mut self) -> eyre::Result<Option<String>> {
        let mut line = Vec::new();
        self.number = self.number.saturating_add(1);
        self.file.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Ok(None);
        }
        let line = String::from_utf8(line).wrap_err_with(|| format!("line {} is no text", self.number))?;
        Ok(Some(line))
    }
}

/// Opportunities, each with its last appraisal.
#[derive(Default)]
struct Found(BTreeMap<OpportunityId, UsdE8>);

impl Found {
    fn take(&mut self, requests: &[Request]) {
        for request in requests {
            if let Request::Publish(opportunity) = request {
                self.0.insert(opportunity.id, opportunity.appraisal.net().unwrap_or(UsdE8::ZERO));
            }
        }
    }

    fn sum(&self) -> eyre::Result<Sum> {
        let worth = self.0.values().try_fold(UsdE8::ZERO, |sum, net| sum.checked_add(*net));
        let net_usd = config::dollars(worth.ok_or_eyre("what was found does not fit")?);
        Ok(Sum { opportunities: self.0.len(), net_usd })
    }
}

/// How many opportunities, and what they would have brought if each had been taken: no two exclude each other here.
#[derive(Debug, Default, Serialize)]
struct Sum {
    opportunities: usize,
    net_usd: String,
}

/// What a replay came to.
#[derive(Debug, Serialize)]
struct Told {
    strategy: String,
    events: u64,
    #[serde(skip)]
    last: BlockNumber,
    last_block: u64,
    found: Sum,
    recorded: Sum,
    different: u64,
    first_difference: Option<u64>,
    untold: u64,
    unanswered: usize,
}

impl Told {
    fn new(strategy: String) -> Self {
        let (found, recorded) = (Sum::default(), Sum::default());
        let last = BlockNumber(0);
        let (events, different, untold, unanswered) = (0, 0, 0, 0);
        Self {
            strategy,
            events,
            last,
            last_block: 0,
            found,
            recorded,
            different,
            first_difference: None,
            untold,
            unanswered,
        }
    }

    fn reach(&mut self, event: &ChainEvent) {
        self.events = self.events.saturating_add(1);
        if let ChainEvent::Block { head, .. } | ChainEvent::History { head, .. } = event {
            self.last = head.block.number;
            self.last_block = head.block.number.0;
        }
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { strategy, events, last_block, found, recorded, different, untold, unanswered, .. } = self;
        writeln!(f, "{events} events of `{strategy}`, to block {last_block}")?;
        writeln!(f, "found       {} opportunities, ${} after gas", found.opportunities, found.net_usd)?;
        writeln!(f, "recorded    {} opportunities, ${} after gas", recorded.opportunities, recorded.net_usd)?;
        match self.first_difference {
            None => write!(f, "as recorded every time")?,
            Some(block) => write!(f, "otherwise   {different} times, first at block {block}")?,
        }
        if *untold > 0 || *unanswered > 0 {
            write!(
                f,
                "\nnot told    {untold} events of the recorded strategy alone; {unanswered} questions have no answer"
            )?;
        }
        Ok(())
    }
}

fn show(requests: &[Request], block: BlockNumber, json: bool) -> eyre::Result<()> {
    for request in requests {
        match request {
            Request::Publish(opportunity) if json => println!("{}", serde_json::to_string(opportunity)?),
            Request::Publish(opportunity) => {
                let net = config::dollars(opportunity.appraisal.net().unwrap_or(UsdE8::ZERO));
                println!("{block:>10}  {}  {}  ${net}", opportunity.id, opportunity.class);
            }
            Request::Warn(sentence) if !json => println!("{block:>10}  warning: {sentence}"),
            Request::Warn(_) | Request::Prepare(_) | Request::Withdraw(_) | Request::Ask { .. } => {}
        }
    }
    Ok(())
}
