//! The deployed protocols answer as the real ones do.

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::sol;
use alloy::sol_types::{SolCall, SolEvent};
use chain_devnet::{Asset, Devnet, DevnetConfig, Role, StartTime, World};

sol! {
    interface Aave {
        event Borrow(address indexed reserve, address user, address indexed onBehalfOf, uint256 amount,
            uint8 interestRateMode, uint256 borrowRate, uint16 indexed referralCode);
        function FLASHLOAN_PREMIUM_TOTAL() external view returns (uint128);
        function POOL_REVISION() external view returns (uint256);
        function getAssetPrice(address asset) external view returns (uint256);
        function getLiquidationProtocolFee(address asset) external view returns (uint256);
        function getReserveEModeCategory(address asset) external view returns (uint256);
        function getUserEMode(address user) external view returns (uint256);
    }
    interface Multicall3 {
        function getBlockNumber() external view returns (uint256);
    }
    interface Quoter {
        struct Params { address tokenIn; address tokenOut; uint256 amountIn; uint24 fee; uint160 sqrtPriceLimitX96; }
        function quoteExactInputSingle(Params params) external returns (uint256 amountOut, uint160 sqrtPriceX96After,
            uint32 initializedTicksCrossed, uint256 gasEstimate);
    }
}

const WAD: u128 = 1_000_000_000_000_000_000;

async fn launch() -> chain_devnet::Result<Devnet> {
    Devnet::launch(DevnetConfig { start_time: StartTime::AtDump, ..DevnetConfig::default() }).await
}

