//! What the operator's commands print for a person.

use keepwright::{
    control::StatusReport,
    core::{
        StandDown,
        ports::{LaneStatus, OrderStatus, Pending, Question, Reply, StrategyBooks},
        units::Asset,
    },
    evm::NodeHealth,
};

/// A question as it is shown before a reply: what the door has rendered, and nothing that anybody else said.
pub(crate) fn question(question: &Question) -> String {
    let replied = match question.reply {
        None => "",
        Some(Reply::Approve) => "\n  replied   yes",
        Some(Reply::Deny) => "\n  replied   no",
    };
    let shown: Vec<_> = question.shown.lines().map(|line| format!("    {line}")).collect();
    format!(
        "question {}\n  because   {}\n  until     {} (chain time)\n  it would\n{}{replied}",
        question.digest,
        question.why,
        question.expires,
        shown.join("\n")
    )
}

pub(super) fn questions(questions: &[Question]) -> String {
    list(questions, "nothing waits for a person", question)
}

pub(super) fn orders(orders: &[OrderStatus]) -> String {
    list(orders, "no standing order is armed", |OrderStatus { order, used }| {
        let by = format!("{:?}", order.armed_by).to_lowercase();
        format!(
            "{}: {} from {}, {used} of {} uses, until {} (chain time), armed by the {by}",
            order.id, order.class, order.min_net, order.uses, order.expires
        )
    })
}

fn list<T>(items: &[T], none: &str, tell: impl Fn(&T) -> String) -> String {
    if items.is_empty() {
        return none.to_owned();
    }
    items.iter().map(tell).collect::<Vec<_>>().join("\n")
}

pub(super) fn status(report: &StatusReport) -> String {
    let StatusReport { agent, door, nodes } = report;
    let acts = if agent.acts { "acts" } else { "only observes" };
    let killed = if door.killed { "LATCHED: nothing is signed or broadcast" } else { "not latched" };
    let confirmed = match (agent.acts, door.confirmed) {
        (false, _) => "",
        (true, true) => ", confirmed",
        (true, false) => ", NOT CONFIRMED: nothing is recorded until `keepwright policy confirm`",
    };
    let mut lines = vec![
        format!(
            "agent        process {}, version {}, {acts} on chain {}",
            agent.process, agent.version, agent.chain
        ),
        format!("kill switch  {killed}"),
    ];
    lines.extend(nodes.iter().flat_map(|pool| pool.nodes.iter().map(node)));
    if agent.acts {
        lines.push(format!("policy       {}{confirmed}", door.policy));
    }
    lines.extend(door.lanes.iter().map(lane));
    lines.push(orders(&door.orders));
    lines.push(list(&door.stood_down, "no class is stood down", stood_down));
    lines.push(list(&door.under_way, "nothing is under way", pending));
    lines.extend(door.books.iter().map(books));
    lines.push(questions(&door.questions));
    lines.join("\n")
}

fn node(node: &NodeHealth) -> String {
    let NodeHealth { address, state, in_use, head, asked, failed, .. } = node;
    let head = head.map_or_else(|| "no head".to_owned(), |head| format!("head {head}"));
    let used = if *in_use { ", in use" } else { "" };
    format!("node         {address}: {state}, {head}, {failed} of {asked} requests failed{used}")
}

fn lane(lane: &LaneStatus) -> String {
    let LaneStatus { name, key, executor, next_nonce } = lane;
    let executor =
        executor.map_or_else(|| "no executor".to_owned(), |executor| format!("executor {executor}"));
    let next = next_nonce.map_or_else(String::new, |nonce| format!(", next nonce {nonce}"));
    format!("lane         {name}: key {key}, {executor}{next}")
}

fn stood_down(stood_down: &StandDown) -> String {
    let StandDown { class, until, why, .. } = stood_down;
    format!("{class} is stood down until {until} (chain time): {why}")
}

fn pending(pending: &Pending) -> String {
    let hash = pending.attempts.last().map_or_else(|| "not signed yet".to_owned(), ToString::to_string);
    format!(
        "under way: nonce {} of {}, {hash}, {} attempts",
        pending.nonce,
        pending.key,
        pending.attempts.len()
    )
}

fn books(books: &StrategyBooks) -> String {
    let change = |(asset, change): &(Asset, _)| format!(", {change} base units of {asset}");
    format!(
        "{}: {} settled, {} reverted, {} dropped, {} wei of gas{}",
        books.strategy,
        books.settled,
        books.reverted,
        books.dropped,
        books.gas_paid.0,
        books.changes.iter().map(change).collect::<String>()
    )
}
