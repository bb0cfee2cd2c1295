//! The executor contract on a node: its own Solidity tests, and one liquidation with the real protocols.

use std::error::Error;
use std::path::Path;
use std::process::Command;

use alloy::primitives::{Address, Bytes, U256, keccak256};
use alloy::providers::{PendingTransactionBuilder, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::SolCall;
use chain_devnet::{Asset, Devnet, DevnetConfig, Role, StartTime, World};
use chain_door::KeepwrightExecutor::{Call, Floor, Kind, Loan, executeCall};
use chain_door::{ExecutorRevert, creation_code, runtime_code_hash};
use serde_json::Value;

sol! {
    interface Pool {
        function flashLoanSimple(address receiver, address asset, uint256 amount, bytes params, uint16 referralCode) external;
        function liquidationCall(address collateral, address debt, address user, uint256 debtToCover, bool receiveAToken)
            external;
    }
    interface SwapRouter02 {
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
    interface Erc20 {
        function allowance(address owner, address spender) external view returns (uint256);
    }
}

/// Plenty: what is enough for one block may be too little for the next.
const GAS: u64 = 2_000_000;

async fn launch() -> chain_devnet::Result<Devnet> {
    Devnet::launch(DevnetConfig { start_time: StartTime::AtDump, ..DevnetConfig::default() }).await
}

fn request(from: Address, to: Address, call: &impl SolCall) -> TransactionRequest {
    TransactionRequest::default().from(from).to(to).input(call.abi_encode().into())
}

/// Sends from an account that is unlocked on the node, and returns the receipt's status and the contract that was made.
async fn send(
    devnet: &Devnet,
    request: TransactionRequest,
) -> Result<(bool, Option<Address>), Box<dyn Error>> {
    let provider = devnet.provider();
    let hash = provider.client().request("eth_sendTransaction", (request,)).await?;
    let receipt = PendingTransactionBuilder::new(provider.root().clone(), hash).get_receipt().await?;
    Ok((receipt.status(), receipt.contract_address))
}

/// The executor's own words for why a call reverts; `None` if it does not.
async fn refusal(
    devnet: &Devnet,
    request: TransactionRequest,
) -> Result<Option<ExecutorRevert>, Box<dyn Error>> {
    let Err(error) = devnet.provider().call(request).await else { return Ok(None) };
    let data = error.as_error_resp().and_then(|response| response.as_revert_data());
    data.map(|data| Some(ExecutorRevert::decode(&data))).ok_or_else(|| error.into())
}

async fn deploy(devnet: &Devnet, owner: Address) -> Result<Option<Address>, Box<dyn Error>> {
    let creation = TransactionRequest::default().from(owner).input(creation_code(owner).into()).create();
    send(devnet, creation).await.map(|(_, executor)| executor)
}

/// What a liquidation needs to know.
struct Case {
    owner: Address,
    executor: Address,
    borrower: Address,
    pool: Address,
    router: Address,
    usdc: Address,
    weth: Address,
    /// USDC that is lent, and repaid for the borrower.
    covered: U256,
    /// WETH that is sold: a little less than what is seized.
    sold: U256,
}

impl Case {
    async fn prepare(devnet: &Devnet) -> Result<Self, Box<dyn Error>> {
        let manifest = devnet.manifest();
        let mut world = World::new(devnet, 1);
        world.crash(Asset::Weth, 900).await?;
        let owner = manifest.account_with(Role::Spare)?;
        let borrower = manifest.borrower("weth-usdc-1.06")?;
        let (usdc, weth) = (manifest.asset(Asset::Usdc)?.address, manifest.asset(Asset::Weth)?.address);
        let aave = &manifest.protocols.aave;
        let reserve = aave.reserves.iter().find(|reserve| reserve.asset == usdc).ok_or("no reserve")?;
        let debt = devnet.balance_of(reserve.variable_debt, borrower).await?;
        let covered = debt
            .checked_mul(U256::from(45))
            .and_then(|part| part.checked_div(U256::from(100)))
            .ok_or("overflow")?;
        let price = U256::from(world.feed_price(Asset::Weth).await?);
        // 18 digits against 6, a price with 8 digits, and 3 % of the 5 % that the liquidator is given.
        let scale = U256::from(103_000_000_000_000_000_000_u128);
        Ok(Self {
            owner,
            executor: deploy(devnet, owner).await?.ok_or("not deployed")?,
            borrower,
            pool: aave.pool,
            router: manifest.protocols.uniswap_v3.swap_router_02,
            usdc,
            weth,
            covered,
            sold: covered.checked_mul(scale).and_then(|wei| wei.checked_div(price)).ok_or("overflow")?,
        })
    }

    fn liquidate(&self) -> Call {
        let data = Pool::liquidationCallCall {
            collateral: self.weth,
            debt: self.usdc,
            user: self.borrower,
            debtToCover: self.covered,
            receiveAToken: false,
        };
        Call {
            target: self.pool,
            spendToken: self.usdc,
            spendAmount: self.covered,
            data: data.abi_encode().into(),
        }
    }

    fn sell(&self, fee: u32) -> Option<Call> {
        let params = SwapRouter02::Params {
            tokenIn: self.weth,
            tokenOut: self.usdc,
            fee: alloy::primitives::aliases::U24::try_from(fee).ok()?,
            recipient: self.executor,
            amountIn: self.sold,
            amountOutMinimum: U256::ZERO,
            sqrtPriceLimitX96: alloy::primitives::aliases::U160::ZERO,
        };
        let data = SwapRouter02::exactInputSingleCall { params }.abi_encode().into();
        Some(Call { target: self.router, spendToken: self.weth, spendAmount: self.sold, data })
    }

    fn execute(&self, calls: Vec<Call>, at_least: U256) -> executeCall {
        executeCall {
            loan: Loan {
                kind: Kind::FlashLoan,
                lender: self.pool,
                token: self.usdc,
                amount: self.covered,
                priceToken: Address::ZERO,
                price: U256::ZERO,
            },
            calls,
            floors: vec![Floor { token: self.usdc, atLeast: at_least }],
            deadline: U256::MAX,
        }
    }

    async fn allowance(&self, devnet: &Devnet, token: Address, spender: Address) -> Option<U256> {
        let call = Erc20::allowanceCall { owner: self.executor, spender };
        let answer = devnet.provider().call(request(self.owner, token, &call)).await.ok()?;
        Erc20::allowanceCall::abi_decode_returns(&answer).ok()
    }
}

#[tokio::test]
#[ignore = "needs anvil and solc: scripts/test runs it"]
async fn executor_passes_its_solidity_tests() {
    let devnet = launch().await.unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../chains/chain-door/executor/test/run.mjs");
    let output = Command::new("node").arg(script).arg(devnet.http_url()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    assert!(output.status.success(), "{report} {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(report["failed"], serde_json::json!([]));
    assert!(report["passed"].as_u64() >= Some(32), "{report}");
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn executor_liquidates_with_a_real_flash_loan() {
    let devnet = launch().await.unwrap();
    let case = Case::prepare(&devnet).await.unwrap();
    let code = devnet.provider().get_code_at(case.executor).await.unwrap();
    assert_eq!(keccak256(code), runtime_code_hash());

    let pool = devnet.manifest().v3_pool(Asset::Weth, Asset::Usdc, 500).unwrap();
    let calls = vec![case.liquidate(), case.sell(pool.fee).unwrap()];
    let least = case.covered / U256::from(100);
    let liquidation = request(case.owner, case.executor, &case.execute(calls.clone(), least));
    assert_eq!(refusal(&devnet, liquidation.clone()).await.unwrap(), None);
    let greedy = request(case.owner, case.executor, &case.execute(calls.clone(), case.covered));
    let refused = refusal(&devnet, greedy).await.unwrap().unwrap();
    assert!(matches!(refused, ExecutorRevert::BelowFloor { .. }), "{refused}");
    let stranger = request(case.borrower, case.executor, &case.execute(calls, least));
    assert_eq!(
        refusal(&devnet, stranger).await.unwrap(),
        Some(ExecutorRevert::NotOwner { caller: case.borrower })
    );

    assert_eq!(send(&devnet, liquidation.gas_limit(GAS)).await.unwrap(), (true, None));
    let gained = devnet.balance_of(case.usdc, case.executor).await.unwrap();
    assert!(gained >= least, "{gained} {least}");
    for (token, spender) in [(case.usdc, case.pool), (case.weth, case.router), (case.weth, case.pool)] {
        assert_eq!(case.allowance(&devnet, token, spender).await, Some(U256::ZERO));
    }
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn executor_refuses_a_real_loan_that_a_stranger_asked_for() {
    let devnet = launch().await.unwrap();
    let case = Case::prepare(&devnet).await.unwrap();
    devnet.deal(case.executor, Asset::Usdc, case.covered).await.unwrap();
    let loan = Pool::flashLoanSimpleCall {
        receiver: case.executor,
        asset: case.usdc,
        amount: case.covered,
        params: Bytes::new(),
        referralCode: 0,
    };
    let stranger = devnet.manifest().account_with(Role::Trader).unwrap();
    let refused = refusal(&devnet, request(stranger, case.pool, &loan)).await.unwrap();
    assert_eq!(refused, Some(ExecutorRevert::UnexpectedCallback { caller: case.pool, initiator: stranger }));
    let sent = request(stranger, case.pool, &loan).gas_limit(GAS);
    assert_eq!(send(&devnet, sent).await.unwrap(), (false, None));
    assert_eq!(devnet.balance_of(case.usdc, case.executor).await.unwrap(), case.covered);
}
