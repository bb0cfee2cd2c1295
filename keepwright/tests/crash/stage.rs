//! What the agent dies on: a chain whose blocks are made by hand, one loan that can be liquidated, and a policy with room for
//! one liquidation only, so that what a dropped one reserved must be free for the next.

use std::{
    error::Error,
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use agent_core::{
    Action, Draft, Maintenance, OpportunityId, Origin, Outcome, Settlement,
    ports::{EntryKind, Offered, Sequence, Unobserved},
    units::{BlockNumber, Token},
};
use alloy::{
    primitives::{Address, B256, U256},
    providers::{Provider, ext::AnvilApi},
    rpc::types::{Filter, TransactionRequest},
    sol,
    sol_types::SolEvent,
};
use chain_devnet::{Asset, Devnet, DevnetConfig, Mining, Role, StartTime, World};
use chain_door::creation_code;
use chain_evm::{Keystore, ScryptCost};
use tempfile::TempDir;
use tool_liquidation::{LiquidationConfig, MarketConfig, TermsConfig, Venue};

use crate::agent::{Agent, Heard, Home, PATIENCE, password};

pub(crate) type Checked<T = ()> = Result<T, Box<dyn Error>>;

sol! {
    event LiquidationCall(address indexed collateralAsset, address indexed debtAsset, address indexed user,
        uint256 debtToCover, uint256 liquidatedCollateralAmount, address liquidator, bool receiveAToken);
}

/// The operator's starting point.
const POLICY: &str = include_str!("../../../examples/liquidator.policy.toml");
/// Blocks after the computed one in which a liquidation may still be mined, a second each.
const DEADLINE: u64 = 100;
/// Blocks in which the agent must have nothing more to say.
const QUIET: usize = 5;

/// What happens on the chain while the agent is dead.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Meanwhile {
    Nothing,
    /// A block, with whatever is pending.
    Block,
    /// The node forgets what was pending.
    Lost,
    /// Blocks until it is too late for what was recorded.
    TooLong,
    /// The node forgets it, and then it is too late.
    LostForLong,
    /// Somebody else uses the key's next nonce.
    NonceTaken,
}

impl Meanwhile {
    pub(crate) const ALL: [Self; 6] =
        [Self::Nothing, Self::Block, Self::Lost, Self::TooLong, Self::LostForLong, Self::NonceTaken];
}

pub(crate) struct Stage {
    devnet: Devnet,
    folder: TempDir,
    key: Address,
    executor: Address,
    fallen: bool,
    /// How long each life took from its start until it watched the chain again, what it had left taken up.
    pub(crate) recoveries: Vec<Duration>,
}

fn strategy(devnet: &Devnet, executor: Address) -> Checked<LiquidationConfig> {
    let manifest = devnet.manifest();
    let (weth, usdc) = (manifest.asset(Asset::Weth)?, manifest.asset(Asset::Usdc)?);
    let uniswap = &manifest.protocols.uniswap_v3;
    let named = |token: &chain_devnet::Token| Token {
        address: token.address,
        symbol: token.symbol.clone(),
        decimals: token.decimals,
    };
    Ok(LiquidationConfig {
        market: MarketConfig {
            pool: manifest.protocols.aave.pool,
            wrapped_native: weth.address,
            start_block: BlockNumber(0),
            block_time: 1,
            data_fee_oracle: None,
        },
        executor,
        tokens: vec![named(weth), named(usdc)],
        venues: vec![Venue {
            collateral: weth.address,
            debt: usdc.address,
            router: uniswap.swap_router_02,
            quoter: uniswap.quoter_v2,
            fee: 500,
        }],
        terms: TermsConfig { deadline_blocks: DEADLINE, ..TermsConfig::default() },
    })
}

