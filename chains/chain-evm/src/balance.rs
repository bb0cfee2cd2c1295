//! Balances by the tokens' own `balanceOf`: events can lie, balances pay.

use agent_core::{BalanceDelta, units::Asset};
use alloy::{
    primitives::{Address, Bytes, I256, Sign, U256},
    sol,
    sol_types::SolCall,
};

sol! {
    function balanceOf(address holder) returns (uint256 balance);
}

/// The call data of `balanceOf(holder)`.
pub(crate) fn balance_of(holder: Address) -> Bytes {
    balanceOfCall { holder }.abi_encode().into()
}

/// The balance in an answer, which is one word or no balance at all.
pub(crate) fn balance_in(answer: &[u8]) -> Option<U256> {
    let word: [u8; 32] = answer.try_into().ok()?;
    Some(U256::from_be_bytes(word))
}

/// What `after` is more than `before`. `None` when the difference does not fit.
pub(crate) fn delta(holder: Address, asset: Asset, before: U256, after: U256) -> Option<BalanceDelta> {
    let sign = if after >= before { Sign::Positive } else { Sign::Negative };
    let change = I256::checked_from_sign_and_abs(sign, after.abs_diff(before))?;
    Some(BalanceDelta { holder, asset, change })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_one_word_is_a_balance() {
        assert_eq!(balance_in(&[0; 32]), Some(U256::ZERO));
        for garbage in [0, 1, 31, 33, 64] {
            assert_eq!(balance_in(&vec![1; garbage]), None);
        }
    }

    proptest! {
        #[test]
        fn before_and_change_make_after(before: [u8; 32], after: [u8; 32]) {
            let [before, after] = [before, after].map(U256::from_be_bytes);
            let delta = delta(Address::ZERO, Asset::Native, before, after);
            let fits = before.abs_diff(after) <= I256::MAX.into_raw();
            prop_assert!(delta.is_some() || !fits);
            if let Some(delta) = delta {
                prop_assert_eq!(before.wrapping_add(delta.change.into_raw()), after);
                prop_assert_eq!(delta.change.is_negative(), after < before);
            }
        }
    }
}
