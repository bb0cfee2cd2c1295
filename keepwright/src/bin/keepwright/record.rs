//! `keepwright run --record`: what strategies hear and ask for, as files.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    sync::mpsc::{Receiver, TrySendError, sync_channel},
    thread,
};

use eyre::{Context, bail};
use keepwright::core::{Heard, Recorded, ports::Strategy};
use serde::{Deserialize, Serialize};

/// What the first line's `format` says.
const FORMAT: &str = "keepwright-events";
const VERSION: u32 = 1;
/// Events that may wait for the disk.
const WAITING: usize = 1_024;

/// The first line of a recording. Every other line is one [`Heard`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    format: String,
    version: u32,
    /// Whose recording it is.
    pub(crate) strategy: String,
}

impl Header {
    pub(crate) fn read(line: &str) -> eyre::Result<Self> {
        let header: Self = serde_json::from_str(line)
            .wrap_err("the first line is no header; name a file of `run --record`")?;
        if header.format != FORMAT || header.version != VERSION {
            bail!(
                "it is of format {} {}; this version reads {FORMAT} {VERSION}",
                header.format,
                header.version
            );
        }
        Ok(header)
    }
}

/// The same strategy, recorded into a new file of `folder` that has its name.
///
/// The disk is written by a thread of its own. Where it does not keep up, or fails, the recording ends with a warning: one with a
/// gap would be worth nothing. The agent goes on.
pub(crate) fn into(folder: &Path, strategy: Box<dyn Strategy>) -> eyre::Result<Box<dyn Strategy>> {
    fs::create_dir_all(folder).wrap_err_with(|| format!("folder {} cannot be made", folder.display()))?;
    let path = folder.join(format!("{}.jsonl", strategy.name()));
    let file = File::create_new(&path)
        .wrap_err_with(|| format!("recording {} cannot be begun; name a new folder", path.display()))?;
    let header = Header { format: FORMAT.to_owned(), version: VERSION, strategy: strategy.name().to_owned() };
    let mut out = BufWriter::new(file);
    write(&mut out, &header).wrap_err_with(|| format!("recording {} cannot be written", path.display()))?;
    let (told, lines) = sync_channel::<Box<Heard>>(WAITING);
    thread::spawn(move || keep(&path, out, &lines));
    let mut told = Some(told);
    Ok(Box::new(Recorded::new(strategy, move |heard| {
        if let Some(open) = &told
            && let Err(TrySendError::Full(_)) = open.try_send(Box::new(heard))
        {
            eprintln!("keepwright: warning: the disk does not keep up with the recording, which ends here");
            told = None;
        }
    })))
}

fn keep(path: &Path, mut out: BufWriter<File>, lines: &Receiver<Box<Heard>>) {
    for heard in lines {
        if let Err(error) = write(&mut out, &heard) {
            let path = path.display();
            eprintln!("keepwright: warning: recording {path} cannot be written, and ends here: {error}");
            return;
        }
    }
}

/// A line that is whole: whoever ends us leaves one that can be read to its last newline.
fn write(out: &mut BufWriter<File>, line: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")?;
    out.flush()
}
