//! The liquidation strategy against the real pool: what it computes from logs is what the contract says and does, to the
//! last base unit.

#![expect(clippy::panic_in_result_fn, reason = "tests assert; only the node's errors are results")]

use std::collections::VecDeque;
use std::error::Error;

use agent_core::ports::{Outbox, Request, Strategy};
use agent_core::units::{BlockNumber, BlockRef, Bps, Timestamp, Token, UsdE8};
use agent_core::{Answered, ChainEvent, ChainLog, Head, Interest, Opportunity, Query};
use alloy::eips::BlockId;
use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::{PendingTransactionBuilder, Provider};
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::sol;
use alloy::sol_types::{SolCall, SolEvent};
use chain_devnet::{Asset, Devnet, DevnetConfig, Role, StartTime, World};
use tool_liquidation::{
    LiquidationConfig, LiquidationStrategy, MarketConfig, Phase, TermsConfig, Venue, v3_0::Account,
};

type Checked<T = ()> = Result<T, Box<dyn Error>>;

sol! {
    interface Pool {
        event LiquidationCall(address indexed collateralAsset, address indexed debtAsset, address indexed user,
            uint256 debtToCover, uint256 liquidatedCollateralAmount, address liquidator, bool receiveAToken);
        function getUserAccountData(address user) external view returns (uint256 collateral, uint256 debt,
            uint256 availableBorrows, uint256 threshold, uint256 ltv, uint256 health);
        function liquidationCall(address collateral, address debt, address user, uint256 debtToCover, bool receiveAToken)
            external;
        function mintToTreasury(address[] assets) external;
        function setUserUseReserveAsCollateral(address asset, bool use) external;
    }
    interface Erc20 {
        function transfer(address to, uint256 amount) external returns (bool);
    }
    interface Multicall3 {
        function getCurrentBlockTimestamp() external view returns (uint256);
    }
    interface Router {
        struct Params {
            address tokenIn;
            address tokenOut;
            uint24 fee;
            address recipient;
            uint256 amountIn;
            uint256 amountOutMinimum;
            uint160 sqrtPriceLimitX96;
        }
        function exactInputSingle(Params params) external returns (uint256 amountOut);
    }
}

/// Any single action on Aave.
const GAS: u64 = 2_000_000;
const DAY: u64 = 86_400;

/// A strategy that follows a devnet as the runtime would let it.
struct Follower {
    devnet: Devnet,
    world: World,
    strategy: LiquidationStrategy,
    interests: Vec<Interest>,
    seen: Option<u64>,
    open: Vec<Opportunity>,
    warnings: Vec<String>,
}

fn config(devnet: &Devnet) -> Checked<LiquidationConfig> {
    let manifest = devnet.manifest();
    let uniswap = &manifest.protocols.uniswap_v3;
    let mut venues = Vec::new();
    for pool in &uniswap.pools {
        for (collateral, debt) in [(pool.token0, pool.token1), (pool.token1, pool.token0)] {
            let (router, quoter) = (uniswap.swap_router_02, uniswap.quoter_v2);
            venues.push(Venue { collateral, debt, router, quoter, fee: pool.fee });
        }
    }
    let token = |token: &chain_devnet::Token| Token {
        address: token.address,
        symbol: token.symbol.clone(),
        decimals: token.decimals,
    };
    Ok(LiquidationConfig {
        market: MarketConfig {
            pool: manifest.protocols.aave.pool,
            wrapped_native: manifest.asset(Asset::Weth)?.address,
            start_block: BlockNumber(0),
            block_time: 1,
            data_fee_oracle: None,
        },
        executor: manifest.account_with(Role::Liquidator)?,
        tokens: manifest.tokens.iter().map(token).collect(),
        venues,
        terms: TermsConfig { min_margin: UsdE8::ZERO, slippage: Bps(100), gas: 1, ..TermsConfig::default() },
    })
}

