//! The fault bench: a proxy in front of a node that lags, lies, drops and refuses on demand.
//!
//! [`FaultProxy`] serves HTTP and websockets on a loopback port and passes everything through until it is told otherwise.
//! Three things can be changed while it runs, through a [`FaultHandle`]:
//!
//! - the [`Schedule`]: rules that say which request or pushed frame meets which [`Fault`], counted or by a seeded chance;
//! - the [`HeadView`]: how much of the chain clients see;
//! - the [`Link`], and single strokes: [`FaultHandle::sever`], [`FaultHandle::mute`].
//!
//! Whatever was injected is in the [`Tally`], so that a test shows that its faults really happened.
//!
//! ```no_run
//! use chain_devnet::fault::{
//!     Calls, Failure, Fault, FaultKind, FaultProxy, HeadView, Lie, Rule, Schedule, Trigger,
//! };
//! use chain_devnet::{Devnet, DevnetConfig};
//!
//! # async fn example() -> Result<(), chain_devnet::DevnetError> {
//! let devnet = Devnet::launch(DevnetConfig::default()).await?;
//! let proxy = FaultProxy::launch(&devnet.http_url()).await?;
//! let faults = proxy.handle();
//! // The second transaction reaches the node, and its answer does not come back.
//! faults.add(Rule::new(Calls::Sends, Trigger::Nth(2), Fault::after(Failure::Reset)));
//! // One balance in ten is a lie.
//! let lie = Lie::Balance(alloy::primitives::U256::ZERO);
//! faults.add(Rule::new(Calls::Any, Trigger::PerMille(100), Fault::Lie(lie)));
//! // The websocket is cut at its fifth frame, which is lost.
//! faults.add(Rule::new(Calls::Pushes, Trigger::Nth(5), Fault::before(Failure::Reset)));
//! // A lagging endpoint; `stall_head` freezes it.
//! faults.set_head(HeadView::Behind(3));
//! // (clients of `proxy.http_url()` and `proxy.ws_url()` go here)
//! faults.until(|tally| tally.count(FaultKind::Reset) > 0).await;
//! // For long runs: the same seed gives the same schedule.
//! faults.clear();
//! faults.set_schedule(Schedule::random(7, &FaultKind::HONEST));
//! # Ok(())
//! # }
//! ```

mod bench;
mod exchange;
mod http;
pub(crate) mod json;
mod kind;
mod lie;
mod node;
mod proxy;
mod schedule;
pub(crate) mod tally;
mod view;
pub(crate) mod wire;
mod ws;

pub use bench::{FaultHandle, RateLimit};
pub use kind::{Failure, Fault, FaultKind, Lie, Stage};
pub use proxy::FaultProxy;
pub use schedule::{Calls, Rule, Schedule, Trigger};
pub use tally::Tally;
pub use view::HeadView;
pub use wire::Link;
