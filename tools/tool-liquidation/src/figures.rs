//! Numbers as people read them.

use agent_core::units::UsdE8;
use alloy_primitives::{U256, utils::format_units};

/// A health factor with four decimals, cut: 0.99999 does not look healthy.
pub(crate) fn health(wad: U256) -> String {
    if wad == U256::MAX {
        return "none".to_owned();
    }
    let text = format_units(wad, 18).unwrap_or_else(|_too_large| wad.to_string());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction: String = fraction.chars().take(4).collect();
    format!("{whole}.{fraction}")
}

/// Basis points as a percentage.
pub(crate) fn percent(bps: U256) -> String {
    let text = format_units(bps, 2).unwrap_or_else(|_too_large| bps.to_string());
    format!("{text}%")
}

/// Dollars with eight decimals, as far as they fit.
pub(crate) fn dollars(base: U256) -> UsdE8 {
    u128::try_from(base).ok().and_then(|raw| i128::try_from(raw).ok()).map_or(UsdE8(i128::MAX), UsdE8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_cut_not_rounded() {
        assert_eq!(health(U256::from(999_999_999_999_999_999u64)), "0.9999");
        assert_eq!(health(U256::MAX), "none");
        assert_eq!(health(U256::MAX - U256::from(1u8)).len(), 60 + 5);
        assert_eq!(percent(U256::from(10_500u64)), "105.00%");
        assert_eq!(dollars(U256::MAX), UsdE8(i128::MAX));
    }
}
