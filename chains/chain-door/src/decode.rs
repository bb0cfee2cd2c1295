//! What the calls inside a transaction mean: protocols' functions, read into the few things that a policy has an opinion on.
//!
//! Pure, recursive and bounded. Arguments must be the canonical encoding, to the byte, of what was read from them: two readers
//! of the same bytes, this one and the contract, then read the same. A function that is not in the tables here is unknown, and
//! what is unknown is refused, unless the operator allowed it unseen.
//!
//! It deliberately does not know a policy: who may be paid, how much and when is judged in [`judge`](crate::judge).

mod aave;
mod effect;
mod path;
mod permits;
mod router;
mod safe;
mod several;
mod tokens;
mod uniswap_v2;
mod uniswap_v3;
mod universal;
mod wrapped;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::LazyLock};

use alloy_primitives::Address;
use alloy_sol_types::{SolCall, SolInterface, abi::AbiDecoderConfig};

pub(crate) use effect::Effect;

/// Bytes of input that are read at most. Nodes' pools take no larger transaction.
pub(crate) const LARGEST: usize = 131_072;
/// How deep calls are read inside calls.
const DEEPEST: usize = 6;
/// How many calls are read inside one call, at all depths together.
const MOST: usize = 256;

/// One call, and the calls inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// Who makes the call: the executor, or a contract that is called by it.
    pub(crate) caller: Address,
    /// Where it is made. For a router's command, the router.
    pub(crate) target: Address,
    /// The function's signature, or a command's name.
    pub(crate) function: &'static str,
    /// What it does by itself.
    pub(crate) effects: Vec<Effect>,
    /// What is called inside, in order.
    pub(crate) inside: Vec<Inner>,
}

/// What a container carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inner {
    /// A call of a function, which a policy has to list like any other.
    Call {
        /// By whom, where.
        caller: Address,
        /// The contract.
        target: Address,
        /// The first four bytes.
        selector: [u8; 4],
        /// What it means, or why that cannot be said.
        meaning: Result<Meaning, Unread>,
    },
    /// A command that is part of the container's own function.
    Command(Meaning),
}

/// Why a call cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unread {
    /// Not in the tables.
    #[error("the function is not known")]
    Unknown,
    /// The arguments are not the canonical encoding of anything.
    #[error("the arguments are not canonically encoded")]
    NotCanonical,
    /// A value that the function itself cannot mean.
    #[error("{0}")]
    Nonsense(&'static str),
    /// Larger, deeper or more than is read.
    #[error("it is larger, or nested deeper, than the door reads")]
    TooMuch,
}

/// Reads a call of `target` by `caller`.
pub(crate) fn call(caller: Address, target: Address, data: &[u8]) -> Result<Meaning, Unread> {
    if data.len() > LARGEST {
        return Err(Unread::TooMuch);
    }
    let mut left = MOST;
    Scene { caller, target, depth: 0, left: &mut left }.read(data)
}

/// A function that can be read.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Canonical.
    pub(crate) signature: &'static str,
    selector: [u8; 4],
    /// Whether a policy may allow it at all.
    pub(crate) allowable: bool,
    read: fn(&mut Scene<'_>, &[u8]) -> Result<Meaning, Unread>,
}

/// The function with this selector.
pub(crate) fn reader(selector: [u8; 4]) -> Option<&'static Reader> {
    static READERS: LazyLock<BTreeMap<[u8; 4], &'static Reader>> = LazyLock::new(|| {
        let all = [
            tokens::READERS,
            permits::READERS,
            several::READERS,
            safe::READERS,
            wrapped::READERS,
            uniswap_v2::READERS,
            uniswap_v3::READERS,
            router::READERS,
            universal::READERS,
            aave::READERS,
        ];
        all.into_iter().flatten().map(|reader| (reader.selector, reader)).collect()
    });
    READERS.get(&selector).copied()
}

/// A function, and what a call of it does.
trait Means: SolCall {
    /// Its own effects, and what it carries.
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread>;
}

/// What one call does: by itself, and inside.
#[derive(Debug, Default)]
struct Deeds {
    effects: Vec<Effect>,
    inside: Vec<Inner>,
}

