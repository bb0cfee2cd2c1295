//! The table `[order_flow]`: the ways past the public pool, for what the policy keeps from it.

use eyre::{Context, eyre};
use keepwright::evm::{OrderFlowKind, OrderFlowRoutes, PrivateRpc, RawMethod};
use serde::Deserialize;

use super::{
    chain::ChainConfig,
    secret::{Secret, Secrets},
};

/// For how many of the next blocks a bundle is offered, unless the config says otherwise.
const BLOCKS_AHEAD: u64 = 3;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderFlowTable {
    /// Names of the profile's own.
    #[serde(default)]
    known: Vec<String>,
    #[serde(default)]
    private_rpcs: Vec<PrivateRpcTable>,
    #[serde(default)]
    builders: Secrets,
    blocks_ahead: Option<u64>,
}

/// One that the profile does not know.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a URL, or one with a `method`: `eth_sendRawTransaction` or `eth_sendPrivateRawTransaction`"
)]
enum PrivateRpcTable {
    Url(Secret),
    Method { url: Secret, method: MethodName },
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum MethodName {
    #[serde(rename = "eth_sendRawTransaction")]
    SendRawTransaction,
    #[serde(rename = "eth_sendPrivateRawTransaction")]
    SendPrivateRawTransaction,
}

impl PrivateRpcTable {
    fn rpc(&self) -> PrivateRpc {
        let (Secret(url), method) = match self {
            Self::Url(url) | Self::Method { url, method: MethodName::SendRawTransaction } => {
                (url, RawMethod::SendRawTransaction)
            }
            Self::Method { url, method: MethodName::SendPrivateRawTransaction } => {
                (url, RawMethod::SendPrivateRawTransaction)
            }
        };
        PrivateRpc { url: url.clone(), method }
    }
}

impl OrderFlowTable {
    /// The routes. Nobody is asked yet.
    pub(super) fn routes(&self, chain: &ChainConfig) -> eyre::Result<OrderFlowRoutes> {
        let mut rpcs: Vec<_> = self.private_rpcs.iter().map(PrivateRpcTable::rpc).collect();
        let mut builders = self.builders.reveal();
        for name in &self.known {
            let profile = chain.profile_for("`order_flow.known`")?;
            let found = profile.order_flow.iter().find(|flow| flow.name == *name);
            let flow = found.ok_or_else(|| {
                let names: Vec<_> = profile.order_flow.iter().map(|flow| flow.name.as_str()).collect();
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                eyre!("profile `{}` knows no order flow `{name}`; it knows {names}", profile.name)
            })?;
            match flow.kind {
                OrderFlowKind::Builder => builders.push(flow.url.clone()),
                // Who orders the blocks keeps no public pool of what it was given.
                OrderFlowKind::PrivateRpc | OrderFlowKind::Sequencer => {
                    rpcs.push(PrivateRpc { url: flow.url.clone(), method: RawMethod::SendRawTransaction });
                }
            }
        }
        let ahead = self.blocks_ahead.unwrap_or(BLOCKS_AHEAD);
        OrderFlowRoutes::new(&rpcs, &builders, ahead).wrap_err("`order_flow` is wrong")
    }
}
