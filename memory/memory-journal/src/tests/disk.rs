//! A machine with three files, whose power can fail.
//!
//! Each file has two images. The live one is what the operating system shows; the durable one is what the platter
//! holds. A sync makes one file's live image durable. When the power fails, each write since the last sync of its file
//! is there, or not, or torn at a sector, in any combination: the disk is free to write them in any order. After a
//! sync that failed, what it should have written is never written by a later one.

use std::{
    fmt, io,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::{BackendError, StorageBackend};

use crate::files::Files;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// How an operation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process is killed: a write is done in part, by whole sectors, and nothing after it is done at all.
    Kill,
    /// The disk is full: writes and growth fail from here on, a write in part.
    Full,
    /// This one operation fails.
    Error,
    /// A write ends anywhere, with an error.
    Short,
}

pub(crate) const FAULTS: [Fault; 4] = [Fault::Kill, Fault::Full, Fault::Error, Fault::Short];

/// How the machine goes down after the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Down {
    /// The process ends; the operating system keeps what it was told.
    Process,
    /// The power fails; what was not synced is there in part.
    Power,
}

/// Deterministic numbers from a seed (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit`, which is not zero.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    pub(crate) fn index(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(limit.try_into().unwrap())).unwrap()
    }
}

#[derive(Debug, Clone)]
enum Pending {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Default, Clone)]
struct Storage {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Pending>,
}

struct Machine {
    storages: [Storage; 3],
    operations: u64,
    /// At which operation what happens.
    plan: Option<(u64, Fault)>,
    /// What has happened, and goes on happening.
    struck: Option<Fault>,
    dice: Dice,
}

/// One file of a machine; clones are the same file.
#[derive(Clone)]
pub(crate) struct Disk(Arc<Mutex<Machine>>, usize);

/// The bytes of the files: redb, log and witness.
pub(crate) type Images = [Vec<u8>; 3];

/// A machine that holds `images`, and goes wrong as planned.
pub(crate) fn machine(images: Images, plan: Option<(u64, Fault)>, seed: u64) -> [Disk; 3] {
    let storages = images.map(|image| Storage { live: image.clone(), durable: image, pending: vec![] });
    let machine = Machine { storages, operations: 0, plan, struck: None, dice: Dice::new(seed) };
    let machine = Arc::new(Mutex::new(machine));
    [0, 1, 2].map(|file| Disk(Arc::clone(&machine), file))
}

/// The same as the journal takes them.
pub(crate) fn files([database, log, witness]: [Disk; 3]) -> Files<Disk> {
    Files { database, log, witness }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Disk").field(&self.1).finish_non_exhaustive()
    }
}

impl Disk {
    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many operations the machine was asked for.
    pub(crate) fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Whether the planned fault happened.
    pub(crate) fn struck(&self) -> Option<Fault> {
        self.lock().struck
    }

    /// What is there after the machine went down.
    pub(crate) fn after(&self, down: Down) -> Images {
        let machine = &mut *self.lock();
        let dice = &mut machine.dice;
        std::array::from_fn(|index| match down {
            Down::Process => machine.storages[index].live.clone(),
            Down::Power => machine.storages[index].lose_power(dice),
        })
    }
}

impl Storage {
    fn change(&mut self, pending: Pending) {
        apply(&mut self.live, &pending);
        self.pending.push(pending);
    }

    fn lose_power(&self, dice: &mut Dice) -> Vec<u8> {
        let mut image = self.durable.clone();
        let mut left = self.pending.clone();
        // Half of the time the disk writes in order and stops somewhere; else in any order, and leaves any of it out.
        let in_order = dice.below(2) == 0;
        let stop = dice.index(left.len() + 1);
        for done in 0..self.pending.len() {
            let next = left.remove(if in_order { 0 } else { dice.index(left.len()) });
            let chance = dice.below(8);
            match &next {
                _ if in_order && done > stop => {}
                _ if !in_order && chance < 3 => {}
                Pending::Write(at, data) if chance == 7 || (in_order && done == stop) => {
                    apply(&mut image, &Pending::Write(*at, torn(*at, data, dice)));
                }
                // Whole sectors of it, in no order.
                Pending::Write(at, data) if chance == 6 && !in_order => {
                    for (sector, piece) in data.chunks(SECTOR).enumerate().filter(|_| at % SECTOR == 0) {
                        if dice.below(2) == 0 {
                            apply(&mut image, &Pending::Write(at + sector * SECTOR, piece.to_vec()));
                        }
                    }
                }
                Pending::Write(..) | Pending::Length(_) => apply(&mut image, &next),
            }
        }
        image
    }
}

