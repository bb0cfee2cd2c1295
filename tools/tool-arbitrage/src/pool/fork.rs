//! Whose pairs and pools there are, and where each of them lies.

use alloy_primitives::{Address, B256, address, b256, keccak256};
use alloy_sol_types::SolValue;

use crate::math::v2::V2Fee;

/// A family of pools: the same code with another factory, another fee, or events with other fields (of which
/// [`V3Event::decode`](super::V3Event::decode) reads those that are known).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// As an operator writes it.
    pub name: &'static str,
    /// The chain that the factory is on.
    pub chain: u64,
    /// Which contract's arithmetic it has.
    pub kind: ForkKind,
    /// Whose logs say which pools there are.
    pub factory: Address,
    /// Who creates them: the factory, but for Pancake v3.
    pub deployer: Address,
    /// The Keccak hash of a pool's creation code.
    pub init_code_hash: B256,
    /// Whether quotes were compared with this family's bytecode, in this crate's tests.
    pub verified: bool,
}

/// Which arithmetic a family has, and its fees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForkKind {
    /// A constant product, with one fee for all pairs.
    V2(V2Fee),
    /// Concentrated liquidity, with a fee in pips and a tick spacing that the pool's creation log says; these are the
    /// factory's first.
    V3(&'static [(u32, i32)]),
}

const UNISWAP_TIERS: &[(u32, i32)] = &[(100, 1), (500, 10), (3_000, 60), (10_000, 200)];
const PANCAKE_TIERS: &[(u32, i32)] = &[(100, 1), (500, 10), (2_500, 50), (10_000, 200)];
const UNISWAP_V2_HASH: B256 = b256!("96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f");
const UNISWAP_V3_HASH: B256 = b256!("e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54");

