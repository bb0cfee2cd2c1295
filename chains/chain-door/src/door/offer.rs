//! The first entrance: from a draft to a transaction on its way.

use std::sync::Arc;

use agent_core::{
    Draft, Origin, Refusal, StandDown,
    ports::{
        Ahead, DoorError, EntryKind, Frame, Moment, Offered, Quote, SenderError, Simulation,
        SimulationRequest, SimulatorError,
    },
};

use super::{Lane, Shared};
use crate::{
    Page,
    encode::encode,
    judge::{judge, watch},
    ladder::{Approved, Simulated},
    payload::RefusedPage,
    questions::Stand,
};

impl Lane {
    pub(super) async fn offer(self: Arc<Self>, draft: Draft, origin: Origin) -> Result<Offered, DoorError> {
        let (observer, id) = (self.shared.ports.observer.clone(), draft.id);
        observer.saw(Moment::Offered(&draft, &origin));
        let refusal = match self.clone().climb(draft.clone(), origin.clone()).await? {
            Ok(offered) => return Ok(offered),
            Err(refusal) => refusal,
        };
        if refusal == Refusal::Killed {
            self.shared.disarm_all().await?;
        }
        let is_news = self.shared.desk().refusals.is_news(id, &refusal);
        if is_news {
            let page = RefusedPage { draft, origin, refusal: refusal.clone(), policy: self.policy.hash };
            self.shared.note(EntryKind::Refused, id.0, Page::Refused(Box::new(page)).bytes()?).await?;
        }
        observer.saw(Moment::Refused(id, &refusal));
        Ok(Offered::Refused(refusal))
    }

    /// The whole ladder, rung by rung, one draft of the lane at a time: each is simulated after all that are on their way.
    pub(super) async fn climb(
        self: Arc<Self>,
        draft: Draft,
        origin: Origin,
    ) -> Result<Result<Offered, Refusal>, DoorError> {
        let lane = self.clone();
        let _turn = lane.turn.lock().await;
        if let Err(refusal) = self.shared.may_act(&draft, &origin).and_then(|()| self.is_quiet(&origin)) {
            return Ok(Err(refusal));
        }
        match self.stand(&draft) {
            Stand::New => {}
            Stand::Waits(question) => return Ok(Ok(Offered::Asked(question))),
            Stand::Refused(refusal) => return Ok(Err(refusal)),
            Stand::Approved(transaction, digest) => {
                let approved = (*transaction, digest);
                let climbed = self.clone().climb_approved(draft.clone(), origin.clone(), approved).await?;
                if let Some(climbed) = climbed {
                    return Ok(climbed);
                }
            }
        }
        self.climb_new(draft, origin).await
    }

