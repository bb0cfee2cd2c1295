//! `keepwright demo`: an agent closes a gap between Uniswap v2 and v3 and liquidates real Aave positions on a local chain, while
//! you watch.

mod account;
mod stage;

use std::{process::ExitCode, time::Duration};

use crate::{
    cli::DemoArgs,
    config, shutdown,
    view::{Event, Printer, Seen, Speed, Style, Summary},
};
use account::Account;
use eyre::Context;
use keepwright::{arbitrage, devnet::Asset, liquidation};
use stage::Stage;

/// How long the show may wait for the agent before it ends without the rest.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) async fn run(args: DemoArgs) -> eyre::Result<ExitCode> {
    let (printer, events) = Printer::start(Style::of_output(args.json));
    let shown = show(&args, events).await;
    printer.finish().await;
    shown
}

async fn show(args: &DemoArgs, events: tokio::sync::mpsc::UnboundedSender<Event>) -> eyre::Result<ExitCode> {
    let mut stage = Stage::build(args.seed, events).await.wrap_err("the demo's chain did not start")?;
    let before = stage.account().await?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let journal = stage.keeper()?.journal();
    let memory = stage.keeper()?.memory();
    let agent = stage.start_agent(async { drop(stopped.await) })?;
    let played = tokio::select! {
        played = play(&mut stage) => played,
        () = shutdown::requested() => Ok(()),
    };
    drop(stop);
    agent.await.wrap_err("the agent died")??;
    played?;

    let after = stage.account().await?;
    let verified = match &journal {
        Some(journal) => journal.verify().await.ok(),
        None => None,
    };
    let memories = memory.export().await?.len();
    let summary =
        summarise(args.seed, &stage, &before, &after, verified.map(|verified| verified.entries), memories)?;
    let good = summary.ended_with_more && summary.journal_verified;
    stage.watcher.show(Event::Summary(Box::new(summary)));
    if args.keep_open {
        let stopped = shutdown::requested();
        stage.note(format!("the chain stays up at {}; Ctrl-C ends it", stage.devnet.http_url()));
        stopped.await;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How much dearer ether gets in one v2 pair than everywhere else, in basis points.
const GAP: i16 = 250;

/// The story: a calm market, a gap between two exchanges, and a fall of ether, whose liquidations are partly the reflex lane's and
/// partly the planner's.
async fn play(stage: &mut Stage) -> eyre::Result<()> {
    stage.note("a calm market: the agent indexes positions and watches".to_owned());
    stage.calm(2).await?;
    stage.note("somebody buys ether in the v2 pair alone: it is dearer there than in v3".to_owned());
    stage.open_gap(Asset::Weth, GAP).await?;
    stage.until(PATIENCE, |seen| seen.settled(|strategy, _| strategy == arbitrage::STRATEGY) > 0).await;
    stage.note(
        "ether falls by 9 %: a standing order covers WETH/USDC, so the reflex lane acts by itself".to_owned(),
    );
    stage.crash_ether().await?;
    stage.until(PATIENCE, |seen| liquidated(seen, Speed::Reflex) > 0).await;
    stage.note("no standing order covers the rest: the planner decides".to_owned());
    stage.until(PATIENCE, |seen| liquidated(seen, Speed::Planner) > 0).await;
    stage.note("the agent finishes what is under way".to_owned());
    stage.calm(1).await
}

fn liquidated(seen: &Seen, by: Speed) -> u64 {
    seen.settled(|strategy, speed| strategy == liquidation::STRATEGY && speed == by)
}

fn summarise(
    seed: u64,
    stage: &Stage,
    before: &Account,
    after: &Account,
    journal_entries: Option<u64>,
    memories: usize,
) -> eyre::Result<Summary> {
    let seen = stage.watcher.so_far();
    let profit = after.worth_since(before)?;
    let mut latencies = seen.latencies.clone();
    latencies.sort_unstable();
    let (reflex, planner) =
        [Speed::Reflex, Speed::Planner].map(|by| seen.settled(|_, speed| speed == by)).into();
    Ok(Summary {
        seed,
        profit_usd: config::dollars(profit),
        token_deltas: after.changes_since(before)?,
        gas_wei: after.gas_since(before)?.to_string(),
        intents_settled: reflex.saturating_add(planner),
        intents_by_reflex: reflex,
        intents_by_planner: planner,
        intents_by_strategy: seen.by_strategy(),
        intents_as_simulated: seen.as_simulated(),
        refusals: seen.refusals,
        memories,
        journal_entries: journal_entries.unwrap_or_default(),
        journal_verified: journal_entries.is_some(),
        block_to_broadcast_us: latencies.get(latencies.len().div_euclid(2)).copied(),
        devnet_load_ms: stage.devnet.load_time().as_millis(),
        rss_bytes: stage::rss(),
        ended_with_more: profit.0 > 0,
    })
}
