//! The kill switch, thrown while a hundred intents are under way: within a moment nothing is signed or broadcast any more,
//! whoever asks, also after a restart, until the operator clears it.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

mod stage;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::{Rng, SeedableRng, rngs::StdRng};

    use super::stage::{Checked, IN_FLIGHT, Stage};

    /// Within this nothing leaves any more, however busy the machine is; `scripts/bench kill` has the figure.
    const AT_ONCE: Duration = Duration::from_millis(500);

    /// So many throws; the longest times until silence.
    async fn check(throws: usize) -> Checked {
        let mut random = StdRng::seed_from_u64(1);
        let (stage, mut times) = (Stage::build().await?, Vec::new());
        let (mut before, mut after) = (0, 0);
        for throw in 1..=throws {
            stage.busy().await?;
            let thrown = stage.throw(Duration::from_millis(random.random_range(0..120))).await?;
            println!("throw {throw}: {thrown:?}");
            assert!(thrown.in_flight >= IN_FLIGHT, "{thrown:?}");
            before += thrown.before;
            after += thrown.after;
            times.push(thrown.until_silent);
            survives_a_restart(&stage).await?;
            stage.clear()?;
        }
        times.sort_unstable();
        let [p50, p99] = [50, 99].map(|percent| times.get((times.len() - 1) * percent / 100));
        println!(
            "{throws} throws, {before} broadcasts before and {after} after them; silent after p50 {p50:?}, p99 {p99:?}"
        );
        assert!(before > 0, "a quiet wallet shows nothing");
        assert!(p99.is_some_and(|p99| *p99 <= AT_ONCE), "{times:?}");
        // Cleared, it works again, and what was left open is taken up.
        stage.busy().await
    }

    async fn survives_a_restart(stage: &Stage) -> Checked {
        let before = stage.broadcasts();
        let life = stage.open().await?;
        life.stays_silent().await?;
        assert!(life.in_flight() >= IN_FLIGHT, "nothing of what is open is given up");
        life.end().await;
        assert_eq!(stage.broadcasts(), before);
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn nothing_leaves_after_the_kill_switch() -> Checked {
        check(3).await
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "needs a node, and minutes: scripts/test --long kill runs it"]
    async fn long_kill_switch() -> Checked {
        check(100).await
    }
}
