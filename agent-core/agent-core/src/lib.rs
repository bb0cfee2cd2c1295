#![doc = include_str!("../README.md")]

mod draft;
mod event;
mod intent;
mod mandate;
mod opportunity;
mod outcome;
mod plan;
mod replay;
mod run;
mod tab;

#[cfg(feature = "testing")]
pub mod conformance;
pub mod ports;
#[cfg(any(test, feature = "testing"))]
pub mod scripted;
pub mod units;

pub use draft::{Draft, Origin};
pub use event::{Answered, ChainEvent, ChainLog, Head, Interest, Observation, Query};
pub use intent::{Action, Borrow, Call, Intent, Lending, Maintenance};
pub use mandate::{ArmedBy, OrderId, OutsideMandate, StandDown, StandingOrder};
pub use opportunity::{Appraisal, Opportunity, OpportunityId};
pub use outcome::{BalanceDelta, Mined, Outcome, OutcomeReport, Refusal, Settlement};
pub use plan::{Briefing, BriefingItem, Note, Plan, Rendered, canonical, render::BRIEFING_BYTES};
pub use replay::{Heard, Recorded, Replay, Replayed};
pub use run::{Answer, Mismatch, Run, RunLimits, Situation, Step};
pub use tab::Tab;
