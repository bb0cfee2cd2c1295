//! Random forks, gaps and duplicates: what was told, replayed, is the canonical chain.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::collections::HashMap;

use agent_core::units::Timestamp;
use proptest::prelude::*;

use super::*;

const DEPTH: usize = 16;

/// A node's blocks by hash, and its canonical chain.
struct World {
    blocks: HashMap<B256, Head>,
    canonical: Vec<Head>,
    salt: u64,
}

impl World {
    fn new(length: u64) -> Self {
        let mut world = Self { blocks: HashMap::new(), canonical: Vec::new(), salt: 0 };
        for _ in 0..=length {
            world.mine();
        }
        world
    }

    fn mine(&mut self) {
        self.salt += 1;
        let parent = self.canonical.last().map_or(B256::ZERO, |head| head.block.hash);
        let number = BlockNumber(self.canonical.last().map_or(0, |head| head.block.number.0 + 1));
        let hash = B256::left_padding_from(&(self.salt + 1_000).to_be_bytes());
        let head =
            Head { block: BlockRef { number, hash, timestamp: Timestamp(self.salt) }, parent, base_fee: 0 };
        self.blocks.insert(hash, head);
        self.canonical.push(head);
    }

    fn reorg(&mut self, depth: usize, length: usize) {
        let kept = self.canonical.len().saturating_sub(depth).max(1);
        self.canonical.truncate(kept);
        (0..length).for_each(|_| self.mine());
    }

    fn tip(&self) -> Head {
        *self.canonical.last().unwrap()
    }
}

/// Does what `follow` says until it waits, and replays what is told. `None` when it is lost.
fn settle(follow: &mut Follow, world: &World, replay: &mut Vec<Head>) -> Option<()> {
    loop {
        match follow.next() {
            Next::NewHead => return Some(()),
            Next::Parent(hash) => follow.offer(world.blocks[&hash]).unwrap(),
            Next::Rollback(to) => {
                let place = replay.iter().position(|head| head.block == to).expect("told before");
                assert!(place + 1 < replay.len(), "a rollback voids something");
                replay.truncate(place + 1);
                follow.rolled_back(to);
            }
            Next::Block(head) => {
                assert_eq!(head.parent, replay.last().unwrap().block.hash, "gap-free");
                replay.push(head);
                let _forgotten = follow.told();
            }
            Next::Lost => return None,
            Next::Behind(_) => {
                follow.abandon();
                return Some(());
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Happens {
    Mined(usize),
    Reorg { depth: usize, length: usize },
    Seen,
    SeenOld(usize),
    Failure(usize),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (1usize..4).prop_map(Happens::Mined),
        2 => (1usize..10, 1usize..12).prop_map(|(depth, length)| Happens::Reorg { depth, length }),
        6 => Just(Happens::Seen),
        1 => (0usize..30).prop_map(Happens::SeenOld),
        1 => (0usize..5).prop_map(Happens::Failure),
    ]
}

proptest! {
    #[test]
    fn what_is_told_replays_to_the_canonical_chain(story in prop::collection::vec(happens(), 1..60)) {
        let mut world = World::new(20);
        let mut replay = world.canonical.clone();
        let told = world.canonical[world.canonical.len() - DEPTH..].to_vec();
        let mut follow = Follow::after(told, DEPTH).unwrap();
        for event in story {
            match event {
                Happens::Mined(count) => (0..count).for_each(|_| world.mine()),
                Happens::Reorg { depth, length } => {
                    // Deeper ones are lost, which another test shows.
                    let oldest = usize::try_from(follow.told.front().unwrap().block.number.0).unwrap();
                    world.reorg(depth.min(world.canonical.len().saturating_sub(oldest + 1)), length);
                }
                Happens::Seen => {
                    follow.offer(world.tip()).unwrap();
                    prop_assert!(settle(&mut follow, &world, &mut replay).is_some());
                }
                Happens::SeenOld(back) => {
                    // A late notification of a block that is (still) canonical.
                    let place = world.canonical.len().saturating_sub(back + 1);
                    follow.offer(world.canonical[place]).unwrap();
                    prop_assert!(settle(&mut follow, &world, &mut replay).is_some());
                }
                Happens::Failure(steps) => {
                    // The node fails after a few answers; what was told stays true.
                    follow.offer(world.tip()).unwrap();
                    for _ in 0..steps {
                        if let Next::Parent(hash) = follow.next() {
                            follow.offer(world.blocks[&hash]).unwrap();
                        }
                    }
                    follow.abandon();
                }
            }
        }
        follow.offer(world.tip()).unwrap();
        prop_assert!(settle(&mut follow, &world, &mut replay).is_some());
        // A head that is an ancestor of what was told changes nothing: a shorter chain shows with its next block.
        if !replay.starts_with(&world.canonical) {
            prop_assert_eq!(&replay, &world.canonical);
        }
        world.mine();
        follow.offer(world.tip()).unwrap();
        prop_assert!(settle(&mut follow, &world, &mut replay).is_some());
        prop_assert_eq!(&replay, &world.canonical);
    }
}

fn following(world: &World) -> Follow {
    Follow::after(world.canonical[world.canonical.len() - DEPTH..].to_vec(), DEPTH).unwrap()
}

#[test]
fn a_fork_below_memory_is_lost_and_a_node_far_behind_is_waited_for() {
    let mut world = World::new(40);
    let mut follow = following(&world);
    follow.offer(world.canonical[3]).unwrap();
    assert_eq!(follow.next(), Next::Behind(BlockNumber(3)));
    follow.abandon();

    let mut replay = world.canonical.clone();
    world.reorg(DEPTH + 1, DEPTH + 2);
    follow.offer(world.tip()).unwrap();
    assert_eq!(settle(&mut follow, &world, &mut replay), None);
}

#[test]
fn a_node_that_makes_up_parents_is_refused() {
    let mut world = World::new(40);
    let mut follow = following(&world);
    world.mine();
    let other = world.tip();
    world.mine();
    follow.offer(world.tip()).unwrap();
    assert_eq!(follow.next(), Next::Parent(other.block.hash));
    let mut forged = other;
    forged.block.number = BlockNumber(7);
    assert_eq!(follow.offer(forged), Err(NotTheParent(forged.block)));
    assert_eq!(follow.next(), Next::NewHead);
}

#[test]
fn unlinked_heads_are_no_start() {
    let world = World::new(10);
    let mut heads = world.canonical.clone();
    heads.remove(4);
    assert!(Follow::after(heads, DEPTH).is_none());
    assert!(Follow::after(Vec::new(), DEPTH).is_none());
}
