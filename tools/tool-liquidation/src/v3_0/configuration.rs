//! The two bitmaps (`ReserveConfiguration.sol`, `UserConfiguration.sol`).

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

/// A reserve's configuration word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReserveConfiguration(pub U256);

impl ReserveConfiguration {
    fn field(self, start: usize, bits: usize) -> U256 {
        let mask = U256::MAX.wrapping_shr(256usize.saturating_sub(bits));
        self.0.wrapping_shr(start) & mask
    }

    /// The share of its value that counts towards the health factor, in basis points.
    #[must_use]
    pub fn liquidation_threshold(self) -> U256 {
        self.field(16, 16)
    }

    /// What a liquidator gets for what it repays, in basis points: 10,500 is a bonus of 5 %.
    #[must_use]
    pub fn liquidation_bonus(self) -> U256 {
        self.field(32, 16)
    }

    /// The token's decimals.
    #[must_use]
    pub fn decimals(self) -> u8 {
        self.0.byte(6)
    }

    /// One whole token in base units. `None` where it does not fit.
    #[must_use]
    pub fn unit(self) -> Option<U256> {
        U256::from(10u8).checked_pow(U256::from(self.decimals()))
    }

    /// Whether a liquidation may touch the reserve: active, and not paused.
    #[must_use]
    pub fn is_open(self) -> bool {
        self.0.bit(56) && !self.0.bit(60)
    }

    /// Whether it lends for the length of a transaction.
    #[must_use]
    pub fn lends_flash(self) -> bool {
        self.0.bit(63)
    }

    /// The protocol's share of the liquidation bonus, in basis points.
    #[must_use]
    pub fn protocol_fee(self) -> U256 {
        self.field(152, 16)
    }

    /// The efficiency mode that the asset belongs to; zero is none.
    #[must_use]
    pub fn category(self) -> u8 {
        self.0.byte(21)
    }
}

/// A user's configuration word: two bits per reserve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserConfiguration(pub U256);

impl UserConfiguration {
    /// Whether the user owes some of the reserve with this id.
    #[must_use]
    pub fn borrows(self, id: u16) -> bool {
        self.0.bit(usize::from(id).saturating_mul(2))
    }

    /// Whether the user's supply of it is collateral.
    #[must_use]
    pub fn is_collateral(self, id: u16) -> bool {
        self.0.bit(usize::from(id).saturating_mul(2).saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_read_from_its_place() {
        let put = |value: u64, at: usize| U256::from(value) << at;
        let word = put(8_000, 0) | put(8_250, 16) | put(10_500, 32) | put(18, 48) | put(1, 56) | put(1, 63);
        let word = word | put(1_000, 152) | put(7, 168) | put(0xf_ffff_ffff, 176);
        let configuration = ReserveConfiguration(word);
        assert_eq!(configuration.liquidation_threshold(), U256::from(8_250u64));
        assert_eq!(configuration.liquidation_bonus(), U256::from(10_500u64));
        assert_eq!((configuration.decimals(), configuration.category()), (18, 7));
        assert_eq!(configuration.protocol_fee(), U256::from(1_000u64));
        assert_eq!(configuration.unit(), Some(U256::from(1_000_000_000_000_000_000u64)));
        assert!(configuration.is_open() && configuration.lends_flash());
        assert!(!ReserveConfiguration(word | put(1, 60)).is_open());
        assert_eq!(ReserveConfiguration(put(255, 48)).unit(), None);
    }

    #[test]
    fn a_user_has_two_bits_per_reserve() {
        let user = UserConfiguration(U256::from(0b10_01u64) | (U256::from(3u8) << 254));
        assert!(user.borrows(0) && !user.is_collateral(0));
        assert!(user.is_collateral(1) && !user.borrows(1));
        assert!(user.borrows(127) && user.is_collateral(127));
        assert!(!user.borrows(128) && !user.is_collateral(u16::MAX));
    }
}
