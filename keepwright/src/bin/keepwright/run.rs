//! `keepwright run`: the agent that a config file describes.

use std::sync::Arc;

use alloy::{primitives::Address, sol, sol_types::SolCall};
use eyre::{Context, OptionExt, bail};
use keepwright::{
    Authority, Keeper,
    core::{
        Query,
        ports::Reader,
        units::{Timestamp, Token},
    },
    door::Policy,
    evm::{Endpoint, EvmReader, ExecutorState, ReaderConfig, UnlockedKey},
    liquidation::{ExplainLiquidation, LiquidationPositions, LiquidationStrategy, Revision},
    runtime::{RulesPlanner, tools::ArmStandingOrder},
};

use crate::{
    beside::Beside,
    cli::{Mode, RunArgs},
    code,
    config::{self, Config, PlannerTable},
    policy::{self, Settled},
    shutdown,
    unlock::unlock,
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
    let keeper = equip(site.open(authority).await?, &config, &policy)?.controlled(config.control())?;
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

/// The key, once it is clear that it can act here: a pool that the strategy knows, contracts that are what they were, and
/// an executor of this version that the key owns.
pub(crate) async fn ready_to_act(
    config: &Config,
    policy: &Policy,
    endpoint: &Endpoint,
) -> eyre::Result<UnlockedKey> {
    if let Some(table) = &config.liquidation {
        check_pool(table.pool, endpoint).await?;
    }
    let executor = policy.executor().ok_or_eyre(
        "the policy names no executor; run `keepwright executor deploy` and write its address into the policy",
    )?;
    let state = ExecutorState::read(endpoint, executor).await?;
    code::check(config, policy, endpoint, config.operated()).await?;
    let key = unlock(config).await?;
    match state {
        ExecutorState::Ours { owner } if owner == key.address() => Ok(key),
        ExecutorState::Ours { owner } => {
            bail!(
                "executor {executor} belongs to {owner}, not to the key {}; use its owner's keystore",
                key.address()
            )
        }
        ExecutorState::NotOurs => {
            bail!("{executor} holds no executor of this version; run `keepwright executor deploy`")
        }
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
    let executor = policy.executor().map(|executor| (executor, "executor".to_owned()));
    let key = match authority {
        Authority::Live(key) => Some((key.address(), "key".to_owned())),
        Authority::Observe | Authority::Remote(_) => None,
    };
    Names { tokens, holders: executor.into_iter().chain(key).collect() }
}

/// Adds the strategies and the tools that the config asks for.
pub(crate) fn equip(keeper: Keeper, config: &Config, policy: &Policy) -> eyre::Result<Keeper> {
    let table =
        config.liquidation.as_ref().ok_or_eyre("the config has no strategy; add a `[liquidation]` table")?;
    let strategy = LiquidationStrategy::new(table.strategy(policy, config.chain.terms)?);
    let (positions, explain) =
        (LiquidationPositions::new(strategy.view()), ExplainLiquidation::new(strategy.view()));
    let arm = ArmStandingOrder { tokens: policy.tokens().cloned().collect() };
    Ok(keeper.strategy(strategy).tool(positions).tool(explain).tool(arm))
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