impl Follower {
    async fn launch(seed: u64) -> Checked<Self> {
        let config = DevnetConfig { start_time: StartTime::AtDump, ..DevnetConfig::default() };
        let devnet = Devnet::launch(config).await?;
        let world = World::new(&devnet, seed);
        let strategy = LiquidationStrategy::new(self::config(&devnet)?);
        let (interests, (open, warnings)) = (strategy.interests(), Default::default());
        let mut follower = Self { devnet, world, strategy, interests, seen: None, open, warnings };
        follower.catch_up().await?;
        assert_eq!(follower.strategy.view().phase(), Phase::Following, "{:?}", follower.warnings);
        Ok(follower)
    }

    async fn head(&self, number: u64) -> Checked<Head> {
        let block = self.devnet.provider().get_block_by_number(number.into()).await?.ok_or("no block")?;
        let header = block.header;
        Ok(Head {
            block: BlockRef {
                number: BlockNumber(number),
                hash: header.hash,
                timestamp: Timestamp(header.timestamp),
            },
            parent: header.parent_hash,
            base_fee: header.base_fee_per_gas.unwrap_or_default().into(),
        })
    }

    async fn logs(&self, from: u64, to: u64, interests: &[Interest]) -> Checked<Vec<ChainLog>> {
        let found = self.devnet.provider().get_logs(&Filter::new().from_block(from).to_block(to)).await?;
        let log = |log: alloy::rpc::types::Log| {
            Some(ChainLog {
                block: BlockNumber(log.block_number?),
                index: log.log_index?,
                address: log.address(),
                topics: log.topics().to_vec(),
                data: log.data().data.clone(),
            })
        };
        let logs = found.into_iter().filter_map(log);
        Ok(logs.filter(|log| interests.iter().any(|interest| interest.wants(log))).collect())
    }

    /// Feeds everything up to the newest block.
    async fn catch_up(&mut self) -> Checked {
        let latest = self.devnet.latest_block().await?.number;
        let Some(seen) = self.seen else {
            self.seen = Some(latest);
            let (head, logs) = (self.head(latest).await?, self.logs(0, latest, &self.interests).await?);
            return self.feed(ChainEvent::History { head, logs, last: true }).await;
        };
        for number in seen.saturating_add(1)..=latest {
            self.seen = Some(number);
            let (head, logs) = (self.head(number).await?, self.logs(number, number, &self.interests).await?);
            self.feed(ChainEvent::Block { head, logs }).await?;
        }
        Ok(())
    }

    async fn feed(&mut self, event: ChainEvent) -> Checked {
        let mut queue = VecDeque::from([event]);
        while let Some(event) = queue.pop_front() {
            let mut outbox = Outbox::default();
            self.strategy.on_event(&event, &mut outbox);
            for request in outbox.drain() {
                match request {
                    Request::Ask { tag, queries } => queue.push_back(self.answer(tag, &queries).await?),
                    Request::Publish(opportunity) => {
                        self.open.retain(|old| old.id != opportunity.id);
                        self.open.push(*opportunity);
                    }
                    Request::Prepare(_) => {}
                    Request::Withdraw(id) => self.open.retain(|old| old.id != id),
                    Request::Warn(sentence) => self.warnings.push(sentence),
                }
            }
            let interests = self.strategy.interests();
            let added: Vec<_> =
                interests.iter().filter(|interest| !self.interests.contains(interest)).cloned().collect();
            self.interests = interests;
            if !added.is_empty() {
                let seen = self.seen.unwrap_or_default();
                let (head, logs) = (self.head(seen).await?, self.logs(0, seen, &added).await?);
                queue.push_back(ChainEvent::History { head, logs, last: true });
            }
        }
        Ok(())
    }

    async fn answer(&self, tag: u64, queries: &[Query]) -> Checked<ChainEvent> {
        let latest = self.devnet.latest_block().await?.number;
        let mut answers: Vec<Answered> = Vec::new();
        for query in queries {
            answers.push(self.read(query.to, query.data.clone(), latest).await);
        }
        Ok(ChainEvent::Answer { tag, at: self.head(latest).await?.block, answers })
    }

    async fn read(&self, to: Address, data: Bytes, block: u64) -> Answered {
        let request = TransactionRequest::default().to(to).input(data.into());
        let call = self.devnet.provider().call(request).block(BlockId::from(block));
        let revert = |error: alloy::transports::TransportError| {
            error.as_error_resp().and_then(|response| response.as_revert_data()).unwrap_or_default()
        };
        call.await.map_err(revert)
    }

