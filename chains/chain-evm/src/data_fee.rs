//! What an OP-stack chain charges beside gas: the data of a transaction, which it posts to Ethereum.

use agent_core::units::Wei;
use alloy::{
    primitives::{Address, B256, U256},
    sol,
    sol_types::SolCall,
};
use futures::try_join;
use op_alloy_flz::flz_compress_len;

use crate::{
    Endpoint, RpcFailure,
    profile::{ChainProfile, FeeModel},
};

/// Of the formula since the Fjord upgrade: sizes are in millionths of a byte.
/// <https://docs.base.org/base-chain/specs/upgrades/fjord/exec-engine> (read 2026-11-22).
const COEFFICIENT: u64 = 836_500;
const INTERCEPT: u64 = 42_585_600;
const LEAST_SIZE: u64 = 100_000_000;
/// What a signature adds to an unsigned transaction: `getL1FeeUpperBound` in
/// <https://docs.base.org/base-chain/specs/upgrades/fjord/predeploys> (read 2026-11-22).
const SIGNATURE: u64 = 68;

sol! {
    function l1BaseFee() external view returns (uint256);
    function blobBaseFee() external view returns (uint256);
    function baseFeeScalar() external view returns (uint32);
    function blobBaseFeeScalar() external view returns (uint32);
}

/// What data costs on an OP-stack chain at one head (Fjord and later). It moves with Ethereum's fees.
///
/// The operator fee of the Isthmus upgrade is none of it: that one is zero until a chain's owner sets it
/// (<https://docs.base.org/upgrades/isthmus/system-config>), and is counted nowhere here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataPrice {
    /// Ethereum's base fee, wei per gas.
    pub l1_base_fee: U256,
    /// Ethereum's blob base fee, wei per gas.
    pub blob_base_fee: U256,
    /// What the chain multiplies the base fee with, in millionths.
    pub base_fee_scalar: u32,
    /// What the chain multiplies the blob base fee with, in millionths.
    pub blob_base_fee_scalar: u32,
}

impl DataPrice {
    /// Reads it from the chain's `GasPriceOracle` in the state after `block`.
    ///
    /// # Errors
    /// When the node cannot be asked, or there is no such oracle.
    pub async fn read(endpoint: &Endpoint, oracle: Address, block: B256) -> Result<Self, RpcFailure> {
        let (l1_base_fee, blob_base_fee, base_fee_scalar, blob_base_fee_scalar) = try_join!(
            ask(endpoint, oracle, block, l1BaseFeeCall {}),
            ask(endpoint, oracle, block, blobBaseFeeCall {}),
            ask(endpoint, oracle, block, baseFeeScalarCall {}),
            ask(endpoint, oracle, block, blobBaseFeeScalarCall {}),
        )?;
        Ok(Self { l1_base_fee, blob_base_fee, base_fee_scalar, blob_base_fee_scalar })
    }

    /// What the data of this signed transaction (EIP-2718 bytes) costs, to the wei. What does not fit into a word is the
    /// greatest word.
    #[must_use]
    pub fn of_signed(&self, raw: &[u8]) -> Wei {
        self.of_compressed(u64::from(flz_compress_len(raw)))
    }

    /// A bound for an unsigned transaction of `length` bytes, which nearly all keep (99.99 % of those that the chain's
    /// makers looked at): as if nothing in it could be compressed.
    #[must_use]
    pub fn at_most(&self, length: u64) -> Wei {
        let signed = length.saturating_add(SIGNATURE);
        self.of_compressed(signed.saturating_add(signed.div_euclid(255)).saturating_add(16))
    }

    fn of_compressed(&self, bytes: u64) -> Wei {
        let size = bytes.saturating_mul(COEFFICIENT).saturating_sub(INTERCEPT).max(LEAST_SIZE);
        let calldata = self.l1_base_fee.saturating_mul(U256::from(self.base_fee_scalar));
        let blobs = self.blob_base_fee.saturating_mul(U256::from(self.blob_base_fee_scalar));
        let price = calldata.saturating_mul(U256::from(16)).saturating_add(blobs);
        let scaled = price.saturating_mul(U256::from(size));
        Wei(scaled.checked_div(U256::from(1_000_000_000_000_u64)).unwrap_or_default())
    }
}

