//! A person at the terminal of a running agent: is asked what the door asks, one question at a time.

use std::{
    io::{self, BufRead},
    thread,
    time::Duration,
};

use alloy::primitives::B256;
use keepwright::{
    control::{Client, Panel},
    core::ports::{Question, Reply},
};
use tokio::{
    sync::mpsc::{Receiver, channel},
    time::interval,
};

use crate::operate;

/// How often the door is asked what it asks.
const GLANCE: Duration = Duration::from_millis(250);

/// The lines that are typed. The thread that reads them ends with the process: nothing else ends a read of a terminal.
pub(crate) fn typed() -> Receiver<String> {
    let (sender, lines) = channel(16);
    thread::spawn(move || {
        let mut typed = io::stdin().lock().lines().map_while(Result::ok);
        typed.by_ref().try_for_each(|line| sender.blocking_send(line))
    });
    lines
}

/// Asks for ever, by `say`. A reply goes the way of every reply, through the socket, and is bound to the digest of what was
/// shown: what is typed too late replies to nothing else.
pub(crate) async fn attend(panel: Panel, client: Client, mut lines: Receiver<String>, say: impl Fn(String)) {
    let (mut glances, mut asked) = (interval(GLANCE), None::<B256>);
    loop {
        tokio::select! {
            _ = glances.tick() => {
                let open: Vec<_> = panel.questions().into_iter().filter(|open| open.reply.is_none()).collect();
                if let Some(digest) = asked.filter(|digest| !open.iter().any(|open| open.digest == *digest)) {
                    say(format!("question {digest} is over"));
                    asked = None;
                }
                if let (None, Some(question)) = (asked, open.first()) {
                    // What was typed before it was shown was not meant for it.
                    while lines.try_recv().is_ok() {}
                    say(prompt(question));
                    asked = Some(question.digest);
                }
            }
            line = lines.recv() => {
                let Some(line) = line else { return };
                if let Some(digest) = asked.take() {
                    say(reply(&client, digest, &line).await);
                }
            }
        }
    }
}

fn prompt(question: &Question) -> String {
    format!("{}\napprove? [y/N]", operate::question(question))
}

async fn reply(client: &Client, digest: B256, line: &str) -> String {
    let reply = if operate::is_yes(line) { Reply::Approve } else { Reply::Deny };
    match client.reply(digest, reply).await {
        Ok(()) if reply == Reply::Approve => format!("approved {digest}"),
        Ok(()) => format!("denied {digest}"),
        Err(error) => error.to_string(),
    }
}
