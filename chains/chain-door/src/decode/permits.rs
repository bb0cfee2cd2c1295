//! Permit2: allowances by signature. None can be allowed.

use alloy_primitives::{Address, U256, aliases::U160};
use alloy_sol_types::sol;

use super::{Deeds, Effect, Means, Reader, Scene, Unread, never};

sol! {
    struct PermitDetails { address token; uint160 amount; uint48 expiration; uint48 nonce; }
    struct PermitSingle { PermitDetails details; address spender; uint256 sigDeadline; }
    struct PermitBatch { PermitDetails[] details; address spender; uint256 sigDeadline; }
    struct AllowanceTransferDetails { address from; address to; uint160 amount; address token; }
    struct TokenPermissions { address token; uint256 amount; }
    struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
    struct PermitBatchTransferFrom { TokenPermissions[] permitted; uint256 nonce; uint256 deadline; }
    struct SignatureTransferDetails { address to; uint256 requestedAmount; }

    interface IPermit2 {
        function approve(address token, address spender, uint160 amount, uint48 expiration) external;
        function permit(address owner, PermitSingle calldata permitSingle, bytes calldata signature) external;
        function permit(address owner, PermitBatch calldata permitBatch, bytes calldata signature) external;
        function transferFrom(address from, address to, uint160 amount, address token) external;
        function transferFrom(AllowanceTransferDetails[] calldata transferDetails) external;
        function permitTransferFrom(PermitTransferFrom calldata permit, SignatureTransferDetails calldata details, address owner, bytes calldata signature) external;
        function permitTransferFrom(PermitBatchTransferFrom calldata permit, SignatureTransferDetails[] calldata details, address owner, bytes calldata signature) external;
    }

    /// The Universal Router's commands for it, written as the arguments of functions that nobody calls.
    interface IPermitCommands {
        function permit2TransferFromBatch(AllowanceTransferDetails[] transfers) external;
        function permit2Permit(PermitSingle permit, bytes signature) external;
        function permit2PermitBatch(PermitBatch permit, bytes signature) external;
    }
}

pub(super) const READERS: &[Reader] = &[
    never::<IPermit2::approveCall>(),
    never::<IPermit2::permit_0Call>(),
    never::<IPermit2::permit_1Call>(),
    never::<IPermit2::transferFrom_0Call>(),
    never::<IPermit2::transferFrom_1Call>(),
    never::<IPermit2::permitTransferFrom_0Call>(),
    never::<IPermit2::permitTransferFrom_1Call>(),
];

fn allows(owner: Address, token: Address, spender: Address, amount: U160) -> Effect {
    Effect::Allows { owner, token: Some(token), spender, most: U256::from(amount) }
}

/// What a signed permit lets its spender take.
pub(super) fn single(owner: Address, permit: &PermitSingle) -> Vec<Effect> {
    let PermitSingle { details, spender, sigDeadline } = permit;
    vec![allows(owner, details.token, *spender, details.amount), Effect::Until(*sigDeadline)]
}

/// The same for several tokens.
pub(super) fn batch(owner: Address, permit: &PermitBatch) -> Vec<Effect> {
    let each =
        permit.details.iter().map(|details| allows(owner, details.token, permit.spender, details.amount));
    each.chain([Effect::Until(permit.sigDeadline)]).collect()
}

/// What one of Permit2's transfers takes.
pub(super) fn transfer(details: &AllowanceTransferDetails) -> Effect {
    let AllowanceTransferDetails { from, to, amount, token } = *details;
    Effect::Takes { token, from, to, amount: U256::from(amount) }
}

impl Means for IPermit2::approveCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok([allows(scene.caller, self.token, self.spender, self.amount)].into())
    }
}

impl Means for IPermit2::permit_0Call {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(single(self.owner, &self.permitSingle).into())
    }
}

impl Means for IPermit2::permit_1Call {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(batch(self.owner, &self.permitBatch).into())
    }
}

impl Means for IPermit2::transferFrom_0Call {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let Self { from, to, amount, token } = self;
        Ok([transfer(&AllowanceTransferDetails { from, to, amount, token })].into())
    }
}

impl Means for IPermit2::transferFrom_1Call {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(self.transferDetails.iter().map(transfer).collect::<Vec<_>>().into())
    }
}

impl Means for IPermit2::permitTransferFrom_0Call {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let (token, from, to) = (self.permit.permitted.token, self.owner, self.details.to);
        let takes = Effect::Takes { token, from, to, amount: self.details.requestedAmount };
        Ok([takes, Effect::Until(self.permit.deadline)].into())
    }
}

impl Means for IPermit2::permitTransferFrom_1Call {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        if self.permit.permitted.len() != self.details.len() {
            return Err(Unread::Nonsense("there are not as many transfers as permissions"));
        }
        let pairs = self.permit.permitted.iter().zip(&self.details);
        let takes = pairs.map(|(permitted, details)| Effect::Takes {
            token: permitted.token,
            from: self.owner,
            to: details.to,
            amount: details.requestedAmount,
        });
        Ok(takes.chain([Effect::Until(self.permit.deadline)]).collect::<Vec<_>>().into())
    }
}
