//! Writes events: JSON for programs, plain lines for logs, colours and a status line for a terminal.

use std::io::{self, IsTerminal, Write};

use keepwright::core::units::Wei;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

use super::{Delta, Event, Summary};

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Json,
    Lines,
    Terminal,
}

impl Style {
    /// JSON where asked for, else what standard output is.
    pub(crate) fn of_output(json: bool) -> Self {
        match (json, io::stdout().is_terminal()) {
            (true, _) => Self::Json,
            (false, true) => Self::Terminal,
            (false, false) => Self::Lines,
        }
    }
}

/// The task that writes.
#[derive(Debug)]
pub(crate) struct Printer(JoinHandle<()>);

impl Printer {
    pub(crate) fn start(style: Style) -> (Self, UnboundedSender<Event>) {
        let (sender, events) = unbounded_channel();
        (Self(tokio::spawn(print(style, events))), sender)
    }

    /// Resolves once everything is written. Call it when all senders are gone.
    pub(crate) async fn finish(self) {
        drop(self.0.await);
    }
}

async fn print(style: Style, mut events: UnboundedReceiver<Event>) {
    let mut status = String::new();
    while let Some(event) = events.recv().await {
        // A closed pipe ends the view, not the agent.
        if write(style, &event, &mut status).is_err() {
            return;
        }
    }
}

fn write(style: Style, event: &Event, status: &mut String) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match style {
        Style::Json => {
            serde_json::to_writer(&mut out, event)?;
            writeln!(out)?;
        }
        Style::Lines => {
            if let Some(line) = line(event) {
                writeln!(out, "{line}")?;
            }
        }
        Style::Terminal => {
            if let Event::Head { number, .. } = event {
                *status = format!("block {number}");
            }
            write!(out, "\r\x1b[K")?;
            if let Some(line) = line(event).filter(|_| !matches!(event, Event::Head { .. })) {
                writeln!(out, "\x1b[{}m{line}\x1b[0m", colour(event))?;
            }
            if !matches!(event, Event::Summary(_)) {
                write!(out, "\x1b[2m{status}\x1b[0m")?;
            }
        }
    }
    out.flush()
}

const fn colour(event: &Event) -> &'static str {
    match event {
        Event::World { .. } => "35",
        Event::Opportunity { .. } => "33",
        Event::Planned { .. } => "36",
        Event::Waits { .. } => "33",
        Event::Refused { .. } | Event::Warned { .. } | Event::PlanFailed { .. } => "31",
        Event::Closed { .. } => "32",
        Event::Note { .. } | Event::Summary(_) => "1",
        Event::Head { .. }
        | Event::Withdrawn { .. }
        | Event::Offered { .. }
        | Event::Simulated { .. }
        | Event::Approved { .. }
        | Event::Recorded { .. }
        | Event::Sent { .. }
        | Event::Remembered { .. } => "0",
    }
}

/// One line for a person; `None` for what only programs want.
fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Note { text } => text.clone(),
        Event::Head { number, .. } => format!("block        {number}"),
        Event::World { text } => format!("world        {text}"),
        Event::Opportunity { id, class, net_usd, facts } => {
            let facts: Vec<_> = facts.iter().map(|(key, value)| format!("{key} {value}")).collect();
            format!("opportunity  {id} {class}, worth ${net_usd} after gas: {}", facts.join(", "))
        }
        Event::Withdrawn { .. } => return None,
        Event::Planned { reason, calls } if calls.is_empty() => format!("planner      waits: {reason}"),
        Event::Planned { reason, .. } => format!("planner      acts: {reason}"),
        Event::PlanFailed { why } => format!("planner      failed: {why}"),
        Event::Offered { id, class, by } => format!("offer        {id} {class} by {by}"),
        Event::Simulated { id, block, success, gas, deltas } => {
            let ended = if *success { "succeeds" } else { "reverts" };
            format!("simulated    {id} on block {block}: {ended}, {gas} gas, {}", list(deltas))
        }
        Event::Approved { id } => format!("door         {id} approved by the policy"),
        Event::Waits { id, digest, why, .. } => {
            format!("door         {id} waits for a person, because {why}: keepwright approve {digest}")
        }
        Event::Refused { id, reason } => format!("door         {id} refused: {reason}"),
        Event::Recorded { id, entry } => {
            format!("journal      {id} recorded as entry {entry}, on disk before it is signed")
        }
        Event::Sent { id, transaction, block_to_broadcast_us, .. } => {
            let late = block_to_broadcast_us.map(|micros| format!(", {micros} µs after its block came in"));
            format!("sent         {id} as {transaction}{}", late.unwrap_or_default())
        }
        Event::Closed { id, outcome, detail, gas_wei, deltas, as_simulated } => {
            let gas = gas_wei.map(|Wei(wei)| format!(", gas {wei} wei")).unwrap_or_default();
            let compared = if *as_simulated { ", to the wei as simulated" } else { "" };
            format!("{outcome:<12} {id} {detail}{gas}: {}{compared}", list(deltas))
        }
        Event::Remembered { subject, text } => format!("memory       {subject}: {text}"),
        Event::Warned { text } => format!("warning      {text}"),
        Event::Summary(summary) => self::summary(summary),
    })
}

fn list(deltas: &[Delta]) -> String {
    let lines: Vec<_> = deltas.iter().map(|delta| format!("{} {}", delta.holder, delta.change)).collect();
    if lines.is_empty() { "no balance moved".to_owned() } else { lines.join(", ") }
}

fn summary(summary: &Summary) -> String {
    let deltas: Vec<_> =
        summary.token_deltas.iter().map(|(symbol, change)| format!("{change} {symbol}")).collect();
    let strategies: Vec<_> =
        summary.intents_by_strategy.iter().map(|(name, count)| format!("{count} by {name}")).collect();
    let known = |value: Option<u64>| value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
    [
        String::new(),
        format!("seed                {}", summary.seed),
        format!("token deltas        {}", deltas.join(", ")),
        format!("gas paid            {} wei", summary.gas_wei),
        format!("profit              ${} at the feeds' prices, net of gas", summary.profit_usd),
        format!(
            "intents settled     {} ({} by standing order, {} by the planner's decision)",
            summary.intents_settled, summary.intents_by_reflex, summary.intents_by_planner
        ),
        format!("of these            {}", strategies.join(", ")),
        format!(
            "as simulated        {} of {}, to the wei",
            summary.intents_as_simulated, summary.intents_settled
        ),
        format!("refusals            {}", summary.refusals),
        format!("remembered          {} records", summary.memories),
        format!(
            "journal             {} entries, {}",
            summary.journal_entries,
            if summary.journal_verified { "verified" } else { "NOT VERIFIED" }
        ),
        format!("block to broadcast  {} µs (median)", known(summary.block_to_broadcast_us)),
        format!("devnet load         {} ms", summary.devnet_load_ms),
        format!("agent's memory      {} bytes resident", known(summary.rss_bytes)),
    ]
    .join("\n")
}
