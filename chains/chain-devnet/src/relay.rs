//! A local relay: private order flow in the style of Flashbots, applied to the devnet.
//!
//! A [`Relay`] takes bundles and private transactions over JSON-RPC and keeps them to itself. A [`BlockBuilder`] makes the
//! devnet's blocks, each with what one of its relays has for exactly that block: so several relays stand side by side, and one
//! of them wins a block.
//!
//! | method | takes | signed header |
//! |---|---|---|
//! | `eth_sendBundle` | `txs`, `blockNumber`, `minTimestamp`, `maxTimestamp`, `revertingTxHashes`, `replacementUuid` | needed |
//! | `eth_cancelBundle` | `replacementUuid` | needed |
//! | `eth_sendPrivateTransaction` | `tx`, `maxBlockNumber` | needed |
//! | `eth_cancelPrivateTransaction` | `txHash` | needed |
//! | `eth_sendPrivateRawTransaction`, `eth_sendRawTransaction` | the raw transaction | checked where there is one |
//!
//! `X-Flashbots-Signature` is `address:signature` over the EIP-191 hash of the hexadecimal text of the body's keccak hash.
//!
//! ```no_run
//! use chain_devnet::relay::{BlockBuilder, Fate, Manner, Relay};
//! use chain_devnet::{Devnet, DevnetConfig, Mining};
//!
//! # async fn example() -> Result<(), chain_devnet::DevnetError> {
//! let devnet = Devnet::launch(DevnetConfig::mining(Mining::Manual)).await?;
//! let (first, second) = (Relay::launch(&devnet).await?, Relay::launch(&devnet).await?);
//! let builder = BlockBuilder::new(&devnet, [first.handle(), second.handle()])?;
//! second.handle().set_manner(Manner::Forgetful);
//! // (a client sends the same bundle to `first.http_url()` and `second.http_url()` here)
//! first.handle().until(|orders| !orders.is_empty()).await;
//! // The first relay wins the next block.
//! let built = builder.build(Some(0)).await?;
//! assert!(first.handle().orders().iter().all(|order| order.fate == Fate::Landed { block: built.block }));
//! # Ok(())
//! # }
//! ```

mod book;
mod builder;
mod order;
mod server;
mod signature;

pub use book::{Fate, Kept, RelayTally, Why};
pub use builder::{BlockBuilder, Built};
pub use server::{Manner, Relay, RelayHandle};
