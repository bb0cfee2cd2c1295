//! From an action to the final bytes, and back.
//!
//! The policy judges what [`decode`] reads from the final bytes, never what somebody says that they contain.

use std::collections::BTreeSet;

use agent_core::{
    Action, Borrow, Call, Intent, Lending, Maintenance, Refusal,
    ports::Frame,
    units::{Timestamp, TokenAmount},
};
use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall;

use crate::{
    decode::{LARGEST, exact_of},
    executor::{
        KeepwrightExecutor::{
            self, Kind, Loan, acceptOwnershipCall, executeCall, transferOwnershipCall, withdrawCall,
        },
        creation_code,
    },
};

/// The frame that does `action`. Every token that a call may spend, the borrowed one, and what pays for a flash swap get a floor of
/// their own (zero where the intent names none), so that the executor's principal cannot shrink.
pub(crate) fn encode(action: &Action, from: Address, executor: Option<Address>) -> Result<Frame, Refusal> {
    match action {
        Action::Maintain(Maintenance::DeployExecutor) => {
            return Ok(Frame { from, to: None, data: creation_code(from) });
        }
        Action::Maintain(Maintenance::FillNonce) => {
            return Ok(Frame { from, to: Some(from), data: Bytes::new() });
        }
        Action::Execute(_) | Action::Maintain(_) => {}
    }
    let to = Some(executor.ok_or(Refusal::NoExecutor)?);
    let data = match action {
        Action::Execute(intent) => execute(intent).abi_encode(),
        Action::Maintain(Maintenance::Withdraw { token, raw, to }) => {
            withdrawCall { token: *token, to: *to, amount: *raw }.abi_encode()
        }
        Action::Maintain(Maintenance::TransferOwnership { to }) => {
            transferOwnershipCall { next: *to }.abi_encode()
        }
        Action::Maintain(Maintenance::AcceptOwnership) => acceptOwnershipCall {}.abi_encode(),
        Action::Maintain(Maintenance::DeployExecutor | Maintenance::FillNonce) => {
            return Err(undecodable("the executor has no such call"));
        }
    };
    Ok(Frame { from, to, data: data.into() })
}

/// What the final bytes do. Anything that [`encode`] would not have written byte for byte is refused.
pub(crate) fn decode(frame: &Frame, executor: Option<Address>) -> Result<Action, Refusal> {
    let action = match frame.to {
        None => Action::Maintain(Maintenance::DeployExecutor),
        Some(to) if to == frame.from => Action::Maintain(Maintenance::FillNonce),
        Some(to) if Some(to) == executor => decode_call(&frame.data)?,
        Some(to) => return Err(undecodable(format!("{to} is not the policy's executor"))),
    };
    let again = encode(&action, frame.from, executor)?;
    if again == *frame { Ok(action) } else { Err(undecodable("bytes do not encode back to themselves")) }
}

fn undecodable(why: impl Into<String>) -> Refusal {
    Refusal::Undecodable(why.into())
}

const NO_AMOUNT: TokenAmount = TokenAmount { token: Address::ZERO, raw: U256::ZERO };

fn loan(borrow: Option<Borrow>) -> Loan {
    let Borrow { lender, amount, lending } = borrow.unwrap_or(Borrow::loan(Address::ZERO, NO_AMOUNT));
    let kind = match lending {
        Lending::FlashLoan => Kind::FlashLoan,
        Lending::PairV2 { .. } => Kind::PairV2,
        Lending::PoolV3 { .. } => Kind::PoolV3,
    };
    let price = lending.price().unwrap_or(NO_AMOUNT);
    let TokenAmount { token, raw: amount } = amount;
    Loan { kind, lender, token, amount, priceToken: price.token, price: price.raw }
}

