#![doc = include_str!("../README.md")]

mod keystore;

pub use keystore::{Keystore, KeystoreError, KeystoreWarning, Password, ScryptCost, UnlockedKey};
