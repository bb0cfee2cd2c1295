//! Contracts that pay where they believe to be simulated, and keep the money otherwise.

use super::*;
use crate::simulator::fake_world::BUILDER;
use revm::{bytecode::Bytecode, state::AccountInfo};
use state::Known;

const PILL: Address = Address::repeat_byte(0x91);
const PAYS: u8 = 100;

/// What a pill looks at: code that leaves true where it is to pay.
struct Pill {
    name: &'static str,
    condition: Bytes,
}

/// Pays the caller when the condition holds, and does nothing otherwise.
fn code(condition: &Bytes) -> Bytes {
    let pay = condition.len() + 4;
    let mut code = condition.to_vec();
    // PUSH1 pay, JUMPI, STOP, JUMPDEST; CALL(gas, caller, 100, nothing); STOP
    code.extend([0x60, u8::try_from(pay).unwrap(), 0x57, 0x00, 0x5b]);
    code.extend([0x5f, 0x5f, 0x5f, 0x5f, 0x60, PAYS, 0x33, 0x5a, 0xf1, 0x00]);
    code.into()
}

/// `opcode == value`.
fn is(opcode: u8, value: U256) -> Bytes {
    let mut code = vec![0x7f];
    code.extend(value.to_be_bytes::<32>());
    code.extend([opcode, 0x14]);
    code.into()
}

/// `opcode & 1 == bit`.
fn parity(opcode: u8, bit: bool) -> Bytes {
    let mut code = vec![opcode, 0x60, 0x01, 0x16];
    if !bit {
        code.push(0x15);
    }
    code.into()
}

fn word(value: u64) -> U256 {
    U256::from(value)
}

fn parent() -> Parent {
    Parent {
        block: agent_core::units::BlockRef {
            number: agent_core::units::BlockNumber(21_000_001),
            hash: B256::repeat_byte(0xaa),
            timestamp: agent_core::units::Timestamp(1_750_000_000),
        },
        base_fee: 7_000_000_001,
        beneficiary: BUILDER,
        prevrandao: B256::repeat_byte(0x3d),
        gas_limit: 45_000_000,
        excess_blob_gas: 20_000_000,
    }
}

fn pills() -> Vec<Pill> {
    let parent = parent();
    let pill = |name, condition: Bytes| Pill { name, condition };
    let builder = U256::from_be_bytes(BUILDER.into_word().0);
    vec![
        pill("coinbase is the last builder's", is(0x41, builder)),
        pill("coinbase has money", bytes!("41311515")),
        pill("coinbase is nobody", is(0x41, U256::ZERO)),
        pill("basefee is the last block's", is(0x48, word(parent.base_fee))),
        pill("basefee is zero", is(0x48, U256::ZERO)),
        pill("basefee is odd", parity(0x48, true)),
        pill("gasprice is zero", is(0x3a, U256::ZERO)),
        pill("gasprice is less than basefee", bytes!("483a10")),
        pill("gasleft is more than was sent", bytes!("62 0f4240 5a 11")),
        pill("gasleft is what was sent or less", bytes!("62 0f4240 5a 11 15")),
        pill("timestamp is the next slot's", is(0x42, word(1_750_000_012_u64))),
        pill("timestamp is even", parity(0x42, false)),
        pill("number is the next", is(0x43, word(21_000_002_u64))),
        pill("number is even", parity(0x43, false)),
        pill("prevrandao is the last block's", is(0x44, parent.prevrandao.into())),
        pill("prevrandao is odd", parity(0x44, true)),
        pill("prevrandao is zero", is(0x44, U256::ZERO)),
        pill("block gas limit is the last block's", is(0x45, word(parent.gas_limit))),
        pill("blob base fee is what it was", is(0x4a, word(54_u64))),
        pill("chain id is one", is(0x46, word(1_u64))),
        pill("origin is the caller", bytes!("323314")),
        pill("the sender has no code", bytes!("333b15")),
        pill("the sender has no balance", bytes!("333115")),
        pill("the last block has a hash", bytes!("60014303401515")),
        pill("this block has no hash", bytes!("434015")),
        pill("this contract has code", bytes!("381515")),
    ]
}

