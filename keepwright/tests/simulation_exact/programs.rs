//! Random programs: storage and its refunds, creation and self-destruction, precompiled contracts, calls of each other.

use super::*;

/// A program under construction. Everything that it pushes, it pops.
struct Program<'a> {
    code: Vec<u8>,
    others: &'a [Address],
    random: &'a mut StdRng,
}

impl Program<'_> {
    fn push(&mut self, bytes: &[u8]) {
        self.code.push(0x5f + u8::try_from(bytes.len()).unwrap());
        self.code.extend(bytes);
    }

    fn small(&mut self, most: u8) {
        let value = self.random.random_range(0..=most);
        self.push(&[value]);
    }

    fn word(&mut self) {
        let word: [u8; 32] = self.random.random();
        self.push(&word);
    }

    /// Somebody: another program, a precompiled contract, or nobody.
    fn somebody(&mut self) {
        match self.random.random_range(0..10) {
            0..5 => {
                let other = *self.others.choose(self.random).unwrap();
                self.push(other.as_slice());
            }
            5..9 => self.small(0x12),
            _ => {
                let nobody: [u8; 20] = self.random.random();
                self.push(&nobody);
            }
        }
    }

    /// Stores what is on top of the stack.
    fn store(&mut self) {
        self.small(3);
        self.code.push(0x55);
    }

    fn ops(&mut self, ops: &[u8]) {
        self.code.extend(ops);
    }

    fn step(&mut self) {
        match self.random.random_range(0..14) {
            // Few slots and few values, so that there are refunds.
            0..3 => {
                self.small(2);
                self.store();
            }
            3 => {
                self.small(3);
                self.ops(&[0x54, 0x50]);
            }
            4 => {
                // TSTORE, then TLOAD.
                self.small(9);
                self.small(1);
                self.ops(&[0x5d]);
                self.small(1);
                self.ops(&[0x5c]);
                self.store();
            }
            5 => {
                // MSTORE, MCOPY, KECCAK256.
                self.word();
                self.small(96);
                self.ops(&[0x52]);
                for _ in 0..3 {
                    self.small(128);
                }
                self.ops(&[0x5e]);
                self.small(200);
                self.small(64);
                self.ops(&[0x20]);
                self.store();
            }
            6..9 => self.call(),
            9 => self.create(),
            10 => {
                self.somebody();
                let of_account = *[0x31, 0x3b, 0x3f].choose(self.random).unwrap();
                self.ops(&[of_account]);
                self.store();
            }
            11 => {
                // TIMESTAMP, NUMBER, CHAINID, SELFBALANCE, CALLER, ORIGIN, ADDRESS, CODESIZE, CALLDATASIZE, GAS, GASLIMIT.
                let environment = [0x42, 0x43, 0x46, 0x47, 0x33, 0x32, 0x30, 0x38, 0x36, 0x5a, 0x45];
                let opcode = *environment.choose(self.random).unwrap();
                self.ops(&[opcode]);
                self.store();
            }
            12 => {
                // The hash of one of the last blocks.
                self.small(5);
                self.ops(&[0x43, 0x03, 0x40]);
                self.store();
            }
            _ => {
                // LOG1.
                self.small(7);
                self.small(64);
                self.small(64);
                self.ops(&[0xa1]);
            }
        }
    }

    /// CALL, CALLCODE, DELEGATECALL or STATICCALL, and what came of it.
    fn call(&mut self) {
        let kind = *[0xf1, 0xf2, 0xf4, 0xfa].choose(self.random).unwrap();
        self.small(64);
        self.small(64);
        self.small(213);
        self.small(32);
        if matches!(kind, 0xf1 | 0xf2) {
            self.small(1);
        }
        self.somebody();
        let gas: u16 = self.random.random_range(2_500..60_000);
        self.push(&gas.to_be_bytes());
        self.ops(&[kind]);
        self.store();
    }

    /// CREATE or CREATE2 of something that returns code, returns nothing, destroys itself or reverts.
    fn create(&mut self) {
        let codes: [&[u8]; 5] = [
            &[0x60, 0x33, 0x5f, 0x53, 0x60, 0xff, 0x60, 0x01, 0x53, 0x60, 0x02, 0x5f, 0xf3],
            &[0x33, 0xff],
            &[0x5f, 0x5f, 0xfd],
            &[0x60, 0xef, 0x5f, 0x53, 0x60, 0x01, 0x5f, 0xf3],
            &[0x60, 0x2a, 0x5f, 0x55, 0x00],
        ];
        let code = *codes.choose(self.random).unwrap();
        let mut padded = [0; 32];
        padded.iter_mut().zip(code).for_each(|(to, from)| *to = *from);
        self.push(&padded);
        self.push(&[0]);
        self.ops(&[0x52]);
        let salted = self.random.random_bool(0.7);
        if salted {
            self.small(2);
        }
        self.push(&[32]);
        self.push(&[0]);
        self.small(1);
        self.ops(&[if salted { 0xf5 } else { 0xf0 }]);
        // Call what is there now, so that some of it destroys itself in the transaction that made it.
        self.ops(&[0x80]);
        self.store();
        self.ops(&[0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x85, 0x61, 0x60, 0x00, 0xf1, 0x50, 0x50]);
    }

    fn end(&mut self) {
        match self.random.random_range(0..12) {
            0 => self.ops(&[0x60, 0x20, 0x5f, 0xfd]),
            1 => self.ops(&[0xfe]),
            2 => {
                self.somebody();
                self.ops(&[0xff]);
            }
            3 => {
                // For ever.
                let here = u16::try_from(self.code.len()).unwrap();
                self.ops(&[0x5b]);
                self.push(&here.to_be_bytes());
                self.ops(&[0x56]);
            }
            4..6 => self.ops(&[0x00]),
            _ => self.ops(&[0x60, 0x40, 0x5f, 0xf3]),
        }
    }
}