/// The example's policy, with the executor, a recipient, and room for one liquidation in the window.
fn policy(executor: Address, recipient: Address) -> String {
    let lines = POLICY.lines().map(|line| match line {
        line if line.starts_with("# executor") => format!("executor = \"{executor}\""),
        "recipients = []" => format!("recipients = [\"{recipient}\"]"),
        "per_window = \"1000000\"" => "per_window = \"30000\"".to_owned(),
        line => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl Stage {
    pub(crate) async fn build() -> Checked<Self> {
        let config =
            DevnetConfig { mining: Mining::Manual, start_time: StartTime::AtDump, ..DevnetConfig::default() };
        let devnet = Devnet::launch(config).await?;
        devnet.set_block_timestamp_interval(1).await?;
        let folder = tempfile::tempdir()?;
        let home = Home(folder.path().to_owned());
        let keystore = Keystore::generate(&home.keys(), &password(), ScryptCost::LEAST)?;
        let key = keystore.address().ok_or("a key without address")?;
        devnet.fund(key, U256::from(10_u128.pow(19))).await?;
        let spare = devnet.manifest().account_with(Role::Spare)?;
        let executor = deploy(&devnet, spare, key).await?;
        fs::write(home.policy(), policy(executor, spare))?;
        fs::write(home.strategy(), serde_json::to_string(&strategy(&devnet, executor)?)?)?;
        fs::write(home.url(), devnet.ws_url())?;
        Ok(Self { devnet, folder, key, executor, fallen: false, recoveries: Vec::new() })
    }

    fn home(&self) -> Home {
        Home(self.folder.path().to_owned())
    }

    fn start(&self, step: Option<&str>) -> Checked<Agent> {
        println!("  the agent starts, to die at {step:?}");
        Agent::start(self.folder.path(), step)
    }

    /// Once the agent watches, ether falls by as much as takes one loan below a health factor of 1.
    async fn fall(&mut self) -> Checked {
        if !std::mem::replace(&mut self.fallen, true) {
            World::new(&self.devnet, 1).crash(Asset::Weth, 270).await?;
        }
        Ok(())
    }

    /// A life that ends at `step`.
    pub(crate) async fn live_until(&mut self, step: &str) -> Checked {
        let killed = self.live_with(step).await?;
        if killed { Ok(()) } else { Err(format!("the agent never came to {step}").into()) }
    }

    /// A life that ends at `step`, if it comes to that.
    pub(crate) async fn live_with(&mut self, step: &str) -> Checked<bool> {
        match self.watch(Some(step)).await? {
            Some(running) => self.see_out(running).await.map(|()| false),
            None => Ok(true),
        }
    }

    /// A life without violence: until a liquidation is on the chain, and the agent has been quiet for a while after it.
    pub(crate) async fn live(&mut self) -> Checked {
        match self.watch(None).await? {
            Some(running) => self.see_out(running).await,
            None => Err("the agent was killed by somebody else".into()),
        }
    }

    /// Runs an agent until it is killed, or has been quiet for so many blocks after a liquidation; blocks are made
    /// whenever it has nothing to say. The agent, if it still runs.
    async fn watch(&mut self, step: Option<&str>) -> Checked<Option<Agent>> {
        let mut agent = self.start(step)?;
        let (began, mut watches, mut quiet) = (now(), false, 0);
        while began.elapsed() < PATIENCE && quiet < QUIET {
            match agent.hear().await {
                Heard::Line(said) if said == "head" => {
                    if !std::mem::replace(&mut watches, true) {
                        self.recoveries.push(began.elapsed());
                    }
                    self.fall().await?;
                }
                Heard::Line(_) => quiet = 0,
                Heard::Nothing if watches => {
                    let done = !self.liquidations().await?.is_empty();
                    quiet = if done { quiet.saturating_add(1) } else { 0 };
                    self.devnet.mine(1).await?;
                }
                Heard::Nothing => {}
                Heard::End => return agent.killed().map(|()| None),
            }
        }
        Ok(Some(agent))
    }

    /// Stops the agent gracefully; what it has under way is mined.
    async fn see_out(&self, mut agent: Agent) -> Checked {
        agent.stop();
        loop {
            match agent.hear().await {
                Heard::Line(..) => {}
                Heard::Nothing => self.devnet.mine(1).await?,
                Heard::End => break,
            }
        }
        agent.ended_well()
    }

    pub(crate) async fn meanwhile(&mut self, meanwhile: Meanwhile) -> Checked {
        println!("  meanwhile: {meanwhile:?}");
        match meanwhile {
            Meanwhile::Nothing => {}
            Meanwhile::Block => self.devnet.mine(1).await?,
            Meanwhile::Lost => self.lose().await?,
            Meanwhile::TooLong => self.devnet.mine(DEADLINE + 1).await?,
            Meanwhile::LostForLong => {
                self.lose().await?;
                self.devnet.mine(DEADLINE + 1).await?;
            }
            Meanwhile::NonceTaken => {
                self.lose().await?;
                self.take_nonce().await?;
            }
        }
        Ok(())
    }

    async fn lose(&self) -> Checked {
        let provider = self.devnet.provider();
        Ok(provider.anvil_drop_all_transactions().await?)
    }

    async fn take_nonce(&self) -> Checked {
        let provider = self.devnet.provider();
        provider.anvil_impersonate_account(self.key).await?;
        let request = TransactionRequest::default().from(self.key).to(self.key);
        send(&self.devnet, request).await?;
        Ok(provider.anvil_stop_impersonating_account(self.key).await?)
    }

    /// Of the only loan that the fall of ether reaches.
    async fn liquidations(&self) -> Checked<Vec<LiquidationCall>> {
        let filter = Filter::new().from_block(0).event_signature(LiquidationCall::SIGNATURE_HASH);
        let logs = self.devnet.provider().get_logs(&filter).await?;
        logs.iter().map(|log| Ok(LiquidationCall::decode_log(&log.inner)?.data)).collect()
    }

    pub(crate) async fn ends_with_one_liquidation(&self) -> Checked {
        let borrower = self.devnet.manifest().borrower("weth-usdc-1.025")?;
        let liquidations = self.liquidations().await?;
        let whose: Vec<_> = liquidations.iter().map(|call| (call.user, call.liquidator)).collect();
        assert_eq!(whose, [(borrower, self.executor)]);
        let keeper = self.home().open(Arc::new(Unobserved)).await?;
        let journal = keeper.journal().ok_or("no journal")?;
        let entries = journal.verify().await?.entries;
        assert_eq!(journal.open_intents().await?, []);
        let stored = journal.read(Sequence(0), usize::try_from(entries)?).await?;
        let count =
            |kinds: &[EntryKind]| stored.iter().filter(|stored| kinds.contains(&stored.entry.kind)).count();
        assert_eq!(count(&[EntryKind::Recorded]), count(&[EntryKind::Closed, EntryKind::Dropped]));
        self.operator_can_act(&keeper).await
    }

    /// No nonce is missing: the key's next transaction is mined.
    async fn operator_can_act(&self, keeper: &keepwright::Keeper) -> Checked {
        self.devnet.set_automine(true).await?;
        let usdc = self.devnet.manifest().asset(Asset::Usdc)?.address;
        let to = self.devnet.manifest().account_with(Role::Spare)?;
        let action = Action::Maintain(Maintenance::Withdraw { token: usdc, raw: U256::ONE, to });
        let draft = Draft {
            id: OpportunityId::derive("operator", b"withdraw", &[]),
            strategy: "operator".to_owned(),
            class: "operator/maintenance".to_owned(),
            appraisal: None,
            action,
        };
        let underway = match keeper.door().offer(draft, Origin::Operator).await? {
            Offered::Underway(underway) => underway,
            Offered::Refused(refusal) => return Err(format!("the operator is refused: {refusal}").into()),
            Offered::Asked(question) => return Err(format!("the operator is asked: {}", question.why).into()),
        };
        let outcome = tokio::time::timeout(PATIENCE, underway.outcome).await??.outcome;
        assert!(matches!(outcome, Outcome::Closed(Settlement::Settled(_))), "{outcome}");
        assert_eq!(self.devnet.balance_of(usdc, to).await?, U256::ONE);
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's patience is in real time")]
fn now() -> Instant {
    Instant::now()
}

/// Sends from an account that the node signs for, and mines it.
async fn send(devnet: &Devnet, request: TransactionRequest) -> Checked<Option<Address>> {
    let provider = devnet.provider();
    let hash: B256 = provider.client().request("eth_sendTransaction", (request,)).await?;
    devnet.mine(1).await?;
    let receipt = provider.get_transaction_receipt(hash).await?.ok_or("it was not mined")?;
    if receipt.status() { Ok(receipt.contract_address) } else { Err("it reverted".into()) }
}

async fn deploy(devnet: &Devnet, from: Address, owner: Address) -> Checked<Address> {
    let creation = TransactionRequest::default().from(from).input(creation_code(owner).into()).create();
    Ok(send(devnet, creation).await?.ok_or("no contract was made")?)
}
