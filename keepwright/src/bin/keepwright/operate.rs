//! The operator's commands: what they ask of a running agent, and what they print.

mod kill;
mod tell;

use std::io::{self, BufRead, IsTerminal, Write};

use alloy::primitives::B256;
use eyre::{Context, OptionExt, bail, ensure};
use keepwright::{
    control::{ArmRequest, Client, StandDownRequest},
    core::{
        OrderId,
        ports::{Question, Reply},
        units::Timestamp,
    },
};
use serde::Serialize;
use serde_json::json;

pub(crate) use tell::question;

use crate::{
    cli::{OperateCommand, ReplyArgs, Which},
    config::Config,
};

pub(crate) async fn run(command: OperateCommand) -> eyre::Result<()> {
    match command {
        OperateCommand::Status(which) => {
            let status = client(&which)?.status().await?;
            print(&which, &status, || tell::status(&status))
        }
        OperateCommand::Questions(which) => {
            let questions = client(&which)?.questions().await?;
            print(&which, &questions, || tell::questions(&questions))
        }
        OperateCommand::Orders(which) => {
            let orders = client(&which)?.status().await?.door.orders;
            print(&which, &orders, || tell::orders(&orders))
        }
        OperateCommand::Approve(args) => reply(args, Reply::Approve).await,
        OperateCommand::Deny(args) => reply(args, Reply::Deny).await,
        OperateCommand::Arm { which, name } => arm(&which, &name).await,
        OperateCommand::Disarm { which, name } => {
            client(&which)?.disarm(&OrderId(name.clone())).await?;
            done(&which, || format!("standing order {name} is disarmed"))
        }
        OperateCommand::StandDown { which, class, seconds, why } => {
            let request = StandDownRequest { class, seconds, why };
            client(&which)?.stand_down(&request).await?;
            done(&which, || format!("{} is stood down for {seconds} s of chain time", request.class))
        }
        OperateCommand::Resume { which, class } => {
            client(&which)?.resume(&class).await?;
            done(&which, || format!("{class} is taken up again"))
        }
        OperateCommand::Kill { which, why } => kill::kill(&which, &why).await,
        OperateCommand::Unkill { which, yes } => kill::unkill(&which, yes),
    }
}

pub(crate) fn client(which: &Which) -> eyre::Result<Client> {
    Ok(Client::of(&which.state()?))
}

/// JSON where asked for, else text.
pub(crate) fn print(
    which: &Which,
    value: &impl Serialize,
    text: impl FnOnce() -> String,
) -> eyre::Result<()> {
    if which.json {
        println!("{}", serde_json::to_string(value)?);
    } else {
        println!("{}", text());
    }
    Ok(())
}

fn done(which: &Which, text: impl FnOnce() -> String) -> eyre::Result<()> {
    print(which, &json!({ "done": true }), text)
}

/// Takes one of the config's orders: an operator arms what is written down and reviewed, not what is typed in a hurry.
async fn arm(which: &Which, name: &str) -> eyre::Result<()> {
    let file = which
        .config
        .as_ref()
        .ok_or_eyre("an order is armed from the config file; name it with `--config`")?;
    let config = Config::read(file)?;
    // Dated from zero, an order ends after as many seconds as it lives.
    let orders = config.standing_orders(&config.read_policy()?, Timestamp(0))?;
    let order = orders.into_iter().find(|order| order.id.0 == name);
    let order = order.ok_or_eyre(format!("the config has no order {name}; add it to `orders` there"))?;
    let seconds = order.expires.0;
    client(which)?.arm(&ArmRequest { order, seconds }).await?;
    done(which, || format!("standing order {name} is armed for {seconds} s of chain time"))
}

/// Shows what is asked before anything is replied; what is replied is bound to exactly that by its digest.
async fn reply(args: ReplyArgs, reply: Reply) -> eyre::Result<()> {
    let ReplyArgs { which, digest, yes } = args;
    let client = client(&which)?;
    let open = client.questions().await?;
    let question = meant(&open, &digest)?;
    if let Some(question) = question.filter(|question| question.reply.is_none()) {
        can_ask(yes)?;
        if !which.json {
            println!("{}", tell::question(question));
        }
        let verb = if reply == Reply::Approve { "approve" } else { "deny" };
        ensure!(yes || agreed(&format!("{verb} this?"))?, "nothing was replied");
    }
    // What is not open is asked for all the same: the agent knows whether it is over or never was.
    let digest = match question {
        Some(question) => question.digest,
        None => digest
            .parse()
            .wrap_err_with(|| format!("{digest} is no digest; `keepwright questions` lists them"))?,
    };
    client.reply(digest, reply).await?;
    let said = if reply == Reply::Approve { "approved" } else { "denied" };
    print(&which, &json!({ "digest": digest, "reply": reply }), || format!("{said} {digest}"))
}

/// The one open question that `digest` means, if any.
fn meant<'a>(open: &'a [Question], digest: &str) -> eyre::Result<Option<&'a Question>> {
    let wanted = digest.strip_prefix("0x").unwrap_or(digest).to_lowercase();
    let hex = |digest: B256| alloy::primitives::hex::encode(digest);
    let mut fitting = open.iter().filter(|question| hex(question.digest).starts_with(&wanted));
    let first = fitting.next();
    if wanted.len() < 8 {
        bail!("{digest} is too short to be sure; write at least 8 digits of the digest");
    }
    ensure!(fitting.next().is_none(), "{digest} means more than one open question; write more of it");
    Ok(first)
}

/// Whether somebody could be asked, if that is still needed: better said before anything is shown.
pub(crate) fn can_ask(yes: bool) -> eyre::Result<()> {
    ensure!(
        yes || io::stdin().is_terminal(),
        "there is no terminal to ask at; add `--yes` once you are sure"
    );
    Ok(())
}

/// Asks at the terminal. No answer is a no.
pub(crate) fn agreed(question: &str) -> eyre::Result<bool> {
    can_ask(false)?;
    print!("{question} [y/N] ");
    io::stdout().flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(is_yes(&line))
}

/// Whether what was typed says yes.
pub(crate) fn is_yes(line: &str) -> bool {
    matches!(line.trim(), "y" | "Y" | "yes")
}
