//! A door, its journal and its wallet against a node that fails, forgets and reorganises, with somebody else at work with the
//! same key, and against their own death: whatever happened, each intent takes effect at most once, nothing stays open, and
//! the key's next transaction goes through, within a minute of chain time.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

#[cfg(test)]
#[path = "nonces/bench.rs"]
mod bench;
#[cfg(test)]
#[path = "nonces/deaths.rs"]
mod deaths;
#[cfg(test)]
#[path = "nonces/far.rs"]
mod far;
#[cfg(test)]
#[path = "nonces/life.rs"]
mod life;
#[cfg(test)]
#[path = "nonces/world.rs"]
mod world;

#[cfg(test)]
mod tests {
    use super::{
        bench::{Totals, play},
        deaths::{Deaths, die},
        life::Checked,
        world::{Place, World},
    };

    /// Schedules that one node plays: it keeps the state of every block, and soon on disk.
    const OF_ONE_NODE: u64 = 10;

    #[expect(clippy::disallowed_methods, reason = "test support reads the environment")]
    fn number(name: &str, default: u64) -> Checked<u64> {
        std::env::var(name).map_or(Ok(default), |text| Ok(text.parse()?))
    }

    async fn check(first: u64, schedules: u64) -> Checked {
        let mut totals = Totals::default();
        let mut world = World::start(Place::Here).await?;
        for (played, seed) in (0..schedules).zip(first..) {
            if played > 0 && played % OF_ONE_NODE == 0 {
                world = World::start(Place::Here).await?;
            }
            let schedule =
                play(&world, seed).await.map_err(|error| format!("KEEPWRIGHT_SEED={seed}: {error}"))?;
            totals.add(&schedule);
            println!("schedule {} of {schedules}, KEEPWRIGHT_SEED={seed}: {schedule}", played + 1);
        }
        println!("{schedules} schedules from KEEPWRIGHT_SEED={first}: {totals}");
        totals.something_happened()
    }

    /// Seeds that one point gets in a round.
    const TRIES: u64 = 5;

    /// So many rounds, each of which dies at every point.
    async fn check_deaths(key: Place, first: u64, rounds: u64) -> Checked {
        let (mut all, mut least) = (Deaths::default(), 0);
        for (round, seed) in (0..rounds).zip(first..) {
            let world = World::start(key).await?;
            for (place, point) in (0_u64..).zip(world.points().iter().copied()) {
                // What the chain does may keep a life from its point: another seed, then.
                for again in 0..TRIES {
                    let deaths = die(&world, (seed * 100 + place) * 10 + again, point)
                        .await
                        .map_err(|error| format!("KEEPWRIGHT_SEED={seed}, {point:?}: {error}"))?;
                    let came = deaths.least(&[point]) > 0;
                    all.add(deaths);
                    if came {
                        break;
                    }
                }
            }
            println!("round {} of {rounds}, KEEPWRIGHT_SEED={seed}: {all}", round + 1);
            least = all.least(world.points());
        }
        println!("{rounds} rounds from KEEPWRIGHT_SEED={first}: {all}");
        if least < rounds { Err("not every point was come to in every round".into()) } else { Ok(()) }
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn nonces_heal_whatever_fails() -> Checked {
        check(1, 10).await
    }

    /// `KEEPWRIGHT_SEED` is the first schedule, `KEEPWRIGHT_SCHEDULES` how many follow.
    #[tokio::test]
    #[ignore = "needs a node, and an hour: scripts/test --long nonces runs it"]
    async fn long_nonces() -> Checked {
        check(number("KEEPWRIGHT_SEED", 1)?, number("KEEPWRIGHT_SCHEDULES", 1_000)?).await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn whoever_dies_at_any_point_recovers() -> Checked {
        check_deaths(Place::Here, 1, 1).await
    }

    #[tokio::test]
    #[ignore = "needs a node: scripts/test runs it"]
    async fn whoever_dies_at_any_point_recovers_what_a_key_elsewhere_signed() -> Checked {
        check_deaths(Place::Elsewhere, 1, 1).await
    }

    /// `KEEPWRIGHT_SEED` is the first round, `KEEPWRIGHT_ROUNDS` how many follow.
    #[tokio::test]
    #[ignore = "needs a node, and an hour: scripts/test --long crash runs it"]
    async fn long_crash_points() -> Checked {
        check_deaths(Place::Here, number("KEEPWRIGHT_SEED", 1)?, number("KEEPWRIGHT_ROUNDS", 100)?).await
    }

    /// The same, with a key that gives another signature each time.
    #[tokio::test]
    #[ignore = "needs a node, and an hour: scripts/test --long crash runs it"]
    async fn long_crash_points_of_a_key_elsewhere() -> Checked {
        check_deaths(Place::Elsewhere, number("KEEPWRIGHT_SEED", 1)?, number("KEEPWRIGHT_ROUNDS", 100)?).await
    }
}
