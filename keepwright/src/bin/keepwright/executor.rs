//! `keepwright executor`: an operator's business with the executor contract, through the same door as everything else.

use std::sync::Arc;

use alloy::primitives::{Address, U256};
use eyre::{OptionExt, bail, eyre};
use keepwright::{
    Authority, Keeper, Site,
    core::{
        Action, Draft, Maintenance, Mined, OpportunityId, Origin, Outcome, Settlement,
        ports::{Offered, Unobserved},
        units::Token,
    },
    door::{DEFAULT_LANE, Policy},
    evm::ExecutorState,
};

use crate::{
    cli::{ConfigFile, ExecutorCommand},
    config::{self, Config},
    policy,
    unlock::unlock,
};

pub(crate) async fn run(command: ExecutorCommand) -> eyre::Result<()> {
    match command {
        ExecutorCommand::Deploy(which) => {
            let (config, policy) = read(&which)?;
            if let Some(executor) = policy.executor() {
                bail!("the policy already names the executor {executor}; remove that line to deploy another");
            }
            let created = deploy(&open(&config, policy, &which).await?).await?;
            println!("executor deployed at {created}");
            let table =
                if which.lane == DEFAULT_LANE { String::new() } else { format!("[lanes.{}] ", which.lane) };
            println!("write this into {}: {table}executor = \"{created}\"", config.policy.display());
        }
        ExecutorCommand::Owner { config: which, offer_to, accept } => {
            let (config, policy) = read(&which)?;
            let change = offer_to.map(|to| Maintenance::TransferOwnership { to });
            if let Some(change) = change.or(accept.then_some(Maintenance::AcceptOwnership)) {
                maintain(&open(&config, policy.clone(), &which).await?, change).await?;
            }
            println!("{}", owner(&config, &policy).await?);
        }
        ExecutorCommand::Withdraw { config: which, token, amount, to } => {
            let (config, policy) = read(&which)?;
            let native = Token { address: Address::ZERO, symbol: "ETH".to_owned(), decimals: 18 };
            let token = if token == native.symbol { native } else { config::token(&policy, &token)?.clone() };
            let amount = token.parse(&amount)?;
            let maintenance = Maintenance::Withdraw { token: amount.token, raw: amount.raw, to };
            let mined = maintain(&open(&config, policy, &which).await?, maintenance).await?;
            println!("{} sent to {to} in transaction {}", token.display(amount.raw), mined.transaction);
        }
    }
    Ok(())
}

/// The config, and the policy as the lane in question is held to it: its key acts, and the others rest.
fn read(which: &ConfigFile) -> eyre::Result<(Config, Policy)> {
    let config = Config::read(&which.config)?;
    let lane = &which.lane;
    let policy = config.read_policy()?.in_lane(lane);
    let policy = policy.ok_or_eyre(format!("the policy has no lane `{lane}`; add `[lanes.{lane}]` there"))?;
    Ok((config, policy))
}

async fn owner(config: &Config, policy: &Policy) -> eyre::Result<String> {
    let executor = policy.executor().ok_or_eyre("the policy names no executor")?;
    let endpoint = config.chain.connect().await?;
    match ExecutorState::read(&endpoint, executor).await? {
        ExecutorState::Ours { owner } => {
            Ok(format!("{executor} is an executor of this version, owned by {owner}"))
        }
        ExecutorState::NotOurs => bail!("{executor} holds no executor of this version; deploy one"),
    }
}

async fn open(config: &Config, policy: Policy, which: &ConfigFile) -> eyre::Result<Keeper> {
    let (endpoint, observer) = (config.chain.connect().await?, Arc::new(Unobserved));
    let state = config.operated().to_owned();
    let site = Site { state, ..config.site(endpoint, &policy, observer) };
    let hash = policy.hash();
    let keeper = site.open(Authority::Live(unlock(config, &which.lane).await?.into())).await?;
    policy::confirm_if(keeper.door().as_ref(), hash, which.confirm_policy).await?;
    Ok(keeper)
}

/// Deploys the executor through the door and gives its address.
pub(crate) async fn deploy(keeper: &Keeper) -> eyre::Result<Address> {
    let mined = maintain(keeper, Maintenance::DeployExecutor).await?;
    mined.created.ok_or_eyre("the deployment was mined, but its receipt names no contract")
}

async fn maintain(keeper: &Keeper, maintenance: Maintenance) -> eyre::Result<Mined> {
    // What an earlier command left comes first: it may hold the nonce that this one needs.
    for left in keeper.door().recover().await? {
        left.outcome.await?;
    }
    let draft = draft(keeper, maintenance).await?;
    let underway = match keeper.door().offer(draft, Origin::Operator).await? {
        Offered::Underway(underway) => underway,
        Offered::Refused(refusal) => return Err(eyre!(refusal)),
        Offered::Asked(question) => {
            bail!("the operator is asked for what the operator asks: {}", question.why)
        }
    };
    match underway.outcome.await?.outcome {
        Outcome::Closed(Settlement::Settled(mined)) => Ok(mined),
        outcome @ (Outcome::Refused(_) | Outcome::Closed(_)) => {
            bail!("the transaction did not settle: {outcome}")
        }
    }
}

/// Each command is a decision of its own: its id comes from the journal's length, which every decision changes.
async fn draft(keeper: &Keeper, maintenance: Maintenance) -> eyre::Result<Draft> {
    let journal = keeper.journal().ok_or_eyre("the agent only observes")?;
    let occasion = U256::from(journal.verify().await?.entries).to_be_bytes::<32>();
    let id = OpportunityId::derive("operator", format!("{maintenance:?}").as_bytes(), &occasion);
    let (strategy, class) = ("operator".to_owned(), "operator/maintenance".to_owned());
    Ok(Draft { id, strategy, class, appraisal: None, action: Action::Maintain(maintenance) })
}
