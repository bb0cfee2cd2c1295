//! The functions of `FluxAggregator` that are used. Interface only.

use alloy_sol_types::sol;

sol! {
    interface IFluxAggregator {
        function oracleRoundState(address oracle, uint32 queriedRoundId) external view returns (bool eligibleToSubmit,
            uint32 roundId, int256 latestSubmission, uint64 startedAt, uint64 timeout, uint128 availableFunds,
            uint8 oracleCount, uint128 paymentAmount);
        function latestRoundData() external view returns (uint80 roundId, int256 answer, uint256 startedAt,
            uint256 updatedAt, uint80 answeredInRound);
        function minSubmissionValue() external view returns (int256);
        function maxSubmissionValue() external view returns (int256);
        function submit(uint256 roundId, int256 submission) external;
        function withdrawPayment(address oracle, address recipient, uint256 amount) external;
    }
}
