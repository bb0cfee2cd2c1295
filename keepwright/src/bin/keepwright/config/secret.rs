//! What a config holds and no text may show.

use std::fmt;

use serde::Deserialize;

/// A URL, which may hold a key.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Some of them. One is written without a list as well.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "OneOrSeveral")]
pub(crate) struct Secrets(pub(crate) Vec<Secret>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a URL or a list of URLs")]
enum OneOrSeveral {
    One(Secret),
    Several(Vec<Secret>),
}

impl From<OneOrSeveral> for Secrets {
    fn from(urls: OneOrSeveral) -> Self {
        match urls {
            OneOrSeveral::One(url) => Self(vec![url]),
            OneOrSeveral::Several(urls) => Self(urls),
        }
    }
}

impl Secrets {
    pub(crate) fn reveal(&self) -> Vec<String> {
        self.0.iter().map(|url| url.0.clone()).collect()
    }
}
