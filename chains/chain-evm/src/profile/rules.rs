//! What a profile must have beside the form: sources, and no contradiction.

use std::collections::BTreeSet;

use super::{ChainProfile, ModelName, ProfileError, Sourced};

/// What `at` says of a number that no chain prescribes.
const OURS: &str = "ours";
const HERE: &str = "this repository: ";
/// Of the wallet and the reader, not of the chain: only these may be our own choice.
const MAY_BE_OURS: [&str; 2] = ["pace.confirmations", "pace.reorg_depth"];

/// One fact's source.
struct Cited<'a> {
    place: String,
    at: &'a str,
    says: &'a str,
    read: &'a str,
}

impl ChainProfile {
    /// Checks what the form cannot.
    pub(super) fn check_rules(&self) -> Result<(), ProfileError> {
        let wrong = |what: String| ProfileError::Unfit { name: self.name.clone(), what };
        self.check_name().map_err(wrong)?;
        for cited in self.cited() {
            cited.check().map_err(wrong)?;
        }
        self.check_fees().map_err(wrong)?;
        self.check_order_flow().map_err(wrong)?;
        self.check_addresses().map_err(wrong)
    }

    fn check_name(&self) -> Result<(), String> {
        let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if self.name.is_empty() || !self.name.chars().all(fits) {
            return Err("`name` must be lower case letters, digits and `-`".to_owned());
        }
        if self.verified.trim().is_empty() {
            return Err("`verified` is empty; say what was run".to_owned());
        }
        Ok(())
    }

    fn check_fees(&self) -> Result<(), String> {
        match (self.fees.model.value, &self.fees.oracle) {
            (ModelName::OpStack, None) => {
                Err("fee model `op_stack` needs `fees.oracle`, the address of the GasPriceOracle".to_owned())
            }
            (ModelName::Eip1559 | ModelName::Arbitrum, Some(_)) => {
                Err("`fees.oracle` is for the fee model `op_stack` only; remove it".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn check_order_flow(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        for flow in &self.order_flow {
            if !names.insert(&flow.name) {
                return Err(format!("order flow `{}` is there twice; name each once", flow.name));
            }
            if !flow.url.starts_with("https://") {
                return Err(format!("the url of order flow `{}` must begin with https://", flow.name));
            }
        }
        Ok(())
    }

    fn check_addresses(&self) -> Result<(), String> {
        let mut roles = BTreeSet::new();
        for known in &self.addresses {
            if !roles.insert(&known.role) {
                return Err(format!("address `{}` is there twice; name each role once", known.role));
            }
            if known.address.is_zero() {
                return Err(format!("address `{}` is zero; leave it out", known.role));
            }
        }
        Ok(())
    }

    fn cited(&self) -> Vec<Cited<'_>> {
        let (pace, fees) = (&self.pace, &self.fees);
        let mut cited = vec![
            Cited::of("chain_id", &self.chain_id),
            Cited::of("pace.block_ms", &pace.block_ms),
            Cited::of("pace.finality", &pace.finality),
            Cited::of("pace.confirmations", &pace.confirmations),
            Cited::of("pace.reorg_depth", &pace.reorg_depth),
            Cited::of("fees.model", &fees.model),
        ];
        cited.extend(fees.oracle.iter().map(|oracle| Cited::of("fees.oracle", oracle)));
        cited.extend(fees.min_tip_wei.iter().map(|tip| Cited::of("fees.min_tip_wei", tip)));
        cited.extend(self.order_flow.iter().map(|flow| Cited {
            place: format!("order flow `{}`", flow.name),
            at: &flow.at,
            says: &flow.says,
            read: &flow.read,
        }));
        cited.extend(self.addresses.iter().map(|known| Cited {
            place: format!("address `{}`", known.role),
            at: &known.at,
            says: &known.says,
            read: &known.read,
        }));
        cited
    }
}

impl<'a> Cited<'a> {
    fn of<T>(place: &str, fact: &'a Sourced<T>) -> Self {
        Self { place: place.to_owned(), at: &fact.at, says: &fact.says, read: &fact.read }
    }

    fn check(&self) -> Result<(), String> {
        let Self { place, at, says, read } = self;
        let from_somewhere = at.starts_with("https://") || at.starts_with(HERE);
        let own_choice = *at == OURS && MAY_BE_OURS.contains(&place.as_str());
        if !(from_somewhere || own_choice) {
            return Err(format!(
                "{place} has no source; write into `at` the https:// address where it was read"
            ));
        }
        if says.trim().is_empty() {
            return Err(format!("{place} has an empty `says`; write what stands at its source"));
        }
        if !is_date(read) {
            return Err(format!("{place} has no date; write into `read` the day as YYYY-MM-DD"));
        }
        Ok(())
    }
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        parts
            .next()
            .is_some_and(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    number(4) && number(2) && number(2) && parts.next().is_none()
}
