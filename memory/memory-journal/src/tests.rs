//! The journal on a disk that fails: the real code, on redb's own seam for storage.

#![expect(clippy::arithmetic_side_effects, reason = "counts of a test do not overflow")]

pub(crate) mod disk;
mod flips;
mod kills;
mod life;

/// Where a long run begins.
fn seed() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "how a long run is resumed")]
    std::env::var("KEEPWRIGHT_SEED").map_or(0, |seed| seed.parse().unwrap())
}
