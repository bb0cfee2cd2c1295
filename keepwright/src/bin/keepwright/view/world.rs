//! What the devnet's world did, in a line.

use alloy::primitives::{Address, U256};
use keepwright::{
    core::units::{Token, UsdE8},
    devnet::{Asset, Manifest, Round, Trade, WorldEvent},
};

/// One line for `event`.
pub(crate) fn tell(event: &WorldEvent, manifest: &Manifest) -> String {
    match event {
        WorldEvent::Trade(Trade { trader, sold, amount_in, bought, amount_out, .. }) => {
            let (sold, bought) =
                (amount(manifest, *sold, *amount_in), amount(manifest, *bought, *amount_out));
            format!("trader {} sells {sold} for {bought}", short(*trader))
        }
        WorldEvent::Round(Round { asset, round, answer, .. }) => {
            let price = i128::try_from(*answer)
                .map_or_else(|_overflow| answer.to_string(), |raw| UsdE8(raw).to_string());
            format!("feed {}/USD reports {price} in round {round}", asset.symbol())
        }
        _ => format!("{event:?}"),
    }
}

fn amount(manifest: &Manifest, asset: Asset, raw: U256) -> String {
    manifest.asset(asset).map_or_else(
        |_unlisted| format!("{raw} base units of {}", asset.symbol()),
        |token| {
            Token { address: token.address, symbol: token.symbol.clone(), decimals: token.decimals }
                .display(raw)
        },
    )
}

/// Enough of an address for the eye; nothing is looked up by it.
fn short(address: Address) -> String {
    address.to_string().chars().take(8).collect()
}
