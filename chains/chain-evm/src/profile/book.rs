//! The profiles there are: the built-in ones, and what the operator adds.

use std::collections::BTreeMap;

use agent_core::units::ChainId;
use serde::Deserialize;
use toml::Table;

use super::{ChainProfile, ProfileError};

const BUILT_IN: [&str; 7] = [
    include_str!("../../profiles/devnet.toml"),
    include_str!("../../profiles/ethereum.toml"),
    include_str!("../../profiles/base.toml"),
    include_str!("../../profiles/op.toml"),
    include_str!("../../profiles/arbitrum.toml"),
    include_str!("../../profiles/polygon.toml"),
    include_str!("../../profiles/bnb.toml"),
];

/// The profiles there are, by name. One chain has one profile.
#[derive(Debug, Clone)]
pub struct ChainProfiles {
    known: BTreeMap<String, (Table, ChainProfile)>,
}

impl ChainProfiles {
    /// The built-in ones: `devnet`, `ethereum`, `base`, `op`, `arbitrum`, `polygon` and `bnb`.
    ///
    /// # Errors
    /// Never, as the tests show: the files are compiled in.
    pub fn built_in() -> Result<Self, ProfileError> {
        let mut profiles = Self { known: BTreeMap::new() };
        for text in BUILT_IN {
            profiles.add(text)?;
        }
        Ok(profiles)
    }

    /// Adds the chain that `text` describes. Where its `name` is known already, its sections replace those of the known
    /// profile, each as a whole (`order_flow`, `addresses`, `fees`, `pace`, ..), and the others stay.
    ///
    /// # Errors
    /// When the text is no profile, a fact in it has no source, or its chain has a profile of another name.
    pub fn add(&mut self, text: &str) -> Result<(), ProfileError> {
        let unreadable = |error: toml::de::Error| unreadable(text, &error);
        let table: Table = toml::from_str(text).map_err(unreadable)?;
        let name = table.get("name").and_then(toml::Value::as_str).unwrap_or_default();
        let (table, profile) = match self.known.get(name) {
            Some((known, _)) => over(name, known, &table)?,
            None => (table.clone(), toml::from_str::<ChainProfile>(text).map_err(unreadable)?),
        };
        profile.check_rules()?;
        self.check_is_the_only_one(&profile)?;
        self.known.insert(profile.name.clone(), (table, profile));
        Ok(())
    }

    /// The profile of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(&self, name: &str) -> Result<&ChainProfile, ProfileError> {
        let found = self.known.get(name).map(|(_, profile)| profile);
        found.ok_or_else(|| ProfileError::Unknown { name: name.to_owned(), known: self.names() })
    }

    /// The profile of that chain, where there is one.
    #[must_use]
    pub fn of_chain(&self, chain: ChainId) -> Option<&ChainProfile> {
        self.iter().find(|profile| profile.chain() == chain)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &ChainProfile> {
        self.known.values().map(|(_, profile)| profile)
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.known.keys().map(String::as_str).collect();
        names.join(", ")
    }

    /// Two profiles of one chain would say two things of it.
    fn check_is_the_only_one(&self, profile: &ChainProfile) -> Result<(), ProfileError> {
        let unfit = |what: String| Err(ProfileError::Unfit { name: profile.name.clone(), what });
        let id = profile.chain().0;
        if let Some(before) = self.known.get(&profile.name).map(|(_, before)| before.chain().0)
            && before != id
        {
            return unfit(format!("its chain is {before}, not {id}; give another chain another name"));
        }
        match self.of_chain(profile.chain()) {
            Some(other) if other.name != profile.name => {
                unfit(format!("chain {id} has the profile `{}` already; use that name", other.name))
            }
            _ => Ok(()),
        }
    }
}

/// The sections of `table` over those of `known`.
fn over(name: &str, known: &Table, table: &Table) -> Result<(Table, ChainProfile), ProfileError> {
    let mut merged = known.clone();
    merged.extend(table.clone());
    let unfit = |error: toml::de::Error| {
        let what = error.message().to_owned();
        ProfileError::Unfit { name: name.to_owned(), what }
    };
    let profile = ChainProfile::deserialize(merged.clone()).map_err(unfit)?;
    Ok((merged, profile))
}

fn unreadable(text: &str, error: &toml::de::Error) -> ProfileError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    ProfileError::Unreadable { line, what: error.message().to_owned() }
}