impl<const N: usize> From<[Effect; N]> for Deeds {
    fn from(effects: [Effect; N]) -> Self {
        Self { effects: effects.into(), inside: Vec::new() }
    }
}

impl From<Vec<Effect>> for Deeds {
    fn from(effects: Vec<Effect>) -> Self {
        Self { effects, inside: Vec::new() }
    }
}

/// A function whose calls can be judged by what they do.
const fn judged<C: Means>() -> Reader {
    Reader { signature: C::SIGNATURE, selector: C::SELECTOR, allowable: true, read: read::<C> }
}

/// A function that no policy can allow; it is read so that a person sees what it would have done.
const fn never<C: Means>() -> Reader {
    Reader { allowable: false, ..judged::<C>() }
}

fn read<C: Means>(scene: &mut Scene<'_>, data: &[u8]) -> Result<Meaning, Unread> {
    let call = exact::<C>(data).ok_or(Unread::NotCanonical)?;
    let (caller, target) = (scene.caller, scene.target);
    let Deeds { effects, inside } = call.means(scene)?;
    Ok(Meaning { caller, target, function: C::SIGNATURE, effects, inside })
}

/// No overlapping or skipped bytes, so that nothing hides between them, and no more memory than the input is worth.
fn strictly(length: usize) -> AbiDecoderConfig {
    AbiDecoderConfig::new().strict(true).memory_limit(length.saturating_mul(8).saturating_add(1_024))
}

/// The call that `data` encodes, if it is encoded canonically.
fn exact<C: SolCall>(data: &[u8]) -> Option<C> {
    let call = C::abi_decode_with_config(data, strictly(data.len())).ok()?;
    (call.abi_encode() == data).then_some(call)
}

/// The same for one of a contract's calls.
pub(crate) fn exact_of<I: SolInterface>(data: &[u8]) -> Option<I> {
    let call = I::abi_decode_with_config(data, strictly(data.len())).ok()?;
    (call.abi_encode() == data).then_some(call)
}

/// The same for arguments without a selector, such as a command's input.
fn exact_arguments<C: SolCall>(data: &[u8]) -> Option<C> {
    let call = C::abi_decode_raw_with_config(data, strictly(data.len())).ok()?;
    let mut again = Vec::with_capacity(data.len());
    call.abi_encode_raw(&mut again);
    (again == data).then_some(call)
}

/// Where a call is made, and how much may still be read.
struct Scene<'a> {
    caller: Address,
    target: Address,
    depth: usize,
    left: &'a mut usize,
}

impl Scene<'_> {
    fn read(&mut self, data: &[u8]) -> Result<Meaning, Unread> {
        let selector = *data.first_chunk::<4>().ok_or(Unread::Unknown)?;
        let reader = reader(selector).ok_or(Unread::Unknown)?;
        (reader.read)(self, data)
    }

    /// One more is read, one deeper; or there is too much.
    fn deeper(&mut self, caller: Address, target: Address) -> Result<Scene<'_>, Unread> {
        let depth = self.depth.saturating_add(1);
        *self.left = self.left.checked_sub(1).ok_or(Unread::TooMuch)?;
        if depth > DEEPEST {
            return Err(Unread::TooMuch);
        }
        Ok(Scene { caller, target, depth, left: &mut *self.left })
    }

    /// A call inside this one.
    fn inner(&mut self, caller: Address, target: Address, data: &[u8]) -> Result<Inner, Unread> {
        // Whatever a fallback does is no function that a policy could name.
        let selector = *data.first_chunk::<4>().ok_or(Unread::Nonsense("a call inside names no function"))?;
        let meaning = match self.deeper(caller, target)?.read(data) {
            // Nothing more is read at all, rather than a part of it.
            Err(Unread::TooMuch) => return Err(Unread::TooMuch),
            meaning => meaning,
        };
        Ok(Inner::Call { caller, target, selector, meaning })
    }

    /// A call of the same contract for the same caller, as `multicall` makes them.
    fn inner_here(&mut self, data: &[u8]) -> Result<Inner, Unread> {
        self.inner(self.caller, self.target, data)
    }
}
