//! The functions and events of factories, pools, routers, lenders and feeds that the strategy uses. Interfaces only.

use agent_core::{Answered, Query};
use alloy_primitives::Address;
use alloy_sol_types::{SolCall, sol};

sol! {
    interface IFactoryV2 {
        event PairCreated(address indexed token0, address indexed token1, address pair, uint256 count);
    }

    interface IFactoryV3 {
        event PoolCreated(address indexed token0, address indexed token1, uint24 indexed fee, int24 tickSpacing,
            address pool);
    }

    interface IPair {
        function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 blockTimestampLast);
    }

    /// The first two words of `ticks`: what fees were earned outside of it is not read.
    interface ITickPool {
        function liquidity() external view returns (uint128);
        function tickBitmap(int16 wordPosition) external view returns (uint256);
        function ticks(int24 tick) external view returns (uint128 liquidityGross, int128 liquidityNet);
    }

    /// The first two words of `slot0`: what forks have after them is not read.
    interface ISlot {
        function slot0() external view returns (uint160 sqrtPriceX96, int24 tick);
    }

    interface IRouterV2 {
        function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] calldata path, address to,
            uint256 deadline) external returns (uint256[] memory amounts);
    }

    interface IRouterV3 {
        struct ExactInputSingleParams {
            address tokenIn;
            address tokenOut;
            uint24 fee;
            address recipient;
            uint256 amountIn;
            uint256 amountOutMinimum;
            uint160 sqrtPriceLimitX96;
        }

        function exactInputSingle(ExactInputSingleParams calldata params) external payable
            returns (uint256 amountOut);
    }

    interface ILender {
        function POOL_REVISION() external view returns (uint256);
        function FLASHLOAN_PREMIUM_TOTAL() external view returns (uint128);
    }

    interface IFeed {
        function latestRoundData() external view
            returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
        function decimals() external view returns (uint8);
    }

    /// An OP-stack chain's `GasPriceOracle`, since the Fjord upgrade.
    interface IGasPriceOracle {
        function getL1FeeUpperBound(uint256 unsignedTxSize) external view returns (uint256);
    }
}

/// A contract read.
pub(crate) fn query(to: Address, call: &impl SolCall) -> Query {
    Query { to, data: call.abi_encode().into() }
}

/// What it answered; `None` where it reverted or answered something else.
pub(crate) fn decode<C: SolCall>(answer: &Answered) -> Option<C::Return> {
    C::abi_decode_returns(answer.as_ref().ok()?).ok()
}
