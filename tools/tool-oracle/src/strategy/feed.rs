//! What is known of one feed.

use std::collections::BTreeMap;

use agent_core::{
    Observation,
    units::{BlockNumber, BlockRef},
};

use crate::{
    aggregate::Sighting,
    config::FeedConfig,
    standing::Standing,
    target::{Held, Unread},
    unusable::Unusable,
};

/// One feed.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) config: FeedConfig,
    /// The last that each source said.
    pub(super) sightings: BTreeMap<String, Option<Sighting>>,
    /// What the target holds, and the block that this was read at. None until it is read after a reorg.
    pub(super) held: Option<(BlockRef, Result<Held, Unread>)>,
    pub(super) standing: Standing,
    /// The first block of those in a row on which an update was due.
    pub(super) due_since: Option<BlockNumber>,
}

impl Feed {
    pub(super) fn new(config: FeedConfig) -> Self {
        let sightings = config.sources.iter().map(|source| (source.name.clone(), None)).collect();
        Self { config, sightings, held: None, standing: Standing::default(), due_since: None }
    }

    /// Takes what a source said; false if it is none of this feed's.
    pub(super) fn hear(&mut self, observation: &Observation) -> bool {
        let source = self.config.sources.iter().find(|source| source.name == observation.source);
        let Some(source) = source else { return false };
        let reading = match &observation.said {
            Ok(answer) => source.read.read(answer),
            Err(error) => Err(Unusable::Unanswered(*error)),
        };
        let arrived = observation.at.timestamp;
        let Some(sighting) = self.sightings.get_mut(&source.name) else { return false };
        // What a source said before it failed to answer counts until it is too old.
        let counts = sighting.as_ref().is_some_and(|old| old.reading.is_ok());
        if counts && matches!(reading, Err(Unusable::Unanswered(_))) {
            return false;
        }
        *sighting = Some(Sighting { reading, arrived });
        true
    }
}
