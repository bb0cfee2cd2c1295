//! What nodes mean when they refuse a broadcast.

use crate::endpoint::RpcFailure;

/// What is wrong with a broadcast, in a node's eyes. None of it is certain: one node refuses what another one took, and a
/// transaction that is mined already is refused as well. Only a look at its hash says where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Objection {
    /// It is in the pool.
    #[error("it has it already")]
    Known,
    /// A mined transaction has the nonce: this one, or another.
    #[error("its nonce is used already")]
    NonceUsed,
    /// Too many nonces before it are free.
    #[error("an earlier nonce is free")]
    NonceAhead,
    /// The pool has another of this nonce that pays too much to be replaced by this one.
    #[error("it pays too little more than what it replaces")]
    ReplacesTooCheaply,
    /// The pool takes nothing so cheap.
    #[error("it pays too little")]
    PaysTooLittle,
    /// The key's coin does not cover it.
    #[error("the key holds too little of the native coin")]
    Unfunded,
    /// No room.
    #[error("its pool is full")]
    Full,
    /// Something else.
    #[error("it refuses it")]
    Other,
}

/// What messages contain, in lower case and without spaces. The first that fits counts.
const SIGNS: [(&str, Objection); 24] = [
    // geth, reth, erigon, nethermind
    ("alreadyknown", Objection::Known),
    // anvil, older parity
    ("alreadyimported", Objection::Known),
    // besu, older geth
    ("knowntransaction", Objection::Known),
    // erigon
    ("existingtxwithsamehash", Objection::Known),
    ("alreadyinpool", Objection::Known),
    // geth, reth, anvil, erigon, besu
    ("noncetoolow", Objection::NonceUsed),
    // nethermind
    ("oldnonce", Objection::NonceUsed),
    // besu
    ("noncebelow", Objection::NonceUsed),
    ("nonceisbelow", Objection::NonceUsed),
    // geth
    ("noncetoohigh", Objection::NonceAhead),
    // nethermind
    ("noncegap", Objection::NonceAhead),
    // besu
    ("toodistant", Objection::NonceAhead),
    ("noncetoofar", Objection::NonceAhead),
    // geth
    ("futuretransactiontriestoreplacepending", Objection::NonceAhead),
    // geth, reth, anvil, erigon, besu; before what it contains
    ("replacementtransactionunderpriced", Objection::ReplacesTooCheaply),
    // nethermind
    ("replacementnotallowed", Objection::ReplacesTooCheaply),
    // geth, reth, erigon
    ("underpriced", Objection::PaysTooLittle),
    // nethermind, erigon
    ("feetoolow", Objection::PaysTooLittle),
    // geth, reth, anvil
    ("lessthanblockbasefee", Objection::PaysTooLittle),
    // besu
    ("belowconfiguredminimum", Objection::PaysTooLittle),
    // geth, reth, anvil, erigon, nethermind
    ("insufficientfunds", Objection::Unfunded),
    // besu
    ("exceedsaccountbalance", Objection::Unfunded),
    // geth, reth
    ("txpoolisfull", Objection::Full),
    // erigon
    ("pooloverflow", Objection::Full),
];

impl Objection {
    /// What a node's refusal means; nothing, when the failure was on the way.
    pub(super) fn of(failure: &RpcFailure) -> Option<Self> {
        let RpcFailure::Refused { message, .. } = failure else { return None };
        let message: String = message
            .to_string()
            .chars()
            .filter(|sign| !matches!(sign, ' ' | '_'))
            .flat_map(char::to_lowercase)
            .collect();
        let sign = SIGNS.iter().find(|(sign, _)| message.contains(sign));
        Some(sign.map_or(Self::Other, |(_, objection)| *objection))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::endpoint::fake_node::{Reply, fake};

    /// As clients say it.
    const MESSAGES: [(&str, Objection); 31] = [
        ("already known", Objection::Known),
        ("ALREADY_EXISTS: already known", Objection::Known),
        ("AlreadyKnown", Objection::Known),
        ("transaction already imported", Objection::Known),
        ("Transaction with the same hash was already imported.", Objection::Known),
        ("known transaction: 0x9f6a", Objection::Known),
        ("Known transaction", Objection::Known),
        ("existing tx with same hash", Objection::Known),
        ("transaction already in pool", Objection::Known),
        ("nonce too low", Objection::NonceUsed),
        ("nonce too low: next nonce 5, tx nonce 4", Objection::NonceUsed),
        ("OldNonce, Current nonce: 5, nonce of rejected tx: 4", Objection::NonceUsed),
        ("Nonce too low", Objection::NonceUsed),
        ("transaction nonce is below sender account nonce", Objection::NonceUsed),
        ("nonce too high", Objection::NonceAhead),
        ("NonceGap, Future nonce. Expected nonce: 5", Objection::NonceAhead),
        ("Transaction nonce is too distant from current sender nonce", Objection::NonceAhead),
        ("future transaction tries to replace pending", Objection::NonceAhead),
        ("replacement transaction underpriced", Objection::ReplacesTooCheaply),
        ("Replacement transaction underpriced", Objection::ReplacesTooCheaply),
        ("ReplacementNotAllowed", Objection::ReplacesTooCheaply),
        ("transaction underpriced: gas tip cap 1, minimum needed 2", Objection::PaysTooLittle),
        ("FeeTooLowToCompete", Objection::PaysTooLittle),
        ("max fee per gas less than block base fee: address 0x1", Objection::PaysTooLittle),
        ("Gas price below configured minimum gas price", Objection::PaysTooLittle),
        ("insufficient funds for gas * price + value: balance 0", Objection::Unfunded),
        ("InsufficientFunds, Balance is zero", Objection::Unfunded),
        ("Upfront cost exceeds account balance", Objection::Unfunded),
        ("txpool is full", Objection::Full),
        ("INTERNAL_ERROR: pending sub-pool overflow", Objection::Full),
        ("exceeds block gas limit", Objection::Other),
    ];

    async fn refused(message: &'static str) -> RpcFailure {
        let node = fake(move |_, _| Reply::Refuses(-32000, message));
        node.ask::<_, String>("eth_sendRawTransaction", ["0x"]).await.unwrap_err()
    }

    #[tokio::test]
    async fn every_clients_words_are_understood() {
        for (message, meaning) in MESSAGES {
            assert_eq!(Objection::of(&refused(message).await), Some(meaning), "{message}");
        }
    }

    #[tokio::test]
    async fn what_never_arrived_means_nothing() {
        let node = fake(|_, _| Reply::Breaks);
        let failure = node.ask::<_, String>("eth_sendRawTransaction", ["0x"]).await.unwrap_err();
        assert_eq!(Objection::of(&failure), None);
    }

    #[test]
    fn no_sign_hides_behind_another() {
        let mut seen = BTreeSet::new();
        for (sign, _) in SIGNS {
            let hidden = seen.iter().find(|earlier: &&&str| sign.contains(**earlier));
            assert_eq!(hidden, None, "{sign} is never reached");
            seen.insert(sign);
        }
    }
}
