//! The agent is killed outright between any two steps of a liquidation and started again: the position is liquidated exactly
//! once, the journal verifies and holds nothing open, budgets of what was dropped are free again, and the key's next
//! transaction goes through.

#[cfg(test)]
mod agent;
#[cfg(test)]
mod stage;

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

    use super::{
        agent::{self, STEPS},
        stage::{Checked, Meanwhile, Stage},
    };

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

    /// Every step twenty times, each followed by up to three more deaths and whatever the chain does meanwhile.
    #[tokio::test]
    #[ignore = "needs a node, and minutes: scripts/test --long crash runs it"]
    async fn long_crash() -> Checked {
        let seed = agent::seed()?;
        println!("KEEPWRIGHT_SEED={seed}");
        let mut random = StdRng::seed_from_u64(seed);
        for round in 0..20 {
            for first in STEPS {
                let mut stage = Stage::build().await?;
                let mut step = first;
                for death in 0..random.random_range(1..=4) {
                    let meanwhile = *Meanwhile::ALL.choose(&mut random).ok_or("no choice")?;
                    println!("round {round}: death {death} at {step}, then {meanwhile:?}");
                    if !stage.live_with(step).await? {
                        break;
                    }
                    stage.meanwhile(meanwhile).await?;
                    step = STEPS.choose(&mut random).ok_or("no choice")?;
                }
                stage.live().await?;
                stage.ends_with_one_liquidation().await?;
            }
        }
        Ok(())
    }
}
