//! An operator's desk: a folder with the example's config and policy, keys and passwords, and the binary.

use std::{
    error::Error,
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

use alloy::{
    primitives::{Address, U256, hex},
    providers::Provider,
    signers::local::PrivateKeySigner,
};
use chain_devnet::{Devnet, DevnetConfig, Mining, StartTime};
use chain_evm::{Keystore, Password, ScryptCost};
use tempfile::TempDir;

pub(crate) type Checked<T = ()> = Result<T, Box<dyn Error>>;

const CONFIG: &str = include_str!("../../../examples/liquidator.toml");
const POLICY: &str = include_str!("../../../examples/liquidator.policy.toml");
/// The agent's key: the same in each run, so that its addresses are.
const KEY: [u8; 32] = [1; 32];
const PASSWORD: &str = "nobody else is on this chain";
/// What anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_keepwright");

pub(crate) struct Desk {
    folder: TempDir,
    /// What the binary finds in its environment.
    env: Vec<(&'static str, &'static str)>,
}

impl Desk {
    /// The examples as they are, and a password.
    pub(crate) fn new() -> Checked<Self> {
        let desk = Self { folder: tempfile::tempdir()?, env: Vec::new() };
        desk.write("liquidator.toml", CONFIG)?;
        desk.write("liquidator.policy.toml", POLICY)?;
        desk.write("password", PASSWORD)?;
        desk.edit("liquidator.toml", "\"../.state/liquidator\"", "\"state\"")?;
        desk.edit("liquidator.toml", "\"../.state/keys/agent.json\"", "\"keys/agent.json\"")?;
        desk.edit(
            "liquidator.toml",
            "# password_file = \"../.state/password\"",
            "password_file = \"password\"",
        )?;
        Ok(desk)
    }

    /// On a chain of its own, with a key that owns ten ether.
    pub(crate) async fn on_devnet() -> Checked<(Self, Devnet, Address)> {
        Self::on(Mining::Automine).await
    }

    /// The same, on a chain whose blocks are made like this.
    pub(crate) async fn on(mining: Mining) -> Checked<(Self, Devnet, Address)> {
        let config = DevnetConfig { mining, start_time: StartTime::AtDump, ..DevnetConfig::default() };
        let devnet = Devnet::launch(config).await?;
        devnet.set_block_timestamp_interval(1).await?;
        let desk = Self::new()?;
        desk.edit("liquidator.toml", "ws://127.0.0.1:8545", &devnet.ws_url())?;
        let key = desk.import(&KEY)?;
        devnet.fund(key, U256::from(10_u128.pow(19))).await?;
        Ok((desk, devnet, key))
    }

    /// The same desk, and this in the environment of all that runs at it.
    #[cfg(feature = "aws-kms")]
    pub(crate) fn with_env(mut self, env: &[(&'static str, &'static str)]) -> Self {
        self.env.extend_from_slice(env);
        self
    }

    /// Makes this the agent's key.
    pub(crate) fn import(&self, secret: &[u8; 32]) -> Checked<Address> {
        self.import_as(secret, "agent.json")
    }

    /// Keeps it in this file of the folder `keys`.
    pub(crate) fn import_as(&self, secret: &[u8; 32], file: &str) -> Checked<Address> {
        let password = Password::new(PASSWORD.to_owned());
        let secret = hex::encode(secret);
        let keystore = Keystore::import(&self.path("keys"), &secret, &password, ScryptCost::LEAST)?;
        fs::rename(keystore.path(), self.path("keys").join(file))?;
        keystore.address().ok_or_else(|| "a key without address".into())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that only its owner may read.
    pub(crate) fn write(&self, name: &str, text: &str) -> Checked {
        fs::write(self.path(name), text)?;
        Ok(fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600))?)
    }

    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) -> Checked {
        let text = fs::read_to_string(self.path(name))?;
        if !text.contains(from) {
            return Err(format!("{name} has no {from}").into());
        }
        self.write(name, &text.replacen(from, to, 1))
    }

    /// Writes the executor's address into the policy, as the command that deploys it says.
    pub(crate) fn adopt(&self, executor: Address) -> Checked {
        let policy = fs::read_to_string(self.path("liquidator.policy.toml"))?;
        let line = policy.lines().find(|line| line.starts_with("# executor =")).ok_or("no executor line")?;
        self.edit("liquidator.policy.toml", line, &format!("executor = \"{executor}\""))
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments.split(' ')).current_dir(self.folder.path()).stdin(Stdio::null());
        // Tests share one key, and each has a chain of its own: the lock on the key is one per desk, too.
        command.envs(self.env.iter().copied());
        command.env_remove("KEEPWRIGHT_LOG").env("RUST_BACKTRACE", "1").env("TMPDIR", self.folder.path());
        // The devnet's cache is found from the current folder.
        command.env("KEEPWRIGHT_CACHE", Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache"));
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &str) -> Checked<Output> {
        Ok(self.command(arguments).output()?)
    }

    /// Runs the binary, which must succeed, and gives what it printed.
    pub(crate) fn succeeds(&self, arguments: &str) -> Checked<String> {
        let output = self.run(arguments)?;
        let (said, complained) = (self.told(&output.stdout), self.told(&output.stderr));
        assert!(output.status.success() && complained.is_empty(), "{arguments}: {said}{complained}");
        Ok(said)
    }

    /// Runs the binary, which must refuse: no success, nothing on standard output, one line on standard error besides
    /// warnings, which is given.
    pub(crate) fn refuses(&self, arguments: &str) -> Checked<String> {
        let output = self.run(arguments)?;
        let complained = self.told(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {complained}");
        assert_eq!(self.told(&output.stdout), "", "{arguments}: {complained}");
        assert!(!complained.contains("panicked") && !complained.contains("stack backtrace"), "{complained}");
        let is_warning = |line: &&str| line.starts_with("keepwright: warning: ") || line.contains(" WARN ");
        let lines: Vec<_> = complained.lines().filter(|line| !is_warning(line)).collect();
        let [line] = lines[..] else { return Err(format!("not one line: {complained}").into()) };
        Ok(line.strip_prefix("keepwright: ").ok_or("not in our name")?.to_owned())
    }

    /// Output as a snapshot can hold it: without this folder's name.
    pub(crate) fn told(&self, bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).replace(&self.folder.path().display().to_string(), "DESK")
    }

    pub(crate) fn start(&self, arguments: &str) -> Checked<Running> {
        Self::begin(self.command(arguments))
    }

    /// As [`run`](Self::run), saying as much as it can.
    pub(crate) fn trace(&self, arguments: &str) -> Checked<Output> {
        Ok(self.command(arguments).env("KEEPWRIGHT_LOG", "trace").output()?)
    }

    /// As [`start`](Self::start), saying as much as it can, into the file `said`.
    pub(crate) fn start_traced(&self, arguments: &str) -> Checked<Running> {
        let mut command = self.command(arguments);
        command.env("KEEPWRIGHT_LOG", "trace");
        let said = fs::File::create(self.path("said"))?;
        let mut child = command.stdout(Stdio::piped()).stderr(said).spawn()?;
        let lines = listen(&mut child)?;
        Ok(Running { child, lines, said: Some(self.path("said")) })
    }

    fn begin(mut command: Command) -> Checked<Running> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let lines = listen(&mut child)?;
        Ok(Running { child, lines, said: None })
    }
}

