//! Who sent a body.

use alloy::primitives::{Address, Signature, keccak256};

/// The header that names and proves the sender.
pub(crate) const HEADER: &str = "x-flashbots-signature";

/// Why a sender is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadSignature {
    #[error("the X-Flashbots-Signature header is missing")]
    Missing,
    #[error("the X-Flashbots-Signature header is not address:signature")]
    Malformed,
    #[error("the X-Flashbots-Signature header is not of this address and this body")]
    Wrong,
}

/// The address in the header, where its signature is over the EIP-191 hash of the text of the body's keccak hash.
pub(crate) fn sender(header: &str, body: &[u8]) -> Result<Address, BadSignature> {
    let (address, signature) = header.split_once(':').ok_or(BadSignature::Malformed)?;
    let address: Address = address.parse().map_err(|_unreadable| BadSignature::Malformed)?;
    let signature: Signature = signature.parse().map_err(|_unreadable| BadSignature::Malformed)?;
    let message = keccak256(body).to_string();
    match signature.recover_address_from_msg(message) {
        Ok(recovered) if recovered == address => Ok(address),
        Ok(_) | Err(_) => Err(BadSignature::Wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// alloy's own vector for its client side.
    const HEADER: &str = "0xd5F5175D014F28c85F7D67A111C2c9335D7CD771:0x983dc7c520db0d287faff3cd0aef81d5a7f4ffd3473440d3f705da16299724271f660b6fe367f455b205bc014eff3e20defd011f92000f94d39365ca0bc7867200";

    #[test]
    fn the_sender_is_the_one_who_signed_this_body() {
        let address = "0xd5F5175D014F28c85F7D67A111C2c9335D7CD771".parse().unwrap();
        assert_eq!(sender(HEADER, b"sign this message"), Ok(address));
        assert_eq!(sender(HEADER, b"sign that message"), Err(BadSignature::Wrong));
        let other = HEADER.replace("0xd5", "0xd6");
        assert_eq!(sender(&other, b"sign this message"), Err(BadSignature::Wrong));
        for malformed in ["", "0x12", "0x12:0x34", &HEADER.replace(':', "")] {
            assert_eq!(sender(malformed, b"sign this message"), Err(BadSignature::Malformed), "{malformed}");
        }
    }
}
