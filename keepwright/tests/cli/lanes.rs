//! Two keys at work for one operator.

use std::{fs, num::NonZeroU64, path::Path, sync::Arc};

use agent_core::{
    Action, Call, Draft, Intent, Maintenance, OpportunityId, Origin, Outcome, Settlement,
    ports::{Observer, Offered, Underway, Unobserved},
    units::{ChainId, Timestamp, TokenAmount},
};
use alloy::{
    primitives::{Address, B256, Bytes, U256, address, bytes, hex, keccak256},
    providers::ext::AnvilApi,
};
use chain_devnet::{Devnet, DevnetConfig, Mining, StartTime};
use chain_door::{DEFAULT_LANE, Policy};
use chain_evm::{Endpoint, Keystore, OrderFlowRoutes, Password, ScryptCost, UnlockedKey};
use keepwright::{Authority, ChainTerms, Keeper, LaneKeys, Site};

use crate::{
    desk::{Checked, Desk, sent},
    live::{LIVE, ends, fall, has_gained, hash, start},
};

const LANE: &str = "[lanes.second]\n";

/// On a devnet, with a second key for the lane `second`, and an executor for each.
async fn deployed(second: &str) -> Checked<(Desk, Devnet, [Address; 2])> {
    let (desk, devnet, _) = Desk::on_devnet().await?;
    let key = desk.import_as(&[2; 32], "second.json")?;
    devnet.fund(key, U256::from(10_u128.pow(19))).await?;
    let planner = "# Decides what no standing order covers.";
    let table = format!(
        "[lanes.second.key]\nkeystore = \"keys/{second}\"\npassword_file = \"password\"\n\n{planner}"
    );
    desk.edit("liquidator.toml", planner, &table)?;
    desk.edit("liquidator.policy.toml", "[limits]", &format!("{LANE}\n[limits]"))?;
    let mut executors = Vec::new();
    for lane in ["", " --lane second"] {
        let said = desk.succeeds(&format!("executor deploy --config liquidator.toml{lane}"))?;
        let address = said.lines().next().and_then(|line| line.rsplit(' ').next()).ok_or("no address")?;
        executors.push(address.parse()?);
    }
    let executors: [Address; 2] =
        executors.try_into().map_err(|found: Vec<_>| format!("{} executors", found.len()))?;
    Ok((desk, devnet, executors))
}

