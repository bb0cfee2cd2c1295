//! ERC-20, ERC-721 and ERC-1155: what moves tokens, or lets others move them. The executor approves exactly and by itself, and
//! only the operator withdraws, so none of these can be allowed.

use agent_core::units::Asset;
use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use super::{Deeds, Effect, Means, Reader, Scene, Unread, never};

sol! {
    interface IToken {
        function transfer(address to, uint256 amount) external;
        function transferFrom(address from, address to, uint256 amount) external;
        function approve(address spender, uint256 amount) external;
        function increaseAllowance(address spender, uint256 added) external;
        function decreaseAllowance(address spender, uint256 removed) external;
        function setApprovalForAll(address spender, bool allowed) external;
        function permit(address owner, address spender, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
    }
    interface IDai {
        function permit(address holder, address spender, uint256 nonce, uint256 expiry, bool allowed, uint8 v, bytes32 r, bytes32 s) external;
    }
}

pub(super) const READERS: &[Reader] = &[
    never::<IToken::transferCall>(),
    never::<IToken::transferFromCall>(),
    never::<IToken::approveCall>(),
    never::<IToken::increaseAllowanceCall>(),
    never::<IToken::decreaseAllowanceCall>(),
    never::<IToken::setApprovalForAllCall>(),
    never::<IToken::permitCall>(),
    never::<IDai::permitCall>(),
];

impl Means for IToken::transferCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let (token, most) = (scene.target, self.amount);
        let paid = Effect::Pays { asset: Some(Asset::Token(token)), least: most, to: self.to };
        Ok([Effect::Spends { token, most }, paid].into())
    }
}

impl Means for IToken::transferFromCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let Self { from, to, amount } = self;
        Ok([Effect::Takes { token: scene.target, from, to, amount }].into())
    }
}

fn allows(scene: &Scene<'_>, spender: Address, most: U256) -> Deeds {
    [Effect::Allows { owner: scene.caller, token: Some(scene.target), spender, most }].into()
}

impl Means for IToken::approveCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(allows(scene, self.spender, self.amount))
    }
}

impl Means for IToken::increaseAllowanceCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(allows(scene, self.spender, self.added))
    }
}

impl Means for IToken::decreaseAllowanceCall {
    /// What is left of the allowance is not in the bytes.
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(allows(scene, self.spender, U256::ZERO))
    }
}

impl Means for IToken::setApprovalForAllCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let most = if self.allowed { U256::MAX } else { U256::ZERO };
        Ok([Effect::Allows { owner: scene.caller, token: None, spender: self.spender, most }].into())
    }
}

impl Means for IToken::permitCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let Self { owner, spender, amount: most, deadline, .. } = self;
        let allows = Effect::Allows { owner, token: Some(scene.target), spender, most };
        Ok([allows, Effect::Until(deadline)].into())
    }
}

impl Means for IDai::permitCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let most = if self.allowed { U256::MAX } else { U256::ZERO };
        let (owner, spender, token) = (self.holder, self.spender, Some(scene.target));
        Ok([Effect::Allows { owner, token, spender, most }, Effect::Until(self.expiry)].into())
    }
}
