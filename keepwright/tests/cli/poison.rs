//! Tokens that cheat whoever trades them, in the operator's own policy: they cost gas at most.
#![expect(clippy::arithmetic_side_effects, reason = "a test counts as it likes, and a panic is its verdict")]

use std::{collections::BTreeMap, path::Path, process::Command};

use alloy::{
    network::TransactionBuilder,
    primitives::{Address, B256, Bytes, U256, hex},
    providers::Provider,
    rpc::types::{TransactionReceipt, TransactionRequest},
    sol,
    sol_types::SolCall,
};
use chain_devnet::{Asset, Devnet, Mining, Role, World};
use serde_json::Value;

use crate::{
    arbitrage::{adopted, at_desk, ends, held, start},
    desk::{Checked, Desk, sent},
};

sol! {
    interface Factory {
        function createPair(address tokenA, address tokenB) external returns (address pair);
        function getPair(address tokenA, address tokenB) external view returns (address pair);
    }
    interface Pair {
        function mint(address to) external returns (uint256 liquidity);
    }
    interface Token {
        function transfer(address to, uint256 amount) external returns (bool);
        function turn() external;
    }
}

/// Each cheats in its own way; the last one does not cheat.
const KINDS: [&str; 6] = ["TakesFee", "Honeypot", "Lies", "Rebases", "KnowsSimulation", "Honest"];
/// What each of a token's two pairs holds of WETH, or of USDC's worth of it, in base units.
const WETH: u128 = 40 * 10_u128.pow(18);
/// Ten tokens are worth one WETH in one pair, and so many percent more in the other.
const TOKENS: u128 = 10 * WETH;
const DEARER: u128 = 110;

/// A poisoner: an account of the devnet with tokens of its own.
struct Maker<'a> {
    devnet: &'a Devnet,
    account: Address,
    codes: BTreeMap<String, String>,
}

impl<'a> Maker<'a> {
    fn new(devnet: &'a Devnet) -> Checked<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/poison/compile.mjs");
        let output = Command::new("node").arg(script).output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let account = devnet.manifest().account_with(Role::Trader)?;
        Ok(Self { devnet, account, codes: serde_json::from_slice(&output.stdout)? })
    }

    /// Sends, and waits until it is mined; where blocks are made by hand, makes one.
    async fn send(&self, request: TransactionRequest) -> Checked<TransactionReceipt> {
        let provider = self.devnet.provider();
        let request = request.from(self.account).gas_limit(5_000_000);
        let hash: B256 = provider.client().request("eth_sendTransaction", (request,)).await?;
        self.devnet.mine(1).await?;
        let receipt = provider.get_transaction_receipt(hash).await?.ok_or("not mined")?;
        assert!(receipt.status(), "{receipt:?}");
        Ok(receipt)
    }

    async fn call(&self, to: Address, call: &impl SolCall) -> Checked<TransactionReceipt> {
        self.send(TransactionRequest::default().to(to).input(call.abi_encode().into())).await
    }

    async fn make(&self, kind: &str) -> Checked<Address> {
        let code = Bytes::from(hex::decode(self.codes.get(kind).ok_or("no such token")?)?);
        let made = self.send(TransactionRequest::default().with_deploy_code(code)).await?;
        Ok(made.contract_address.ok_or("no token")?)
    }

    /// A pair that holds so much of both.
    async fn pair(&self, one: (Address, u128), other: (Address, u128)) -> Checked<Address> {
        let factory = self.devnet.manifest().protocols.uniswap_v2.factory;
        self.call(factory, &Factory::createPairCall { tokenA: one.0, tokenB: other.0 }).await?;
        let asked = Factory::getPairCall { tokenA: one.0, tokenB: other.0 };
        let request = TransactionRequest::default().to(factory).input(asked.abi_encode().into());
        let answer = self.devnet.provider().call(request).await?;
        let pair = Factory::getPairCall::abi_decode_returns(&answer)?;
        for (token, amount) in [one, other] {
            self.call(token, &Token::transferCall { to: pair, amount: U256::from(amount) }).await?;
        }
        self.call(pair, &Pair::mintCall { to: self.account }).await?;
        Ok(pair)
    }

    /// Two pairs that disagree about a token.
    async fn tempt(&self, token: Address) -> Checked<[Address; 2]> {
        let manifest = self.devnet.manifest();
        let price = World::new(self.devnet, 1).feed_price(Asset::Weth).await?;
        // Dollars with eight decimals and six.
        let usdc = WETH / 10_u128.pow(18) * price / 100 * DEARER / 100;
        let weth = self.pair((token, TOKENS), (manifest.asset(Asset::Weth)?.address, WETH)).await?;
        let usdc = self.pair((token, TOKENS), (manifest.asset(Asset::Usdc)?.address, usdc)).await?;
        Ok([weth, usdc])
    }
}

