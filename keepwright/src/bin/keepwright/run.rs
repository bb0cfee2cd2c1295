//! `keepwright run`: the agent that a config file describes.

use std::{collections::BTreeMap, sync::Arc};

use alloy::{primitives::Address, sol, sol_types::SolCall};
use eyre::{Context, OptionExt, bail, ensure};
use keepwright::{
    Authority, Keeper, LaneKeys,
    arbitrage::{ArbitragePools, ArbitrageStrategy, ExplainArbitrage},
    core::{
        Query,
        ports::{Reader, Strategy},
        units::{Timestamp, Token},
    },
    door::{DEFAULT_LANE, Policy},
    evm::{Endpoint, EvmReader, ExecutorState, ReaderConfig},
    liquidation::{ExplainLiquidation, LiquidationPositions, LiquidationStrategy, Revision},
    runtime::{RulesPlanner, tools::ArmStandingOrder},
};

use crate::{
    beside::Beside,
    cli::{Mode, RunArgs},
    code,
    config::{self, Config, PlannerTable},
    policy::{self, Settled},
    record, shutdown,
    unlock::{check_lanes, unlock_all},
    view::{Names, Printer, Style, Watcher},
};

sol! {
    function POOL_REVISION() external view returns (uint256);
}

pub(crate) async fn run(args: RunArgs) -> eyre::Result<()> {
    let config = Config::read(&args.config)?;
    let (policy, text) = policy::read(&config.policy)?;
    let endpoint = config.chain.connect().await?;
    let mode = args.mode.unwrap_or(config.mode);
    let authority = match mode {
        Mode::Observe => Authority::Observe,
        Mode::Live => authority(&config, &policy, &endpoint).await?,
    };
    let style = Style::of_output(args.json);
    let (printer, events) = Printer::start(style);
    let observer = Arc::new(Watcher::new(names(&policy, &authority), events.clone()));
    let site = config.site(endpoint, &policy, observer);
    let keeper = site.open(authority).await?;
    let keeper = match &args.record {
        Some(folder) => equip(keeper, &config, &policy, |strategy| record::into(folder, strategy))?,
        None => equip(keeper, &config, &policy, Ok)?,
    };
    let keeper = keeper.controlled(config.control())?;
    let mut beside = Beside::start(&keeper, style, events);
    // A door in a process of its own arms the orders itself.
    if mode == Mode::Live && config.door.is_none() {
        let orders = config.standing_orders(&policy, Timestamp(0))?;
        let settled = policy::settle(&keeper, (&policy, text), orders, args.confirm_policy).await?;
        if let Settled::Waits(told, waiting) = settled {
            beside.wait(told, waiting);
        }
    }
    let PlannerTable::Rules { min_net_usd } = config.planner;
    let ran = keeper.run(RulesPlanner { min_net: config::usd(min_net_usd) }, shutdown::requested()).await;
    beside.end().await;
    printer.finish().await;
    Ok(ran?)
}

/// What a live agent acts with: the door of another process, or a key of its own.
async fn authority(config: &Config, policy: &Policy, endpoint: &Endpoint) -> eyre::Result<Authority> {
    match &config.door {
        Some(door) => {
            if let Some(table) = &config.liquidation {
                check_pool(table.pool, endpoint).await?;
            }
            code::check(config, policy, endpoint, &config.state).await?;
            Ok(Authority::Remote(door.socket.clone()))
        }
        None => Ok(Authority::Live(ready_to_act(config, policy, endpoint).await?)),
    }
}

/// The keys, once it is clear that they can act here: a pool that the strategy knows, contracts that are what they were, and
/// in each lane an executor of this version that its key owns.
pub(crate) async fn ready_to_act(
    config: &Config,
    policy: &Policy,
    endpoint: &Endpoint,
) -> eyre::Result<LaneKeys> {
    if let Some(table) = &config.liquidation {
        check_pool(table.pool, endpoint).await?;
    }
    check_lanes(config, policy)?;
    let mut owners = Vec::new();
    for (lane, executor) in policy.lanes() {
        owners.push(owner(lane, executor, endpoint).await?);
    }
    code::check(config, policy, endpoint, config.operated()).await?;
    let keys = unlock_all(config, policy).await?;
    for ((name, key), (executor, owner)) in keys.addresses().zip(owners) {
        let lane = name.map_or_else(String::new, |name| format!(" of lane `{name}`"));
        ensure!(
            owner == key,
            "executor {executor}{lane} belongs to {owner}, not to the key {key}; use its owner's keystore"
        );
    }
    Ok(keys)
}

