//! An agent of your own: our liquidation strategy, your planner. It only observes: there is no key to sign with.
//!
//! `cargo run -p examples --example first_agent -- ws://127.0.0.1:8545` beside `keepwright devnet --world 1`.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::{env, fs, num::NonZeroU64, sync::Arc};

use keepwright::{
    Authority, ChainTerms, Site,
    core::{Briefing, Plan, ports::Unobserved},
    door::Policy,
    evm::{Endpoint, OrderFlowRoutes},
    liquidation::LiquidationStrategy,
    runtime::planner_fn,
};

/// Your planner: any function of what the agent knows. This one explains what it sees, and waits.
fn decide(briefing: &Briefing) -> Plan {
    for found in &briefing.opportunities {
        println!(
            "block {}: {} would bring {}: {:?}",
            briefing.now.number, found.class, found.net, found.facts
        );
    }
    Plan::default()
}

#[tokio::main]
async fn main() -> eyre::Result<()> {
    let url = env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8545".to_owned());
    let policy = Policy::parse(&fs::read_to_string("examples/liquidator.policy.toml")?)?;
    let strategy =
        LiquidationStrategy::new(toml::from_str(&fs::read_to_string("examples/first_agent.toml")?)?);
    let site = Site {
        endpoint: Endpoint::connect(&url, policy.chain()).await?,
        policy,
        state: ".state/first-agent".into(),
        terms: ChainTerms::usual(NonZeroU64::MIN, 1),
        routes: OrderFlowRoutes::none(),
        observer: Arc::new(Unobserved),
    };
    let keeper = site.open(Authority::Observe).await?.strategy(strategy);
    keeper.run(planner_fn(decide), async { drop(tokio::signal::ctrl_c().await) }).await?;
    Ok(())
}
