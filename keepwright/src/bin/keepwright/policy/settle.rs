//! Before an agent acts: is this the policy that its operator confirmed?

use std::{path::Path, sync::Arc, time::Duration};

use alloy::primitives::B256;
use eyre::{Context, ensure};
use keepwright::{
    Keeper,
    core::{
        Origin, Refusal, StandingOrder,
        ports::{Command, Door, Reader},
    },
    door::Policy,
};
use tokio::time::sleep;

use super::copies::{changed, keep};

/// How often the door is asked whether it was confirmed.
const GLANCE: Duration = Duration::from_millis(500);

/// Whether the agent may act.
pub(crate) enum Settled {
    /// It may, and its orders are armed.
    Acts,
    /// It waits for its operator. What to say, and what to wait with.
    Waits(String, Waiting),
}

/// Arms an agent's orders once its policy is confirmed.
pub(crate) struct Waiting {
    door: Arc<dyn Door>,
    reader: Arc<dyn Reader>,
    orders: Vec<StandingOrder>,
    state: std::path::PathBuf,
    policy: (B256, String),
}

/// Confirms the policy `hash` if that is what the operator named on the command line.
pub(crate) async fn confirm_if(door: &dyn Door, hash: B256, confirm: Option<B256>) -> eyre::Result<()> {
    let Some(confirmed) = confirm else { return Ok(()) };
    ensure!(
        confirmed == hash,
        "`--confirm-policy` names {confirmed}, but the policy is {hash}; check the file and name that one"
    );
    Ok(door.command(Command::Confirm { policy: hash }, Origin::Operator).await??)
}

/// Confirms the policy if `confirm` is its hash, and arms `orders` (which end after as many seconds as they say, counted from
/// now) if it is confirmed.
pub(crate) async fn settle(
    keeper: &Keeper,
    (policy, text): (&Policy, String),
    orders: Vec<StandingOrder>,
    confirm: Option<B256>,
) -> eyre::Result<Settled> {
    let hash = policy.hash();
    confirm_if(keeper.door().as_ref(), hash, confirm).await?;
    let waiting = Waiting {
        door: keeper.door(),
        reader: keeper.reader(),
        orders,
        state: keeper.premises().state.clone(),
        policy: (hash, text),
    };
    if waiting.door.status().confirmed {
        waiting.act().await?;
        return Ok(Settled::Acts);
    }
    let told = changed(&waiting.state, hash, &waiting.policy.1).told();
    let todo = "nothing is done until you run `keepwright policy confirm`, or start again with `--confirm-policy HASH`";
    Ok(Settled::Waits(format!("{told}\n{todo}"), waiting))
}

impl Waiting {
    /// Waits for the operator, then acts; what went wrong, if anything.
    pub(crate) async fn until_confirmed(self) -> eyre::Result<()> {
        while !self.door.status().confirmed {
            sleep(GLANCE).await;
        }
        self.act().await
    }

    async fn act(&self) -> eyre::Result<()> {
        let (hash, text) = &self.policy;
        keep(&self.state, *hash, text).wrap_err_with(|| copy_failed(&self.state))?;
        arm(self.door.as_ref(), self.reader.as_ref(), &self.orders).await
    }
}

fn copy_failed(state: &Path) -> String {
    format!("the policy cannot be copied into {}", state.join("policies").display())
}

/// Arms `orders`, dated from the latest block. One that an earlier process armed and that still lives stays as it is.
async fn arm(door: &dyn Door, reader: &dyn Reader, orders: &[StandingOrder]) -> eyre::Result<()> {
    let (head, _) = reader.read(Vec::new()).await?;
    for order in orders {
        let expires = head.timestamp.plus(order.expires.0);
        let armed = StandingOrder { expires, ..order.clone() };
        match door.command(Command::Arm(armed), Origin::Operator).await? {
            Ok(()) | Err(Refusal::AlreadyArmed(_)) => {}
            Err(refusal) => {
                return Err(refusal)
                    .wrap_err_with(|| format!("the door refuses the standing order {}", order.id));
            }
        }
    }
    Ok(())
}
