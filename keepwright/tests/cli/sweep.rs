//! Proceeds that go to a recipient by themselves.

use std::{fs, sync::Arc, time::Duration};

use agent_core::{
    ports::{Moment, Observer, Sequence},
    units::UsdE8,
};
use agent_runtime::RulesPlanner;
use alloy::primitives::{Address, U256};
use chain_devnet::{Asset, Devnet, DevnetConfig, Mining, Role, StartTime};
use chain_door::{Page, Policy};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

use crate::{
    desk::{Checked, sent},
    lanes::{deploy, key, open_seen},
};

/// A key that no other test uses.
const SECRET: u8 = 0x1c;
/// What anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps 1.5 USDC, and sweeps what is above it from 1 USDC on, once a day.
fn policy(executor: Option<Address>, usdc: Address, safe: Address) -> Checked<Policy> {
    let executor = executor.map_or_else(String::new, |executor| format!("executor = \"{executor}\""));
    let text = format!(
        r#"
version = 1
chain = 31337
{executor}
recipients = ["{safe}"]

[limits]
gas_per_transaction = 2_000_000
max_fee_gwei = "500"
gas_per_window_eth = "5"
window_seconds = 3600
deadline_seconds = 120
in_flight = 6

[[tokens]]
symbol = "USDC"
address = "{usdc}"
decimals = 6
per_transaction = "100"
per_window = "10000"

[strategies.sweep]
gas_per_window_eth = "0.5"

[strategies.sweep.sweep]
to = "{safe}"
every_seconds = 86_400
tokens = [{{ symbol = "USDC", keep = "1.5", least = "1" }}]
"#
    );
    Ok(Policy::parse(&text)?)
}

/// Tells what the door refuses.
struct Refusals(mpsc::UnboundedSender<String>);

impl Observer for Refusals {
    fn saw(&self, moment: Moment<'_>) {
        if let Moment::Refused(_, refusal) = moment {
            drop(self.0.send(refusal.to_string()));
        }
    }
}

#[tokio::test]
#[ignore = "needs a node: scripts/test runs it"]
async fn proceeds_are_swept_to_the_wei_and_once() -> Checked {
    let config =
        DevnetConfig { mining: Mining::Automine, start_time: StartTime::AtDump, ..DevnetConfig::default() };
    let devnet = Devnet::launch(config).await?;
    devnet.set_block_timestamp_interval(1).await?;
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let usdc = devnet.manifest().asset(Asset::Usdc)?.address;
    let safe = devnet.manifest().account_with(Role::Spare)?;
    let address = key(folder, SECRET)?.address();
    devnet.fund(address, U256::from(10_u128.pow(19))).await?;
    let executor = deploy(&devnet, folder, policy(None, usdc, safe)?, SECRET).await?;
    fs::remove_dir_all(folder.join("state"))?;
    let before = devnet.balance_of(usdc, safe).await?;
    devnet.deal(executor, Asset::Usdc, U256::from(7_000_001)).await?;

    let (said, mut refusals) = mpsc::unbounded_channel();
    let policy = policy(Some(executor), usdc, safe)?;
    let keys = key(folder, SECRET)?.into();
    let keeper = open_seen(&devnet, folder, policy, keys, Arc::new(Refusals(said))).await?;
    let journal = keeper.journal().ok_or("no journal")?;
    let (stop, stopped) = oneshot::channel::<()>();
    let planner = RulesPlanner { min_net: UsdE8(i128::MAX) };
    let agent = tokio::spawn(keeper.run(planner, async { drop(stopped.await) }));
    let swept = async {
        while devnet.balance_of(usdc, executor).await? > U256::from(1_500_000) {
            sleep(Duration::from_millis(100)).await;
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    timeout(PATIENCE, swept).await??;
    assert_eq!(devnet.balance_of(usdc, executor).await?, U256::from(1_500_000));
    assert_eq!(devnet.balance_of(usdc, safe).await?, before + U256::from(5_500_001));

    // More comes in, on the same day: it is seen, and stays.
    devnet.deal(executor, Asset::Usdc, U256::from(9_000_000)).await?;
    let refusal = timeout(PATIENCE, refusals.recv()).await?.ok_or("nobody said anything")?;
    assert!(refusal.contains("taken before") || refusal.contains("budget sweep//sweep/"), "{refusal}");
    assert_eq!(devnet.balance_of(usdc, safe).await?, before + U256::from(5_500_001));
    assert_eq!(sent(&devnet, address).await?, 2, "the executor, and one sweep");
    drop(stop);
    agent.await??;

    let entries = journal.read(Sequence(0), 100).await?;
    let swept = entries.iter().filter_map(|stored| match Page::of(stored) {
        Ok(Page::Recorded(page)) => Some(page.draft.strategy),
        _ => None,
    });
    assert_eq!(swept.collect::<Vec<_>>(), ["sweep"]);
    Ok(())
}