    async fn call<C: SolCall>(&self, to: Address, call: &C) -> Checked<C::Return> {
        let latest = self.devnet.latest_block().await?.number;
        let answer = self.read(to, call.abi_encode().into(), latest).await;
        Ok(C::abi_decode_returns(&answer.map_err(|revert| revert.to_string())?)?)
    }

    async fn send(&self, from: Address, to: Address, call: &impl SolCall) -> Checked<bool> {
        let request = TransactionRequest::default().from(from).to(to).gas_limit(GAS);
        let request = request.input(call.abi_encode().into());
        let provider = self.devnet.provider();
        let hash = provider.client().request("eth_sendTransaction", (request,)).await?;
        let pending = PendingTransactionBuilder::new(provider.root().clone(), hash);
        Ok(pending.get_receipt().await?.status())
    }

    fn pool(&self) -> Address {
        self.devnet.manifest().protocols.aave.pool
    }

    fn asset(&self, asset: Asset) -> Checked<Address> {
        Ok(self.devnet.manifest().asset(asset)?.address)
    }

    /// Every borrower's account is what the pool says it is.
    async fn agrees(&mut self) -> Checked {
        self.catch_up().await?;
        let multicall = self.devnet.manifest().protocols.multicall3;
        for borrower in self.devnet.manifest().borrowers.clone() {
            let now = self.call(multicall, &Multicall3::getCurrentBlockTimestampCall {}).await?;
            let data =
                self.call(self.pool(), &Pool::getUserAccountDataCall { user: borrower.address }).await?;
            let now = Timestamp(u64::try_from(now)?);
            let account = self.strategy.account(borrower.address, now).ok_or("no account")?;
            let expected = Account {
                collateral: data.collateral,
                debt: data.debt,
                threshold: data.threshold,
                health: data.health,
            };
            assert_eq!(account, expected, "{} at {now}", borrower.label);
        }
        assert_eq!(self.warnings, Vec::<String>::new());
        assert_eq!(self.strategy.view().skipped(), tool_liquidation::Skipped::default());
        Ok(())
    }

    /// Time passes.
    async fn pass(&self, seconds: u64) -> Checked {
        let now = self.devnet.latest_block().await?.timestamp;
        self.devnet.set_next_block_timestamp(now.saturating_add(seconds)).await?;
        Ok(self.devnet.mine(1).await?)
    }

    /// Liquidates at exactly `now`, and compares what moved with what was computed beforehand. Whether anything did.
    async fn liquidate(&mut self, user: Address, pair: [Asset; 2], cover: U256) -> Checked<bool> {
        self.catch_up().await?;
        let now = self.devnet.latest_block().await?.timestamp.saturating_add(7);
        let assets = (self.asset(pair[0])?, self.asset(pair[1])?);
        let computed = self.strategy.liquidation(user, assets, cover, Timestamp(now));
        self.devnet.set_next_block_timestamp(now).await?;
        let liquidator = self.devnet.manifest().account_with(Role::Liquidator)?;
        let call = Pool::liquidationCallCall {
            collateral: assets.0,
            debt: assets.1,
            user,
            debtToCover: cover,
            receiveAToken: false,
        };
        let status = self.send(liquidator, self.pool(), &call).await?;
        let Some(computed) = computed.filter(|seizure| !seizure.repaid.is_zero()) else {
            assert!(!status, "{pair:?} of {user} was liquidated, and should not have been");
            return Ok(false);
        };
        assert!(status, "{pair:?} of {user} was not liquidated: {computed:?}");
        let moved = self.last_liquidation().await?;
        assert_eq!((moved.debtToCover, moved.liquidatedCollateralAmount), (computed.repaid, computed.seized));
        self.agrees().await?;
        Ok(true)
    }

    async fn last_liquidation(&self) -> Checked<Pool::LiquidationCall> {
        let latest = self.devnet.latest_block().await?.number;
        let filter = Filter::new().from_block(latest).event_signature(Pool::LiquidationCall::SIGNATURE_HASH);
        let logs = self.devnet.provider().get_logs(&filter).await?;
        let log = logs.first().ok_or("no liquidation")?;
        Ok(Pool::LiquidationCall::decode_log(&log.inner)?.data)
    }

