//! From text to a number, without a float on the way.

use alloy_primitives::{I256, Sign, U256};

use super::{Decimal, MOST_DECIMALS};
use crate::unusable::Unusable;

/// No honest number is longer.
const MOST_CHARACTERS: usize = 400;
/// Exponents beyond this, in either direction, are all alike.
const FAR: i64 = 1_000_000;

pub(super) fn parse(text: &str) -> Result<Decimal, Unusable> {
    if text.len() > MOST_CHARACTERS {
        return Err(Unusable::TooManyDigits);
    }
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, self::exponent(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
        Some(_) => return Err(Unusable::NotANumber),
        None => (number, ""),
    };
    if !is_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
        return Err(Unusable::NotANumber);
    }
    let all = format!("{whole}{fraction}");
    let kept = all.trim_end_matches('0');
    let digits = kept.trim_start_matches('0');
    if digits.is_empty() {
        return Ok(Decimal::ZERO);
    }
    let dropped = all.len().saturating_sub(kept.len());
    let power = exponent.saturating_add(length(dropped)).saturating_sub(length(fraction.len()));
    scaled(negative, digits, power)
}

/// `digits` times ten to the power.
fn scaled(negative: bool, digits: &str, power: i64) -> Result<Decimal, Unusable> {
    // What has too many digits is too large, or has too many behind the point; both are true of some.
    let too_much = if power < 0 { Unusable::TooManyDigits } else { Unusable::TooLarge };
    let mantissa = U256::from_str_radix(digits, 10).map_err(|_overflow| too_much.clone())?;
    let size = u8::try_from(power.unsigned_abs()).ok().filter(|size| *size <= MOST_DECIMALS);
    let size = size.ok_or_else(|| too_much.clone())?;
    let (mantissa, decimals) = if power < 0 {
        (mantissa, size)
    } else {
        let unit = U256::from(10u8).checked_pow(U256::from(size));
        (unit.and_then(|unit| mantissa.checked_mul(unit)).ok_or_else(|| too_much.clone())?, 0)
    };
    let sign = if negative { Sign::Negative } else { Sign::Positive };
    let signed = I256::checked_from_sign_and_abs(sign, mantissa).ok_or_else(|| too_much.clone())?;
    Decimal::new(signed, decimals).ok_or(too_much)
}

fn exponent(text: &str) -> Result<i64, Unusable> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !is_digits(digits) {
        return Err(Unusable::NotANumber);
    }
    let size = digits.parse::<i64>().map_or(FAR, |size| size.min(FAR));
    Ok(if negative { size.saturating_neg() } else { size })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn length(characters: usize) -> i64 {
    i64::try_from(characters).unwrap_or(FAR)
}
