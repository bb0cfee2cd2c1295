#![doc = include_str!("../README.md")]

#[cfg(test)]
mod anvil;
mod backoff;
mod balance;
mod causes;
mod clock;
mod data_fee;
mod elsewhere;
mod endpoint;
mod executor_state;
mod fees;
mod keystore;
mod profile;
mod reader;
mod relay;
mod simulator;
mod wallet;

pub use clock::SystemClock;
pub use data_fee::DataPrice;
pub use elsewhere::{AwsKmsKey, ElsewhereError, GcpKmsKey, LedgerKey};
pub use endpoint::{
    ConnectError, Endpoint, Finality, NodeHealth, NodeState, PoolConfig, PoolHealth, RpcFailure, Scrubbed,
    logs_from_json,
};
pub use executor_state::ExecutorState;
pub use fees::TipBounds;
pub use keystore::{Keystore, KeystoreError, KeystoreWarning, Password, ScryptCost, UnlockedKey};
pub use profile::{
    ChainPace, ChainProfile, ChainProfiles, CodeVerdict, FeeModel, FeeTerms, FinalityRule, Finding,
    KnownAddress, OrderFlow, OrderFlowKind, ProfileError, SeenCode, Sourced,
};
pub use reader::{EvmReader, ReaderConfig};
pub use relay::{OrderFlowRoutes, PrivateRpc, RawMethod, RouteError};
pub use simulator::{
    CheckedSimulator, EvmSimulator, Execution, Hardfork, RevmSimulator, RevmSimulatorConfig,
    SimulationFailure, WithoutOpinion,
};
pub use wallet::{Wallet, WalletConfig, WalletError, WalletHandle};