fn adopt(desk: &Desk, [own, second]: [Address; 2]) -> Checked {
    desk.adopt(own)?;
    desk.edit("liquidator.policy.toml", LANE, &format!("{LANE}executor = \"{second}\"\n"))
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn a_strategy_acts_in_its_lane_with_its_key() -> Checked {
    let (desk, devnet, executors) = deployed("second.json").await?;
    adopt(&desk, executors)?;
    let strategy = "[strategies.aave-liquidation]\n";
    desk.edit("liquidator.policy.toml", strategy, &format!("{strategy}lane = \"second\"\n"))?;
    let said = desk.succeeds("policy check liquidator.policy.toml")?;
    assert!(said.contains("strategy aave-liquidation in lane second may pay"), "{said}");
    let mut agent = start(&desk)?;
    agent.until_event("head")?;
    fall(&devnet).await?;
    agent.until(|line| line.contains("\"outcome\":\"settled\""))?;
    let status = desk.succeeds("status --config liquidator.toml")?;
    for (lane, executor) in [("default", executors[0]), ("second", executors[1])] {
        let found = status.lines().any(|line| {
            line.starts_with(&format!("lane         {lane}: key 0x")) && line.contains(&executor.to_string())
        });
        assert!(found, "{status}");
    }
    ends(agent)?;
    has_gained(&devnet, executors[1]).await?;
    assert!(has_gained(&devnet, executors[0]).await.is_err(), "the other executor was not touched");
    assert_eq!(sent(&devnet, crate::desk::key_of(&[1; 32])?).await?, 1, "nothing but its deployment");
    Ok(())
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn lanes_that_do_not_fit_are_refused_at_the_start() -> Checked {
    let (desk, _devnet, [own, second]) = deployed("second.json").await?;
    let live = |desk: &Desk| desk.refuses(&format!("{LIVE} --confirm-policy {}", hash(desk)?));
    desk.adopt(own)?;
    assert_eq!(
        live(&desk)?,
        "lane `second` of the policy names no executor; run `keepwright executor deploy --lane second` and write its address into the policy"
    );
    let adopted = format!("{LANE}executor = \"{second}\"\n");
    desk.edit("liquidator.policy.toml", LANE, &adopted)?;
    desk.edit("liquidator.toml", "keys/second.json", "keys/agent.json")?;
    let said = live(&desk)?;
    assert!(said.starts_with(&format!("executor {second} of lane `second` belongs to 0x")), "{said}");
    desk.edit("liquidator.toml", "[lanes.second.key]", "[lanes.third.key]")?;
    assert_eq!(
        live(&desk)?,
        "the policy has no lane `third`; add `[lanes.third]` there, or remove it from the config"
    );
    desk.edit(
        "liquidator.toml",
        "[lanes.third.key]\nkeystore = \"keys/agent.json\"\npassword_file = \"password\"\n",
        "",
    )?;
    assert_eq!(
        live(&desk)?,
        "lane `second` of the policy has no key; add `[lanes.second.key]` to the config"
    );
    assert_eq!(
        desk.refuses("executor owner --config liquidator.toml --lane third")?,
        "the policy has no lane `third`; add `[lanes.third]` there"
    );

    let (desk, _devnet, executors) = deployed("agent.json").await?;
    adopt(&desk, executors)?;
    let said = live(&desk)?;
    assert!(said.starts_with("lanes default and second have one key 0x"), "{said}");
    assert!(said.ends_with("; give each its own"), "{said}");
    Ok(())
}

/// A token that gives its caller one base unit for each `poke(uint256)`.
const POKED: Address = address!("0x00000000000000000000000000000000000070ce");
const POKED_CODE: Bytes =
    bytes!("0x5f3560e01c6370a0823114601d573354600101335560043560005fa1005b600435545f5260205ff3");

fn policy(executors: [Option<Address>; 2]) -> Checked<Policy> {
    let [own, second] =
        executors.map(|executor| executor.map_or_else(String::new, |at| format!("executor = \"{at}\"")));
    let text = format!(
        r#"
version = 1
chain = 31337
{own}

[lanes.second]
{second}

[limits]
gas_per_transaction = 2_000_000
max_fee_gwei = "500"
gas_per_window_eth = "5"
window_seconds = 3600
deadline_seconds = 120
in_flight = 6

[[tokens]]
symbol = "POKE"
address = "{POKED}"
decimals = 0
per_transaction = "100"
per_window = "10000"

[[contracts]]
name = "poked"
address = "{POKED}"
opaque = ["poke(uint256)"]

[strategies.poker]
gas_per_window_eth = "2"

[strategies.other]
gas_per_window_eth = "2"
lane = "second"
"#
    );
    Ok(Policy::parse(&text)?)
}

/// A key that no other test uses: one process at a time may sign with it.
pub(crate) fn key(folder: &Path, secret: u8) -> Checked<UnlockedKey> {
    let (password, secret) = (Password::new("a test".to_owned()), hex::encode([secret; 32]));
    let folder = folder.join(&secret);
    if !folder.exists() {
        Keystore::import(&folder, &secret, &password, ScryptCost::LEAST)?;
    }
    Ok(Keystore::list(&folder)?.pop().ok_or("no key")??.unlock(&password)?)
}

async fn open(devnet: &Devnet, folder: &Path, policy: Policy, keys: LaneKeys) -> Checked<Keeper> {
    open_seen(devnet, folder, policy, keys, Arc::new(Unobserved)).await
}

/// The agent without strategies, and somebody who watches it.
pub(crate) async fn open_seen(
    devnet: &Devnet,
    folder: &Path,
    policy: Policy,
    keys: LaneKeys,
    observer: Arc<dyn Observer>,
) -> Checked<Keeper> {
    let site = Site {
        endpoint: Endpoint::connect(&devnet.http_url(), ChainId(31_337)).await?,
        policy,
        state: folder.join("state"),
        terms: ChainTerms::usual(NonZeroU64::MIN, 1),
        routes: OrderFlowRoutes::none(),
        observer,
    };
    Ok(site.open(Authority::Live(keys)).await?)
}

async fn offered(keeper: &Keeper, draft: Draft, origin: Origin) -> Checked<Underway> {
    match keeper.door().offer(draft, origin).await? {
        Offered::Underway(underway) => Ok(underway),
        other @ (Offered::Refused(_) | Offered::Asked(_)) => Err(format!("{other:?}").into()),
    }
}

async fn settled(underway: Underway) -> Checked<Option<Address>> {
    match underway.outcome.await?.outcome {
        Outcome::Closed(Settlement::Settled(mined)) => Ok(mined.created),
        outcome @ (Outcome::Refused(_) | Outcome::Closed(_)) => Err(outcome.to_string().into()),
    }
}

/// Deploys the executor of a policy that has none yet.
pub(crate) async fn deploy(devnet: &Devnet, folder: &Path, policy: Policy, secret: u8) -> Checked<Address> {
    let keeper = open(devnet, folder, policy, key(folder, secret)?.into()).await?;
    let draft = Draft {
        id: OpportunityId(B256::repeat_byte(secret)),
        strategy: "operator".to_owned(),
        class: "operator/maintenance".to_owned(),
        appraisal: None,
        action: Action::Maintain(Maintenance::DeployExecutor),
    };
    let underway = offered(&keeper, draft, Origin::Operator).await?;
    devnet.mine(1).await?;
    Ok(settled(underway).await?.ok_or("nothing was created")?)
}

fn poke(strategy: &str, number: u8, deadline: Timestamp) -> Draft {
    let number = B256::left_padding_from(&[number]);
    let data = [&keccak256("poke(uint256)")[..4], number.as_slice()].concat().into();
    Draft {
        id: OpportunityId(number),
        strategy: strategy.to_owned(),
        class: format!("{strategy}/any"),
        appraisal: None,
        action: Action::Execute(Intent {
            borrow: None,
            calls: vec![Call { target: POKED, spend: None, data }],
            floors: vec![TokenAmount { token: POKED, raw: U256::ONE }],
            deadline,
        }),
    }
}

/// Both keys send, each by its own nonces, through its own executor; a new process finds what each has left.
#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn both_keys_send_and_a_restart_finds_what_each_has_left() -> Checked {
    let config =
        DevnetConfig { mining: Mining::Manual, start_time: StartTime::AtDump, ..DevnetConfig::default() };
    let devnet = Devnet::launch(config).await?;
    devnet.set_block_timestamp_interval(1).await?;
    devnet.provider().anvil_set_code(POKED, POKED_CODE).await?;
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let lanes = [(DEFAULT_LANE, 0x1a), ("second", 0x1b)];
    let mut keys = Vec::new();
    for (_, secret) in lanes {
        let address = key(folder, secret)?.address();
        devnet.fund(address, U256::from(10_u128.pow(19))).await?;
        keys.push(address);
    }
    let mut executors = Vec::new();
    for (lane, secret) in lanes {
        let policy = policy([None, None])?.in_lane(lane).ok_or("no such lane")?;
        executors.push(deploy(&devnet, folder, policy, secret).await?);
    }
    let executors = [executors[0], executors[1]];
    // Each policy is confirmed by being an empty journal's first.
    fs::remove_dir_all(folder.join("state"))?;
    let policy = policy(executors.map(Some))?;
    let both = || {
        Ok::<_, Box<dyn std::error::Error>>(
            LaneKeys::one(key(folder, 0x1a)?).with("second", key(folder, 0x1b)?),
        )
    };

    let keeper = open(&devnet, folder, policy.clone(), both()?).await?;
    let deadline = Timestamp(devnet.latest_block().await?.timestamp.saturating_add(100));
    let first = offered(&keeper, poke("poker", 1, deadline), planner()).await?;
    let second = offered(&keeper, poke("other", 2, deadline), planner()).await?;
    let again = offered(&keeper, poke("other", 3, deadline), planner()).await?;
    assert_eq!([first.sent.nonce, second.sent.nonce, again.sent.nonce], [1, 1, 2]);
    let lanes: Vec<_> =
        keeper.door().status().lanes.into_iter().map(|lane| (lane.key, lane.executor)).collect();
    assert_eq!(lanes, [(keys[0], Some(executors[0])), (keys[1], Some(executors[1]))]);
    // The process ends before any of them is mined.
    drop((first, second, again, keeper));
    devnet.mine(1).await?;
    let keeper = open(&devnet, folder, policy, both()?).await?;
    let left = keeper.door().recover().await?;
    assert_eq!(left.len(), 3);
    for underway in left {
        settled(underway).await?;
    }
    for ((key, executor), count) in keys.into_iter().zip(executors).zip([1_u64, 2]) {
        assert_eq!(devnet.balance_of(POKED, executor).await?, U256::from(count));
        assert_eq!(sent(&devnet, key).await?, count.saturating_add(1), "its executor, and its pokes");
    }
    assert!(keeper.door().status().under_way.is_empty());
    Ok(())
}

fn planner() -> Origin {
    Origin::Planner { reason: "a test".to_owned() }
}
