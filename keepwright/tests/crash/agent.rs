//! The agent as a process of its own: made of the library as a user would, with an observer that tells each step on standard
//! output and kills the process where it is told to.

use std::{
    env, fs,
    io::Read,
    num::NonZeroU64,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use agent_core::{
    ArmedBy, OrderId, Outcome, Settlement, StandingOrder,
    ports::{Moment, Observer},
    units::{ChainId, UsdE8},
};
use agent_runtime::RulesPlanner;
use chain_door::Policy;
use chain_evm::{Endpoint, Keystore, OrderFlowRoutes, Password, UnlockedKey};
use keepwright::{Authority, ChainTerms, Keeper, Site};
use tokio::sync::{mpsc, oneshot};
use tool_liquidation::{LiquidationConfig, LiquidationStrategy};

use crate::stage::Checked;

/// The steps of a liquidation, in their order.
pub(crate) const STEPS: [&str; 7] =
    ["published", "offered", "simulated", "approved", "recorded", "sent", "closed"];

/// Before each line that is meant for the parent.
const MARK: &str = "agent: ";

/// How long a step may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// After how long without a word the agent is waiting for a block.
const PAUSE: Duration = Duration::from_millis(100);

#[expect(clippy::disallowed_methods, reason = "test support reads the environment")]
fn environment(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// The first round of a long run.
pub(crate) fn seed() -> Checked<u64> {
    environment("KEEPWRIGHT_SEED").map_or(Ok(1), |seed| Ok(seed.parse()?))
}

/// What one line of the agent says.
fn told(moment: Moment<'_>) -> Option<(&'static str, String)> {
    Some(match moment {
        Moment::Head(head) => ("head", head.block.number.to_string()),
        Moment::Published(opportunity) => ("published", opportunity.id.to_string()),
        Moment::Offered(draft, _) => ("offered", draft.id.to_string()),
        Moment::Simulated(id, _) => ("simulated", id.to_string()),
        Moment::Approved(id) => ("approved", id.to_string()),
        Moment::Recorded(id, _) => ("recorded", id.to_string()),
        Moment::Sent(_, sent) => ("sent", sent.transaction.to_string()),
        Moment::Closed(_, Outcome::Closed(Settlement::Settled(mined))) => {
            ("closed", format!("settled in block {}", mined.block.number))
        }
        Moment::Closed(_, outcome) => ("closed", outcome.to_string()),
        Moment::Refused(id, refusal) => ("refused", format!("{id}: {refusal}")),
        Moment::Warned(text) => ("warned", text.to_owned()),
        Moment::Asked | _ => return None,
    })
}

struct Killer {
    step: Option<String>,
}

impl Observer for Killer {
    fn saw(&self, moment: Moment<'_>) {
        let Some((step, detail)) = told(moment) else { return };
        println!("{MARK}{step} {detail}");
        if self.step.as_deref() == Some(step) {
            let pid = std::process::id().to_string();
            drop(Command::new("sh").args(["-c", "kill -9 \"$0\"", &pid]).status());
            // The signal is on its way; not a step further.
            loop {
                std::thread::park();
            }
        }
    }
}

/// What both processes know: everything is in one folder.
pub(crate) struct Home(pub(crate) PathBuf);

impl Home {
    pub(crate) fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    pub(crate) fn policy(&self) -> PathBuf {
        self.0.join("policy.toml")
    }

    pub(crate) fn strategy(&self) -> PathBuf {
        self.0.join("strategy.json")
    }

    pub(crate) fn url(&self) -> PathBuf {
        self.0.join("url")
    }

    fn key(&self) -> Checked<UnlockedKey> {
        let keystore = Keystore::list(&self.keys())?.pop().ok_or("no key")??;
        Ok(keystore.unlock(&password())?)
    }

    /// The agent without strategies. One process at a time.
    pub(crate) async fn open(&self, observer: Arc<dyn Observer>) -> Checked<Keeper> {
        let site = Site {
            endpoint: Endpoint::connect(&fs::read_to_string(self.url())?, ChainId(31_337)).await?,
            policy: Policy::parse(&fs::read_to_string(self.policy())?)?,
            state: self.0.join("state"),
            terms: ChainTerms::usual(NonZeroU64::MIN, 1),
            routes: OrderFlowRoutes::none(),
            observer,
        };
        Ok(site.open(Authority::Live(self.key()?.into())).await?)
    }
}

pub(crate) fn password() -> Password {
    Password::new("nobody else is on this chain".to_owned())
}

/// The child: does nothing unless a stage has started it.
pub(crate) async fn run_as_told() -> Checked {
    let Some(home) = environment("KEEPWRIGHT_CRASH_HOME") else { return Ok(()) };
    let home = Home(home.into());
    let strategy: LiquidationConfig = serde_json::from_str(&fs::read_to_string(home.strategy())?)?;
    let limits: Vec<_> =
        strategy.tokens.iter().map(|token| token.parse("60000")).collect::<Result<_, _>>()?;
    let keeper = home.open(Arc::new(Killer { step: environment("KEEPWRIGHT_CRASH_STEP") })).await?;
    let (head, _) = keeper.reader().read(Vec::new()).await?;
    let order = StandingOrder {
        id: OrderId("all".to_owned()),
        class: "aave-liquidation/*".to_owned(),
        armed_by: ArmedBy::Operator,
        min_net: UsdE8(1_000_000_000),
        max_notional: limits,
        uses: 20,
        expires: head.timestamp.plus(86_400),
    };
    keeper.arm(order).await??;
    let (stop, stopped) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        // Its end is the parent's word, or the parent's death.
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        drop(stop);
    });
    let planner = RulesPlanner { min_net: UsdE8(i128::MAX) };
    keeper.strategy(LiquidationStrategy::new(strategy)).run(planner, async { drop(stopped.await) }).await?;
    Ok(())
}