fn listen(child: &mut Child) -> Checked<mpsc::Receiver<String>> {
    let (out, lines) = (child.stdout.take().ok_or("no output")?, mpsc::channel());
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            drop(lines.0.send(line));
        }
    });
    Ok(lines.1)
}

/// The binary at work. It is killed with this.
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    /// Where it writes what it says on standard error, if not to a pipe.
    said: Option<PathBuf>,
}

impl Running {
    /// The first line of standard output that fits.
    pub(crate) fn until(&mut self, mut fits: impl FnMut(&str) -> bool) -> Checked<String> {
        let mut heard = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.map_err(|error| format!("{error} after {heard:#?} {}", self.complaint()))?;
            if fits(&line) {
                return Ok(line);
            }
            heard.push(line);
        }
    }

    /// The first event of this name, as `--json` prints it.
    pub(crate) fn until_event(&mut self, name: &str) -> Checked<serde_json::Value> {
        let start = format!("{{\"event\":\"{name}\"");
        Ok(serde_json::from_str(&self.until(|line| line.starts_with(&start))?)?)
    }

    /// What it said on standard error, once it is gone.
    fn complaint(&mut self) -> String {
        drop(self.child.kill());
        let mut text = String::new();
        if let Some(mut error) = self.child.stderr.take() {
            drop(error.read_to_string(&mut text));
        }
        text
    }

    /// Everything that it still says, and all that it said into its file.
    pub(crate) fn last_words(&mut self) -> Checked<String> {
        let mut words = String::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            words.push_str(&line);
        }
        self.child.wait()?;
        if let Some(said) = &self.said {
            words.push_str(&fs::read_to_string(said)?);
        }
        Ok(words)
    }

    pub(crate) fn signal(&self, name: &str) -> Checked {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status()?;
        if status.success() { Ok(()) } else { Err(kill.into()) }
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> Checked<ExitStatus> {
        // Nobody else reads what it still says.
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        Ok(self.child.wait()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already, but for a test that fails.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// How many transactions of this key are on the chain or on their way.
pub(crate) async fn sent(devnet: &Devnet, key: Address) -> Checked<u64> {
    Ok(devnet.provider().get_transaction_count(key).pending().await?)
}

/// The address of a key.
pub(crate) fn key_of(secret: &[u8; 32]) -> Checked<Address> {
    Ok(PrivateKeySigner::from_slice(secret)?.address())
}