/// The first sectors of a write.
fn torn(at: usize, data: &[u8], dice: &mut Dice) -> Vec<u8> {
    let sectors = data.len().div_ceil(SECTOR);
    let end = (at / SECTOR + dice.index(sectors + 1)) * SECTOR;
    data[..end.saturating_sub(at).min(data.len())].to_vec()
}

/// A write beyond the end of a file whose growth was lost is lost with it.
fn apply(image: &mut Vec<u8>, pending: &Pending) {
    match pending {
        Pending::Length(length) => {
            image.truncate(*length);
            image.extend_from_slice(&vec![0; length - image.len()]);
        }
        Pending::Write(at, data) => {
            let end = (at + data.len()).min(image.len());
            if *at < end {
                image[*at..end].copy_from_slice(&data[..end - at]);
            }
        }
    }
}

impl Machine {
    /// Counts one more operation, and says how it must go wrong, if it must.
    fn next(&mut self) -> Option<Fault> {
        self.operations += 1;
        if let Some((at, fault)) = self.plan
            && at == self.operations
        {
            self.struck = Some(fault);
            return Some(fault);
        }
        self.struck.filter(|struck| matches!(struck, Fault::Kill | Fault::Full))
    }

    fn first(&self) -> bool {
        self.plan.is_some_and(|(at, _)| at == self.operations)
    }
}

fn error(fault: Fault) -> io::Error {
    match fault {
        Fault::Full | Fault::Short => io::ErrorKind::StorageFull.into(),
        Fault::Kill | Fault::Error => io::Error::other("input/output error"),
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        let machine = self.lock();
        match machine.struck {
            Some(Fault::Kill) => Err(error(Fault::Kill)),
            _ => Ok(machine.storages[self.1].live.len().try_into().unwrap()),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut machine = self.lock();
        if let Some(fault @ (Fault::Kill | Fault::Error)) = machine.next() {
            return Err(error(fault));
        }
        let at = usize::try_from(offset).unwrap();
        let bytes = at.checked_add(out.len()).and_then(|end| machine.storages[self.1].live.get(at..end));
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut machine = self.lock();
        if let Some(fault) = machine.next() {
            return Err(error(fault));
        }
        machine.storages[self.1].change(Pending::Length(len.try_into().unwrap()));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let machine = &mut *self.lock();
        let fault = machine.next();
        let (storage, dice) = (&mut machine.storages[self.1], &mut machine.dice);
        match fault {
            // A full disk can sync what it took.
            None | Some(Fault::Full | Fault::Short) => {
                for pending in storage.pending.drain(..) {
                    apply(&mut storage.durable, &pending);
                }
                Ok(())
            }
            Some(Fault::Kill) => Err(error(Fault::Kill)),
            Some(Fault::Error) => {
                // The kernel forgets that the pages are dirty: the platter has what it has, for good.
                storage.durable = storage.lose_power(dice);
                storage.pending.clear();
                Err(error(Fault::Error))
            }
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut machine = self.lock();
        let fault = machine.next();
        let (at, end) = (usize::try_from(offset).unwrap(), usize::try_from(offset).unwrap() + data.len());
        let written = match fault {
            None => data.len(),
            Some(Fault::Error) => 0,
            Some(_) if !machine.first() => 0,
            Some(Fault::Short) => machine.dice.index(data.len() + 1),
            Some(Fault::Kill | Fault::Full) => torn(at, data, &mut machine.dice).len(),
        };
        let storage = &mut machine.storages[self.1];
        if storage.live.len() < end.min(at + written) {
            storage.change(Pending::Length(at + written));
        }
        storage.change(Pending::Write(at, data[..written].to_vec()));
        fault.map_or(Ok(()), |fault| Err(error(fault)))
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }
    fn try_lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }
    fn lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
    fn lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
    fn query_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(false)
    }
}
