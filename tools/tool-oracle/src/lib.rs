#![doc = include_str!("../README.md")]

mod aggregate;
mod board;
mod config;
mod decimal;
pub mod job;
pub mod mode;
mod reading;
mod schedule;
mod standing;
mod strategy;
mod target;
mod tools;
mod unusable;
mod view;

pub use aggregate::{Aggregate, Aggregation, Dropped, Method, NoValue, Sighting, Value};
pub use config::{FeedConfig, FeedTerms, FeedsConfig, FeedsError, SourceConfig};
pub use decimal::{Decimal, MOST_DECIMALS};
pub use reading::{Extraction, MOST_BYTES, Pointer, Reading};
pub use schedule::{Cron, CronError};
pub use standing::{Decision, Standing};
pub use strategy::{FeedStrategy, STRATEGY};
pub use target::{
    Argument, FluxAggregator, Function, FunctionError, Lookup, Payment, Setter, Target, Unread,
};
pub use tools::{ExplainFeed, Explained, FeedLine, FeedStatus, Feeds, HowMany, WhichFeed};
pub use unusable::Unusable;
pub use view::FeedsView;
