//! How the feeds stand.

use std::convert::Infallible;

use agent_core::{
    ports::{Read, Tool, ToolContext, ToolError, ToolOutput},
    units::BlockNumber,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{standing::Decision, view::FeedsView};

/// The most that one answer holds.
const MOST: usize = 50;

/// Lists the feeds, those first that want something.
#[derive(Debug, Clone)]
pub struct FeedStatus {
    view: FeedsView,
}

impl FeedStatus {
    /// The tool over what a strategy sees.
    #[must_use]
    pub const fn new(view: FeedsView) -> Self {
        Self { view }
    }
}

/// How many feeds.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HowMany {
    /// At most this many; never more than 50.
    #[serde(default = "ten")]
    pub count: u8,
}

const fn ten() -> u8 {
    10
}

/// One feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FeedLine {
    /// Its name.
    pub feed: String,
    /// The block that this was decided on.
    pub block: BlockNumber,
    /// What was decided, and why.
    pub decision: String,
    /// What the target holds.
    pub held: Option<String>,
    /// What the sources come to.
    pub value: Option<String>,
}

/// The feeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feeds {
    /// How many are kept.
    pub kept: usize,
    /// How many have no value, or a target that cannot be updated.
    pub in_trouble: usize,
    /// Those in trouble first, then those that are due.
    pub feeds: Vec<FeedLine>,
}

/// Lower is more urgent.
const fn urgency(decision: &Decision) -> u8 {
    match decision {
        Decision::Unread(_)
        | Decision::NoValue(_)
        | Decision::Underfunded
        | Decision::Unsendable
        | Decision::Reverted
        | Decision::Resting(_)
        | Decision::Quiet(crate::mode::WhyNot::OutOfBounds) => 0,
        Decision::Due(..) | Decision::Standby(..) => 1,
        Decision::Quiet(_) | Decision::Early | Decision::NotEligible | Decision::Done => 2,
    }
}

impl Tool for FeedStatus {
    const NAME: &'static str = "feed_status";
    const DESCRIPTION: &'static str = "Lists the price feeds that are kept: what each holds, what its sources say, and whether an update is due.";
    type Class = Read;
    type Args = HowMany;
    type Output = Feeds;

    async fn call(
        &self,
        _context: ToolContext,
        args: HowMany,
    ) -> Result<ToolOutput<Feeds, Infallible>, ToolError> {
        let standings = self.view.lock();
        let mut ordered: Vec<_> = standings.iter().collect();
        ordered.sort_by_key(|(_, standing)| urgency(&standing.decision));
        let line = |(feed, standing): &(&String, &crate::standing::Standing)| FeedLine {
            feed: (*feed).clone(),
            block: standing.at.number,
            decision: standing.decision.to_string(),
            held: standing.held.map(|held| held.to_string()),
            value: standing
                .aggregate
                .as_ref()
                .and_then(|aggregate| aggregate.value.as_ref().ok())
                .map(|value| value.value.to_string()),
        };
        let in_trouble = ordered.iter().filter(|(_, standing)| urgency(&standing.decision) == 0).count();
        let feeds = ordered.iter().take(usize::from(args.count).min(MOST)).map(line).collect();
        Ok(ToolOutput::says(Feeds { kept: ordered.len(), in_trouble, feeds }))
    }
}