impl ChainProfile {
    /// What the data of this signed transaction costs beside its gas, in the state after `block`. Zero where gas pays for
    /// all: on Arbitrum the data is inside the gas that the chain's own nodes estimate, and inside the receipt's `gasUsed`.
    ///
    /// What a mined transaction paid is in its receipt, and counted from there whatever this says.
    ///
    /// # Errors
    /// As [`DataPrice::read`].
    pub async fn data_fee(&self, endpoint: &Endpoint, raw: &[u8], block: B256) -> Result<Wei, RpcFailure> {
        match self.fee_model() {
            FeeModel::OpStack { oracle } => {
                Ok(DataPrice::read(endpoint, oracle, block).await?.of_signed(raw))
            }
            FeeModel::Eip1559 | FeeModel::Arbitrum => Ok(Wei(U256::ZERO)),
        }
    }
}

async fn ask<C: SolCall>(
    endpoint: &Endpoint,
    oracle: Address,
    block: B256,
    call: C,
) -> Result<C::Return, RpcFailure> {
    let answer = endpoint.call(oracle, &call.abi_encode().into(), block).await?;
    C::abi_decode_returns(&answer)
        .map_err(|error| RpcFailure::unreadable("eth_call", format!("no GasPriceOracle answered: {error}")))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{hex, keccak256};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{
        ChainProfiles,
        endpoint::fake_node::{Reply, fake},
    };

    /// The parameters of op-geth's `core/types/rollup_cost_test.go`.
    const PRICE: DataPrice = DataPrice {
        l1_base_fee: U256::from_limbs([1_000_000_000, 0, 0, 0]),
        blob_base_fee: U256::from_limbs([10_000_000, 0, 0, 0]),
        base_fee_scalar: 2,
        blob_base_fee_scalar: 3,
    };

    /// A call on OP Mainnet that op-geth's test compresses to 202 bytes.
    const CALL: &[u8] = &hex!(
        "02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb870151bd62fd12adb8"
        "e41ef24f3f000000000000000000000000000000000000000000000000000000000000006e0000000000000000000000"
        "00af88d065e77c8cc2239327c5edb3a432268e5831000000000000000000000000000000000000000000000000000000"
        "000003c1e500000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "0000000000000000000000000000000000000000a0000000000000000000000000000000000000000000000000000000"
        "00000000148c89ed219d02f1a5be012c689b4f5b731827bebe000000000000000000000000c001a033fd89cb37c31b2c"
        "ba46b6466e040c61fc9b2a3675a7f5f493ebd5ad77c497f8a07cdf65680e238392693019b4092f610222e71b7cec0644"
        "9cb922b93b6a12744e"
    );

    #[test]
    fn data_is_compressed_as_op_geth_does() {
        assert_eq!(flz_compress_len(&[]), 0);
        assert_eq!(flz_compress_len(&[0; 1000]), 21);
        assert_eq!(flz_compress_len(&[1; 1000]), 21);
        assert_eq!(flz_compress_len(CALL), 202);
    }

    #[test]
    fn short_data_pays_for_a_hundred_bytes_and_longer_data_by_its_compressed_size() {
        // 100 bytes * (2 * 1 gwei * 16 + 3 * 0.01 gwei), in millionths twice.
        assert_eq!(PRICE.of_signed(&[]), Wei(U256::from(3_203_000)));
        // (202 * 836_500 - 42_585_600) * 32_030_000_000 / 10^12
        assert_eq!(PRICE.of_signed(CALL), Wei(U256::from(4_048_188)));
    }

    /// The specification's pseudo-code, with signed numbers as it has them.
    #[expect(clippy::arithmetic_side_effects, reason = "written as specified; a test may overflow")]
    fn specified(price: DataPrice, fastlz_size: i128) -> i128 {
        let word = |value: U256| i128::try_from(value).unwrap();
        let l1_fee_scaled = i128::from(price.base_fee_scalar) * word(price.l1_base_fee) * 16
            + i128::from(price.blob_base_fee_scalar) * word(price.blob_base_fee);
        let estimated_size_scaled = i128::max(100 * 1_000_000, -42_585_600 + 836_500 * fastlz_size);
        estimated_size_scaled * l1_fee_scaled / 1_000_000_000_000
    }

    /// The size that `getL1FeeUpperBound` takes for the compressed one.
    #[expect(clippy::arithmetic_side_effects, reason = "written as specified; a test may overflow")]
    fn specified_bound(unsigned: i128) -> i128 {
        let size = unsigned + 68;
        size + size / 255 + 16
    }

    prop_compose! {
        fn prices()(base in 0..1u64 << 42, blob in 0..1u64 << 42, scalar in 0..1u32 << 24, blobs in 0..1u32 << 24)
            -> DataPrice
        {
            DataPrice {
                l1_base_fee: U256::from(base),
                blob_base_fee: U256::from(blob),
                base_fee_scalar: scalar,
                blob_base_fee_scalar: blobs,
            }
        }
    }

    proptest! {
        #[test]
        fn the_fee_is_the_specified_one(price in prices(), raw in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let expected = specified(price, i128::from(flz_compress_len(&raw)));
            prop_assert_eq!(price.of_signed(&raw), Wei(U256::from(expected)));
        }

        #[test]
        fn the_bound_is_the_specified_one(price in prices(), length in 0..200_000u64) {
            let expected = specified(price, specified_bound(i128::from(length)));
            prop_assert_eq!(price.at_most(length), Wei(U256::from(expected)));
        }

        #[test]
        fn no_price_wraps_around(base: [u8; 32], blob: [u8; 32], scalar: u32, blobs: u32, length: u64) {
            let price = DataPrice {
                l1_base_fee: U256::from_be_bytes(base),
                blob_base_fee: U256::from_be_bytes(blob),
                base_fee_scalar: scalar,
                blob_base_fee_scalar: blobs,
            };
            let dearer = DataPrice { l1_base_fee: U256::MAX, ..price };
            prop_assert!(price.at_most(length).0 <= dearer.at_most(length).0);
        }
    }

    #[tokio::test]
    async fn the_price_is_read_from_the_oracle_at_the_block() {
        let oracle = "0x420000000000000000000000000000000000000f";
        let block = B256::repeat_byte(7);
        let endpoint = fake(move |method, params| {
            assert_eq!((method, &params[0]["to"]), ("eth_call", &json!(oracle)));
            assert_eq!(params[1], json!({ "blockHash": block }));
            let data = params[0]["data"].as_str().unwrap().to_owned();
            let is = |signature: &str| data == hex::encode_prefixed(&keccak256(signature)[..4]);
            let answer = [
                ("l1BaseFee()", 1_000_000_000_u64),
                ("blobBaseFee()", 10_000_000),
                ("baseFeeScalar()", 2),
                ("blobBaseFeeScalar()", 3),
            ];
            let (_, value) = answer.into_iter().find(|(signature, _)| is(signature)).unwrap();
            Reply::Is(json!(B256::from(U256::from(value))))
        });
        let profiles = ChainProfiles::built_in().unwrap();
        let fee = |name| profiles.named(name).unwrap().data_fee(&endpoint, CALL, block);
        assert_eq!(fee("base").await.unwrap(), PRICE.of_signed(CALL));
        assert_eq!(fee("arbitrum").await.unwrap(), Wei(U256::ZERO));
        assert_eq!(fee("ethereum").await.unwrap(), Wei(U256::ZERO));
        let empty = fake(|_, _| Reply::Is(json!("0x")));
        let error = profiles.named("op").unwrap().data_fee(&empty, CALL, block).await.unwrap_err();
        assert!(error.to_string().contains("no GasPriceOracle answered"), "{error}");
    }
}