/// A block as it may really come: the next or the one after it, by some builder, at a price.
fn reality(random: &mut StdRng) -> Environment {
    let next = Environment::next(&parent(), config().block_time);
    let late = random.random_range(0..2);
    let base_fee = random.random_range(6_200_000_000..7_800_000_000);
    Environment {
        number: next.number + late,
        time: next.time + 12 * late,
        base_fee,
        gas_price: base_fee + random.random_range(1..3_000_000_000),
        beneficiary: Address::from(random.random::<[u8; 20]>()),
        prevrandao: B256::from(random.random::<[u8; 32]>()),
        block_gas_limit: 45_000_000 - random.random_range(1..40_000),
        excess_blob_gas: random.random_range(0..40_000_000),
        ..next
    }
}

/// The state with a pill in it; the builders of variants and of reality are strangers to it.
fn state(pill: &Pill) -> BlockState {
    let code = code(&pill.condition);
    let account = |balance: u64, code: Bytes| {
        let (code_hash, code) = (keccak256(&code), Some(Bytecode::new_raw(code)));
        Some(AccountInfo {
            balance: U256::from(balance),
            nonce: 1,
            code_hash,
            code,
            ..AccountInfo::default()
        })
    };
    let mut state = BlockState::new(Parent { ..parent() });
    state.learn(vec![
        Known::Account(PILL, account(1_000_000, code)),
        Known::Account(BUILDER, account(5, Bytes::new())),
        Known::Account(SENDER, account(0, Bytes::new())),
        Known::Account(Address::ZERO, None),
        Known::Hash(21_000_000, B256::repeat_byte(1)),
    ]);
    state
}

/// Runs where whoever is not known is nobody.
fn with_strangers<T>(mut state: BlockState, run: impl Fn(&BlockState) -> Result<T, Stop>) -> T {
    loop {
        match run(&state) {
            Ok(ran) => return ran,
            Err(Stop::Missing(misses)) => {
                state.learn(
                    misses
                        .iter()
                        .map(|miss| match miss {
                            Key::Account(address) => Known::Account(*address, None),
                            Key::Hash(number) => Known::Hash(*number, ancestor(*number)),
                            Key::Slot(address, slot) => Known::Slot(*address, *slot, U256::ZERO),
                        })
                        .collect(),
                );
            }
            Err(Stop::Failed(failure)) => panic!("{failure}"),
        }
    }
}

fn shared(world: &Arc<FakeWorld>) -> Shared {
    Shared {
        rules: Rules { chain: 1, spec: SpecId::OSAKA },
        block_time: config().block_time,
        strangers: Strangers::meet(),
        fetcher: Fetcher::new(world.endpoint(no_more)),
        cache: Cache::default(),
    }
}

#[test]
fn a_pill_pays_for_real_or_is_caught() {
    let world = Arc::new(FakeWorld::default());
    let paid = I256::try_from(PAYS).unwrap();
    let mut caught = Vec::new();
    for pill in pills() {
        for seed in 0..32 {
            let mut random = StdRng::seed_from_u64(seed);
            let shared = shared(&world);
            let request = request(PILL);
            let (main, variants) =
                with_strangers(state(&pill), |state| shared.run(state, &request, Extent::Variants));
            let looks_good = gained(&main.deltas) == paid
                && variants.iter().all(|variant| {
                    variant.outcome == SimulatedOutcome::Success && gained(&variant.deltas) == paid
                });
            let reality = reality(&mut random);
            let real =
                with_strangers(state(&pill), |state| machine::run(shared.rules, state, &reality, &request));
            assert!(!looks_good || gained(&real.deltas) == paid, "{} fools us at seed {seed}", pill.name);
            if gained(&main.deltas) == paid && !looks_good {
                caught.push(pill.name);
            }
        }
    }
    caught.dedup();
    // The others do for real what they do here, or do not pay in the first place.
    let expected = [
        "coinbase is the last builder's",
        "coinbase has money",
        "basefee is the last block's",
        "basefee is odd",
        "gasprice is zero",
        "gasprice is less than basefee",
        "gasleft is what was sent or less",
        "timestamp is the next slot's",
        "timestamp is even",
        "number is the next",
        "number is even",
        "prevrandao is the last block's",
        "prevrandao is odd",
        "block gas limit is the last block's",
        "blob base fee is what it was",
    ];
    assert_eq!(caught, expected);
}
