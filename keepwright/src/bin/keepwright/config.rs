//! The operator's config file.

mod arbitrage;
mod chain;
mod key;
mod liquidation;
mod order_flow;
mod secret;

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use alloy::primitives::Address;
use eyre::{Context, OptionExt, eyre};
use keepwright::{
    Site,
    control::ControlConfig,
    core::{
        ArmedBy, OrderId, StandingOrder,
        ports::Observer,
        units::{Timestamp, Token, UsdE8},
    },
    door::{DEFAULT_LANE, Policy},
    evm::{Endpoint, OrderFlowRoutes},
};
use serde::Deserialize;

pub(crate) use self::{
    arbitrage::ArbitrageTable, chain::ChainConfig, key::KeyConfig, liquidation::LiquidationTable,
};
use self::{chain::ChainTable, key::KeyTable, order_flow::OrderFlowTable};
use crate::{cli::Mode, policy};

/// What an agent is made of, as its operator wrote it down, with what that refers to.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) mode: Mode,
    pub(crate) state: PathBuf,
    pub(crate) policy: PathBuf,
    pub(crate) chain: ChainConfig,
    routes: OrderFlowRoutes,
    key: Option<KeyConfig>,
    /// Keys of further lanes.
    lanes: BTreeMap<String, KeyConfig>,
    pub(crate) planner: PlannerTable,
    pub(crate) orders: Vec<OrderTable>,
    pub(crate) liquidation: Option<LiquidationTable>,
    pub(crate) arbitrage: Option<ArbitrageTable>,
    control: ControlTable,
    pub(crate) door: Option<DoorTable>,
}

/// The file. Paths are relative to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mode: Mode,
    state: PathBuf,
    policy: PathBuf,
    chain: ChainTable,
    #[serde(default)]
    order_flow: OrderFlowTable,
    key: Option<KeyTable>,
    #[serde(default)]
    lanes: BTreeMap<String, LaneTable>,
    planner: PlannerTable,
    #[serde(default)]
    orders: Vec<OrderTable>,
    liquidation: Option<LiquidationTable>,
    arbitrage: Option<ArbitrageTable>,
    #[serde(default)]
    control: ControlTable,
    door: Option<DoorTable>,
}

/// What the policy calls a lane, with the key that owns its executor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LaneTable {
    key: KeyTable,
}

/// A door in a process of its own: `keepwright door` serves it, `keepwright run` connects to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DoorTable {
    pub(crate) state: PathBuf,
    pub(crate) socket: PathBuf,
    pub(crate) agent_user: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlTable {
    http: Option<SocketAddr>,
}

/// Which planner decides what no standing order covers.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub(crate) enum PlannerTable {
    /// Plain rules.
    Rules { min_net_usd: u32 },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderTable {
    name: String,
    class: String,
    min_net_usd: u32,
    max_notional: Vec<String>,
    uses: u32,
    seconds: u64,
}

impl Config {
    pub(crate) fn read(path: &Path) -> eyre::Result<Self> {
        let text = fs::read_to_string(path)
            .wrap_err_with(|| format!("config {} cannot be read; name an existing file", path.display()))?;
        let file: File = toml::from_str(&text)
            .map_err(|error| wrong(&format!("config {}", path.display()), &text, &error))?;
        file.resolve(path.parent().unwrap_or(Path::new("")))
    }

    /// Where an agent of this config works, once it is connected.
    pub(crate) fn site(&self, endpoint: Endpoint, policy: &Policy, observer: Arc<dyn Observer>) -> Site {
        let (state, routes) = (self.state.clone(), self.routes.clone());
        Site { endpoint, policy: policy.clone(), state, terms: self.chain.terms, routes, observer }
    }

    /// Where the key of a lane is, and what the file calls that.
    pub(crate) fn key(&self, lane: &str) -> (String, Option<&KeyConfig>) {
        match lane {
            DEFAULT_LANE => ("key".to_owned(), self.key.as_ref()),
            lane => (format!("lanes.{lane}.key"), self.lanes.get(lane)),
        }
    }

