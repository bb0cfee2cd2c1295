//! The functions and events of the protocols that the devnet calls. Interfaces only: the contracts themselves are the
//! protocols' own bytecode.

use alloy::sol;

sol! {
    interface Erc20 {
        event Transfer(address indexed from, address indexed to, uint256 value);
        function approve(address spender, uint256 amount) external returns (bool);
        function transfer(address to, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
    }

    interface Weth9 {
        function deposit() external payable;
    }

    interface BurnMintErc20 {
        function grantMintAndBurnRoles(address burnAndMinter) external;
        function mint(address account, uint256 amount) external;
    }

    interface LinkToken {
        function grantMintRole(address minter) external;
    }
}

sol! {
    interface V2Factory {
        function getPair(address tokenA, address tokenB) external view returns (address pair);
    }

    interface V2Router {
        function addLiquidity(address tokenA, address tokenB, uint256 amountADesired, uint256 amountBDesired,
            uint256 amountAMin, uint256 amountBMin, address to, uint256 deadline) external;
        function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to,
            uint256 deadline) external;
    }

    interface V2Pair {
        function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 blockTimestampLast);
    }

    interface V3Factory {
        function getPool(address tokenA, address tokenB, uint24 fee) external view returns (address pool);
    }

    interface V3Pool {
        function slot0() external view returns (uint160 sqrtPriceX96, int24 tick, uint16 observationIndex,
            uint16 observationCardinality, uint16 observationCardinalityNext, uint8 feeProtocol, bool unlocked);
    }

    interface PositionManager {
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
        function createAndInitializePoolIfNecessary(address token0, address token1, uint24 fee, uint160 sqrtPriceX96)
            external payable returns (address pool);
        function mint(MintParams params) external payable;
    }

    interface SwapRouter02 {
        struct ExactInputSingleParams {
            address tokenIn;
            address tokenOut;
            uint24 fee;
            address recipient;
            uint256 amountIn;
            uint256 amountOutMinimum;
            uint160 sqrtPriceLimitX96;
        }
        function exactInputSingle(ExactInputSingleParams params) external payable returns (uint256 amountOut);
    }
}

sol! {
    interface AddressesProvider {
        function getPool() external view returns (address);
        function getPoolConfigurator() external view returns (address);
        function setACLAdmin(address newAclAdmin) external;
        function setACLManager(address newAclManager) external;
        function setPoolImpl(address newPoolImpl) external;
        function setPoolConfiguratorImpl(address newPoolConfiguratorImpl) external;
        function setPriceOracle(address newPriceOracle) external;
        function setPoolDataProvider(address newDataProvider) external;
    }

    interface ProvidersRegistry {
        function registerAddressesProvider(address provider, uint256 id) external;
    }

    interface AclManager {
        function addPoolAdmin(address admin) external;
        function addEmergencyAdmin(address admin) external;
        function addRiskAdmin(address admin) external;
        function addAssetListingAdmin(address admin) external;
    }

    interface PoolConfigurator {
        struct InitReserveInput {
            address aTokenImpl;
            address stableDebtTokenImpl;
            address variableDebtTokenImpl;
            uint8 underlyingAssetDecimals;
            address interestRateStrategyAddress;
            address underlyingAsset;
            address treasury;
            address incentivesController;
            string aTokenName;
            string aTokenSymbol;
            string variableDebtTokenName;
            string variableDebtTokenSymbol;
            string stableDebtTokenName;
            string stableDebtTokenSymbol;
            bytes params;
        }
        function initReserves(InitReserveInput[] input) external;
        function configureReserveAsCollateral(address asset, uint256 ltv, uint256 liquidationThreshold,
            uint256 liquidationBonus) external;
        function setReserveBorrowing(address asset, bool enabled) external;
        function setReserveFactor(address asset, uint256 newReserveFactor) external;
        function setLiquidationProtocolFee(address asset, uint256 newFee) external;
        function setReserveFlashLoaning(address asset, bool enabled) external;
        function setEModeCategory(uint8 categoryId, uint16 ltv, uint16 liquidationThreshold, uint16 liquidationBonus,
            address oracle, string label) external;
        function setAssetEModeCategory(address asset, uint8 newCategoryId) external;
        function updateFlashloanPremiumTotal(uint128 newFlashloanPremiumTotal) external;
    }

    interface AavePool {
        function initialize(address provider) external;
        function supply(address asset, uint256 amount, address onBehalfOf, uint16 referralCode) external;
        function withdraw(address asset, uint256 amount, address to) external returns (uint256);
        function borrow(address asset, uint256 amount, uint256 interestRateMode, uint16 referralCode, address onBehalfOf)
            external;
        function repay(address asset, uint256 amount, uint256 interestRateMode, address onBehalfOf)
            external returns (uint256);
        function setUserEMode(uint8 categoryId) external;
        function liquidationCall(address collateralAsset, address debtAsset, address user, uint256 debtToCover,
            bool receiveAToken) external;
        function getUserAccountData(address user) external view returns (uint256 totalCollateralBase,
            uint256 totalDebtBase, uint256 availableBorrowsBase, uint256 currentLiquidationThreshold, uint256 ltv,
            uint256 healthFactor);
    }

    interface AaveOracle {
        function getAssetPrice(address asset) external view returns (uint256);
    }

    interface DataProvider {
        function getReserveTokensAddresses(address asset) external view returns (address aTokenAddress,
            address stableDebtTokenAddress, address variableDebtTokenAddress);
    }
}

sol! {
    interface FluxAggregator {
        function changeOracles(address[] removed, address[] added, address[] addedAdmins, uint32 minSubmissions,
            uint32 maxSubmissions, uint32 restartDelay) external;
        function updateAvailableFunds() external;
        function submit(uint256 roundId, int256 submission) external;
        function latestRoundData() external view returns (uint80 roundId, int256 answer, uint256 startedAt,
            uint256 updatedAt, uint80 answeredInRound);
        function oracleRoundState(address oracle, uint32 queriedRoundId) external view returns (bool eligibleToSubmit,
            uint32 roundId, int256 latestSubmission, uint64 startedAt, uint64 timeout, uint128 availableFunds,
            uint8 oracleCount, uint128 paymentAmount);
    }

    interface AccessController {
        function addAccess(address user) external;
    }
}
