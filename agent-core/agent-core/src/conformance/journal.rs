//! What every journal must do.

use alloy_primitives::{B256, U256};

use super::{Nonconforming, failed, must};
use crate::{
    ports::{Appended, Claim, Conflict, Entry, EntryKind, Journal, Reservation, Sequence},
    units::Timestamp,
};

fn entry(kind: EntryKind, subject: u8, at: u64) -> Entry {
    let (claims, reservations) = (Vec::new(), Vec::new());
    Entry {
        kind,
        subject: B256::repeat_byte(subject),
        at: Timestamp(at),
        claims,
        reservations,
        payload: vec![subject],
    }
}

fn recorded(subject: u8, at: u64, amount: u64) -> Entry {
    let taken = Claim { key: format!("taken:{subject}"), releasable: false };
    let nonce = Claim { key: format!("nonce:{subject}"), releasable: true };
    let reservations = vec![spend(amount, 100)];
    Entry { claims: vec![taken, nonce], reservations, ..entry(EntryKind::Recorded, subject, at) }
}

fn spend(amount: u64, window: u64) -> Reservation {
    Reservation { budget: "gas".into(), amount: U256::from(amount), limit: U256::from(10u8), window }
}

async fn append(journal: &dyn Journal, entry: Entry) -> Result<Result<u64, Conflict>, Nonconforming> {
    Ok(match journal.append(entry).await.map_err(failed)? {
        Appended::Written(sequence) => Ok(sequence.0),
        Appended::Rejected(conflict) => Err(conflict),
    })
}

fn over(asked: u64, left: u64) -> Conflict {
    Conflict::OverBudget { budget: "gas".into(), asked: U256::from(asked), left: U256::from(left) }
}

/// Runs the suite on an empty journal.
///
/// # Errors
/// The first thing that does not conform.
pub async fn journal(journal: &dyn Journal) -> Result<(), Nonconforming> {
    claims_are_exclusive(journal).await?;
    budgets_roll(journal).await?;
    states_are_kept(journal).await?;
    reading_gives_what_was_written(journal).await?;
    replacements_add_up(journal).await?;
    edges_are_sharp(journal).await
}

/// Of a budget that nothing was asked of yet, in windows of a hundred seconds.
async fn edges_are_sharp(journal: &dyn Journal) -> Result<(), Nonconforming> {
    let of_edge = |amount: u64, limit: U256| Reservation {
        budget: "edge".into(),
        amount: U256::from(amount),
        limit,
        window: 100,
    };
    let ten = U256::from(10u8);
    let asks = |subject, at, amounts: &[u64]| {
        let reservations = amounts.iter().map(|amount| of_edge(*amount, ten)).collect();
        Entry { reservations, ..entry(EntryKind::Recorded, subject, at) }
    };
    let over = |asked: U256, left: U256| Conflict::OverBudget { budget: "edge".into(), asked, left };
    let twice = over(U256::from(5u8), U256::from(4u8));
    must(
        "two reservations of one budget add up",
        append(journal, asks(20, 2_000, &[6, 5])).await?,
        Err(twice),
    )?;
    must("to all of it", append(journal, asks(20, 2_000, &[6, 4])).await?, Ok(13))?;
    must("of which nothing is asked", append(journal, asks(21, 2_000, &[0])).await?, Ok(14))?;
    let everything = U256::MAX.saturating_sub(ten);
    let most = Reservation { amount: U256::MAX, ..of_edge(0, U256::MAX) };
    let most = Entry { reservations: vec![most], ..entry(EntryKind::Recorded, 22, 2_000) };
    must("no sum wraps", append(journal, most).await?, Err(over(U256::MAX, everything)))?;
    let claim = Claim { key: "twice".into(), releasable: true };
    let claims = vec![claim.clone(), claim];
    let rival = Entry { claims, ..entry(EntryKind::Recorded, 22, 2_000) };
    must(
        "a claim is not shared with oneself",
        append(journal, rival).await?,
        Err(Conflict::Claimed("twice".into())),
    )?;
    let unknown = entry(EntryKind::Replaced, 98, 2_000);
    must("replaced, never opened", append(journal, unknown).await?, Err(Conflict::WrongState))?;
    let closed = Entry { reservations: vec![of_edge(10, ten)], ..entry(EntryKind::Closed, 20, 1_500) };
    must("closed by a clock that went back", append(journal, closed).await?, Ok(15))?;
    let last = over(U256::from(1u8), U256::ZERO);
    must("the window's first second counts", append(journal, asks(23, 2_100, &[1])).await?, Err(last))?;
    must("the second before it does not", append(journal, asks(23, 2_101, &[10])).await?, Ok(16))
}