    async fn climb_new(
        self: Arc<Self>,
        draft: Draft,
        origin: Origin,
    ) -> Result<Result<Offered, Refusal>, DoorError> {
        let approved = match self.approve(draft, origin).await {
            Ok(approved) => approved,
            Err(refusal) => return Ok(Err(refusal)),
        };
        match self.ask(&approved) {
            Ok(None) => {}
            Ok(Some(question)) => return Ok(Ok(Offered::Asked(question))),
            Err(refusal) => return Ok(Err(refusal)),
        }
        match self.record(approved, None).await? {
            Ok(recorded) => Ok(self.underway(recorded).await?.map(Offered::Underway)),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// A sweep waits for everything else of its lane: whatever is under way was computed with what it would take away.
    fn is_quiet(&self, origin: &Origin) -> Result<(), Refusal> {
        let under_way = self.shared.intents.ahead_of(self.key, u64::MAX).len();
        if *origin != Origin::Sweep || under_way == 0 {
            return Ok(());
        }
        let limit = "transactions of its lane under way beside a sweep".to_owned();
        Err(Refusal::OverLimit { limit, asked: under_way.to_string(), allowed: "0".to_owned() })
    }

    async fn approve(&self, draft: Draft, origin: Origin) -> Result<Approved, Refusal> {
        if let Some((quote, simulated)) = self.ready(&draft, &origin)
            && let Ok(approved) = self.judged(simulated, &quote)
        {
            return Ok(approved);
        }
        let mut quote = self.quote().await?;
        let frame = encode(&draft.action, quote.from, self.policy.executor)?;
        let gas_limit = self.policy.limits.gas_per_transaction;
        let simulated = self.simulate_frame(draft, origin, &frame, (quote.nonce, gas_limit)).await?;
        // A slow simulation ends in a later block than the quote's: no deadline or mandate gains by it.
        quote.head.timestamp = quote.head.timestamp.max(simulated.simulation.at.timestamp);
        self.judged(simulated, &quote)
    }

    fn judged(&self, simulated: Simulated, quote: &Quote) -> Result<Approved, Refusal> {
        let mandate = self.shared.desk().orders.mandate(&simulated.origin);
        let id = simulated.draft.id;
        let approved = judge(&self.policy, simulated, quote, mandate.as_ref())?;
        self.shared.ports.observer.saw(Moment::Approved(id));
        Ok(approved)
    }

    pub(super) async fn simulate_frame(
        &self,
        draft: Draft,
        origin: Origin,
        frame: &Frame,
        (nonce, gas_limit): (u64, u64),
    ) -> Result<Simulated, Refusal> {
        let simulation = self.look(self.shared.intents.ahead_of(self.key, nonce), frame, gas_limit).await?;
        self.shared.ports.observer.saw(Moment::Simulated(draft.id, &simulation));
        Ok(Simulated { draft, origin, frame: frame.clone(), simulation })
    }

    pub(super) async fn look(
        &self,
        ahead: Vec<Ahead>,
        frame: &Frame,
        gas_limit: u64,
    ) -> Result<Simulation, Refusal> {
        let watch = watch(&self.policy, frame.from);
        let request = SimulationRequest { ahead, frame: frame.clone(), gas_limit, watch };
        self.shared.ports.simulator.simulate(request).await.map_err(|error| no_simulator(&error))
    }

    /// The sender's quote, for the lane's next nonce, its head never older than the latest chain time heard of.
    pub(super) async fn quote(&self) -> Result<Quote, Refusal> {
        let mut quote = self.sender.quote().await.map_err(|error| no_sender(&error))?;
        quote.head.timestamp = self.shared.tell_time(quote.head.timestamp);
        if quote.from != self.key {
            let cause = format!("it quotes for {}, and the lane's key is {}", quote.from, self.key);
            return Err(Refusal::Unavailable { port: "sender".to_owned(), cause });
        }
        quote.nonce = self.shared.intents.asked(self.key, quote.nonce);
        Ok(quote)
    }
}

impl Shared {
    /// What needs no look at the chain. What the operator asks for, and what repairs the lane, is not stood down.
    pub(super) fn may_act(&self, draft: &Draft, origin: &Origin) -> Result<(), Refusal> {
        self.is_alive()?;
        self.is_confirmed()?;
        if *origin == Origin::Door {
            return Ok(());
        }
        self.has_room()?;
        if *origin == Origin::Operator {
            return Ok(());
        }
        let now = self.now();
        match self.stood_down().into_iter().find(|rest| rest.holds(draft, now)) {
            Some(StandDown { class, until, why, .. }) => {
                Err(Refusal::StoodDown { class, until: until.0, why })
            }
            None => Ok(()),
        }
    }

    /// One more may be in flight. Whatever the journal holds open is, also what an earlier process left.
    fn has_room(&self) -> Result<(), Refusal> {
        let (in_flight, most) = (self.intents.count(), self.policy.limits.in_flight);
        if in_flight < most {
            return Ok(());
        }
        let asked = in_flight.saturating_add(1).to_string();
        Err(Refusal::OverLimit {
            limit: "transactions in flight".to_owned(),
            asked,
            allowed: most.to_string(),
        })
    }
}

fn no_simulator(error: &SimulatorError) -> Refusal {
    Refusal::Unavailable { port: "simulator".to_owned(), cause: error.to_string() }
}

pub(super) fn no_sender(error: &SenderError) -> Refusal {
    Refusal::Unavailable { port: "sender".to_owned(), cause: error.to_string() }
}