/// The executor of a lane, and who owns it.
async fn owner(
    lane: &str,
    executor: Option<Address>,
    endpoint: &Endpoint,
) -> eyre::Result<(Address, Address)> {
    let (whose, option) = match lane {
        DEFAULT_LANE => ("the policy".to_owned(), String::new()),
        lane => (format!("lane `{lane}` of the policy"), format!(" --lane {lane}")),
    };
    let deploy = format!("run `keepwright executor deploy{option}`");
    let executor = executor
        .ok_or_eyre(format!("{whose} names no executor; {deploy} and write its address into the policy"))?;
    match ExecutorState::read(endpoint, executor).await? {
        ExecutorState::Ours { owner } => Ok((executor, owner)),
        ExecutorState::NotOurs => bail!("{executor} holds no executor of this version; {deploy}"),
    }
}

/// Whether the pool is an Aave whose arithmetic the strategy knows: with another one it would find nothing, or worse.
async fn check_pool(pool: Address, endpoint: &Endpoint) -> eyre::Result<()> {
    let reader = EvmReader::new(endpoint.clone(), ReaderConfig::usual());
    let query = Query { to: pool, data: POOL_REVISIONCall {}.abi_encode().into() };
    let (_, answers) = reader.read(vec![query]).await?;
    let answer = answers.into_iter().next().and_then(Result::ok);
    let revision = answer.and_then(|bytes| POOL_REVISIONCall::abi_decode_returns(&bytes).ok());
    let revision = revision.ok_or_eyre(format!("{pool} is no Aave pool; correct `liquidation.pool`"))?;
    Revision::try_from(revision).wrap_err_with(|| format!("`liquidation.pool` {pool} cannot be used"))?;
    Ok(())
}

pub(crate) fn names(policy: &Policy, authority: &Authority) -> Names {
    let tokens = policy.tokens().map(|token: &Token| (token.address, token.clone())).collect();
    let of = |what: &str, lane: &str| match lane {
        DEFAULT_LANE => what.to_owned(),
        lane => format!("{what} of {lane}"),
    };
    let executors = policy.lanes().filter_map(|(lane, executor)| Some((executor?, of("executor", lane))));
    let mut holders: BTreeMap<Address, String> = executors.collect();
    if let Authority::Live(keys) = authority {
        let named = |(lane, key): (Option<&str>, Address)| (key, of("key", lane.unwrap_or(DEFAULT_LANE)));
        holders.extend(keys.addresses().map(named));
    }
    Names { tokens, holders }
}

/// Adds the strategies, each as `wrap` has it, and the tools that the config asks for.
pub(crate) fn equip(
    mut keeper: Keeper,
    config: &Config,
    policy: &Policy,
    wrap: impl Fn(Box<dyn Strategy>) -> eyre::Result<Box<dyn Strategy>>,
) -> eyre::Result<Keeper> {
    ensure!(
        config.liquidation.is_some() || config.arbitrage.is_some(),
        "the config has no strategy; add a `[liquidation]` or an `[arbitrage]` table"
    );
    if let Some(table) = &config.liquidation {
        let strategy = LiquidationStrategy::new(table.strategy(policy, config.chain.terms)?);
        let view = strategy.view();
        let tools = (LiquidationPositions::new(view.clone()), ExplainLiquidation::new(view));
        keeper = keeper.strategy(wrap(Box::new(strategy))?).tool(tools.0).tool(tools.1);
    }
    if let Some(table) = &config.arbitrage {
        let strategy = ArbitrageStrategy::new(table.strategy(policy, config.chain.terms)?);
        let view = strategy.view();
        let tools = (ArbitragePools::new(view.clone()), ExplainArbitrage::new(view));
        keeper = keeper.strategy(wrap(Box::new(strategy))?).tool(tools.0).tool(tools.1);
    }
    Ok(keeper.tool(ArmStandingOrder { tokens: policy.tokens().cloned().collect() }))
}

/// Arms the config's standing orders, dated from the latest block.
pub(crate) async fn arm(keeper: &Keeper, config: &Config, policy: &Policy) -> eyre::Result<()> {
    let (head, _) = keeper.reader().read(Vec::new()).await?;
    for order in config.standing_orders(policy, head.timestamp)? {
        let id = order.id.clone();
        let heard = keeper.arm(order).await?;
        heard.wrap_err_with(|| format!("the door refuses the standing order {id}"))?;
    }
    Ok(())
}