    fn published(&self, user: Address) -> Option<&Opportunity> {
        self.open.iter().find(|opportunity| opportunity.facts.get("user") == Some(&user.to_string()))
    }
}

const PAIRS: [[Asset; 2]; 9] = [
    [Asset::Weth, Asset::Usdc],
    [Asset::Weth, Asset::Wbtc],
    [Asset::Wbtc, Asset::Usdc],
    [Asset::Wbtc, Asset::Weth],
    [Asset::Usdc, Asset::Weth],
    [Asset::Usdc, Asset::Wbtc],
    [Asset::Weth, Asset::Weth],
    [Asset::Wbtc, Asset::Wbtc],
    [Asset::Usdc, Asset::Usdc],
];

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn every_account_is_what_the_pool_says() -> Checked {
    let mut follower = Follower::launch(1).await?;
    follower.agrees().await?;
    follower.pass(DAY).await?;
    follower.agrees().await?;
    follower.world.crash(Asset::Weth, 900).await?;
    follower.agrees().await?;
    for _step in 0..4 {
        follower.world.calm_step().await?;
        follower.pass(3_601).await?;
    }
    follower.agrees().await?;
    follower.world.rally(Asset::Wbtc, 1_500).await?;
    follower.agrees().await
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn whatever_borrowers_do_is_followed() -> Checked {
    let mut follower = Follower::launch(2).await?;
    let manifest = follower.devnet.manifest().clone();
    let user = manifest.borrower("weth-usdc-2.0")?;
    let other = manifest.borrower("wbtc-usdc-1.09")?;
    follower.pass(40 * DAY).await?;
    // Less than the interest: the token says that it minted.
    follower.world.repay(user, Asset::Usdc, U256::from(1_000u64)).await?;
    follower.agrees().await?;
    follower.world.repay(user, Asset::Usdc, U256::from(1_000_000_000u64)).await?;
    follower.world.borrow(user, Asset::Usdc, U256::from(123_456_789u64)).await?;
    follower.world.withdraw(user, Asset::Weth, U256::from(1_234_567_890_123_456_789u64)).await?;
    follower.agrees().await?;
    // Receipts move with the interest of both sides, in part and to somebody who had none.
    let weth = follower.asset(Asset::Weth)?;
    let receipt = manifest.protocols.aave.reserves.iter().find(|reserve| reserve.asset == weth);
    let receipt = receipt.ok_or("no reserve")?.a_token;
    let amount = U256::from(2_000_000_000_000_000_003u64);
    for to in [other, manifest.borrower("weth-usdc-1.2")?, user] {
        follower.pass(3 * DAY).await?;
        assert!(follower.send(user, receipt, &Erc20::transferCall { to, amount }).await?);
        follower.agrees().await?;
    }
    let call = Pool::setUserUseReserveAsCollateralCall { asset: weth, r#use: false };
    assert!(follower.send(other, follower.pool(), &call).await?);
    let assets = manifest.protocols.aave.reserves.iter().map(|reserve| reserve.asset).collect();
    assert!(follower.send(user, follower.pool(), &Pool::mintToTreasuryCall { assets }).await?);
    follower.agrees().await?;
    // The whole debt, and the whole supply.
    follower.world.repay(user, Asset::Usdc, U256::MAX).await?;
    follower.agrees().await?;
    follower.world.withdraw(user, Asset::Weth, U256::MAX).await?;
    follower.agrees().await
}

/// Liquidates what can be, by every pair and for several amounts, and compares each time.
async fn liquidate_everybody(seed: u64, fall: u16) -> Checked<usize> {
    let mut follower = Follower::launch(seed).await?;
    follower.pass(DAY).await?;
    follower.world.crash(Asset::Weth, fall).await?;
    follower.agrees().await?;
    let mut liquidations = 0usize;
    for borrower in follower.devnet.manifest().borrowers.clone() {
        for pair in PAIRS {
            // What cannot be liquidated at all needs no second try.
            if follower.liquidate(borrower.address, pair, U256::from(1_000_001u64)).await? {
                let whole = follower.liquidate(borrower.address, pair, U256::MAX).await?;
                liquidations = liquidations.saturating_add(usize::from(whole)).saturating_add(1);
            }
        }
    }
    Ok(liquidations)
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn between_095_and_1_half_of_a_debt_moves() -> Checked {
    let liquidations = liquidate_everybody(3, 600).await?;
    assert!(liquidations >= 6, "only {liquidations}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn below_095_a_whole_debt_moves() -> Checked {
    let liquidations = liquidate_everybody(4, 1_200).await?;
    assert!(liquidations >= 8, "only {liquidations}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn collateral_that_does_not_suffice_moves_whole() -> Checked {
    let mut follower = Follower::launch(5).await?;
    let price = chain_devnet::UsdE8::from(1_900u32) * 100_000_000;
    follower.world.publish_price(Asset::Weth, price).await?;
    let user = follower.devnet.manifest().borrower("weth-usdc-1.03")?;
    let pair = [Asset::Weth, Asset::Usdc];
    follower.catch_up().await?;
    let assets = (follower.asset(pair[0])?, follower.asset(pair[1])?);
    let now = Timestamp(follower.devnet.latest_block().await?.timestamp);
    let whole = follower.strategy.liquidation(user, assets, U256::MAX, now).ok_or("nothing to seize")?;
    assert!(whole.limited);
    assert!(follower.liquidate(user, pair, U256::MAX).await?);
    Ok(())
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn what_is_published_moves_exactly_that_however_late() -> Checked {
    let mut follower = Follower::launch(6).await?;
    follower.world.crash(Asset::Weth, 1_000).await?;
    follower.agrees().await?;
    assert!(follower.open.len() >= 4, "only {} are open", follower.open.len());
    let mut taken = 0usize;
    for borrower in follower.devnet.manifest().borrowers.clone() {
        let Some(opportunity) = follower.published(borrower.address).cloned() else { continue };
        let call = Pool::liquidationCallCall::abi_decode(&opportunity.intent.calls[0].data)?;
        let sale = Router::exactInputSingleCall::abi_decode(&opportunity.intent.calls[1].data)?.params;
        let now = follower.devnet.latest_block().await?.timestamp;
        follower.devnet.set_next_block_timestamp(now.saturating_add(3)).await?;
        let liquidator = follower.devnet.manifest().account_with(Role::Liquidator)?;
        assert!(follower.send(liquidator, follower.pool(), &call).await?, "{}", borrower.label);
        let moved = follower.last_liquidation().await?;
        assert_eq!(moved.debtToCover, call.debtToCover, "{}", borrower.label);
        assert_eq!(moved.liquidatedCollateralAmount, sale.amountIn, "{}", borrower.label);
        follower.agrees().await?;
        assert!(follower.open.iter().all(|open| open.id != opportunity.id));
        taken = taken.saturating_add(1);
    }
    assert!(taken >= 4, "only {taken} were taken");
    Ok(())
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_position_that_recovers_before_inclusion_is_not_touched() -> Checked {
    let mut follower = Follower::launch(7).await?;
    let user = follower.devnet.manifest().borrower("weth-usdc-1.06")?;
    assert!(!follower.liquidate(user, [Asset::Weth, Asset::Usdc], U256::MAX).await?);
    follower.world.crash(Asset::Weth, 900).await?;
    follower.catch_up().await?;
    let decided = follower.published(user).cloned().ok_or("nothing was published")?;
    let call = Pool::liquidationCallCall::abi_decode(&decided.intent.calls[0].data)?;
    follower.world.repay(user, Asset::Usdc, call.debtToCover).await?;
    let price = chain_devnet::UsdE8::from(3_100u32) * 100_000_000;
    follower.world.publish_price(Asset::Weth, price).await?;
    let liquidator = follower.devnet.manifest().account_with(Role::Liquidator)?;
    let usdc = follower.asset(Asset::Usdc)?;
    let before = follower.devnet.balance_of(usdc, liquidator).await?;
    assert!(!follower.send(liquidator, follower.pool(), &call).await?);
    assert_eq!(follower.devnet.balance_of(usdc, liquidator).await?, before);
    follower.agrees().await?;
    assert_eq!(follower.published(user), None);
    Ok(())
}