/// The agent as its parent holds it.
pub(crate) struct Agent {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<String>,
}

/// What the agent said, or did not.
pub(crate) enum Heard {
    /// A step.
    Line(String),
    /// Nothing for a moment.
    Nothing,
    /// It is gone.
    End,
}

impl Agent {
    /// Runs this very test binary again, as the agent.
    pub(crate) fn start(home: &Path, step: Option<&str>) -> Checked<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["--exact", "tests::child_agent", "--ignored", "--nocapture"]);
        command.env("KEEPWRIGHT_CRASH_HOME", home);
        if let Some(step) = step {
            command.env("KEEPWRIGHT_CRASH_STEP", step);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().ok_or("no output")?);
        let (told, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::BufRead::lines(std::io::BufReader::new(stdout)).map_while(Result::ok) {
                // The first line of a test shares its line with the test's name.
                if let Some((_, line)) = line.split_once(MARK) {
                    drop(told.send(line.to_owned()));
                }
            }
        });
        Ok(Self { child, stdin, lines })
    }

    pub(crate) async fn hear(&mut self) -> Heard {
        match tokio::time::timeout(PAUSE, self.lines.recv()).await {
            Ok(Some(line)) => {
                println!("    {line}");
                Heard::Line(line.split(' ').next().unwrap_or_default().to_owned())
            }
            Ok(None) => Heard::End,
            Err(_elapsed) => Heard::Nothing,
        }
    }

    /// Asks it to stop.
    pub(crate) fn stop(&mut self) {
        drop(self.stdin.take());
    }

    pub(crate) fn ended_well(mut self) -> Checked {
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the agent failed: {status}").into()) }
    }

    pub(crate) fn killed(mut self) -> Checked {
        let status = self.child.wait()?;
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        if signal == Some(9) { Ok(()) } else { Err(format!("the agent ended by itself: {status}").into()) }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Gone already, but for a test that fails.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
