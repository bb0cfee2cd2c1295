//! `keepwright journal`: reads the files, whether or not an agent writes beside it, and changes none of them.

use std::{
    io::{self, Write},
    path::Path,
};

use eyre::ensure;
use keepwright::{
    control::{EntryView, VerifyReport, is_served},
    core::ports::Sequence,
    journal::{self, JournalReader, Salvaged},
};
use serde_json::json;

use crate::{
    cli::{JournalCommand, Which},
    operate::{agreed, can_ask, print},
};

pub(crate) fn run(command: JournalCommand) -> eyre::Result<()> {
    match command {
        JournalCommand::Verify(which) => {
            let verified = open(&which)?.verify()?;
            let report = VerifyReport { entries: verified.entries, head: verified.head };
            print(&which, &report, || {
                format!("{} entries, every hash as it should be; the last is {}", report.entries, report.head)
            })
        }
        JournalCommand::Show { which, from, limit } => {
            let json = which.json;
            each(&which, from, limit, |entry| if json { line(entry) } else { Ok(told(entry)) })
        }
        JournalCommand::Export { which, from } => each(&which, from, usize::MAX, line),
        JournalCommand::Backup { which, to } => {
            let copied = open(&which)?.backup(&to)?;
            let report = VerifyReport { entries: copied.entries, head: copied.head };
            print(&which, &report, || {
                format!("{} entries copied into {} and verified", copied.entries, to.display())
            })
        }
        JournalCommand::Repair { which, to } => repair(&which, &to),
        JournalCommand::Accept { folder, yes } => accept(&folder, yes),
    }
}

/// A journal that is not there is not begun.
fn open(which: &Which) -> eyre::Result<JournalReader> {
    let folder = which.state()?.join("journal");
    ensure!(
        folder.is_dir(),
        "there is no journal in {}; an agent in mode `live` begins one",
        folder.display()
    );
    Ok(JournalReader::open(folder)?)
}

/// Prints up to `limit` entries from `from` on. A reader that has seen enough (a closed pipe) ends it.
fn each(
    which: &Which,
    from: u64,
    limit: usize,
    tell: impl Fn(&EntryView) -> eyre::Result<String>,
) -> eyre::Result<()> {
    for stored in open(which)?.entries(Sequence(from)).take(limit) {
        let Some(entry) = EntryView::of(stored?) else { continue };
        match writeln!(io::stdout(), "{}", tell(&entry)?) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
    Ok(())
}

fn line(entry: &EntryView) -> eyre::Result<String> {
    Ok(serde_json::to_string(entry)?)
}

fn told(entry: &EntryView) -> String {
    let kind = format!("{:?}", entry.kind).to_lowercase();
    format!("{:>6}  {:<8}  at {}  {}", entry.sequence.0, kind, entry.at, entry.page.get())
}

fn repair(which: &Which, to: &Path) -> eyre::Result<()> {
    let state = which.state()?;
    ensure!(!is_served(&state)?, "an agent runs in {}; stop it first", state.display());
    let Salvaged { kept, acknowledged, ambiguous, .. } = journal::salvage(state.join("journal"), to)?;
    let report = json!({ "kept": kept.entries, "acknowledged": acknowledged, "ambiguous": ambiguous });
    print(which, &report, || {
        let known =
            acknowledged.map_or_else(|| "an unknown number".to_owned(), |entries| entries.to_string());
        let doubt =
            if ambiguous { "; its last entries have two readings, and this is one of them" } else { "" };
        format!(
            "{} entries saved into {}, {known} were acknowledged{doubt}; nothing signs with it until `keepwright journal accept`",
            kept.entries,
            to.display()
        )
    })
}

fn accept(folder: &Path, yes: bool) -> eyre::Result<()> {
    can_ask(yes)?;
    println!("what the lost entries signed may still be mined; look for it on the chain first");
    ensure!(yes || agreed("let it sign again?")?, "nothing was accepted");
    journal::confirm(folder)?;
    println!("{} is accepted; put it in the old journal's place", folder.display());
    Ok(())
}
