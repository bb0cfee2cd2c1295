//! The bottom rung of the ladder: something asked of the door, by someone.

use serde::{Deserialize, Serialize};

use crate::{
    intent::Action,
    mandate::OrderId,
    opportunity::{Appraisal, OpportunityId},
};

/// A request to the door. Anybody may make one; it authorises nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// What it takes; the door lets each id through once.
    pub id: OpportunityId,
    /// The strategy that computed it: the policy's budgets are per strategy.
    pub strategy: String,
    /// The class of opportunity, which mandates name.
    pub class: String,
    /// What it should bring; none for maintenance.
    pub appraisal: Option<Appraisal>,
    /// What is to be done.
    pub action: Action,
}

/// Who decided on a draft. The door holds each to its own limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The reflex lane, under a standing order.
    Reflex {
        /// The mandate that it acts under.
        order: OrderId,
    },
    /// A planner, with the reason it gave. The reason is recorded, shown, and never interpreted.
    Planner {
        /// The planner's words.
        reason: String,
    },
    /// A person at the command line.
    Operator,
    /// The sweep of proceeds that the operator's policy has the draft's strategy make.
    Sweep,
    /// The door itself: a breaker, or the repair of its lane.
    Door,
}
