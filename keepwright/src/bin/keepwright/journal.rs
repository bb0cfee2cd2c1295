//! `keepwright journal`: beside a running agent through its socket, and on the files when none runs.

use std::{
    io::{self, Write},
    path::Path,
};

use eyre::ensure;
use keepwright::{
    control::{Client, ControlError, EntryView, JournalPage, VerifyReport},
    core::ports::{Journal, Sequence},
    journal::RedbJournal,
};

use crate::{
    cli::{JournalCommand, Which},
    operate::print,
};

/// Entries that are asked for at once.
const PAGE: usize = 256;

pub(crate) async fn run(command: JournalCommand) -> eyre::Result<()> {
    match command {
        JournalCommand::Verify(which) => {
            let report = Source::of(&which)?.verify().await?;
            let VerifyReport { entries, head } = report;
            print(&which, &report, || {
                format!("{entries} entries, every hash as it should be; the last is {head}")
            })
        }
        JournalCommand::Show { which, from, limit } => {
            let json = which.json;
            each(&which, from, limit, |entry| if json { line(entry) } else { Ok(told(entry)) }).await
        }
        JournalCommand::Export { which, from } => each(&which, from, u64::MAX, line).await,
    }
}

/// Prints up to `limit` entries from `from` on. A reader that has seen enough (a closed pipe) ends it.
async fn each(
    which: &Which,
    from: u64,
    limit: u64,
    tell: impl Fn(&EntryView) -> eyre::Result<String>,
) -> eyre::Result<()> {
    let (source, mut next, mut left) = (Source::of(which)?, Some(from), limit);
    while let Some(from) = next.filter(|_| left > 0) {
        let most = usize::try_from(left).unwrap_or(PAGE).min(PAGE);
        let page = source.page(from, most).await?;
        for entry in &page.entries {
            match writeln!(io::stdout(), "{}", tell(entry)?) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                written => written?,
            }
        }
        left = left.saturating_sub(u64::try_from(page.entries.len()).unwrap_or(u64::MAX));
        next = page.next;
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

/// Where the journal is read.
enum Source {
    /// A running agent holds it.
    Agent(Client),
    /// Nobody does.
    Files(RedbJournal),
}

impl Source {
    fn of(which: &Which) -> eyre::Result<Self> {
        let state = which.state()?;
        if keepwright::control::is_served(&state)? {
            return Ok(Self::Agent(Client::of(&state)));
        }
        Self::files(&state.join("journal"))
    }

    /// A journal that is not there is not begun.
    fn files(folder: &Path) -> eyre::Result<Self> {
        ensure!(
            folder.is_dir(),
            "there is no journal in {}; an agent in mode `live` begins one",
            folder.display()
        );
        Ok(Self::Files(RedbJournal::open(folder)?))
    }

    async fn page(&self, from: u64, limit: usize) -> eyre::Result<JournalPage> {
        match self {
            Self::Agent(client) => Ok(client.journal(from, limit).await?),
            Self::Files(journal) => {
                let stored = journal.read(Sequence(from), limit).await?;
                Ok(JournalPage::of(stored, limit))
            }
        }
    }

    async fn verify(&self) -> Result<VerifyReport, eyre::Report> {
        match self {
            Self::Agent(client) => client.verify().await.map_err(|error: ControlError| error.into()),
            Self::Files(journal) => {
                let verified = journal.verify().await?;
                Ok(VerifyReport { entries: verified.entries, head: verified.head })
            }
        }
    }
}
