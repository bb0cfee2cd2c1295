//! The agent is killed outright between any two steps of a liquidation and started again: the position is liquidated exactly
//! once, the journal verifies and holds nothing open, budgets of what was dropped are free again, and the key's next
//! transaction goes through.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

#[cfg(test)]
mod agent;
#[cfg(test)]
mod stage;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fmt, time::Duration};

    use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

    use super::{
        agent::{self, STEPS},
        stage::{Checked, Meanwhile, Stage},
    };

    /// Rounds of a long run, and the kills that they are to make.
    const ROUNDS: u32 = 20;
    const LEAST_KILLS: u32 = 200;
    /// Within this a killed agent watches again.
    const IN_TIME: Duration = Duration::from_secs(60);

    /// Killed at each of these steps, with what happens on the chain before the next start; then left alone.
    async fn check(deaths: &[(&str, Meanwhile)]) -> Checked {
        let mut stage = Stage::build().await?;
        for (step, meanwhile) in deaths {
            stage.live_until(step).await?;
            stage.meanwhile(*meanwhile).await?;
        }
        stage.live().await?;
        stage.ends_with_one_liquidation().await
    }

    /// The agent's own process, started by the stage.
    #[tokio::test]
    #[ignore = "needs a node: the other tests start it"]
    async fn child_agent() -> Checked {
        agent::run_as_told().await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn before_it_is_offered() -> Checked {
        check(&[("published", Meanwhile::Nothing)]).await?;
        check(&[("offered", Meanwhile::Nothing)]).await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn before_it_is_recorded() -> Checked {
        check(&[("simulated", Meanwhile::Nothing)]).await?;
        check(&[("approved", Meanwhile::Nothing)]).await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn between_record_and_signature() -> Checked {
        check(&[("recorded", Meanwhile::Nothing)]).await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn between_record_and_signature_and_back_too_late() -> Checked {
        check(&[("recorded", Meanwhile::TooLong)]).await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn between_record_and_signature_and_the_nonce_is_taken() -> Checked {
        check(&[("recorded", Meanwhile::NonceTaken)]).await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn between_signature_and_broadcast() -> Checked {
        check(&[("sent", Meanwhile::Lost)]).await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn between_signature_and_broadcast_and_back_too_late() -> Checked {
        check(&[("sent", Meanwhile::LostForLong)]).await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn between_broadcast_and_block() -> Checked {
        check(&[("sent", Meanwhile::Nothing)]).await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn between_broadcast_and_block_and_the_nonce_is_taken() -> Checked {
        check(&[("sent", Meanwhile::NonceTaken)]).await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn between_block_and_receipt() -> Checked {
        check(&[("sent", Meanwhile::Block)]).await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn after_it_is_closed() -> Checked {
        check(&[("closed", Meanwhile::Nothing)]).await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn again_while_it_recovers() -> Checked {
        // Recovery simulates, sends and closes as well.
        check(&[("recorded", Meanwhile::Nothing), ("simulated", Meanwhile::Nothing)]).await?;
        check(&[("recorded", Meanwhile::Nothing), ("sent", Meanwhile::Lost)]).await
    }

    /// What a long run shows.
    #[derive(Debug, Default)]
    struct Shown {
        kills: BTreeMap<&'static str, u32>,
        scenes: u32,
        recoveries: Vec<Duration>,
    }

    impl fmt::Display for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let mut recoveries = self.recoveries.clone();
            recoveries.sort_unstable();
            let (p50, most) = (recoveries.get(recoveries.len() / 2), recoveries.last());
            let Self { kills, scenes, .. } = self;
            write!(
                f,
                "{} real kills {kills:?}, {scenes} of {scenes} positions liquidated exactly once; watching again after p50 \
                 {p50:.1?}, max {most:.1?}",
                kills.values().sum::<u32>()
            )
        }
    }

    /// Dies at `first`, and up to three times more at whatever step.
    async fn scene(random: &mut StdRng, first: &'static str, shown: &mut Shown) -> Checked {
        let (mut stage, mut step) = (Stage::build().await?, first);
        for death in 0..random.random_range(1..=4) {
            let meanwhile = *Meanwhile::ALL.choose(random).ok_or("no choice")?;
            println!("  death {death} at {step}, then {meanwhile:?}");
            if !stage.live_with(step).await? {
                break;
            }
            *shown.kills.entry(step).or_default() += 1;
            stage.meanwhile(meanwhile).await?;
            step = STEPS.choose(random).ok_or("no choice")?;
        }
        stage.live().await?;
        // The first start recovered nothing.
        shown.recoveries.extend(stage.recoveries.iter().skip(1));
        shown.scenes += 1;
        stage.ends_with_one_liquidation().await
    }

    /// Every step twenty times, each followed by up to three more deaths and whatever the chain does meanwhile.
    /// `KEEPWRIGHT_SEED` is the first round.
    #[tokio::test]
    #[ignore = "needs a node, and an hour: scripts/test --long crash runs it"]
    async fn long_crash() -> Checked {
        let (first, mut shown) = (agent::seed()?, Shown::default());
        for (round, seed) in (1..=ROUNDS).zip(first..) {
            let mut random = StdRng::seed_from_u64(seed);
            for step in STEPS {
                println!("round {round} of {ROUNDS}, KEEPWRIGHT_SEED={seed}: {step}");
                scene(&mut random, step, &mut shown).await?;
            }
            println!("{round} rounds from KEEPWRIGHT_SEED={first}: {shown}");
        }
        let in_time = shown.recoveries.iter().all(|recovery| *recovery < IN_TIME);
        let enough = shown.kills.values().sum::<u32>() >= LEAST_KILLS;
        if in_time && enough { Ok(()) } else { Err(format!("too slow, or too few: {shown}").into()) }
    }
}
