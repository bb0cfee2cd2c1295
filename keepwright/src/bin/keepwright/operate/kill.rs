//! `kill` and `unkill`: they work on the file, so that no agent has to run, or to listen.

use eyre::{Context, ensure};
use keepwright::{
    control::{Client, ControlError, is_served},
    door::KillSwitch,
};
use serde_json::json;

use crate::cli::Which;

use super::{agreed, can_ask, print};

/// The file first: it stops an agent that no longer listens. Then the agent hears it, and disarms its orders at once.
pub(super) async fn kill(which: &Which, why: &str) -> eyre::Result<()> {
    let state = which.state()?;
    let switch = KillSwitch::at(&state.join("KILL"));
    let latched = switch.latch_because(why);
    let heard = match Client::of(&state).kill(why).await {
        Ok(_report) => true,
        Err(ControlError::NotServed(_)) => false,
        Err(error) => {
            eprintln!("keepwright: warning: {error}");
            false
        }
    };
    latched.wrap_err_with(|| {
        let whom =
            if heard { "the running agent is killed, but later starts are not" } else { "NOTHING is killed" };
        format!("{whom}: {} cannot be written", state.join("KILL").display())
    })?;
    print(which, &json!({ "latched": true, "heard_by_agent": heard }), || {
        let who =
            if heard { "the running agent heard it and disarmed its orders" } else { "no agent runs here" };
        format!("killed: nothing is signed or broadcast until `keepwright unkill`; {who}")
    })
}

pub(super) fn unkill(which: &Which, yes: bool) -> eyre::Result<()> {
    let state = which.state()?;
    ensure!(
        !is_served(&state)?,
        "an agent runs in {}; stop it first: what is killed while it runs stays killed until it ends",
        state.display()
    );
    let switch = KillSwitch::at(&state.join("KILL"));
    let Some(why) = switch.why() else {
        return print(which, &json!({ "was_latched": false }), || {
            "the kill switch is not latched".to_owned()
        });
    };
    can_ask(yes)?;
    if !which.json {
        println!("latched because: {why}");
        println!(
            "once it is cleared, the next start signs again what its policy allows, and arms the config's orders"
        );
    }
    ensure!(yes || agreed("clear it?")?, "nothing was cleared");
    switch.clear().wrap_err_with(|| format!("{} cannot be removed", state.join("KILL").display()))?;
    print(which, &json!({ "was_latched": true, "why": why }), || "the kill switch is cleared".to_owned())
}
