//! `keepwright door`: the door, its journal and its key, in a process that no strategy and no planner runs in.

use std::sync::Arc;

use eyre::OptionExt;
use keepwright::{Authority, Site, core::units::Timestamp};

use crate::{
    beside::Beside,
    cli::DoorArgs,
    config::Config,
    policy::{self, Settled},
    run::{names, ready_to_act},
    shutdown,
    view::{Printer, Style, Watcher},
};

pub(crate) async fn run(args: DoorArgs) -> eyre::Result<()> {
    let config = Config::read(&args.config)?;
    let table =
        config.door.as_ref().ok_or_eyre("the config has no `[door]`; add its `state` and `socket`")?;
    let (policy, text) = policy::read(&config.policy)?;
    let endpoint = config.chain.connect().await?;
    let authority = Authority::Live(ready_to_act(&config, &policy, &endpoint).await?);
    let style = Style::of_output(args.json);
    let (printer, events) = Printer::start(style);
    let observer = Arc::new(Watcher::new(names(&policy, &authority), events.clone()));
    let site = Site { state: table.state.clone(), ..config.site(endpoint, &policy, observer) };
    let keeper = site.open(authority).await?.controlled(config.control())?;
    let mut beside = Beside::start(&keeper, style, events);
    let orders = config.standing_orders(&policy, Timestamp(0))?;
    if let Settled::Waits(told, waiting) =
        policy::settle(&keeper, (&policy, text), orders, args.confirm_policy).await?
    {
        beside.wait(told, waiting);
    }
    let served = keeper.serve_door(&table.socket, table.agent_user, shutdown::requested()).await;
    beside.end().await;
    printer.finish().await;
    Ok(served?)
}
