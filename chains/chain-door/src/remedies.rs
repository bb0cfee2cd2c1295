//! What helps a transaction that does not get mined. Pure: who asks, does it.

use agent_core::{
    Refusal,
    ports::{Stuck, StuckReason},
};

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Nothing: something else of the lane's is what is stuck.
    Wait,
    /// Only the operator can help.
    Tell,
    /// The same again at a higher price; or, where that is refused for good, nothing in its place.
    Replace,
    /// Nothing, at this earlier nonce.
    Fill(u64),
}

pub(crate) const fn remedy(stuck: Stuck) -> Remedy {
    match stuck.reason {
        StuckReason::Underpriced | StuckReason::PassedOver | StuckReason::Nowhere => Remedy::Replace,
        StuckReason::Gap { missing } => Remedy::Fill(missing),
        StuckReason::Behind { .. } => Remedy::Wait,
        StuckReason::Unfunded => Remedy::Tell,
    }
}

/// Whether what was refused would be refused at any price: then its nonce is better used for nothing. What is refused for
/// now (a port, a limit, the kill switch) stays as it is.
pub(crate) const fn is_hopeless(refusal: &Refusal) -> bool {
    !matches!(
        refusal,
        Refusal::Killed
            | Refusal::PolicyUnconfirmed
            | Refusal::Unavailable { .. }
            | Refusal::StaleSimulation { .. }
            | Refusal::OverLimit { .. }
            | Refusal::CannotPay { .. }
    )
}