fn borrow(loan: &Loan) -> Result<Option<Borrow>, Refusal> {
    if loan.lender.is_zero() {
        return Ok(None);
    }
    let price = TokenAmount { token: loan.priceToken, raw: loan.price };
    let lending = match loan.kind {
        Kind::FlashLoan => Lending::FlashLoan,
        Kind::PairV2 => Lending::PairV2 { price },
        Kind::PoolV3 => Lending::PoolV3 { price },
        Kind::__Invalid => return Err(undecodable("there is no such kind of loan")),
    };
    let amount = TokenAmount { token: loan.token, raw: loan.amount };
    Ok(Some(Borrow { lender: loan.lender, amount, lending }))
}

fn execute(intent: &Intent) -> executeCall {
    let calls = intent.calls.iter().map(|call| {
        let (spend_token, spend_amount) =
            call.spend.map_or((Address::ZERO, U256::ZERO), |spend| (spend.token, spend.raw));
        KeepwrightExecutor::Call {
            target: call.target,
            spendToken: spend_token,
            spendAmount: spend_amount,
            data: call.data.clone(),
        }
    });
    let floors = floors(intent)
        .into_iter()
        .map(|floor| KeepwrightExecutor::Floor { token: floor.token, atLeast: floor.raw });
    executeCall {
        loan: loan(intent.borrow),
        calls: calls.collect(),
        floors: floors.collect(),
        deadline: U256::from(intent.deadline.0),
    }
}

/// The intent's floors, and a zero floor for every other token that is borrowed, may be spent or pays for a flash swap.
fn floors(intent: &Intent) -> Vec<TokenAmount> {
    let named: BTreeSet<Address> = intent.floors.iter().map(|floor| floor.token).collect();
    let borrowed =
        intent.borrow.into_iter().flat_map(|borrow| [Some(borrow.amount), borrow.lending.price()]).flatten();
    let touched = intent.calls.iter().filter_map(|call| call.spend).chain(borrowed);
    let unnamed: BTreeSet<Address> =
        touched.map(|amount| amount.token).filter(|token| !named.contains(token)).collect();
    let zero = unnamed.into_iter().map(|token| TokenAmount { token, raw: U256::ZERO });
    intent.floors.iter().copied().chain(zero).collect()
}

fn decode_call(data: &Bytes) -> Result<Action, Refusal> {
    use KeepwrightExecutor::KeepwrightExecutorCalls as Calls;
    if data.len() > LARGEST {
        return Err(undecodable(format!("more than {LARGEST} bytes")));
    }
    match exact_of::<Calls>(data).ok_or_else(|| undecodable("bytes do not encode back to themselves"))? {
        Calls::execute(call) => decode_execute(call).map(Action::Execute),
        Calls::withdraw(withdrawCall { token, to, amount: raw }) => {
            Ok(Action::Maintain(Maintenance::Withdraw { token, raw, to }))
        }
        Calls::transferOwnership(transferOwnershipCall { next }) => {
            Ok(Action::Maintain(Maintenance::TransferOwnership { to: next }))
        }
        Calls::acceptOwnership(_) => Ok(Action::Maintain(Maintenance::AcceptOwnership)),
        Calls::executeOperation(_)
        | Calls::uniswapV2Call(_)
        | Calls::uniswapV3SwapCallback(_)
        | Calls::owner(_)
        | Calls::pendingOwner(_) => Err(undecodable("the door makes no such call")),
    }
}

