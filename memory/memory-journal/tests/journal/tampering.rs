use agent_core::ports::{Journal, JournalError};
use futures::executor::block_on;
use memory_journal::RedbJournal;
use redb::ReadableTable;

use super::sample::{append, closed, recorded};

/// Writes to the redb file as redb would: its own checks find nothing.
fn tampered(tamper: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>) -> JournalError {
    let directory = tempfile::tempdir().unwrap();
    let journal = RedbJournal::open(directory.path()).unwrap();
    append(&journal, recorded("a"));
    append(&journal, closed("a"));
    append(&journal, recorded("b"));
    drop(journal);
    let database = redb::Database::open(directory.path().join("journal.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    tamper(&transaction).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let checked = RedbJournal::open(directory.path()).and_then(|journal| block_on(journal.verify()));
    checked.unwrap_err()
}

/// One change, with bytes to make it with.
type Harm = fn(&redb::WriteTransaction, &[u8; 32]) -> Result<(), redb::Error>;

const ENTRIES: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("entries");

#[test]
fn books_that_the_entries_do_not_give_are_found() {
    let amount = &[9; 32];
    let harms: [Harm; 6] = [
        |transaction, _| {
            let table = redb::TableDefinition::<&str, u64>::new("claims");
            transaction.open_table(table)?.insert("nonce", 0)?;
            Ok(())
        },
        |transaction, _| {
            let table = redb::TableDefinition::<u64, ()>::new("open");
            transaction.open_table(table)?.remove(2)?;
            Ok(())
        },
        |transaction, subject| {
            let table = redb::TableDefinition::<&[u8; 32], u64>::new("intents");
            transaction.open_table(table)?.insert(subject, 1)?;
            Ok(())
        },
        |transaction, amount| {
            let table = redb::TableDefinition::<&str, &[u8; 32]>::new("reserved");
            transaction.open_table(table)?.insert("gas", amount)?;
            Ok(())
        },
        |transaction, amount| {
            let table = redb::TableDefinition::<(&str, u64, u64), &[u8; 32]>::new("used");
            transaction.open_table(table)?.insert(("gas", 1_000, 1), amount)?;
            Ok(())
        },
        |transaction, amount| {
            let table = redb::TableDefinition::<&str, &[u8; 32]>::new("totals");
            transaction.open_table(table)?.insert("gas", amount)?;
            Ok(())
        },
    ];
    for harm in harms {
        let error = tampered(|transaction| harm(transaction, amount));
        assert!(error.to_string().contains("is not what the entries give"), "{error}");
    }
}

#[test]
fn a_changed_entry_is_found() {
    let error = tampered(|transaction| {
        let mut entries = transaction.open_table(ENTRIES)?;
        let mut row = entries.get(0)?.unwrap().value().to_vec();
        *row.last_mut().unwrap() ^= 1;
        entries.insert(0, row.as_slice())?;
        Ok(())
    });
    assert!(matches!(error, JournalError::Damaged { at: 0, .. }), "{error}");
}

#[test]
fn a_missing_entry_is_found() {
    let error = tampered(|transaction| {
        transaction.open_table(ENTRIES)?.remove(1)?;
        Ok(())
    });
    assert!(matches!(error, JournalError::Damaged { at: 1, .. }), "{error}");
}

/// A row that is whole and was moved.
#[test]
fn an_entry_in_the_wrong_place_is_found() {
    let error = tampered(|transaction| {
        let mut entries = transaction.open_table(ENTRIES)?;
        let row = entries.get(0)?.unwrap().value().to_vec();
        entries.insert(1, row.as_slice())?;
        Ok(())
    });
    assert!(matches!(error, JournalError::Damaged { at: 1, .. }), "{error}");
}
