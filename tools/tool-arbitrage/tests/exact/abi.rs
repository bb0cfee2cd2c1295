//! What is called of the contracts.

use alloy_sol_types::sol;

sol! {
    interface Token {
        constructor(string name, string symbol, uint8 decimals, uint256 maxSupply, uint256 preMint);
        function grantMintAndBurnRoles(address account) external;
        function mint(address account, uint256 amount) external;
        function approve(address spender, uint256 amount) external returns (bool);
        function transfer(address to, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
    }
    interface Weth {
        constructor();
    }
    interface V2Factory {
        constructor(address feeToSetter);
        function createPair(address a, address b) external returns (address pair);
        function getPair(address a, address b) external view returns (address pair);
    }
    interface Router02 {
        constructor(address factory, address weth);
        function getAmountOut(uint256 amountIn, uint256 reserveIn, uint256 reserveOut) external pure returns (uint256);
        function getAmountIn(uint256 amountOut, uint256 reserveIn, uint256 reserveOut) external pure returns (uint256);
    }
    interface Pair {
        function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 at);
        function swap(uint256 amount0Out, uint256 amount1Out, address to, bytes data) external;
        function skim(address to) external;
        function sync() external;
    }
}

sol! {
    interface V3Factory {
        constructor();
        function enableFeeAmount(uint24 fee, int24 tickSpacing) external;
        function createPool(address a, address b, uint24 fee) external returns (address pool);
    }
    interface Pool {
        function initialize(uint160 sqrtPriceX96) external;
        function setFeeProtocol(uint8 feeProtocol0, uint8 feeProtocol1) external;
        function slot0() external view returns (uint160 sqrtPriceX96, int24 tick, uint16 observationIndex,
            uint16 observationCardinality, uint16 observationCardinalityNext, uint8 feeProtocol, bool unlocked);
        function liquidity() external view returns (uint128);
        function protocolFees() external view returns (uint128 token0, uint128 token1);
        function ticks(int24 tick) external view returns (uint128 liquidityGross, int128 liquidityNet, uint256 a,
            uint256 b, int56 c, uint160 d, uint32 e, bool initialized);
        function tickBitmap(int16 word) external view returns (uint256);
    }
    struct MintParams {
        address token0;
        address token1;
        uint24 fee;
        int24 tickLower;
        int24 tickUpper;
        uint256 amount0Desired;
        uint256 amount1Desired;
        uint256 amount0Min;
        uint256 amount1Min;
        address recipient;
        uint256 deadline;
    }
    struct DecreaseLiquidityParams {
        uint256 tokenId;
        uint128 liquidity;
        uint256 amount0Min;
        uint256 amount1Min;
        uint256 deadline;
    }
    struct CollectParams {
        uint256 tokenId;
        address recipient;
        uint128 amount0Max;
        uint128 amount1Max;
    }
    interface PositionManager {
        constructor(address factory, address weth, address descriptor);
        function mint(MintParams params) external payable
            returns (uint256 tokenId, uint128 liquidity, uint256 amount0, uint256 amount1);
        function decreaseLiquidity(DecreaseLiquidityParams params) external payable
            returns (uint256 amount0, uint256 amount1);
        function collect(CollectParams params) external payable returns (uint256 amount0, uint256 amount1);
    }
    struct ExactInputSingleParams {
        address tokenIn;
        address tokenOut;
        uint24 fee;
        address recipient;
        uint256 deadline;
        uint256 amountIn;
        uint256 amountOutMinimum;
        uint160 sqrtPriceLimitX96;
    }
    struct ExactOutputSingleParams {
        address tokenIn;
        address tokenOut;
        uint24 fee;
        address recipient;
        uint256 deadline;
        uint256 amountOut;
        uint256 amountInMaximum;
        uint160 sqrtPriceLimitX96;
    }
    interface SwapRouter {
        constructor(address factory, address weth);
        function exactInputSingle(ExactInputSingleParams params) external payable returns (uint256 amountOut);
        function exactOutputSingle(ExactOutputSingleParams params) external payable returns (uint256 amountIn);
    }
    struct QuoteExactInputSingleParams {
        address tokenIn;
        address tokenOut;
        uint256 amountIn;
        uint24 fee;
        uint160 sqrtPriceLimitX96;
    }
    struct QuoteExactOutputSingleParams {
        address tokenIn;
        address tokenOut;
        uint256 amount;
        uint24 fee;
        uint160 sqrtPriceLimitX96;
    }
    interface QuoterV2 {
        constructor(address factory, address weth);
        function quoteExactInputSingle(QuoteExactInputSingleParams params) external
            returns (uint256 amount, uint160 sqrtPriceX96After, uint32 crossed, uint256 gas);
        function quoteExactOutputSingle(QuoteExactOutputSingleParams params) external
            returns (uint256 amount, uint160 sqrtPriceX96After, uint32 crossed, uint256 gas);
    }
}
