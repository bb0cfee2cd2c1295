//! What both sides work on: two pools of a devnet whose prices are apart, and an executor with some USDC to close the gap.

use std::collections::BTreeMap;

use alloy::{
    network::TransactionBuilder as _,
    primitives::{
        Address, B256, Bytes, U256,
        aliases::{U24, U160},
    },
    providers::{Provider as _, ext::AnvilApi as _},
    rpc::types::TransactionRequest,
    signers::local::PrivateKeySigner,
    sol,
    sol_types::SolCall as _,
};
use keepwright::{
    core::{
        Appraisal, ArmedBy, Intent, Opportunity, OpportunityId, OrderId, StandingOrder,
        units::{BlockRef, Timestamp, TokenAmount, UsdE8},
    },
    devnet::{Asset, Devnet, DevnetConfig, Mining},
    door::{
        KeepwrightExecutor::{Call, Floor, Kind, Loan, executeCall},
        Policy,
    },
};

const POLICY: &str = include_str!("../../../examples/liquidator.policy.toml");
pub(crate) const STRATEGY: &str = "closer";
const CLASS: &str = "gap/WETH/USDC";
/// The policy knows a swap in one pool; ours goes through two.
const ONE_POOL: &str = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))";
const TWO_POOLS: &str = "exactInput((bytes,address,uint256,uint256))";
/// Seconds that the transaction is good for: every head of the tape has the same time.
const LASTS: u64 = 60;
/// 1,000 USDC, from one pool to the other.
const SPENT: u64 = 1_000_000_000;
/// 10,000 USDC. The state never changes, so each sample finds all of it.
const HELD: u64 = 10_000_000_000;
/// What somebody sells to one of the pools, so that the prices part: 2,000 WETH.
const DUMPED: u128 = 2_000_000_000_000_000_000_000;
/// A key of this benchmark's own, which has nothing anywhere else.
const SECRET: B256 = B256::repeat_byte(0x5e);

sol! {
    function approve(address spender, uint256 amount) returns (bool);
    struct Single {
        address tokenIn;
        address tokenOut;
        uint24 fee;
        address recipient;
        uint256 amountIn;
        uint256 amountOutMinimum;
        uint160 sqrtPriceLimitX96;
    }
    function exactInputSingle(Single params) returns (uint256 amountOut);
    struct Path {
        bytes path;
        address recipient;
        uint256 amountIn;
        uint256 amountOutMinimum;
    }
    function exactInput(Path params) returns (uint256 amountOut);
}

pub(crate) struct Stage {
    pub(crate) devnet: Devnet,
    pub(crate) signer: PrivateKeySigner,
    pub(crate) secret: String,
    pub(crate) key: Address,
    pub(crate) executor: Address,
    pub(crate) policy: Policy,
    /// The newest block of the devnet, at which the tape begins.
    pub(crate) head: BlockRef,
    intent: Intent,
}

impl Stage {
    pub(crate) async fn build() -> Self {
        let devnet =
            Devnet::launch(DevnetConfig::mining(Mining::Automine)).await.expect("run scripts/setup first");
        let signer = PrivateKeySigner::from_bytes(&SECRET).unwrap();
        let key = signer.address();
        let executor = deploy_executor(&devnet, key).await;
        devnet.deal(executor, Asset::Usdc, U256::from(HELD)).await.unwrap();
        part_the_prices(&devnet).await;
        let text = POLICY.replacen("# executor =", &format!("executor = \"{executor}\"\n#"), 1);
        let policy =
            Policy::parse(&text.replace("aave-liquidation", STRATEGY).replace(ONE_POOL, TWO_POOLS)).unwrap();
        let latest =
            devnet.provider().get_block(alloy::eips::BlockId::latest()).await.unwrap().unwrap().header;
        let head = BlockRef {
            number: keepwright::core::units::BlockNumber(latest.number),
            hash: latest.hash,
            timestamp: Timestamp(latest.timestamp),
        };
        let intent = round_trip(&devnet, executor, head.timestamp.plus(LASTS));
        Self { devnet, signer, secret: SECRET.to_string(), key, executor, policy, head, intent }
    }

    /// What is sent to the executor, as the peer writes it.
    pub(crate) fn calldata(&self) -> Bytes {
        let call = |call: &keepwright::core::Call| {
            let spend = call.spend.unwrap();
            Call {
                target: call.target,
                spendToken: spend.token,
                spendAmount: spend.raw,
                data: call.data.clone(),
            }
        };
        let floor = |floor: &TokenAmount| Floor { token: floor.token, atLeast: floor.raw };
        let execute = executeCall {
            loan: Loan {
                kind: Kind::FlashLoan,
                lender: Address::ZERO,
                token: Address::ZERO,
                amount: U256::ZERO,
                priceToken: Address::ZERO,
                price: U256::ZERO,
            },
            calls: self.intent.calls.iter().map(call).collect(),
            floors: self.intent.floors.iter().map(floor).collect(),
            deadline: U256::from(self.intent.deadline.0),
        };
        execute.abi_encode().into()
    }

