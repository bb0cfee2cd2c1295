//! What the markets' calls mean, read once more and apart from the door's reader: by other types, by hand, function by function.

use std::collections::BTreeMap;

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::SolCall;

use super::checker::{Checked, must};
use crate::scripted::*;

/// What one call of the executor takes, and until when it may be mined.
pub(super) struct Reading {
    pub(super) now: u64,
    /// By token; the largest number is as much as was approved.
    pub(super) taken: BTreeMap<Address, U256>,
}

fn exact<C: SolCall>(data: &[u8]) -> Option<C> {
    C::abi_decode(data).ok().filter(|call| call.abi_encode() == data)
}

fn is_token(token: Address) -> Checked {
    must(token == USDC || token == WETH, "a token that is not on the list")
}

impl Reading {
    pub(super) fn call(&mut self, caller: Address, target: Address, data: &[u8]) -> Checked {
        match target {
            AMM => self.amm(caller, data),
            PAYER => {
                let swap = exact::<Market::exactInputSingleCall>(data).map(|call| call.params);
                let swap = swap.ok_or_else(|| fail("another function of the payer"))?;
                let paid = [SAFE, EXECUTOR, Address::with_last_byte(1)].contains(&swap.recipient);
                must(paid && caller == EXECUTOR, "somebody else is paid")?;
                self.swaps(caller, &[swap.tokenIn, swap.tokenOut], swap.amountIn)
            }
            UNIVERSAL => self.universal(caller, data),
            LENDING => self.lending(caller, data),
            SEVERAL => {
                let parts =
                    exact::<Market::aggregate3ValueCall>(data).ok_or_else(|| fail("another function"))?;
                must(parts.parts.iter().all(|part| part.value.is_zero()), "coin is sent along")?;
                parts.parts.iter().try_for_each(|part| self.call(SEVERAL, part.target, &part.callData))
            }
            _ => Err(fail("a contract that is not on the list")),
        }
    }

    fn takes(&mut self, caller: Address, token: Address, raw: U256) -> Checked {
        must(caller == EXECUTOR || raw.is_zero(), "somebody else takes")?;
        let sum = self.taken.entry(token).or_default();
        *sum = sum.saturating_add(raw);
        Ok(())
    }

    fn swaps(&mut self, caller: Address, path: &[Address], raw: U256) -> Checked {
        must(path.len() >= 2, "a path that leads nowhere")?;
        path.iter().try_for_each(|token| is_token(*token))?;
        self.takes(caller, path[0], raw)
    }

    fn until(&self, deadline: U256) -> Checked {
        let latest = U256::from(self.now.saturating_add(60));
        must(deadline > U256::from(self.now) && deadline <= latest, "a deadline inside")
    }

    fn amm(&mut self, caller: Address, data: &[u8]) -> Checked {
        let named = |to: Address| if to == Address::with_last_byte(1) { caller } else { to };
        let pays = |to: Address| must(to == EXECUTOR, "somebody else is paid");
        if data.starts_with(&selector("donate(uint256)")) {
            return Ok(());
        }
        if let Some(Market::exactInputSingleCall { params }) = exact(data) {
            pays(named(params.recipient))?;
            return self.swaps(caller, &[params.tokenIn, params.tokenOut], params.amountIn);
        }
        if let Some(Old::exactInputSingleCall { params }) = exact(data) {
            pays(params.recipient)?;
            self.until(params.deadline)?;
            return self.swaps(caller, &[params.tokenIn, params.tokenOut], params.amountIn);
        }
        if let Some(Market::exactInputCall { params }) = exact(data) {
            pays(named(params.recipient))?;
            return self.swaps(caller, &unpacked(&params.path)?, params.amountIn);
        }
        if let Some(call) = exact::<Market::swapExactTokensForTokensCall>(data) {
            pays(call.to)?;
            self.until(call.deadline)?;
            return self.swaps(caller, &call.path, call.amountIn);
        }
        if let Some(Market::sweepTokenCall { token, .. }) = exact(data) {
            pays(caller)?;
            return is_token(token);
        }
        if let Some(Fees::sweepTokenWithFeeCall { token, to, .. }) = exact(data) {
            pays(caller)?;
            pays(to)?;
            return is_token(token);
        }
        if let Some(Market::unwrapWETH9Call { to, .. }) = exact(data) {
            return pays(to);
        }
        if exact::<Market::refundETHCall>(data).is_some() {
            return pays(caller);
        }
        if let Some(ManyUntil::multicallCall { deadline, data }) = exact(data) {
            self.until(deadline)?;
            return data.iter().try_for_each(|inner| self.amm(caller, inner));
        }
        let Many::multicallCall { data } =
            exact(data).ok_or_else(|| fail("another function of the market"))?;
        data.iter().try_for_each(|inner| self.amm(caller, inner))
    }

