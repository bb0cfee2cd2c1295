//! What is ready before it is offered: encoded and simulated for a standing order, and neither approved, recorded nor signed.
//!
//! An offer that finds itself ready saves the questions to the node and nothing else: it is judged by the policy, the
//! mandate, the budgets and chain time as they are then, and the simulation is of the newest block or of its parent.

use std::collections::VecDeque;

use agent_core::{
    Action, Draft, Origin, Refusal,
    ports::{Ahead, Frame, Moment, Quote, SimulatedOutcome, Simulation},
    units::BlockRef,
};

use super::Lane;
use crate::{encode::encode, ladder::Simulated};

/// Drafts that are kept ready; one more takes the place of the oldest.
const MOST: usize = 32;

/// What is ready, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Shelf(VecDeque<Ready>);

/// One action as it went on one block, after what was on its way then.
#[derive(Debug)]
struct Ready {
    action: Action,
    quote: Quote,
    ahead: Vec<Ahead>,
    frame: Frame,
    simulation: Simulation,
}

impl Shelf {
    fn put(&mut self, ready: Ready) {
        self.0.retain(|other| other.action != ready.action);
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(ready);
    }

    /// What is ready, the oldest first.
    #[cfg(test)]
    pub(super) fn actions(&self) -> Vec<Action> {
        self.0.iter().map(|ready| ready.action.clone()).collect()
    }

    fn take(&mut self, action: &Action) -> Option<Ready> {
        let place = self.0.iter().position(|ready| ready.action == *action)?;
        self.0.remove(place)
    }
}

impl Lane {
    /// Looks at everything that an offer under a standing order would wait for. What cannot be had is not ready; the offer
    /// itself will say why.
    pub(super) async fn prepare(&self, draft: Draft, origin: Origin) {
        let armed = self.shared.desk().orders.mandate(&origin).is_some();
        if !armed || self.shared.may_act(&draft, &origin).is_err() {
            return;
        }
        let id = draft.id;
        if let Ok(Some(ready)) = self.look_ahead(draft.action).await {
            self.shared.desk().shelf.put(ready);
            self.shared.ports.observer.saw(Moment::Prepared(id));
        }
    }

    /// Without its turn in the lane: an offer does not wait for this, and whether another came in between shows when it is taken.
    async fn look_ahead(&self, action: Action) -> Result<Option<Ready>, Refusal> {
        let quote = self.quote().await?;
        let frame = encode(&action, quote.from, self.policy.executor)?;
        let ahead = self.shared.intents.ahead_of(self.key, quote.nonce);
        let gas_limit = self.policy.limits.gas_per_transaction;
        let simulation = self.look(ahead.clone(), &frame, gas_limit).await?;
        // What fails now may go well on the next block, and is looked at again there.
        let went_well = simulation.outcome == SimulatedOutcome::Success;
        let of_one_block = simulation.at.hash == quote.head.hash;
        Ok((went_well && of_one_block).then_some(Ready { action, quote, ahead, frame, simulation }))
    }

    /// What was made ready for this very action, if the world is still the one that it was made for, or one block on.
    pub(super) fn ready(&self, draft: &Draft, origin: &Origin) -> Option<(Quote, Simulated)> {
        let Origin::Reflex { .. } = origin else { return None };
        let head = self.sender.heard()?;
        let Ready { quote, ahead, frame, simulation, .. } = self.shared.desk().shelf.take(&draft.action)?;
        let here = [head.block.hash, head.parent].contains(&simulation.at.hash);
        let nonce = self.shared.intents.next_nonce(self.key, quote.nonce);
        let ours = quote.from == self.key;
        let unmoved = nonce == quote.nonce && self.shared.intents.ahead_of(self.key, nonce) == ahead;
        // Within one block a base fee rises by an eighth at most (EIP-1559).
        let base_fee = head.base_fee.checked_add(head.base_fee.div_ceil(8))?;
        let least_fee = quote.least_fee.max(base_fee.checked_add(quote.tip)?);
        if !ours || !here || !unmoved || least_fee > quote.max_fee {
            return None;
        }
        let timestamp = self.shared.tell_time(head.block.timestamp);
        let quote = Quote { least_fee, head: BlockRef { timestamp, ..head.block }, ..quote };
        self.shared.ports.observer.saw(Moment::Simulated(draft.id, &simulation));
        Some((quote, Simulated { draft: draft.clone(), origin: origin.clone(), frame, simulation }))
    }
}