    /// What our strategy publishes.
    pub(crate) fn opportunity(&self) -> Opportunity {
        let notional = self.intent.calls.first().unwrap().spend.unwrap();
        Opportunity {
            id: OpportunityId(B256::ZERO),
            strategy: STRATEGY.to_owned(),
            class: CLASS.to_owned(),
            seen_at: self.head,
            appraisal: Appraisal { gross: UsdE8(200_000_000), gas: UsdE8(100_000_000), notional },
            intent: self.intent.clone(),
            facts: BTreeMap::new(),
        }
    }

    pub(crate) fn order(&self) -> StandingOrder {
        let most = |asset| TokenAmount {
            token: self.devnet.manifest().asset(asset).unwrap().address,
            raw: U256::from(HELD),
        };
        StandingOrder {
            id: OrderId("bench".to_owned()),
            class: CLASS.to_owned(),
            armed_by: ArmedBy::Operator,
            min_net: UsdE8(1),
            max_notional: vec![most(Asset::Weth), most(Asset::Usdc)],
            uses: u32::MAX,
            expires: Timestamp(u64::MAX),
        }
    }
}

/// Buys WETH where it is cheap and sells it where it is not.
fn round_trip(devnet: &Devnet, executor: Address, deadline: Timestamp) -> Intent {
    let manifest = devnet.manifest();
    let [weth, usdc] = assets(devnet);
    let spent = TokenAmount { token: usdc, raw: U256::from(SPENT) };
    let fee =
        |fee: u32| manifest.v3_pool(Asset::Weth, Asset::Usdc, fee).unwrap().fee.to_be_bytes()[1..].to_vec();
    let path = [usdc.to_vec(), fee(500), weth.to_vec(), fee(3_000), usdc.to_vec()].concat().into();
    let params = Path { path, recipient: executor, amountIn: spent.raw, amountOutMinimum: spent.raw };
    let call = keepwright::core::Call {
        target: manifest.protocols.uniswap_v3.swap_router_02,
        spend: Some(spent),
        data: exactInputCall { params }.abi_encode().into(),
    };
    let floors = vec![TokenAmount { token: usdc, raw: U256::from(1) }];
    Intent { borrow: None, calls: vec![call], floors, deadline }
}

fn assets(devnet: &Devnet) -> [Address; 2] {
    [Asset::Weth, Asset::Usdc].map(|asset| devnet.manifest().asset(asset).unwrap().address)
}

/// Somebody sells more than the pool with the low fee can take without a lower price.
async fn part_the_prices(devnet: &Devnet) {
    let seller = Address::repeat_byte(0x5e);
    let [weth, usdc] = assets(devnet);
    let router = devnet.manifest().protocols.uniswap_v3.swap_router_02;
    devnet.fund(seller, U256::from(10u8).pow(U256::from(19u8))).await.unwrap();
    devnet.deal(seller, Asset::Weth, U256::from(DUMPED)).await.unwrap();
    devnet.provider().anvil_impersonate_account(seller).await.unwrap();
    let params = Single {
        tokenIn: weth,
        tokenOut: usdc,
        fee: U24::from(500),
        recipient: seller,
        amountIn: U256::from(DUMPED),
        amountOutMinimum: U256::ZERO,
        sqrtPriceLimitX96: U160::ZERO,
    };
    let approve = approveCall { spender: router, amount: U256::MAX }.abi_encode();
    for (to, data) in [(weth, approve), (router, exactInputSingleCall { params }.abi_encode())] {
        let call = TransactionRequest::default().from(seller).to(to).input(data.into()).gas_limit(1_000_000);
        let sent = devnet.provider().send_transaction(call).await.unwrap();
        assert!(sent.get_receipt().await.unwrap().status());
    }
}

/// An executor of the key's, put there without a transaction of either side's.
async fn deploy_executor(devnet: &Devnet, owner: Address) -> Address {
    devnet.fund(owner, U256::from(10u8).pow(U256::from(19u8))).await.unwrap();
    let provider = devnet.provider();
    provider.anvil_impersonate_account(owner).await.unwrap();
    let deploy = TransactionRequest::default()
        .from(owner)
        .input(keepwright::door::creation_code(owner).into())
        .gas_limit(3_000_000)
        .into_create();
    let pending = provider.send_transaction(deploy).await.unwrap();
    pending.get_receipt().await.unwrap().contract_address.unwrap()
}
