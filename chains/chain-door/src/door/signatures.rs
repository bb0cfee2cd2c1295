//! Where the signatures of a recorded transaction go that nobody could make a second time: into the journal, before they leave.
//!
//! What is signed again by a key of this process gives the same bytes, so that the journal need not hold them. Elsewhere (a key
//! management service, a device) each signature is another one, and so is the hash of what left: it is written down first.

use std::sync::Arc;

use agent_core::{
    ports::{DoorError, Entry, EntryKind, Journal},
    units::Timestamp,
};
use alloy_primitives::B256;

use super::{Shared, intents::Intents, record::written};
use crate::{
    Page, Transaction,
    payload::{KeptSignature, SignedPage},
};

/// The signatures of one recorded transaction.
#[derive(Clone)]
pub(crate) struct Signatures {
    journal: Arc<dyn Journal>,
    intents: Intents,
    /// The intent.
    subject: B256,
    /// The transaction.
    of: B256,
    at: Timestamp,
    keeps: bool,
    kept: Vec<KeptSignature>,
}

impl Signatures {
    pub(crate) const fn keeps(&self) -> bool {
        self.keeps
    }

    pub(crate) fn kept(&self) -> &[KeptSignature] {
        &self.kept
    }

    pub(crate) async fn keep(&self, signature: KeptSignature) -> Result<(), DoorError> {
        let Self { journal, intents, subject, of, at, .. } = self;
        let page = SignedPage { of: *of, signature: signature.clone() };
        let payload = Page::Signed(Box::new(page)).bytes()?;
        let (claims, reservations) = (Vec::new(), Vec::new());
        let kind = EntryKind::Noted;
        let entry = Entry { kind, subject: *subject, at: *at, claims, reservations, payload };
        written(journal.append(entry).await?)?;
        intents.kept(*subject, *of, signature);
        Ok(())
    }
}

impl std::fmt::Debug for Signatures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signatures").field("kept", &self.kept).finish_non_exhaustive()
    }
}

impl Shared {
    /// Those of a transaction that was recorded for the intent `subject`.
    pub(super) fn signatures(&self, subject: B256, transaction: &Transaction) -> Signatures {
        let of = transaction.digest();
        let (keeps, kept) = self.intents.signatures(subject, of);
        let (journal, intents) = (self.ports.journal.clone(), self.intents.clone());
        Signatures { journal, intents, subject, of, at: self.now(), keeps, kept }
    }
}
