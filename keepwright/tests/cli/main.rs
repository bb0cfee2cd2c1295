//! The operator's binary, as an operator meets it: from outside, with files, a keystore and signals.
#![expect(
    clippy::panic_in_result_fn,
    reason = "a test asserts what it is about, and gives up on the rest with `?`"
)]

#[cfg(test)]
mod arbitrage;
#[cfg(test)]
#[cfg(feature = "aws-kms")]
mod aws_kms;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod facade;
#[cfg(test)]
mod lanes;
#[cfg(test)]
mod live;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod operate;
#[cfg(test)]
mod poison;
#[cfg(test)]
mod private;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod split;
#[cfg(test)]
mod sweep;
