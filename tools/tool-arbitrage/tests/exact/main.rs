//! Quotes, and what swaps leave, beside the deployed bytecode of Uniswap v2 and v3 in an EVM: equal to the wei, and a refusal
//! for each revert. The models follow by nothing but the logs that the contracts emit.
//!
//! `scripts/test --long exact` runs many more; `KEEPWRIGHT_SEED` is the seed of its first round.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::panic_in_result_fn,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests assert, on small numbers"
)]
#![expect(clippy::disallowed_methods, reason = "a long run is resumed by a seed from the environment")]
#![expect(clippy::print_stdout, reason = "a run says what it ran, and how to run it again")]

mod abi;
mod machine;
mod split;
mod v2;
mod v3;

use alloy_primitives::{Address, U256};
use machine::{ACTOR, Checked, Machine};
use rand::{Rng, rngs::StdRng};

/// Two tokens of which the actor has more than any pool takes, in the order of their addresses.
fn tokens(machine: &mut Machine, spenders: &[Address]) -> Checked<[Address; 2]> {
    let mut tokens = [Address::ZERO; 2];
    for token in &mut tokens {
        let arguments = abi::Token::constructorCall {
            name: "T".into(),
            symbol: "T".into(),
            decimals: 18,
            maxSupply: U256::ZERO,
            preMint: U256::ZERO,
        };
        *token = machine.deploy("BurnMintERC20", &arguments)?;
        machine.must(*token, &abi::Token::grantMintAndBurnRolesCall { account: ACTOR })?;
        machine.must(*token, &abi::Token::mintCall { account: ACTOR, amount: U256::MAX >> 1 })?;
        for spender in spenders {
            machine.must(*token, &abi::Token::approveCall { spender: *spender, amount: U256::MAX })?;
        }
    }
    tokens.sort();
    Ok(tokens)
}

fn balance(machine: &mut Machine, token: Address, account: Address) -> Checked<U256> {
    machine.read(token, &abi::Token::balanceOfCall { account })
}

/// A number of any length up to so many bits.
fn number(random: &mut StdRng, bits: usize) -> U256 {
    let limbs: [u64; 4] = random.random();
    U256::from_limbs(limbs) >> (256 - random.random_range(1..=bits))
}

/// The seed of a long run's first round.
fn seed() -> u64 {
    std::env::var("KEEPWRIGHT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random)
}
