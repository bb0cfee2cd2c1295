//! Several transactions of one nonce, and what keeps one from being mined, on a real node.

use serde_json::{Value, json};

use super::{
    against_anvil::{Bench, mined},
    *,
};
use crate::anvil::LOGGER;

impl Bench {
    /// A node that mines when told to.
    async fn by_hand() -> Self {
        let bench = Self::start(1).await;
        bench.automine(false).await;
        bench
    }

    async fn offer(&self, nonce: u64, max_fee: u128) -> Sent {
        let quote = self.wallet.next_quote().await.unwrap();
        let gas = Gas { limit: 100_000, max_fee, tip: max_fee.min(1_000_000_000) };
        let transaction =
            Transaction { gas, nonce, ..transaction(&quote, Some(LOGGER), B256::with_last_byte(7)) };
        self.wallet.sign_and_broadcast(&transaction).await.unwrap()
    }

    /// Mines a block now and then, as chains do, until `followed` says something.
    async fn mining<T>(&self, followed: impl Future<Output = T>) -> T {
        let miner = async {
            loop {
                tokio::time::sleep(Duration::from_millis(60)).await;
                self.anvil.mine(1).await;
            }
        };
        tokio::select! { biased; said = followed => said, () = miner => panic!("a miner never ends") }
    }

    async fn settles(&self, attempts: &[Sent]) -> B256 {
        match self.mining(self.wallet.followed(attempts.to_vec(), Vec::new())).await {
            Followed::Final(settlement) => mined(settlement).transaction,
            Followed::Stuck(stuck) => panic!("{stuck:?}"),
        }
    }

    async fn is_stuck(&self, attempts: &[Sent]) -> StuckReason {
        self.mining(self.wallet.stuck(attempts.to_vec())).await.reason
    }

    /// Keeps the base fee up: anvil's own would fall with every empty block.
    async fn base_fee(&self, wei: u128) {
        let _: Value = self.anvil.ask("anvil_setNextBlockBaseFeePerGas", [json!(wei.to_string())]).await;
    }
}

const GWEI: u128 = 1_000_000_000;

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_replacement_is_mined_in_place_of_the_original() {
    let bench = Bench::by_hand().await;
    let original = bench.offer(0, 5 * GWEI).await;
    let replacement = bench.offer(0, 7 * GWEI).await;
    assert_eq!(bench.settles(&[original, replacement]).await, replacement.transaction);
    assert!(bench.wallet.lane.nonces().is_empty(), "all attempts are forgotten");
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn an_original_that_is_mined_after_its_replacement_was_sent_is_found() {
    let bench = Bench::by_hand().await;
    let original = bench.offer(0, 5 * GWEI).await;
    let bytes = bench.wallet.lane.attempt(original).unwrap().signed;
    let replacement = bench.offer(0, 7 * GWEI).await;
    // The miner had the original, and never heard of the other.
    bench.drop_from_pool(replacement).await;
    bench.wallet.lane.broadcast(&bytes).await.unwrap();
    bench.anvil.mine(1).await;
    assert_eq!(bench.settles(&[original, replacement]).await, original.transaction);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_reorg_from_one_attempt_to_another_is_followed() {
    let bench = Bench::start(4).await;
    bench.automine(false).await;
    bench.anvil.mine(3).await;
    let original = bench.offer(0, 5 * GWEI).await;
    let bytes = bench.wallet.lane.attempt(original).unwrap().signed;
    let replacement = bench.offer(0, 7 * GWEI).await;
    bench.anvil.mine(1).await;
    bench.anvil.mined(replacement.transaction).await;
    let world = async {
        bench.anvil.reorg(1).await;
        // Anvil puts what it took out of a block back into its pool.
        let _: Value = bench.anvil.ask("anvil_dropTransaction", [replacement.transaction]).await;
        bench.wallet.lane.broadcast(&bytes).await.unwrap();
        bench.anvil.mine(1).await;
    };
    world.await;
    assert_eq!(bench.settles(&[original, replacement]).await, original.transaction);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn what_blocks_cannot_take_is_underpriced_until_it_is_replaced() {
    let bench = Bench::by_hand().await;
    bench.base_fee(100 * GWEI).await;
    bench.anvil.mine(1).await;
    let cheap = bench.offer(0, 10 * GWEI).await;
    // Ten blocks at most, each an eighth cheaper: still above.
    assert_eq!(bench.is_stuck(&[cheap]).await, StuckReason::Underpriced);
    let dear = bench.offer(0, 300 * GWEI).await;
    assert_eq!(bench.settles(&[cheap, dear]).await, dear.transaction);
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_gap_is_named_and_all_settle_once_it_is_filled() {
    let bench = Bench::by_hand().await;
    let (second, third) = (bench.offer(1, 5 * GWEI).await, bench.offer(2, 5 * GWEI).await);
    assert_eq!(bench.is_stuck(&[second]).await, StuckReason::Gap { missing: 0 });
    assert_eq!(bench.is_stuck(&[third]).await, StuckReason::Gap { missing: 0 });
    let first = bench.offer(0, 5 * GWEI).await;
    for sent in [first, second, third] {
        assert_eq!(bench.settles(&[sent]).await, sent.transaction);
    }
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn a_key_that_ran_out_of_coin_is_unfunded_and_goes_on_when_it_has_some() {
    let bench = Bench::by_hand().await;
    let sent = bench.offer(0, 5 * GWEI).await;
    let _: Value = bench.anvil.ask("anvil_setBalance", (FROM, "0x1")).await;
    bench.drop_from_pool(sent).await;
    assert_eq!(bench.is_stuck(&[sent]).await, StuckReason::Unfunded);
    let _: Value = bench.anvil.ask("anvil_setBalance", (FROM, "0xde0b6b3a7640000")).await;
    assert_eq!(bench.settles(&[sent]).await, sent.transaction);
}
