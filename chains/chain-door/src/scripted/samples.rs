//! A small policy, and a draft that it allows.

use agent_core::{
    Action, Appraisal, ArmedBy, BalanceDelta, Borrow, Call, Draft, Intent, Mined, OpportunityId, OrderId,
    Origin, Settlement, StandingOrder,
    ports::{Quote, SimulatedOutcome, Simulation, SimulationRequest},
    units::{Asset, BlockNumber, BlockRef, ChainId, Timestamp, TokenAmount, UsdE8, Wei},
};
use alloy_primitives::{Address, B256, Bytes, I256, U256, keccak256};

use crate::Policy;

pub(crate) const KEY: Address = Address::repeat_byte(0xf0);
pub(crate) const EXECUTOR: Address = Address::repeat_byte(0xee);
/// A second lane's.
pub(crate) const FAST_KEY: Address = Address::repeat_byte(0xf1);
pub(crate) const FAST_EXECUTOR: Address = Address::repeat_byte(0xef);
pub(crate) const USDC: Address = Address::repeat_byte(0x0c);
pub(crate) const WETH: Address = Address::repeat_byte(0x0e);
pub(crate) const POOL: Address = Address::repeat_byte(0xaa);
pub(crate) const ROUTER: Address = Address::repeat_byte(0xbb);
pub(crate) const SAFE: Address = Address::repeat_byte(0x5a);
pub(crate) const STRANGER: Address = Address::repeat_byte(0x66);
pub(crate) const NOW: u64 = 1_000;
pub(crate) const GWEI: u128 = 1_000_000_000;
/// What [`draft`] puts to work: half a thousand USDC, borrowed, and a fifth of an ether in between.
pub(crate) const LOAN: u64 = 500_000_000;
pub(crate) const ETHER: u64 = 1_000_000_000_000_000_000;

pub(crate) const POLICY: &str = r#"
version = 1
chain = 31337
executor = "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
recipients = ["0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"]

[limits]
gas_per_transaction = 500_000
max_fee_gwei = "10"
gas_per_window_eth = "0.01"
window_seconds = 3600
deadline_seconds = 60
in_flight = 2

[[tokens]]
symbol = "USDC"
address = "0x0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c"
decimals = 6
per_transaction = "1000"
per_window = "2000"

[[tokens]]
symbol = "WETH"
address = "0x0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e"
decimals = 18
per_transaction = "1"
per_window = "2"

[[contracts]]
name = "pool"
address = "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
opaque = ["poke()"]
lender = true

[[contracts]]
name = "router"
address = "0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
opaque = ["swap(uint256)"]
spender = true

[strategies.arb]
gas_per_window_eth = "0.008"

[strategies.keeper]
gas_per_window_eth = "0.004"

[planner]
may_arm = ["arb/*"]
max_uses = 2
max_seconds = 600

[[flash_swaps]]
name = "pairs"
kind = "v2"
factory = "0xfafafafafafafafafafafafafafafafafafafafa"
init_code_hash = "0x1111111111111111111111111111111111111111111111111111111111111111"

[[flash_swaps]]
name = "pools"
kind = "v3"
factory = "0xfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfb"
init_code_hash = "0x2222222222222222222222222222222222222222222222222222222222222222"
fees = [500]
"#;

/// The pair of USDC and WETH, as the first factory makes it: by CREATE2 with the tokens as its salt.
pub(crate) fn pair() -> Address {
    let salt = keccak256([USDC.as_slice(), WETH.as_slice()].concat());
    Address::repeat_byte(0xfa).create2(salt, B256::repeat_byte(0x11))
}

/// Their pool of 500 pips, as the second factory makes it: likewise, with all three as words.
pub(crate) fn pool_of_500() -> Address {
    let words = [USDC.into_word(), WETH.into_word(), B256::from(U256::from(500))];
    Address::repeat_byte(0xfb).create2(keccak256(words.concat()), B256::repeat_byte(0x22))
}

pub(crate) fn policy() -> Policy {
    Policy::parse(POLICY).unwrap()
}

/// The same with the lane `fast`, in which `keeper` acts.
pub(crate) fn policy_of_lanes() -> Policy {
    let lane = "[lanes.fast]\nexecutor = \"0xefefefefefefefefefefefefefefefefefefefef\"\n\n[limits]";
    let strategy = "[strategies.keeper]\nlane = \"fast\"";
    let text = POLICY.replacen("[limits]", lane, 1).replacen("[strategies.keeper]", strategy, 1);
    Policy::parse(&text).unwrap()
}

