//! The table `[chain]`: which chain it is, what is known of it, and the nodes by which it is reached.

use std::{fs, num::NonZeroU64, path::Path, time::Duration};

use eyre::{Context, OptionExt, bail, ensure};
use keepwright::{
    ChainTerms,
    core::units::ChainId,
    evm::{ChainProfile, ChainProfiles, Endpoint, Finality, FinalityRule, PoolConfig},
};
use serde::Deserialize;

use super::secret::{Secret, Secrets};

/// From so many nodes on, more than half of them can agree after one has failed.
const ENOUGH_TO_AGREE: usize = 3;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChainTable {
    profile: Option<String>,
    id: Option<u64>,
    block_seconds: Option<NonZeroU64>,
    confirmations: Option<NonZeroU64>,
    endpoint: Option<Secret>,
    #[serde(default)]
    endpoints: Secrets,
    quorum: Option<usize>,
    lag_allowed: Option<u64>,
}

/// A chain, and how it is reached.
#[derive(Debug)]
pub(crate) struct ChainConfig {
    pub(crate) id: ChainId,
    pub(crate) profile: Option<ChainProfile>,
    pub(crate) terms: ChainTerms,
    urls: Secrets,
    quorum: Option<usize>,
    lag_allowed: Option<u64>,
}

impl ChainTable {
    /// What the table and the profile that it names say together. What the table says itself wins.
    pub(super) fn resolve(self, folder: &Path) -> eyre::Result<ChainConfig> {
        let Self { profile, id, block_seconds, confirmations, endpoint, endpoints, quorum, lag_allowed } =
            self;
        let urls = match (endpoint, endpoints) {
            (Some(url), Secrets(several)) if several.is_empty() => Secrets(vec![url]),
            (None, several) if !several.0.is_empty() => several,
            (None, _) => bail!("`chain` names no node; add its URL to `chain.endpoints`"),
            (Some(_), _) => {
                bail!("`chain.endpoint` and `chain.endpoints` are both there; keep the list only")
            }
        };
        let profile = profile.map(|name| read(&name, folder)).transpose()?;
        let (known, mut terms) = match (&profile, id, block_seconds, confirmations) {
            (Some(profile), ..) => (profile.chain(), ChainTerms::of(profile)),
            (None, Some(id), Some(seconds), Some(depth)) => {
                (ChainId(id), ChainTerms::usual(seconds, depth.get()))
            }
            (None, ..) => {
                bail!("`chain` names no `profile`; add one, or `id`, `block_seconds` and `confirmations`")
            }
        };
        if let (Some(profile), Some(id)) = (&profile, id) {
            ensure!(
                known.0 == id,
                "`chain.id` is {id}, but profile `{}` is of chain {known}; remove the one that is wrong",
                profile.name
            );
        }
        terms.block_seconds = block_seconds.unwrap_or(terms.block_seconds);
        terms.confirmations = confirmations.map_or(terms.confirmations, NonZeroU64::get);
        Ok(ChainConfig { id: known, profile, terms, urls, quorum, lag_allowed })
    }
}

/// A built-in profile by its name, or the one in a file.
fn read(name: &str, folder: &Path) -> eyre::Result<ChainProfile> {
    let mut profiles = ChainProfiles::built_in()?;
    if !name.contains('/') && !name.ends_with(".toml") {
        return Ok(profiles.named(name)?.clone());
    }
    let file = folder.join(name);
    let text = fs::read_to_string(&file).wrap_err_with(|| {
        format!("chain profile {} cannot be read; name an existing file", file.display())
    })?;
    profiles.add(&text).wrap_err_with(|| format!("`chain.profile` {} cannot be used", file.display()))?;
    let name = toml::from_str::<Named>(&text)?.name;
    Ok(profiles.named(&name)?.clone())
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl ChainConfig {
    /// Connects to the node, or to all of them as one.
    pub(crate) async fn connect(&self) -> eyre::Result<Endpoint> {
        match &self.urls.0[..] {
            [Secret(url)] => {
                ensure!(
                    self.quorum.unwrap_or(1) == 1,
                    "`chain.quorum` needs several `chain.endpoints`; add some, or remove it"
                );
                Ok(Endpoint::connect(url, self.id).await?)
            }
            _ => Ok(Endpoint::connect_pool(self.pool()).await?),
        }
    }

    fn pool(&self) -> PoolConfig {
        let usual = PoolConfig::usual(self.urls.reveal(), self.id, self.block_time());
        // Of two that must agree, neither may fail.
        let agree = if usual.urls.len() < ENOUGH_TO_AGREE { 1 } else { usual.quorum };
        PoolConfig {
            quorum: self.quorum.unwrap_or(agree),
            lag_allowed: self.lag_allowed.unwrap_or(usual.lag_allowed),
            finality: self.finality(),
            ..usual
        }
    }

    fn block_time(&self) -> Duration {
        let known =
            self.profile.as_ref().map(|profile| Duration::from_millis(profile.pace.block_ms.value.get()));
        known.unwrap_or(Duration::from_secs(self.terms.block_seconds.get()))
    }

    fn finality(&self) -> Finality {
        match self.profile.as_ref().map(|profile| profile.pace.finality.value) {
            Some(FinalityRule::Safe) => Finality::Safe,
            Some(FinalityRule::Finalized) => Finality::Finalized,
            Some(FinalityRule::Depth) | None => Finality::Depth(self.terms.confirmations.saturating_sub(1)),
        }
    }

    pub(super) fn profile_for(&self, what: &str) -> eyre::Result<&ChainProfile> {
        self.profile.as_ref().ok_or_eyre(format!("{what} needs `chain.profile`; name one"))
    }
}
