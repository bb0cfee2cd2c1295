//! What both sides work on: an executor with some WETH on a devnet, and what is to be done with it.

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
        KeepwrightExecutor::{Call, Floor, Loan, executeCall},
        Policy,
    },
};

const POLICY: &str = include_str!("../../../examples/liquidator.policy.toml");
pub(crate) const STRATEGY: &str = "seller";
const CLASS: &str = "sell/WETH/USDC";
/// Seconds that the transaction is good for: every head of the tape has the same time.
const LASTS: u64 = 60;
/// 0.01 WETH.
const SOLD: u64 = 10_000_000_000_000_000;
/// 1 WETH: more than all samples sell.
const HELD: u64 = 1_000_000_000_000_000_000;
/// A key of this benchmark's own, which has nothing anywhere else.
const SECRET: B256 = B256::repeat_byte(0x5e);

sol! {
    struct Params {
        address tokenIn;
        address tokenOut;
        uint24 fee;
        address recipient;
        uint256 amountIn;
        uint256 amountOutMinimum;
        uint160 sqrtPriceLimitX96;
    }
    function exactInputSingle(Params params) returns (uint256 amountOut);
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
        devnet.deal(executor, Asset::Weth, U256::from(HELD)).await.unwrap();
        let text = POLICY.replacen("# executor =", &format!("executor = \"{executor}\"\n#"), 1);
        let policy = Policy::parse(&text.replace("aave-liquidation", STRATEGY)).unwrap();
        let latest =
            devnet.provider().get_block(alloy::eips::BlockId::latest()).await.unwrap().unwrap().header;
        let head = BlockRef {
            number: keepwright::core::units::BlockNumber(latest.number),
            hash: latest.hash,
            timestamp: Timestamp(latest.timestamp),
        };
        let intent = sale(&devnet, executor, head.timestamp.plus(LASTS));
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
            loan: Loan { lender: Address::ZERO, token: Address::ZERO, amount: U256::ZERO },
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

fn sale(devnet: &Devnet, executor: Address, deadline: Timestamp) -> Intent {
    let manifest = devnet.manifest();
    let [weth, usdc] = [Asset::Weth, Asset::Usdc].map(|asset| manifest.asset(asset).unwrap().address);
    let sold = U256::from(SOLD);
    let params = Params {
        tokenIn: weth,
        tokenOut: usdc,
        fee: U24::from(manifest.v3_pool(Asset::Weth, Asset::Usdc, 500).unwrap().fee),
        recipient: executor,
        amountIn: sold,
        amountOutMinimum: U256::ZERO,
        sqrtPriceLimitX96: U160::ZERO,
    };
    let call = keepwright::core::Call {
        target: manifest.protocols.uniswap_v3.swap_router_02,
        spend: Some(TokenAmount { token: weth, raw: sold }),
        data: exactInputSingleCall { params }.abi_encode().into(),
    };
    let floors = vec![TokenAmount { token: usdc, raw: U256::from(1) }];
    Intent { borrow: None, calls: vec![call], floors, deadline }
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
