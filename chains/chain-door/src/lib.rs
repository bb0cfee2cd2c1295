#![doc = include_str!("../README.md")]

mod executor;

pub use executor::{
    ExecutorRevert, KeepwrightExecutor, RevertReason, creation_code, runtime_code, runtime_code_hash,
};