fn decode_execute(call: executeCall) -> Result<Intent, Refusal> {
    let amount = |token, raw| TokenAmount { token, raw };
    let calls = call.calls.into_iter().map(|call| Call {
        target: call.target,
        spend: (call.spendToken != Address::ZERO).then_some(amount(call.spendToken, call.spendAmount)),
        data: call.data,
    });
    let deadline =
        u64::try_from(call.deadline).map_err(|_overflow| undecodable("deadline does not fit 64 bits"))?;
    Ok(Intent {
        borrow: borrow(&call.loan)?,
        calls: calls.collect(),
        floors: call.floors.into_iter().map(|floor| amount(floor.token, floor.atLeast)).collect(),
        deadline: Timestamp(deadline),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FROM: Address = Address::repeat_byte(0xf0);
    const EXECUTOR: Option<Address> = Some(Address::repeat_byte(0xee));

    fn amounts() -> impl Strategy<Value = TokenAmount> {
        // A handful of tokens, so that floors, spends and loans meet.
        (1u8..5, any::<u128>())
            .prop_map(|(token, raw)| TokenAmount { token: Address::repeat_byte(token), raw: U256::from(raw) })
    }

    fn intents() -> impl Strategy<Value = Intent> {
        let call = (any::<u8>(), prop::option::of(amounts()), prop::collection::vec(any::<u8>(), 0..70))
            .prop_map(|(target, spend, data)| Call {
                target: Address::repeat_byte(target),
                spend,
                data: data.into(),
            });
        let lending = prop_oneof![
            Just(Lending::FlashLoan),
            amounts().prop_map(|price| Lending::PairV2 { price }),
            amounts().prop_map(|price| Lending::PoolV3 { price }),
        ];
        let lender = Address::repeat_byte(9);
        let borrow =
            (amounts(), lending).prop_map(move |(amount, lending)| Borrow { lender, amount, lending });
        let parts = (
            prop::option::of(borrow),
            prop::collection::vec(call, 0..4),
            prop::collection::vec(amounts(), 0..3),
            any::<u64>(),
        );
        parts.prop_map(|(borrow, calls, floors, deadline)| {
            let deadline = Timestamp(deadline);
            Intent { borrow, calls, floors, deadline }
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same_and_floors_everything_touched(intent in intents()) {
            let frame = encode(&Action::Execute(intent.clone()), FROM, EXECUTOR).unwrap();
            let Action::Execute(decoded) = decode(&frame, EXECUTOR).unwrap() else { panic!("another action") };
            prop_assert_eq!((decoded.borrow, &decoded.calls, decoded.deadline), (intent.borrow, &intent.calls, intent.deadline));
            prop_assert!(decoded.floors.starts_with(&intent.floors));
            let floored = |amount: &TokenAmount| decoded.floors.iter().any(|floor| floor.token == amount.token);
            prop_assert!(intent.calls.iter().filter_map(|call| call.spend.as_ref()).all(floored));
            prop_assert!(intent.borrow.iter().map(|borrow| &borrow.amount).all(floored));
            prop_assert!(intent.borrow.and_then(|borrow| borrow.lending.price()).iter().all(floored));
        }

        #[test]
        fn a_changed_byte_is_refused_or_means_something_else(intent in intents(), at in any::<prop::sample::Index>(), flip in 1u8..) {
            let frame = encode(&Action::Execute(intent), FROM, EXECUTOR).unwrap();
            let mut data = frame.data.to_vec();
            let at = at.index(data.len());
            data[at] ^= flip;
            let before = decode(&frame, EXECUTOR);
            let after = decode(&Frame { data: data.into(), ..frame }, EXECUTOR);
            prop_assert_ne!(before, after);
        }

        #[test]
        fn arbitrary_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..300), created in any::<bool>()) {
            let to = if created { None } else { EXECUTOR };
            let frame = Frame { from: FROM, to, data: data.into() };
            prop_assert!(decode(&frame, EXECUTOR).is_err());
        }
    }

    #[test]
    fn only_the_executor_and_its_own_creation_code_decode() {
        let deploy = encode(&Action::Maintain(Maintenance::DeployExecutor), FROM, None).unwrap();
        assert!(decode(&deploy, None).is_ok());
        let stranger = Frame { to: Some(Address::repeat_byte(1)), ..deploy.clone() };
        assert!(decode(&stranger, EXECUTOR).is_err());
        let for_another_owner = Frame { from: Address::repeat_byte(2), ..deploy };
        assert!(decode(&for_another_owner, None).is_err());
    }
}