/// The same with a strategy that sweeps: 600 s apart, above 100 USDC and 0 WETH, from 50 USDC and 1 WETH on.
pub(crate) fn policy_of_sweeps() -> Policy {
    let strategy = r#"[strategies.sweep]
gas_per_window_eth = "0.004"

[strategies.sweep.sweep]
to = "0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
every_seconds = 600
tokens = [
    { symbol = "USDC", keep = "100", least = "50" },
    { symbol = "WETH", keep = "0", least = "1" },
]

[strategies.keeper]"#;
    Policy::parse(&POLICY.replacen("[strategies.keeper]", strategy, 1)).unwrap()
}

pub(crate) fn selector(signature: &str) -> Bytes {
    Bytes::copy_from_slice(&keccak256(signature)[..4])
}

pub(crate) fn amount(token: Address, raw: u64) -> TokenAmount {
    TokenAmount { token, raw: U256::from(raw) }
}

/// Borrow USDC, buy WETH, sell it, keep at least one base unit of USDC.
pub(crate) fn intent() -> Intent {
    let swap = |spend| Call { target: ROUTER, spend: Some(spend), data: selector("swap(uint256)") };
    Intent {
        borrow: Some(Borrow::loan(POOL, amount(USDC, LOAN))),
        calls: vec![swap(amount(USDC, LOAN)), swap(amount(WETH, ETHER / 5))],
        floors: vec![amount(USDC, 1)],
        deadline: Timestamp(NOW + 30),
    }
}

pub(crate) fn draft(seed: u8) -> Draft {
    let appraisal = Appraisal { gross: UsdE8(500), gas: UsdE8(100), notional: amount(USDC, LOAN) };
    Draft {
        id: OpportunityId(B256::repeat_byte(seed)),
        strategy: "arb".into(),
        class: "arb/USDC/WETH".into(),
        appraisal: Some(appraisal),
        action: Action::Execute(intent()),
    }
}

/// The same as the strategy asks for that acts in the lane `fast`.
pub(crate) fn fast(seed: u8) -> Draft {
    Draft { strategy: "keeper".into(), ..draft(seed) }
}

pub(crate) fn planner() -> Origin {
    Origin::Planner { reason: "because".into() }
}

pub(crate) fn reflex() -> Origin {
    Origin::Reflex { order: OrderId("o".into()) }
}

/// Covers [`draft`], twice.
pub(crate) fn order() -> StandingOrder {
    StandingOrder {
        id: OrderId("o".into()),
        class: "arb/*".into(),
        armed_by: ArmedBy::Operator,
        min_net: UsdE8(1),
        max_notional: vec![amount(USDC, LOAN), amount(WETH, ETHER)],
        uses: 2,
        expires: Timestamp(NOW + 500),
    }
}

pub(crate) fn block(number: u64, timestamp: u64) -> BlockRef {
    let hash = keccak256(number.to_be_bytes());
    BlockRef { number: BlockNumber(number), hash, timestamp: Timestamp(timestamp) }
}

pub(crate) fn quote() -> Quote {
    Quote {
        chain: ChainId(31_337),
        from: KEY,
        nonce: 7,
        max_fee: GWEI,
        least_fee: GWEI / 2,
        tip: 1,
        balance: Wei(U256::from(10).pow(U256::from(18))),
        head: block(100, NOW),
    }
}

/// A success on the head that gains whichever executor something of everything.
pub(crate) fn success(request: &SimulationRequest) -> Simulation {
    let executors = [EXECUTOR, FAST_EXECUTOR];
    let change =
        |holder| if executors.contains(&holder) { I256::try_from(1_000).unwrap() } else { I256::ZERO };
    let delta = |&(holder, asset): &(Address, Asset)| BalanceDelta { holder, asset, change: change(holder) };
    Simulation {
        at: quote().head,
        outcome: SimulatedOutcome::Success,
        gas_used: 100_000,
        deltas: request.watch.iter().map(delta).collect(),
        variants: Vec::new(),
    }
}

pub(crate) fn mined(timestamp: u64) -> Mined {
    Mined {
        transaction: B256::repeat_byte(1),
        block: block(101, timestamp),
        gas_used: 90_000,
        gas_paid: Wei(U256::from(90_000 * GWEI)),
        deltas: vec![],
        created: None,
    }
}

pub(crate) fn settled() -> Settlement {
    Settlement::Settled(mined(NOW + 12))
}
