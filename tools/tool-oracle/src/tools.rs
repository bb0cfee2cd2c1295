//! What a planner may ask.

mod explain;
mod status;

pub use explain::{ExplainFeed, Explained, WhichFeed};
pub use status::{FeedLine, FeedStatus, Feeds, HowMany};
