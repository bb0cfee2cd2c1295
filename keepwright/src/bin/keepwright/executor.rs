//! `keepwright executor`: an operator's business with the executor contract, through the same door as everything else.

use std::sync::Arc;

use alloy::primitives::{Address, B256, U256};
use eyre::{OptionExt, bail, eyre};
use keepwright::{
    Authority, Keeper, Site,
    core::{
        Action, Draft, Maintenance, Mined, OpportunityId, Origin, Outcome, Settlement,
        ports::{Offered, Unobserved},
        units::Token,
    },
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
        ExecutorCommand::Deploy(ConfigFile { config, confirm_policy }) => {
            let config = Config::read(&config)?;
            if let Some(executor) = config.read_policy()?.executor() {
                bail!("the policy already names the executor {executor}; remove that line to deploy another");
            }
            let created = deploy(&open(&config, confirm_policy).await?).await?;
            println!("executor deployed at {created}");
            println!("write this into {}: executor = \"{created}\"", config.policy.display());
        }
        ExecutorCommand::Owner { config: ConfigFile { config, confirm_policy }, offer_to, accept } => {
            let config = Config::read(&config)?;
            let change = offer_to.map(|to| Maintenance::TransferOwnership { to });
            if let Some(change) = change.or(accept.then_some(Maintenance::AcceptOwnership)) {
                maintain(&open(&config, confirm_policy).await?, change).await?;
            }
            println!("{}", owner(&config).await?);
        }
        ExecutorCommand::Withdraw { config: ConfigFile { config, confirm_policy }, token, amount, to } => {
            let config = Config::read(&config)?;
            let policy = config.read_policy()?;
            let native = Token { address: Address::ZERO, symbol: "ETH".to_owned(), decimals: 18 };
            let token = if token == native.symbol { &native } else { config::token(&policy, &token)? };
            let amount = token.parse(&amount)?;
            let maintenance = Maintenance::Withdraw { token: amount.token, raw: amount.raw, to };
            let mined = maintain(&open(&config, confirm_policy).await?, maintenance).await?;
            println!("{} sent to {to} in transaction {}", token.display(amount.raw), mined.transaction);
        }
    }
    Ok(())
}

async fn owner(config: &Config) -> eyre::Result<String> {
    let executor = config.read_policy()?.executor().ok_or_eyre("the policy names no executor")?;
    let endpoint = config.chain.connect().await?;
    match ExecutorState::read(&endpoint, executor).await? {
        ExecutorState::Ours { owner } => {
            Ok(format!("{executor} is an executor of this version, owned by {owner}"))
        }
        ExecutorState::NotOurs => bail!("{executor} holds no executor of this version; deploy one"),
    }
}

async fn open(config: &Config, confirm: Option<B256>) -> eyre::Result<Keeper> {
    let policy = config.read_policy()?;
    let (endpoint, observer) = (config.chain.connect().await?, Arc::new(Unobserved));
    let state = config.operated().to_owned();
    let site = Site { state, ..config.site(endpoint, &policy, observer) };
    let hash = policy.hash();
    let keeper = site.open(Authority::Live(unlock(config).await?)).await?;
    policy::confirm_if(keeper.door().as_ref(), hash, confirm).await?;
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