    fn universal(&mut self, caller: Address, data: &[u8]) -> Checked {
        if let Some(PlanUntil::executeCall { commands, inputs, deadline }) = exact(data) {
            self.until(deadline)?;
            return self.plan(caller, &commands, &inputs);
        }
        let Plan::executeCall { commands, inputs } = exact(data).ok_or_else(|| fail("another function"))?;
        self.plan(caller, &commands, &inputs)
    }

    fn plan(&mut self, caller: Address, commands: &[u8], inputs: &[Bytes]) -> Checked {
        must(commands.len() == inputs.len() && caller == EXECUTOR, "a plan that is none")?;
        commands.iter().zip(inputs).try_for_each(|(command, input)| self.command(command & 0x7f, input))
    }

    fn command(&mut self, command: u8, input: &[u8]) -> Checked {
        let with = |selector: [u8; 4]| [&selector[..], input].concat();
        let pays =
            |to: Address| must([EXECUTOR, Address::with_last_byte(1)].contains(&to), "somebody else is paid");
        let odd = || fail("an input that is none");
        match command {
            0x00 => {
                let swap: Input::v3Call = exact(&with(Input::v3Call::SELECTOR)).ok_or_else(odd)?;
                pays(swap.to)?;
                let raw = if swap.takes { swap.amountIn } else { U256::ZERO };
                self.swaps(EXECUTOR, &unpacked(&swap.path)?, raw)
            }
            0x08 => {
                let swap: Input::v2Call = exact(&with(Input::v2Call::SELECTOR)).ok_or_else(odd)?;
                pays(swap.to)?;
                let raw = if swap.takes { swap.amountIn } else { U256::ZERO };
                self.swaps(EXECUTOR, &swap.path, raw)
            }
            0x04..=0x06 => {
                let out: Input::outCall = exact(&with(Input::outCall::SELECTOR)).ok_or_else(odd)?;
                pays(out.to)?;
                // The zero address is the coin.
                if out.token.is_zero() { Ok(()) } else { is_token(out.token) }
            }
            0x21 => {
                let call: Plan::executeCall = exact(&with(Plan::executeCall::SELECTOR)).ok_or_else(odd)?;
                self.plan(EXECUTOR, &call.commands, &call.inputs)
            }
            _ => Err(fail("a command that is not on the list")),
        }
    }

    fn lending(&mut self, caller: Address, data: &[u8]) -> Checked {
        let own = |account: Address| must(account == EXECUTOR, "somebody else's account");
        if let Some(call) = exact::<Market::supplyCall>(data) {
            own(call.account)?;
            is_token(call.asset)?;
            return self.takes(caller, call.asset, call.amount);
        }
        if let Some(call) = exact::<Market::withdrawCall>(data) {
            own(call.to)?;
            return is_token(call.asset);
        }
        if let Some(call) = exact::<Market::borrowCall>(data) {
            own(call.account)?;
            is_token(call.asset)?;
            return self.takes(caller, call.asset, call.amount);
        }
        let call: Market::liquidationCallCall =
            exact(data).ok_or_else(|| fail("another function of the lender"))?;
        is_token(call.collateral)?;
        is_token(call.debt)?;
        self.takes(caller, call.debt, call.amount)
    }
}

fn fail(what: &str) -> proptest::test_runner::TestCaseError {
    proptest::test_runner::TestCaseError::fail(what.to_owned())
}

fn unpacked(path: &[u8]) -> Checked<Vec<Address>> {
    must(path.len() >= 20 && (path.len() - 20).is_multiple_of(23), "a path that is none")?;
    Ok((0..path.len()).step_by(23).map(|at| Address::from_slice(&path[at..at + 20])).collect())
}
