//! Whose pairs and pools may lend what they sell.

use agent_core::{Borrow, Lending};
use alloy_primitives::{Address, B256, aliases::U24, keccak256};
use alloy_sol_types::SolValue;

use super::{
    PolicyError,
    file::value,
    tables::{FlashSwapKind, FlashSwapTable},
};

/// All of an amount, in pips.
const MILLION: u32 = 1_000_000;
/// What Uniswap's own factory knows (`feeAmountTickSpacing`, and 100 pips since 2021).
const UNISWAP_FEES: [u32; 4] = [100, 500, 3_000, 10_000];

/// A factory whose pairs or pools are told by their addresses: whoever made it, what is at such an address is its work.
#[derive(Debug, Clone)]
pub(crate) struct FlashSwapRule {
    /// The operator's name for it.
    pub(crate) name: String,
    factory: Address,
    init_code_hash: B256,
    pools: Pools,
}

#[derive(Debug, Clone)]
enum Pools {
    /// One pair of two tokens.
    V2,
    /// One pool of two tokens for each of these fees, in pips.
    V3(Vec<U24>),
}

impl FlashSwapRule {
    pub(super) fn parse(table: FlashSwapTable) -> Result<Self, PolicyError> {
        let FlashSwapTable { name, kind, factory, init_code_hash, fees } = table;
        let wrong = |key: &str, problem: &str| Err(value(format!("flash_swaps.{name}.{key}"), problem));
        if factory.is_zero() {
            return wrong("factory", "is zero; write who makes the addresses");
        }
        if init_code_hash.is_zero() {
            return wrong("init_code_hash", "is zero; write the hash of the creation code");
        }
        let pools = match (kind, fees) {
            (FlashSwapKind::V2, None) => Pools::V2,
            (FlashSwapKind::V2, Some(_)) => return wrong("fees", "is there, and pairs have none; remove it"),
            (FlashSwapKind::V3, fees) => {
                let fees = fees.unwrap_or_else(|| UNISWAP_FEES.to_vec());
                let some = fees.iter().all(|fee| (1..MILLION).contains(fee)).then_some(fees);
                let Some(fees) = some.filter(|fees| !fees.is_empty()) else {
                    return wrong(
                        "fees",
                        "is empty, or has one that is no part of a million; write pips, as in 3000",
                    );
                };
                Pools::V3(fees.into_iter().map(U24::saturating_from).collect())
            }
        };
        Ok(Self { name, factory, init_code_hash, pools })
    }

    /// What it allows, in a sentence.
    pub(super) fn told(&self) -> String {
        let (name, factory) = (self.name.escape_debug(), self.factory);
        match &self.pools {
            Pools::V2 => {
                format!("takes flash swaps from the pairs that \"{name}\" at {factory} makes of these tokens")
            }
            Pools::V3(fees) => {
                let fees = fees.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                format!(
                    "takes flash swaps from the pools of {fees} pips that \"{name}\" at {factory} makes of these tokens"
                )
            }
        }
    }

    /// Whether this lender of a flash swap is what the factory made of its two tokens.
    ///
    /// By the factories' own CREATE2: `UniswapV2Factory.createPair`, salt `keccak256(abi.encodePacked(token0, token1))`;
    /// `UniswapV3PoolDeployer.deploy`, salt `keccak256(abi.encode(token0, token1, fee))`.
    pub(crate) fn made(&self, borrow: &Borrow) -> bool {
        let ordered = |price: Address| {
            let token = borrow.amount.token;
            if token < price { (token, price) } else { (price, token) }
        };
        let at = |salt: Vec<u8>| self.factory.create2(keccak256(salt), self.init_code_hash);
        match (&self.pools, borrow.lending) {
            (Pools::V2, Lending::PairV2 { price }) => {
                at(ordered(price.token).abi_encode_packed()) == borrow.lender
            }
            (Pools::V3(fees), Lending::PoolV3 { price }) => {
                let (zero, one) = ordered(price.token);
                fees.iter().any(|fee| at((zero, one, *fee).abi_encode()) == borrow.lender)
            }
            (Pools::V2 | Pools::V3(_), _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_core::units::TokenAmount;
    use alloy_primitives::{U256, address, b256};

    use super::*;

    const DAI: Address = address!("6B175474E89094C44Da98b954EedeAC495271d0F");
    const USDC: Address = address!("A0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48");

    fn table(kind: FlashSwapKind) -> FlashSwapTable {
        let (factory, init_code_hash) = match kind {
            FlashSwapKind::V2 => (
                address!("5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f"),
                b256!("96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f"),
            ),
            FlashSwapKind::V3 => (
                address!("1F98431c8aD98523631AE4a59f267346ea31F984"),
                b256!("e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54"),
            ),
        };
        FlashSwapTable { name: "Uniswap".into(), kind, factory, init_code_hash, fees: None }
    }

    fn borrow(lender: Address, lends: Address, lending: impl Fn(TokenAmount) -> Lending) -> Borrow {
        let amount = |token| TokenAmount { token, raw: U256::ONE };
        let other = if lends == DAI { USDC } else { DAI };
        Borrow { lender, amount: amount(lends), lending: lending(amount(other)) }
    }

    /// Mainnet's pair of DAI and USDC, and its pool of 100 pips, as Uniswap's own documentation and interface name them.
    #[test]
    fn mainnets_own_pairs_and_pools_are_known_by_their_addresses() {
        let pair = address!("AE461cA67B15dc8dc81CE7615e0320dA1A9aB8D5");
        let pool = address!("5777d92f208679DB4b9778590Fa3CAB3aC9e2168");
        let [v2, v3] = [FlashSwapKind::V2, FlashSwapKind::V3].map(|kind| FlashSwapRule::parse(table(kind)));
        let (v2, v3) = (v2.unwrap(), v3.unwrap());
        for lends in [DAI, USDC] {
            assert!(v2.made(&borrow(pair, lends, |price| Lending::PairV2 { price })));
            assert!(v3.made(&borrow(pool, lends, |price| Lending::PoolV3 { price })));
            assert!(!v2.made(&borrow(pool, lends, |price| Lending::PairV2 { price })));
            assert!(!v2.made(&borrow(pair, lends, |price| Lending::PoolV3 { price })));
            assert!(!v3.made(&borrow(pair, lends, |price| Lending::PairV2 { price })));
            assert!(!v2.made(&borrow(pair, lends, |_| Lending::FlashLoan)));
        }
        let same = Borrow {
            amount: TokenAmount { token: DAI, raw: U256::ONE },
            ..borrow(pair, DAI, |_| Lending::PairV2 { price: TokenAmount { token: DAI, raw: U256::ONE } })
        };
        assert!(!v2.made(&same));
        let other_fees = FlashSwapTable { fees: Some(vec![3_000]), ..table(FlashSwapKind::V3) };
        let other_fees = FlashSwapRule::parse(other_fees).unwrap();
        assert!(!other_fees.made(&borrow(pool, DAI, |price| Lending::PoolV3 { price })));
    }
}