/// The operator trusts all of these.
fn admit(desk: &Desk, tokens: &[(&str, Address)]) -> Checked {
    let table = |(symbol, address): &(&str, Address)| {
        format!(
            "[[tokens]]\nsymbol = \"{symbol}\"\naddress = \"{address}\"\ndecimals = 18\nper_transaction = \"1000\"\nper_window = \"100000\"\n\n"
        )
    };
    let tables: String = tokens.iter().map(table).collect();
    let before = "# The only contracts that may be called, and how.";
    desk.edit("arbitrageur.policy.toml", before, &format!("{tables}{before}"))?;
    let caps: String = tokens.iter().map(|(symbol, _)| format!(", \"1000 {symbol}\"")).collect();
    for _ in 0..2 {
        desk.edit("arbitrageur.toml", "\"2 WBTC\"]", &format!("\"2 WBTC\"{caps} ]"))?;
    }
    Ok(())
}

/// What the agent holds, to compare: of both bases, and of its native coin with all gas that it ever paid.
#[derive(Debug, PartialEq, Eq)]
struct Purse {
    bases: [U256; 2],
    coin_and_gas: U256,
}

async fn purse(devnet: &Devnet, key: Address, executor: Address) -> Checked<Purse> {
    let mut coin_and_gas = devnet.provider().get_balance(key).await?;
    for number in 0..=devnet.latest_block().await?.number {
        let receipts = devnet.provider().get_block_receipts(number.into()).await?.unwrap_or_default();
        for paid in receipts.iter().filter(|receipt| receipt.from == key) {
            coin_and_gas += U256::from(paid.effective_gas_price) * U256::from(paid.gas_used);
        }
    }
    let bases = [held(devnet, executor, Asset::Weth).await?, held(devnet, executor, Asset::Usdc).await?];
    Ok(Purse { bases, coin_and_gas })
}

/// Each of the poisoned ones is looked at, taken for a gap, offered and refused, and none of them keeps the honest one from being
/// traded; no transaction is spent on them.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a node and solc: scripts/test runs it"]
async fn poisoned_tokens_are_refused_and_the_honest_one_is_traded() -> Checked {
    let (desk, devnet, key) = at_desk(Mining::Automine).await?;
    let maker = Maker::new(&devnet)?;
    let (mut tokens, mut pairs) = (Vec::new(), BTreeMap::new());
    for kind in KINDS {
        let token = maker.make(kind).await?;
        let [pair, _] = maker.tempt(token).await?;
        tokens.push((kind, token));
        pairs.insert(pair.to_string(), kind);
    }
    admit(&desk, &tokens)?;
    let executor = adopted(&desk, key)?;
    let before = purse(&devnet, key, executor).await?;
    let mut agent = start(&desk)?;
    let (mut offered, mut ends_of) = (BTreeMap::new(), BTreeMap::new());
    while ends_of.len() < KINDS.len() {
        let event: Value = serde_json::from_str(&agent.until(|_| true)?)?;
        let id = event["id"].as_str().unwrap_or_default().to_owned();
        match event["event"].as_str().unwrap_or_default() {
            "opportunity" => {
                let route = event["facts"]["pools"].as_str().unwrap_or_default();
                if let Some(kind) =
                    pairs.iter().find_map(|(pair, kind)| route.contains(pair).then_some(*kind))
                {
                    offered.insert(id, kind);
                }
            }
            end @ ("refused" | "closed") => {
                if let Some(kind) = offered.get(&id) {
                    let how = event[if end == "closed" { "outcome" } else { "reason" }].as_str();
                    ends_of.insert(*kind, how.unwrap_or_default().to_owned());
                }
                // Another look.
                devnet.mine(1).await?;
            }
            _ => {}
        }
    }
    ends(agent)?;
    assert_eq!(ends_of.remove("Honest").as_deref(), Some("settled"), "{ends_of:?}");
    assert!(ends_of.values().all(|how| how.contains("simulation") || how.contains("behaves")), "{ends_of:?}");
    assert_eq!(sent(&devnet, key).await?, 2, "the executor, and the honest one");
    let after = purse(&devnet, key, executor).await?;
    assert!(after.bases[0] > before.bases[0] || after.bases[1] > before.bases[1], "{before:?} {after:?}");
    assert_eq!(after.coin_and_gas, before.coin_and_gas);
    Ok(())
}

/// One that turns in the very block in which the agent's transaction is mined costs that transaction's gas, and nothing else.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a node and solc: scripts/test runs it"]
async fn a_token_that_turns_first_costs_gas_and_nothing_else() -> Checked {
    let (desk, devnet, key) = at_desk(Mining::Manual).await?;
    devnet.set_automine(true).await?;
    let maker = Maker::new(&devnet)?;
    let token = maker.make("Turns").await?;
    maker.tempt(token).await?;
    admit(&desk, &[("Turns", token)])?;
    let executor = adopted(&desk, key)?;
    let before = purse(&devnet, key, executor).await?;
    devnet.set_automine(false).await?;
    let mut agent = start(&desk)?;
    devnet.mine(1).await?;
    agent.until_event("sent")?;
    let first = TransactionRequest::default().to(token).input(Token::turnCall {}.abi_encode().into());
    maker.send(first.max_fee_per_gas(10_u128.pow(12)).max_priority_fee_per_gas(10_u128.pow(11))).await?;
    let closed = agent.until_event("closed")?;
    ends(agent)?;
    assert_eq!(closed["outcome"], "reverted", "{closed}");
    assert_eq!(purse(&devnet, key, executor).await?, before);
    Ok(())
}