    /// Lanes that have a key here, beside the default one.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = &str> {
        self.lanes.keys().map(String::as_str)
    }

    /// The contracts that its strategies read and call, by the keys that name them.
    pub(crate) fn contracts(&self) -> Vec<(String, Address)> {
        let liquidation = self.liquidation.iter().flat_map(LiquidationTable::contracts);
        liquidation.chain(self.arbitrage.iter().flat_map(ArbitrageTable::contracts)).collect()
    }

    pub(crate) fn read_policy(&self) -> eyre::Result<Policy> {
        Ok(policy::read(&self.policy)?.0)
    }

    pub(crate) const fn control(&self) -> ControlConfig {
        ControlConfig { http: self.control.http }
    }

    /// The state folder that an operator means: the door's, where it has a process of its own.
    pub(crate) fn operated(&self) -> &Path {
        self.door.as_ref().map_or(&self.state, |door| &door.state)
    }

    pub(crate) fn standing_orders(
        &self,
        policy: &Policy,
        now: Timestamp,
    ) -> eyre::Result<Vec<StandingOrder>> {
        let order = |table: &OrderTable| {
            table.order(policy, now).wrap_err_with(|| format!("order {} is wrong", table.name))
        };
        self.orders.iter().map(order).collect()
    }
}

impl File {
    fn resolve(mut self, folder: &Path) -> eyre::Result<Config> {
        let door_files =
            self.door.iter_mut().flat_map(|door| [Some(&mut door.state), Some(&mut door.socket)]);
        let own = [Some(&mut self.state), Some(&mut self.policy)];
        for file in own.into_iter().chain(door_files).flatten() {
            *file = folder.join(&*file);
        }
        let chain = self.chain.resolve(folder)?;
        let routes = self.order_flow.routes(&chain)?;
        let key = self.key.map(|key| key.resolve("key", folder, chain.id)).transpose()?;
        let lane = |(name, LaneTable { key })| {
            let key = key.resolve(&format!("lanes.{name}.key"), folder, chain.id)?;
            Ok((name, key))
        };
        let lanes = self.lanes.into_iter().map(lane).collect::<eyre::Result<_>>()?;
        let Self { mode, state, policy, planner, orders, liquidation, arbitrage, control, door, .. } = self;
        Ok(Config {
            mode,
            state,
            policy,
            chain,
            routes,
            key,
            lanes,
            planner,
            orders,
            liquidation,
            arbitrage,
            control,
            door,
        })
    }
}

/// What is wrong with a file, and where, in one line; the parser would draw it.
pub(crate) fn wrong(file: &str, text: &str, error: &toml::de::Error) -> eyre::Report {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    eyre!("{file} is wrong in line {line}: {}", without_urls(error.message()))
}

/// What a parser quotes may be a URL, which may hold a key.
fn without_urls(message: &str) -> String {
    let quoted = message.split('"').map(|part| if part.contains("://") { "…" } else { part });
    quoted.collect::<Vec<_>>().join("\"")
}

/// Dollars as a person writes them.
pub(crate) fn usd(whole: u32) -> UsdE8 {
    UsdE8(i128::from(whole).saturating_mul(100_000_000))
}

/// Cents and their sign, without a currency sign: `-1234.56`.
pub(crate) fn dollars(value: UsdE8) -> String {
    value.to_string().replace('$', "")
}

/// A token by the policy's name for it.
pub(crate) fn token<'a>(policy: &'a Policy, symbol: &str) -> eyre::Result<&'a Token> {
    let found = policy.tokens().find(|token| token.symbol == symbol);
    found.ok_or_eyre(format!("token {symbol} is not in the policy; add it to `tokens` there"))
}

impl OrderTable {
    fn order(&self, policy: &Policy, now: Timestamp) -> eyre::Result<StandingOrder> {
        let limit = |text: &String| {
            let (amount, symbol) = text.split_once(' ').ok_or_eyre("write a limit like \"1500 USDC\"")?;
            Ok(token(policy, symbol)?.parse(amount)?)
        };
        Ok(StandingOrder {
            id: OrderId(self.name.clone()),
            class: self.class.clone(),
            armed_by: ArmedBy::Operator,
            min_net: usd(self.min_net_usd),
            max_notional: self.max_notional.iter().map(limit).collect::<eyre::Result<_>>()?,
            uses: self.uses,
            expires: now.plus(self.seconds),
        })
    }
}