fn program(others: &[Address], random: &mut StdRng) -> Bytes {
    let steps = random.random_range(2..12);
    let mut program = Program { code: Vec::new(), others, random };
    (0..steps).for_each(|_| program.step());
    program.end();
    program.code.into()
}

async fn programs(seed: u64, calls: usize) -> Checked<Tally> {
    let mut bench = Bench::launch(seed).await?;
    let addresses: Vec<Address> = (1..=24).map(|byte| Address::repeat_byte(byte << 3 | 5)).collect();
    for address in &addresses {
        let code = program(&addresses, &mut bench.random);
        bench.devnet.provider().anvil_set_code(*address, code).await?;
        bench.devnet.fund(*address, U256::from(bench.random.random_range(0..3))).await?;
        bench.watch.push((*address, Unit::Native));
    }
    // The node changed the state of the block that it is at: from the next one on, a block's state is its own.
    bench.devnet.mine(4).await?;
    let mut tally = Tally::default();
    for step in 0..calls {
        let create = bench.random.random_bool(0.25);
        let to = (!create).then(|| *addresses.choose(&mut bench.random).unwrap());
        let data = program(&addresses, &mut bench.random);
        let frame = Frame { from: bench.sender, to, data };
        let gas_limit = bench.random.random_range(100_000..600_000);
        let checked = bench.check(None, frame, gas_limit, &mut tally).await;
        checked.map_err(|error| format!("seed {seed}, step {step}: {error}"))?;
    }
    println!("KEEPWRIGHT_SEED={seed}: {tally:?}");
    Ok(tally)
}

#[tokio::test]
#[ignore = "needs anvil: scripts/test runs it"]
async fn random_programs_do_what_was_simulated() -> Checked {
    let tally = programs(1, 150).await?;
    assert!(tally.succeeded > 30 && tally.reverted > 5 && tally.out_of_gas > 5, "{tally:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "long: resumed with KEEPWRIGHT_SEED"]
async fn long_random_programs_do_what_was_simulated() -> Checked {
    programs(seed(), 3_000).await.map(|_tally| ())
}
