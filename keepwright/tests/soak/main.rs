//! An agent under load for a long time: ten times the usual events, a node that stops answering, a planner that takes seconds,
//! a disk that is full. What it holds stays within its bounds, its memory stays flat, every block is told once and in order,
//! what there was no room for is counted and told, and nothing is sent that the journal does not have.
//!
//! `scripts/test --long soak` runs for ten minutes; `KEEPWRIGHT_SECONDS` says otherwise. Real are the runtime, the reader over its
//! websocket, the door, the journal and the memory; scripted are the node, the simulator and the sender.

#![expect(clippy::arithmetic_side_effects, reason = "counts of a test do not overflow")]

#[cfg(test)]
mod disk;
#[cfg(test)]
mod life;
#[cfg(test)]
mod node;
#[cfg(test)]
mod ports;

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use crate::{
        life::{Books, Life},
        node::Node,
    };

    /// What goes on in each part of a round, all parts being as long.
    const ROUND: [Part; 6] = [Part::Calm, Part::Flood, Part::Stall, Part::Flood, Part::FullDisk, Part::Calm];
    /// Heads a second, and logs in each block: usually, and in a flood.
    const PERIOD: Duration = Duration::from_millis(100);
    const USUAL: u64 = 20;
    const FLOOD: u64 = 200;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Part {
        Calm,
        Flood,
        Stall,
        FullDisk,
    }

    /// Kilobytes of this process in memory.
    fn resident() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    fn seconds() -> u64 {
        #[expect(clippy::disallowed_methods, reason = "how long is for who runs it to say")]
        let told = std::env::var("KEEPWRIGHT_SECONDS");
        told.map_or(600, |seconds| seconds.parse().unwrap())
    }

    /// The most of each half, after a first round that fills what is filled once, must not differ by more than `slack`
    /// kilobytes and a tenth.
    async fn check(rounds: u32, part: Duration, slack: u64) {
        let node = Node::start(USUAL).await;
        let mut life = Life::begin(node.clone()).await;
        let (mut books, mut sizes) = (Books::default(), Vec::new());
        for round in 0..=rounds {
            for now in ROUND {
                node.logs_a_block(if now == Part::Flood { FLOOD } else { USUAL });
                node.stall(now == Part::Stall);
                life.fill_disk(now == Part::FullDisk);
                let heads = part.as_millis() / PERIOD.as_millis();
                for _ in 0..heads {
                    tokio::time::sleep(PERIOD).await;
                    node.head();
                    books.look(&life);
                    if life.has_ended() {
                        // Full disks end an agent; it begins again when there is room.
                        life = life.again(&mut books, now == Part::FullDisk).await;
                    }
                    if round > 0 {
                        sizes.push(resident());
                    }
                }
            }
        }
        node.stall(false);
        life.end(&mut books).await;
        println!("{books}");
        books.check(&node);
        let (first, second) = sizes.split_at(sizes.len() / 2);
        let (first, second) = (*first.iter().max().unwrap(), *second.iter().max().unwrap());
        println!("resident at most: {first} kB in the first half, {second} kB in the second");
        assert!(second <= first + first / 10 + slack, "memory grows: {first} kB, then {second} kB");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_flood_a_stall_a_slow_planner_and_a_full_disk_leave_the_agent_as_it_was() {
        check(1, Duration::from_millis(900), 16_384).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "long: ten minutes, or KEEPWRIGHT_SECONDS"]
    async fn long_soak() {
        // A round a minute and the first beside them, so that each half holds several of all that can happen.
        let rounds = (seconds() / 60).max(2);
        let parts = (rounds + 1) * u64::try_from(ROUND.len()).unwrap();
        check(rounds.try_into().unwrap(), Duration::from_millis(seconds() * 1_000 / parts), 8_192).await;
    }
}