async fn read<C: SolCall>(devnet: &Devnet, to: Address, call: C) -> Option<C::Return> {
    let request = TransactionRequest::default().to(to).input(call.abi_encode().into());
    C::abi_decode_returns(&devnet.provider().call(request).await.ok()?).ok()
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn aave_is_set_up_as_described() {
    let devnet = launch().await.unwrap();
    let aave = &devnet.manifest().protocols.aave;
    assert_eq!(read(&devnet, aave.pool, Aave::POOL_REVISIONCall {}).await, Some(U256::ONE));
    assert_eq!(read(&devnet, aave.pool, Aave::FLASHLOAN_PREMIUM_TOTALCall {}).await, Some(5));
    for reserve in &aave.reserves {
        let asset = reserve.asset;
        let price = read(&devnet, aave.oracle, Aave::getAssetPriceCall { asset }).await.unwrap();
        assert!(price >= U256::from(100_000_000_u64));
        let fee = read(&devnet, aave.data_provider, Aave::getLiquidationProtocolFeeCall { asset }).await;
        assert_eq!(fee, Some(U256::from(1_000)));
        assert!(devnet.balance_of(asset, reserve.a_token).await.unwrap() > U256::ZERO);
    }
    let weth = devnet.manifest().asset(Asset::Weth).unwrap().address;
    let category = Aave::getReserveEModeCategoryCall { asset: weth };
    assert_eq!(read(&devnet, aave.data_provider, category).await, Some(U256::ONE));
    let user = devnet.manifest().borrower("emode-weth-wbtc-1.06").unwrap();
    assert_eq!(read(&devnet, aave.pool, Aave::getUserEModeCall { user }).await, Some(U256::ONE));
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn every_loan_is_as_healthy_as_its_label_says() {
    let devnet = launch().await.unwrap();
    let world = World::new(&devnet, 1);
    assert!(devnet.manifest().borrowers.len() >= 12);
    for borrower in &devnet.manifest().borrowers {
        let label = borrower.label.split('-').find_map(|part| part.parse::<f64>().ok()).unwrap();
        let health = world.account_data(borrower.address).await.unwrap().health_factor;
        let found = f64::from(health) / 1e18;
        assert!((found - label).abs() < 0.001, "{}: {found}", borrower.label);
    }
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn markets_agree_with_the_feeds_and_with_each_other() {
    let devnet = launch().await.unwrap();
    let world = World::new(&devnet, 1);
    for asset in Asset::ALL {
        let (market, feed) =
            (world.market_price(asset).await.unwrap(), world.feed_price(asset).await.unwrap());
        assert!(market.abs_diff(feed) * 1_000 < feed, "{asset:?}: {market} {feed}");
    }
    let gaps = world.gaps().await.unwrap();
    assert_eq!(gaps.len(), 6);
    assert!(gaps.iter().all(|(_, gap)| *gap < 10), "{gaps:?}");
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn helpers_of_the_protocols_work() {
    let devnet = launch().await.unwrap();
    let manifest = devnet.manifest();
    let number =
        read(&devnet, manifest.protocols.multicall3, Multicall3::getBlockNumberCall {}).await.unwrap();
    assert!(number >= U256::from(manifest.head.number));
    let pool = manifest.v3_pool(Asset::Weth, Asset::Usdc, 500).unwrap();
    let params = Quoter::Params {
        tokenIn: manifest.asset(Asset::Weth).unwrap().address,
        tokenOut: manifest.asset(Asset::Usdc).unwrap().address,
        amountIn: U256::from(10 * WAD),
        fee: pool.fee.try_into().unwrap(),
        sqrtPriceLimitX96: Default::default(),
    };
    let quoter = manifest.protocols.uniswap_v3.quoter_v2;
    let quote = read(&devnet, quoter, Quoter::quoteExactInputSingleCall { params }).await.unwrap();
    // Ten ether move the deepest pool by a tenth of a percent.
    let dollars = quote.amountOut.to::<u64>() / 1_000_000;
    assert!((29_900..30_000).contains(&dollars), "{dollars}");
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn history_survives_the_dump() {
    let devnet = launch().await.unwrap();
    let filter = Filter::new()
        .address(devnet.manifest().protocols.aave.pool)
        .event_signature(Aave::Borrow::SIGNATURE_HASH)
        .from_block(0);
    let logs = devnet.provider().get_logs(&filter).await.unwrap();
    assert!(logs.len() >= devnet.manifest().borrowers.len(), "{}", logs.len());
    let first = logs.first().unwrap();
    let receipt = devnet.provider().get_transaction_receipt(first.transaction_hash.unwrap()).await.unwrap();
    assert!(receipt.unwrap().status());
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_fall_of_ether_makes_loans_liquidatable_and_others_not() {
    let devnet = launch().await.unwrap();
    let mut world = World::new(&devnet, 1);
    let liquidator = devnet.manifest().account_with(Role::Liquidator).unwrap();
    let loan = devnet.manifest().borrower("weth-usdc-1.06").unwrap();
    let pair = [Asset::Weth, Asset::Usdc];
    let early = world.liquidate(liquidator, loan, pair, U256::MAX).await.unwrap_err();
    assert!(early.to_string().contains("45"), "{early}");
    world.crash(Asset::Weth, 900).await.unwrap();
    let (mut half, mut whole, mut rich) = (0, 0, 0);
    for borrower in &devnet.manifest().borrowers {
        let data = world.account_data(borrower.address).await.unwrap();
        let health = data.health_factor;
        let below = health < U256::from(WAD);
        half += u32::from(below && health > U256::from(WAD / 100 * 95));
        whole += u32::from(health <= U256::from(WAD / 100 * 95));
        rich += u32::from(below && data.collateral > U256::from(10_000 * 100_000_000_u64));
    }
    assert!(half >= 4 && whole >= 2 && rich >= 3, "{half} {whole} {rich}");
    let before = world.account_data(loan).await.unwrap();
    let weth = devnet.manifest().asset(Asset::Weth).unwrap().address;
    let stock = devnet.balance_of(weth, liquidator).await.unwrap();
    world.liquidate(liquidator, loan, pair, U256::MAX).await.unwrap();
    let after = world.account_data(loan).await.unwrap();
    assert!(after.health_factor > U256::from(WAD));
    assert!(after.debt < before.debt * U256::from(51) / U256::from(100));
    assert!(devnet.balance_of(weth, liquidator).await.unwrap() > stock);
}
