//! The deployed devnet as a file: built once, loaded in a fraction of a second ever after.

use std::fs::File;
use std::path::{Path, PathBuf};

use alloy::primitives::hex;
use alloy::providers::{Provider, ProviderBuilder};

use crate::anvil::{Anvil, Options};
use crate::artifacts::Artifacts;
use crate::chain::Chain;
use crate::deploy;
use crate::error::{DevnetError, Result};
use crate::manifest::Manifest;

/// A fast level: the file is small at any.
const LEVEL: i32 = 6;

/// A dumped devnet.
#[derive(Debug)]
pub(crate) struct Dump {
    /// The node's state, compressed.
    state: PathBuf,
    pub(crate) manifest: Manifest,
}

/// Where the node's program is.
pub(crate) fn binary(cache: &Path) -> PathBuf {
    cache.join("bin").join("anvil")
}

/// The number of accounts, as both the builder and the loader must name it.
pub(crate) fn account_arguments() -> Vec<String> {
    vec![String::from("--accounts"), deploy::ACCOUNTS.to_string()]
}

impl Dump {
    /// The dump of this deployment; builds it where it is not there. One process builds, others wait for it.
    pub(crate) async fn ensure(cache: &Path) -> Result<Self> {
        if !binary(cache).is_file() {
            return Err(DevnetError::ArtifactsMissing { path: binary(cache) });
        }
        let files = Files::new(cache);
        if let Some(dump) = files.load()? {
            return Ok(dump);
        }
        let lock = lock(files.lock.clone()).await?;
        let found = files.load()?;
        let dump = match found {
            Some(dump) => dump,
            None => files.build(cache).await?,
        };
        drop(lock);
        Ok(dump)
    }

    /// Writes the state, uncompressed, for a node to load.
    pub(crate) fn unpack_into(&self, path: &Path) -> Result<()> {
        let packed = File::open(&self.state).map_err(|error| DevnetError::io("open", &self.state, error))?;
        let target = File::create(path).map_err(|error| DevnetError::io("create", path, error))?;
        zstd::stream::copy_decode(packed, target)
            .map_err(|error| DevnetError::io("unpack", &self.state, error))
    }
}

/// Held by the process that builds; the system releases it when that process ends, however it ends.
async fn lock(path: PathBuf) -> Result<File> {
    let locking = tokio::task::spawn_blocking(move || {
        let open = File::create(&path).and_then(|file| file.lock().map(|()| file));
        open.map_err(|error| DevnetError::io("lock", path, error))
    });
    locking.await.map_err(|error| DevnetError::NotStarted { reason: error.to_string() })?
}

/// The files of one deployment.
struct Files {
    state: PathBuf,
    manifest: PathBuf,
    lock: PathBuf,
}

impl Files {
    fn new(cache: &Path) -> Self {
        let print = deploy::fingerprint();
        let name = hex::encode(print.get(..8).unwrap_or_default());
        let file = |suffix: &str| cache.join(format!("state-{name}.{suffix}"));
        Self { state: file("zst"), manifest: file("manifest.json"), lock: file("lock") }
    }

    /// The manifest is written last, so that its presence says that the state is whole.
    fn load(&self) -> Result<Option<Dump>> {
        let text = match std::fs::read(&self.manifest) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DevnetError::io("read", &self.manifest, error)),
        };
        let manifest = serde_json::from_slice(&text)
            .map_err(|source| DevnetError::Json { path: self.manifest.clone(), source })?;
        Ok(Some(Dump { state: self.state.clone(), manifest }))
    }

    async fn build(&self, cache: &Path) -> Result<Dump> {
        tracing::info!("building the devnet's state; this happens once");
        let folder = tempfile::tempdir_in(cache).map_err(|error| DevnetError::io("create", cache, error))?;
        let raw = folder.path().join("state.json");
        let mut arguments = account_arguments();
        arguments.extend([String::from("--dump-state"), raw.display().to_string()]);
        let anvil = Anvil::start(&binary(cache), Options { port: 0, arguments }).await?;
        let manifest = deploy::deploy(connect(&anvil)?, Artifacts::new(cache)).await?;
        anvil.leave().await?;
        self.write(&raw, &manifest)?;
        Ok(Dump { state: self.state.clone(), manifest })
    }

    fn write(&self, raw: &Path, manifest: &Manifest) -> Result<()> {
        let state = File::open(raw).map_err(|error| DevnetError::io("open", raw, error))?;
        let target =
            File::create(&self.state).map_err(|error| DevnetError::io("create", &self.state, error))?;
        zstd::stream::copy_encode(state, target, LEVEL)
            .map_err(|error| DevnetError::io("pack", raw, error))?;
        let text = serde_json::to_vec_pretty(manifest)
            .map_err(|source| DevnetError::Json { path: self.manifest.clone(), source })?;
        let part = self.manifest.with_extension("part");
        std::fs::write(&part, text).map_err(|error| DevnetError::io("write", &part, error))?;
        std::fs::rename(&part, &self.manifest).map_err(|error| DevnetError::io("rename", &part, error))
    }
}

/// A connection to a node that was just started.
pub(crate) fn connect(anvil: &Anvil) -> Result<Chain> {
    let url = format!("http://127.0.0.1:{}", anvil.port());
    let url =
        url.parse().map_err(|_parse| DevnetError::NotStarted { reason: format!("bad address {url}") })?;
    let provider = ProviderBuilder::new().disable_recommended_fillers().connect_http(url).erased();
    Ok(Chain::new(provider))
}
