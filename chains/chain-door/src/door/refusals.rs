//! Which refusals were written down already: an opportunity that is refused for the same kind of reason block after block
//! is one entry in the journal, not one a block.

use std::{
    collections::BTreeMap,
    mem::{Discriminant, discriminant},
};

use agent_core::{OpportunityId, Refusal};

/// Opportunities that are remembered; one more and all are forgotten, at the price of some entries written twice.
const REMEMBERED: usize = 1_024;

/// The last written kind of refusal of each opportunity, in this process.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<OpportunityId, Discriminant<Refusal>>);

impl Refusals {
    /// Whether the journal does not have it yet. It is taken for written then.
    pub(super) fn is_news(&mut self, id: OpportunityId, refusal: &Refusal) -> bool {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&id) {
            self.0.clear();
        }
        self.0.insert(id, discriminant(refusal)) != Some(discriminant(refusal))
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    #[test]
    fn the_same_kind_again_is_no_news_and_memory_is_bounded() {
        let mut refusals = Refusals::default();
        let id = |byte: u64| OpportunityId(B256::left_padding_from(&byte.to_be_bytes()));
        let reverts = |why: &str| Refusal::SimulationReverts(why.to_owned());
        assert!(refusals.is_news(id(1), &reverts("a")) && !refusals.is_news(id(1), &reverts("b")));
        assert!(refusals.is_news(id(1), &Refusal::Killed) && refusals.is_news(id(1), &reverts("a")));
        assert!((10..5_000).all(|byte| refusals.is_news(id(byte), &Refusal::Killed)));
        assert!(refusals.0.len() <= REMEMBERED);
    }
}
