//! The node's process. It dies with the thread that started it, even where this process is killed outright.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::error::{DevnetError, Result};

/// How long a busy machine may take to start the node.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long the node may take to write its state and leave.
const LEAVE_LIMIT: Duration = Duration::from_secs(60);

/// How a node is started.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// The port; 0 lets the system choose.
    pub(crate) port: u16,
    /// Further arguments.
    pub(crate) arguments: Vec<String>,
}

/// A running node. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Anvil {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Anvil {
    /// Starts the node and waits until it says on which port it listens. The line comes from the child's own output, so
    /// the port cannot be another node's.
    pub(crate) async fn start(binary: &Path, options: Options) -> Result<Self> {
        if !binary.is_file() {
            return Err(DevnetError::ArtifactsMissing { path: binary.to_owned() });
        }
        let folder =
            tempfile::tempdir().map_err(|error| DevnetError::io("create", std::env::temp_dir(), error))?;
        let errors = folder.path().join("stderr");
        let launch = Launch { binary: binary.to_owned(), arguments: arguments(&options, &folder), errors };
        let (spawned, child) = oneshot::channel();
        let (ready, port) = oneshot::channel();
        let name = String::from("anvil");
        std::thread::Builder::new()
            .name(name)
            .spawn(move || keep(&launch, spawned, ready))
            .map_err(|error| DevnetError::io("start a thread for", binary, error))?;
        let lost = |_closed| DevnetError::NotStarted { reason: String::from("its thread died") };
        let child = child.await.map_err(lost)?.map_err(|error| DevnetError::io("start", binary, error))?;
        let mut anvil = Self { child, port: 0, folder };
        match tokio::time::timeout(START_LIMIT, port).await {
            Ok(Ok(port)) => anvil.port = port,
            Ok(Err(_closed)) => return Err(DevnetError::NotStarted { reason: anvil.last_words() }),
            Err(_elapsed) => {
                return Err(DevnetError::NotStarted { reason: String::from("it said nothing in time") });
            }
        }
        Ok(anvil)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn ipc_path(&self) -> PathBuf {
        ipc_path(&self.folder)
    }

    /// Whether the process still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks the node to leave, so that it writes its state, and waits until it has.
    pub(crate) async fn leave(mut self) -> Result<()> {
        // The shell's own `kill`: a bare system has no other.
        let asked = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &self.pid().to_string()]).status();
        asked.map_err(|error| DevnetError::io("ask to leave", "anvil", error))?;
        let gone = async {
            while self.is_alive() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let late =
            |_elapsed| DevnetError::NotStarted { reason: String::from("it did not write its state in time") };
        tokio::time::timeout(LEAVE_LIMIT, gone).await.map_err(late)
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default();
        let text = text.trim();
        if text.is_empty() { String::from("it left without a word") } else { text.to_owned() }
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            tracing::debug!(%error, "anvil was gone already");
        }
    }
}

fn ipc_path(folder: &TempDir) -> PathBuf {
    folder.path().join("anvil.ipc")
}

fn arguments(options: &Options, folder: &TempDir) -> Vec<String> {
    let mut arguments = vec![
        String::from("--port"),
        options.port.to_string(),
        String::from("--ipc"),
        ipc_path(folder).display().to_string(),
        // A node that is killed leaves its old states: gigabytes in the user's home, if they were not in this folder.
        String::from("--cache-path"),
        folder.path().display().to_string(),
    ];
    arguments.extend(options.arguments.iter().cloned());
    arguments
}

/// What the node's thread needs.
struct Launch {
    binary: PathBuf,
    arguments: Vec<String>,
    errors: PathBuf,
}

/// The node's thread. The kernel sends the death signal when the *thread* that spawned the child ends, so this one lives
/// for as long as the child does, reading what it prints.
fn keep(launch: &Launch, spawned: oneshot::Sender<std::io::Result<Child>>, ready: oneshot::Sender<u16>) {
    let mut child = match spawn(launch) {
        Ok(child) => child,
        Err(error) => return drop(spawned.send(Err(error))),
    };
    let output = child.stdout.take();
    if let Err(Ok(mut unwanted)) = spawned.send(Ok(child)) {
        // Nobody waits any more. A failure to kill it means that it is gone.
        unwanted.kill().unwrap_or_default();
        return;
    }
    if let Some(output) = output {
        listen(output, ready);
    }
}

/// Reports the port, then reads on so that the node never blocks on a full pipe.
fn listen(output: ChildStdout, ready: oneshot::Sender<u16>) {
    let mut output = BufReader::new(output);
    let mut line = String::new();
    while output.read_line(&mut line).is_ok_and(|read| read > 0) {
        if let Some(port) = port_of(&line) {
            ready.send(port).unwrap_or_default();
            break;
        }
        line.clear();
    }
    let mut chunk = [0_u8; 4096];
    while output.read(&mut chunk).is_ok_and(|read| read > 0) {}
}

fn port_of(line: &str) -> Option<u16> {
    line.trim().strip_prefix("Listening on ")?.rsplit(':').next()?.parse().ok()
}

/// Through `setpriv` where the system has it, so that the kernel kills the node when its parent dies.
fn spawn(launch: &Launch) -> std::io::Result<Child> {
    let mut guarded = Command::new("setpriv");
    guarded.args(["--pdeathsig", "KILL"]).arg(&launch.binary);
    match spawn_as(guarded, launch) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            spawn_as(Command::new(&launch.binary), launch)
        }
        outcome => outcome,
    }
}

fn spawn_as(mut command: Command, launch: &Launch) -> std::io::Result<Child> {
    let errors = std::fs::File::create(&launch.errors)?;
    command.args(&launch.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_nodes_own_line() {
        assert_eq!(port_of("Listening on 127.0.0.1:41339\n"), Some(41_339));
        assert_eq!(port_of("IPC path: /tmp/x.ipc\n"), None);
        assert_eq!(port_of("Listening on 127.0.0.1:nothing"), None);
    }
}
