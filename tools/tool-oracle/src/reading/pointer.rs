//! JSON pointers (RFC 6901) over raw JSON.
//!
//! A library that hands out parsed values hands out floats: `serde_json::Value` keeps a number's digits only with a feature that
//! changes every other crate's numbers too. So the text is walked, and what the pointer names is taken as it was written.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize, de::Error as _};
use serde_json::value::RawValue;

use crate::{decimal::Decimal, unusable::Unusable};

/// Deeper than any price is.
const MOST_STEPS: usize = 32;

/// Names one place in a JSON document: `/data/0/price`. `~1` stands for a slash in a key and `~0` for a tilde.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Pointer(String);

impl Pointer {
    /// The pointer that is written like this. `None` for what is none: it is empty, or begins with a slash.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let begins = text.is_empty() || text.starts_with('/');
        let escapes = text.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        (begins && escapes && text.split('/').count() <= MOST_STEPS).then(|| Self(text.to_owned()))
    }

    /// The number that it names, which may be written as a string.
    ///
    /// # Errors
    /// When the document is no JSON from its first byte to its last, has nothing there, or something else than a number.
    pub fn number(&self, document: &[u8]) -> Result<Decimal, Unusable> {
        let mut here: &RawValue = serde_json::from_slice(document).map_err(|_syntax| Unusable::NotJson)?;
        for step in self.0.split('/').skip(1) {
            here = child(here, &step.replace("~1", "/").replace("~0", "~"))?;
        }
        let written = here.get();
        if !written.starts_with('"') {
            return Decimal::parse(written);
        }
        let text: Cow<'_, str> = serde_json::from_str(written).map_err(|_escape| Unusable::NotJson)?;
        Decimal::parse(&text)
    }
}

/// What is in `parent` under `step`: of a key that is there twice, the last.
fn child<'a>(parent: &'a RawValue, step: &str) -> Result<&'a RawValue, Unusable> {
    let written = parent.get();
    if written.starts_with('{') {
        let members: BTreeMap<String, &RawValue> = from(written)?;
        return members.get(step).copied().ok_or(Unusable::Missing);
    }
    if !written.starts_with('[') {
        return Err(Unusable::Missing);
    }
    let plain = step == "0" || !step.starts_with(['0', '+']);
    let index = step.parse::<usize>().ok().filter(|_| plain).ok_or(Unusable::Missing)?;
    let elements: Vec<&RawValue> = from(written)?;
    elements.get(index).copied().ok_or(Unusable::Missing)
}

fn from<'a, T: Deserialize<'a>>(written: &'a str) -> Result<T, Unusable> {
    serde_json::from_str(written).map_err(|_syntax| Unusable::NotJson)
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text)
            .ok_or_else(|| D::Error::custom("a JSON pointer begins with a slash, like /data/price"))
    }
}