/// Intents 2 and 5 are open, with 6 and 4 of the budget of 10.
async fn replacements_add_up(journal: &dyn Journal) -> Result<(), Nonconforming> {
    let replaced =
        |amount| Entry { reservations: vec![spend(amount, 100)], ..entry(EntryKind::Replaced, 5, 1_106) };
    must("a replacement over budget", append(journal, replaced(1)).await?, Err(over(1, 0)))?;
    let used = Entry { reservations: vec![spend(1, 100)], ..entry(EntryKind::Dropped, 2, 1_107) };
    must("dropped with what was used all the same", append(journal, used).await?, Ok(9))?;
    must("a replacement within budget", append(journal, replaced(2)).await?, Ok(10))?;
    must("adds to what is reserved", append(journal, recorded(7, 1_107, 4)).await?, Err(over(4, 3)))?;
    let open = journal.open_intents().await.map_err(failed)?;
    let subjects: Vec<_> = open.iter().map(|stored| stored.entry.subject).collect();
    must("is the same intent", subjects, vec![B256::repeat_byte(5)])?;
    let closed = Entry { reservations: vec![spend(3, 100)], ..entry(EntryKind::Closed, 5, 1_108) };
    must("and is released with it", append(journal, closed).await?, Ok(11))?;
    must("leaving what was used", append(journal, recorded(7, 1_109, 7)).await?, Err(over(7, 6)))?;
    must("and no more", append(journal, recorded(7, 1_109, 6)).await?, Ok(12))
}

async fn claims_are_exclusive(journal: &dyn Journal) -> Result<(), Nonconforming> {
    must("first entry", append(journal, recorded(1, 1_000, 4)).await?, Ok(0))?;
    must("opened twice", append(journal, recorded(1, 1_000, 0)).await?, Err(Conflict::WrongState))?;
    let rival = Entry { subject: B256::repeat_byte(2), ..recorded(1, 1_000, 0) };
    must("claimed twice", append(journal, rival).await?, Err(Conflict::Claimed("taken:1".into())))?;
    must("dropped", append(journal, entry(EntryKind::Dropped, 1, 1_001)).await?, Ok(1))?;
    let nonce_only =
        Entry { claims: vec![Claim { key: "nonce:1".into(), releasable: true }], ..recorded(2, 1_002, 6) };
    must("a dropped nonce is free, so is its budget", append(journal, nonce_only).await?, Ok(2))?;
    let again = Entry { subject: B256::repeat_byte(3), ..recorded(1, 1_002, 0) };
    must("a taken id stays taken", append(journal, again).await?, Err(Conflict::Claimed("taken:1".into())))
}

async fn budgets_roll(journal: &dyn Journal) -> Result<(), Nonconforming> {
    must("over budget", append(journal, recorded(4, 1_003, 5)).await?, Err(over(5, 4)))?;
    must("a rejected entry claims nothing", append(journal, recorded(4, 1_003, 4)).await?, Ok(3))?;
    let used = Entry { reservations: vec![spend(2, 100)], ..entry(EntryKind::Closed, 4, 1_004) };
    must("closed with what was used", append(journal, used).await?, Ok(4))?;
    must("what was not used is free", append(journal, recorded(5, 1_005, 3)).await?, Err(over(3, 2)))?;
    // Reserved and still open counts however old it is; what was used leaves the window with its time.
    must("used leaves the window", append(journal, recorded(5, 1_105, 5)).await?, Err(over(5, 4)))?;
    must("within what is left", append(journal, recorded(5, 1_105, 4)).await?, Ok(5))?;
    let back_in_time = recorded(6, 1, 5);
    must("a clock that jumps back frees nothing", append(journal, back_in_time).await?, Err(over(5, 0)))
}

async fn states_are_kept(journal: &dyn Journal) -> Result<(), Nonconforming> {
    let again = entry(EntryKind::Closed, 4, 1_106);
    must("closed twice", append(journal, again).await?, Err(Conflict::WrongState))?;
    let unknown = entry(EntryKind::Dropped, 99, 1_106);
    must("dropped, never opened", append(journal, unknown).await?, Err(Conflict::WrongState))?;
    let closed = entry(EntryKind::Replaced, 4, 1_106);
    must("replaced when closed", append(journal, closed).await?, Err(Conflict::WrongState))?;
    must("refusals need no state", append(journal, entry(EntryKind::Refused, 1, 1_106)).await?, Ok(6))?;
    must("nor do orders", append(journal, entry(EntryKind::Order, 1, 1_106)).await?, Ok(7))?;
    must("nor do notes", append(journal, entry(EntryKind::Noted, 1, 1_106)).await?, Ok(8))?;
    let open = journal.open_intents().await.map_err(failed)?;
    let subjects: Vec<_> = open.iter().map(|stored| stored.entry.subject).collect();
    must("open intents, oldest first", subjects, vec![B256::repeat_byte(2), B256::repeat_byte(5)])
}

async fn reading_gives_what_was_written(journal: &dyn Journal) -> Result<(), Nonconforming> {
    let all = journal.read(Sequence(0), 100).await.map_err(failed)?;
    must("entries", all.len(), 9)?;
    must("the first entry, whole", all.first().map(|stored| &stored.entry), Some(&recorded(1, 1_000, 4)))?;
    let sequences: Vec<_> = all.iter().map(|stored| stored.sequence.0).collect();
    must("sequences", sequences, (0..9).collect())?;
    let page = journal.read(Sequence(3), 2).await.map_err(failed)?;
    must("a page", page.as_slice(), all.get(3..5).unwrap_or_default())?;
    let verified = journal.verify().await.map_err(failed)?;
    must("verified entries", verified.entries, 9)?;
    must("verified head", Some(verified.head), all.last().map(|stored| stored.hash))
}