impl Fork {
    /// The families that are known here. Sources: docs.uniswap.org/contracts/v2/reference/smart-contracts/v2-deployments and
    /// docs.uniswap.org/contracts/v3/reference/deployments; the npm packages `@sushiswap/sdk` (`FACTORY_ADDRESS`,
    /// `INIT_CODE_HASH`), `@pancakeswap/v2-sdk` (`FACTORY_ADDRESS_MAP`) and `@pancakeswap/v3-sdk` (`FACTORY_ADDRESSES`,
    /// `DEPLOYER_ADDRESSES`). That factory and hash belong together, the tests see by pools that are where both put them.
    pub const KNOWN: &'static [Self] = &[
        Self {
            name: "uniswap-v2",
            chain: 1,
            kind: ForkKind::V2(V2Fee::UNISWAP),
            factory: address!("5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f"),
            deployer: address!("5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f"),
            init_code_hash: UNISWAP_V2_HASH,
            verified: true,
        },
        Self {
            name: "uniswap-v3",
            chain: 1,
            kind: ForkKind::V3(UNISWAP_TIERS),
            factory: address!("1F98431c8aD98523631AE4a59f267346ea31F984"),
            deployer: address!("1F98431c8aD98523631AE4a59f267346ea31F984"),
            init_code_hash: UNISWAP_V3_HASH,
            verified: true,
        },
        Self {
            name: "sushi-v2",
            chain: 1,
            kind: ForkKind::V2(V2Fee::UNISWAP),
            factory: address!("C0AEe478e3658e2610c5F7A4A2E1777cE9e4f2Ac"),
            deployer: address!("C0AEe478e3658e2610c5F7A4A2E1777cE9e4f2Ac"),
            init_code_hash: b256!("e18a34eb0e04b04f7a0ac29a6e80748dca96319b42c54d679cb821dca90c6303"),
            verified: false,
        },
        Self {
            name: "pancake-v2",
            chain: 56,
            kind: ForkKind::V2(V2Fee::PANCAKE),
            factory: address!("cA143Ce32Fe78f1f7019d7d551a6402fC5350c73"),
            deployer: address!("cA143Ce32Fe78f1f7019d7d551a6402fC5350c73"),
            init_code_hash: b256!("00fb7f630766e6a796048ea87d01acd3068e8ff67d078148a3fa3f4a84f69bd5"),
            verified: false,
        },
        Self {
            name: "pancake-v3",
            chain: 56,
            kind: ForkKind::V3(PANCAKE_TIERS),
            factory: address!("0BFbCF9fa4f9C56B0F40a671Ad40E0805A091865"),
            deployer: address!("41ff9AA7e16B8B1a8a8dc4f0eFacd93D02d071c9"),
            init_code_hash: b256!("6ce8eb472fa82df5469c6ab6d485f17c3ad13c8cd7af59b3d4a8026c5ce0f7e2"),
            verified: false,
        },
    ];

    /// The same code behind another factory: another chain's, or a devnet's.
    #[must_use]
    pub fn at(&self, chain: u64, factory: Address) -> Self {
        let deployer = if self.deployer == self.factory { factory } else { self.deployer };
        Self { chain, factory, deployer, ..self.clone() }
    }

    /// Where the pool of two tokens lies (`CREATE2`), whichever comes first. `fee_pips` is the pool's for v3, and not looked at
    /// for v2. Whether there is one is another question.
    #[must_use]
    pub fn address(&self, tokens: [Address; 2], fee_pips: u32) -> Address {
        let [a, b] = tokens;
        let (zero, one) = if a < b { (a, b) } else { (b, a) };
        let salt = match self.kind {
            ForkKind::V2(_) => keccak256((zero, one).abi_encode_packed()),
            ForkKind::V3(_) => keccak256((zero, one, fee_pips).abi_encode()),
        };
        self.deployer.create2(salt, self.init_code_hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WETH: Address = address!("C02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2");
    const USDC: Address = address!("A0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48");
    const WBNB: Address = address!("bb4CdB9CbD36B01bD1cBaEBF2De08d9173bc095c");

    fn address_of(name: &str, tokens: [Address; 2], fee_pips: u32) -> Address {
        Fork::KNOWN.iter().find(|fork| fork.name == name).unwrap().address(tokens, fee_pips)
    }

    /// Pools that are known from their chains.
    #[test]
    fn pools_lie_where_they_lie() {
        let usdt = address!("55d398326f99059fF775485246999027B3197955");
        let busd = address!("e9e7CEA3DedcA5984780Bafc599bD69ADd087D56");
        let cases = [
            ("uniswap-v2", [WETH, USDC], 0, address!("B4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc")),
            ("uniswap-v3", [USDC, WETH], 500, address!("88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640")),
            ("uniswap-v3", [WETH, USDC], 3_000, address!("8ad599c3A0ff1De082011EFDDc58f1908eb6e6D8")),
            ("sushi-v2", [USDC, WETH], 0, address!("397FF1542f962076d0BFE58eA045FfA2d347ACa0")),
            ("pancake-v2", [WBNB, busd], 0, address!("58F876857a02D6762E0101bb5C46A8c1ED44Dc16")),
            ("pancake-v3", [WBNB, usdt], 500, address!("36696169C63e42cd08ce11f5deeBbCeBae652050")),
        ];
        for (name, tokens, fee, expected) in cases {
            assert_eq!(address_of(name, tokens, fee), expected, "{name}");
        }
    }

    #[test]
    fn only_what_ran_against_its_bytecode_is_verified() {
        let verified: Vec<_> =
            Fork::KNOWN.iter().filter(|fork| fork.verified).map(|fork| fork.name).collect();
        assert_eq!(verified, ["uniswap-v2", "uniswap-v3"]);
    }

    #[test]
    fn a_family_moves_to_another_factory() {
        let factory = Address::repeat_byte(7);
        let moved = Fork::KNOWN[0].at(31_337, factory);
        assert_eq!((moved.chain, moved.factory, moved.deployer), (31_337, factory, factory));
        assert_ne!(moved.address([WETH, USDC], 0), Fork::KNOWN[0].address([WETH, USDC], 0));
    }
}
