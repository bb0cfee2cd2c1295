//! `keepwright devnet`: the chain of the demo, for use by hand.

use std::time::Duration;

use alloy::primitives::{U256, utils::parse_ether};
use eyre::Context;
use keepwright::devnet::{Asset, Devnet, DevnetConfig, Manifest, Mining, World, WorldEvent};

use crate::{cli::DevnetArgs, shutdown, view};

pub(crate) async fn run(args: DevnetArgs) -> eyre::Result<()> {
    let mining = match args.block_seconds {
        0 => Mining::Automine,
        seconds => Mining::Interval(Duration::from_secs(seconds)),
    };
    let config = DevnetConfig { port: args.port, ..DevnetConfig::mining(mining) };
    let devnet = Devnet::launch(config).await.wrap_err("the devnet did not start")?;
    let ten_ether: U256 = parse_ether("10")?;
    for address in &args.fund {
        devnet.fund(*address, ten_ether).await?;
    }
    let stopped = shutdown::requested();
    print(&devnet, &args);
    let world = async {
        match args.world {
            Some(seed) => live(World::new(&devnet, seed)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stopped => Ok(()),
        ended = world => ended,
    }
}

/// How often the world makes a small move, and after how many of them a big one.
const STEP: Duration = Duration::from_secs(3);
const STEPS_PER_SHOCK: u32 = 10;
/// After which of the small ones somebody trades in one pair alone, and by how much.
const GAP_AT: u32 = 4;
const GAP_BPS: i16 = 150;

/// Ether falls by nine percent and comes back, for ever; in between it parts in one pair from the others.
async fn live(mut world: World) -> eyre::Result<()> {
    loop {
        for shock in [-900_i16, 990] {
            for step in 0..STEPS_PER_SHOCK {
                tokio::time::sleep(STEP).await;
                world.calm_step().await?;
                if step == GAP_AT {
                    // Until the next step closes it, somebody else may.
                    tell(&world.open_gap(Asset::Weth, shock.signum().saturating_mul(GAP_BPS)).await?, &world);
                }
            }
            let bps = shock.unsigned_abs();
            let events = if shock < 0 {
                world.crash(Asset::Weth, bps).await
            } else {
                world.rally(Asset::Weth, bps).await
            };
            tell(&events?, &world);
        }
    }
}

fn tell(events: &[WorldEvent], world: &World) {
    for event in events {
        println!("world: {}", view::world::tell(event, world.manifest()));
    }
}

fn print(devnet: &Devnet, args: &DevnetArgs) {
    let Manifest { chain_id, tokens, protocols, feeds, borrowers, accounts, .. } = devnet.manifest();
    println!("chain id   {chain_id}");
    println!("http       {}", devnet.http_url());
    println!("websocket  {}", devnet.ws_url());
    println!("ipc        {}", devnet.ipc_path().display());
    for token in tokens {
        println!("token      {}  {} ({} decimals)", token.address, token.symbol, token.decimals);
    }
    println!("aave v3    {}  pool", protocols.aave.pool);
    println!("aave v3    {}  oracle", protocols.aave.oracle);
    println!("uniswap v3 {}  SwapRouter02", protocols.uniswap_v3.swap_router_02);
    println!("uniswap v3 {}  QuoterV2", protocols.uniswap_v3.quoter_v2);
    println!("uniswap v2 {}  Router02", protocols.uniswap_v2.router);
    println!("multicall3 {}", protocols.multicall3);
    for feed in feeds {
        println!("feed       {}  {}/USD", feed.proxy, feed.asset.symbol());
    }
    for borrower in borrowers {
        println!("borrower   {}  {}", borrower.address, borrower.label);
    }
    for account in accounts {
        println!("account    {}  {:?}, funded and unlocked on the node", account.address, account.role);
    }
    for address in &args.fund {
        println!("funded     {address}  10 ETH");
    }
    println!("ready; Ctrl-C ends it");
}
