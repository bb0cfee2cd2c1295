//! The functions and events of Aave v3.0, Chainlink and Uniswap v3 that are used here. Interfaces only.

#![expect(clippy::too_many_arguments, reason = "an event has as many as its contract gave it")]

use alloy_sol_types::sol;

sol! {
    interface IPool {
        struct ReserveData {
            uint256 configuration;
            uint128 liquidityIndex;
            uint128 currentLiquidityRate;
            uint128 variableBorrowIndex;
            uint128 currentVariableBorrowRate;
            uint128 currentStableBorrowRate;
            uint40 lastUpdateTimestamp;
            uint16 id;
            address aTokenAddress;
            address stableDebtTokenAddress;
            address variableDebtTokenAddress;
            address interestRateStrategyAddress;
            uint128 accruedToTreasury;
            uint128 unbacked;
            uint128 isolationModeTotalDebt;
        }

        struct EModeCategory {
            uint16 ltv;
            uint16 liquidationThreshold;
            uint16 liquidationBonus;
            address priceSource;
            string label;
        }

        event ReserveDataUpdated(address indexed reserve, uint256 liquidityRate, uint256 stableBorrowRate,
            uint256 variableBorrowRate, uint256 liquidityIndex, uint256 variableBorrowIndex);
        event ReserveUsedAsCollateralEnabled(address indexed reserve, address indexed user);
        event ReserveUsedAsCollateralDisabled(address indexed reserve, address indexed user);
        event UserEModeSet(address indexed user, uint8 categoryId);
        event Upgraded(address indexed implementation);

        function POOL_REVISION() external view returns (uint256);
        function ADDRESSES_PROVIDER() external view returns (address);
        function FLASHLOAN_PREMIUM_TOTAL() external view returns (uint128);
        function getReservesList() external view returns (address[] memory);
        function getReserveData(address asset) external view returns (ReserveData memory);
        function getEModeCategoryData(uint8 id) external view returns (EModeCategory memory);
        function getUserConfiguration(address user) external view returns (uint256);
        function getUserEMode(address user) external view returns (uint256);
        function liquidationCall(address collateralAsset, address debtAsset, address user, uint256 debtToCover,
            bool receiveAToken) external;
    }

    interface IAddressesProvider {
        function getPriceOracle() external view returns (address);
        function getPoolConfigurator() external view returns (address);
        function getPriceOracleSentinel() external view returns (address);
    }

    interface ISentinel {
        function isLiquidationAllowed() external view returns (bool);
    }
}

sol! {
    interface IOracle {
        function BASE_CURRENCY() external view returns (address);
        function BASE_CURRENCY_UNIT() external view returns (uint256);
        function getAssetPrice(address asset) external view returns (uint256);
        function getSourceOfAsset(address asset) external view returns (address);
    }

    interface IFeed {
        event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

        function aggregator() external view returns (address);
    }
}

sol! {
    /// Receipt tokens and variable debt tokens alike.
    interface IScaledToken {
        event Mint(address indexed caller, address indexed onBehalfOf, uint256 value, uint256 balanceIncrease,
            uint256 index);
        event Burn(address indexed from, address indexed target, uint256 value, uint256 balanceIncrease,
            uint256 index);
        event BalanceTransfer(address indexed from, address indexed to, uint256 value, uint256 index);

        function scaledBalanceOf(address user) external view returns (uint256);
    }

    interface IStableDebt {
        event Mint(address indexed user, address indexed onBehalfOf, uint256 amount, uint256 currentBalance,
            uint256 balanceIncrease, uint256 newRate, uint256 avgStableRate, uint256 newTotalSupply);
        event Burn(address indexed from, uint256 amount, uint256 currentBalance, uint256 balanceIncrease,
            uint256 avgStableRate, uint256 newTotalSupply);
    }

    interface IERC20 {
        function balanceOf(address account) external view returns (uint256);
    }
}

sol! {
    /// An OP-stack chain's `GasPriceOracle`, since the Fjord upgrade.
    interface IGasPriceOracle {
        function getL1FeeUpperBound(uint256 unsignedTxSize) external view returns (uint256);
    }
}

sol! {
    /// Uniswap's `QuoterV2`.
    interface IQuoter {
        struct QuoteExactInputSingleParams {
            address tokenIn;
            address tokenOut;
            uint256 amountIn;
            uint24 fee;
            uint160 sqrtPriceLimitX96;
        }

        function quoteExactInputSingle(QuoteExactInputSingleParams memory params) external
            returns (uint256 amountOut, uint160 sqrtPriceX96After, uint32 initializedTicksCrossed, uint256 gasEstimate);
    }

    /// Uniswap's `SwapRouter02`.
    interface IRouter {
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
}
