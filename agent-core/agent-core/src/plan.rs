//! What a planner is told, and what it answers.

pub(crate) mod render;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    opportunity::{Opportunity, OpportunityId},
    ports::{Record, ToolCall, ToolSpec},
    units::{BlockRef, UsdE8},
};

pub use render::{Rendered, canonical};

/// One opportunity as a planner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BriefingItem {
    /// The id to name in a call.
    pub id: OpportunityId,
    /// Its class.
    pub class: String,
    /// What it should bring after gas.
    pub net: UsdE8,
    /// Why.
    pub facts: BTreeMap<String, String>,
}

impl BriefingItem {
    /// What a planner sees of `opportunity`; `None` when its value does not add up.
    #[must_use]
    pub fn of(opportunity: &Opportunity) -> Option<Self> {
        Some(Self {
            id: opportunity.id,
            class: opportunity.class.clone(),
            net: opportunity.appraisal.net()?,
            facts: opportunity.facts.clone(),
        })
    }
}

/// What came of an earlier call in the same sitting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The tool called.
    pub tool: String,
    /// Its answer, or the hint of its failure.
    pub said: String,
}

/// Everything a planner is told: a stable part first, the changing part after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Briefing {
    /// The tools it may call.
    pub tools: Vec<ToolSpec>,
    /// The head.
    pub now: BlockRef,
    /// Open opportunities that no standing order covers, best first, bounded.
    pub opportunities: Vec<BriefingItem>,
    /// Classes that live standing orders cover.
    pub armed: Vec<String>,
    /// How many transactions are under way.
    pub in_flight: u32,
    /// Memories of these classes, newest first, each with its provenance.
    pub memories: Vec<Record>,
    /// What came of this sitting's earlier calls.
    pub notes: Vec<Note>,
}

/// A planner's answer. No calls means: wait.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Why, in a sentence: recorded and shown, never interpreted.
    #[serde(default)]
    pub reason: String,
    /// What to do, in order.
    #[serde(default)]
    pub calls: Vec<ToolCall>,
}
