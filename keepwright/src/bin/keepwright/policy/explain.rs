//! `keepwright policy explain`.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use alloy::{
    consensus::{Transaction as _, TxEnvelope, transaction::SignerRecoverable},
    eips::eip2718::Decodable2718,
    primitives::hex,
};
use eyre::{Context, OptionExt, eyre};
use keepwright::door::{AnyTransaction, Gas, Page, explain};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::read;

pub(super) fn run(transaction: &str, policy: &Path, json: bool) -> eyre::Result<()> {
    let (policy, _) = read(policy)?;
    let explanation = explain(&policy, &parse(transaction)?, None);
    if json {
        println!("{}", serde_json::to_string(&explanation)?);
    } else {
        print!("{explanation}");
    }
    Ok(())
}

fn parse(given: &str) -> eyre::Result<AnyTransaction> {
    if let Some(digits) = given.strip_prefix("0x") {
        return signed(digits);
    }
    let mut text = String::new();
    if given == "-" {
        io::stdin().read_to_string(&mut text)?;
    } else {
        text = fs::read_to_string(given).wrap_err_with(|| {
            format!("{given} cannot be read; give hex, a file with JSON, or - for standard input")
        })?;
    }
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(digits) => signed(digits),
        None => from_json(text),
    }
}

/// As it would be broadcast: who sends it is in its signature.
fn signed(digits: &str) -> eyre::Result<AnyTransaction> {
    let bytes = hex::decode(digits).wrap_err("this is no hex")?;
    let envelope = TxEnvelope::decode_2718(&mut bytes.as_slice()).map_err(|error| {
        eyre!("this is no signed transaction ({error}); give an unsigned one as JSON, with `from`")
    })?;
    let from = envelope.recover_signer().map_err(|error| eyre!("its signature is none ({error})"))?;
    let gas = Gas {
        limit: envelope.gas_limit(),
        max_fee: envelope.max_fee_per_gas(),
        tip: envelope.max_priority_fee_per_gas().unwrap_or_default(),
    };
    let authorizations = envelope.authorization_list().unwrap_or_default().iter();
    Ok(AnyTransaction {
        chain: envelope.chain_id().ok_or_eyre("it names no chain, so that any chain would take it")?,
        from,
        nonce: envelope.nonce(),
        to: envelope.to(),
        value: envelope.value(),
        data: envelope.input().clone(),
        gas: Some(gas),
        authorizations: authorizations.map(|authorization| authorization.address).collect(),
    })
}

/// A line of `keepwright journal export`.
#[derive(Deserialize)]
struct Line {
    page: Box<RawValue>,
}

fn from_json(text: &str) -> eyre::Result<AnyTransaction> {
    let Ok(line) = serde_json::from_str::<Line>(text) else {
        return serde_json::from_str(text)
            .wrap_err("this is no transaction as JSON, and no entry of the journal");
    };
    match serde_json::from_str(line.page.get())? {
        Page::Recorded(page) => Ok((&page.transaction).into()),
        Page::Replaced(page) => Ok((&page.transaction).into()),
        Page::Refused(_) | Page::Closed { .. } | Page::Order { .. } | Page::Noted { .. } | _ => {
            Err(eyre!("this entry of the journal holds no transaction; give a recorded or a replaced one"))
        }
    }
}
