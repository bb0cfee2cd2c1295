//! Aave v3's pool.

use agent_core::units::Asset;
use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use super::{Deeds, Effect, Means, Reader, Scene, Unread, judged, never};

sol! {
    interface IPool {
        function liquidationCall(address collateralAsset, address debtAsset, address user, uint256 debtToCover, bool receiveAToken) external;
        function supply(address asset, uint256 amount, address onBehalfOf, uint16 referralCode) external;
        function deposit(address asset, uint256 amount, address onBehalfOf, uint16 referralCode) external;
        function withdraw(address asset, uint256 amount, address to) external;
        function borrow(address asset, uint256 amount, uint256 interestRateMode, uint16 referralCode, address onBehalfOf) external;
        function repay(address asset, uint256 amount, uint256 interestRateMode, address onBehalfOf) external;
        function repayWithATokens(address asset, uint256 amount, uint256 interestRateMode) external;
        function supplyWithPermit(address asset, uint256 amount, address onBehalfOf, uint16 referralCode, uint256 deadline, uint8 permitV, bytes32 permitR, bytes32 permitS) external;
        function repayWithPermit(address asset, uint256 amount, uint256 interestRateMode, address onBehalfOf, uint256 deadline, uint8 permitV, bytes32 permitR, bytes32 permitS) external;
        function flashLoan(address receiverAddress, address[] calldata assets, uint256[] calldata amounts, uint256[] calldata interestRateModes, address onBehalfOf, bytes calldata params, uint16 referralCode) external;
        function flashLoanSimple(address receiverAddress, address asset, uint256 amount, bytes calldata params, uint16 referralCode) external;
    }
}

pub(super) const READERS: &[Reader] = &[
    judged::<IPool::liquidationCallCall>(),
    judged::<IPool::supplyCall>(),
    judged::<IPool::depositCall>(),
    judged::<IPool::withdrawCall>(),
    judged::<IPool::borrowCall>(),
    judged::<IPool::repayCall>(),
    judged::<IPool::repayWithATokensCall>(),
    never::<IPool::supplyWithPermitCall>(),
    never::<IPool::repayWithPermitCall>(),
    never::<IPool::flashLoanCall>(),
    never::<IPool::flashLoanSimpleCall>(),
];

impl Means for IPool::liquidationCallCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let spends = Effect::Spends { token: self.debtAsset, most: self.debtToCover };
        let (user, collateral, receipts) = (self.user, self.collateralAsset, self.receiveAToken);
        Ok([spends, Effect::Liquidates { user, collateral, receipts }].into())
    }
}

fn supplies(token: Address, most: U256, account: Address) -> Deeds {
    [Effect::Spends { token, most }, Effect::OnBehalf(account)].into()
}

fn permits(scene: &Scene<'_>, token: Address, most: U256, until: U256, account: Address) -> Deeds {
    let allows = Effect::Allows { owner: scene.caller, token: Some(token), spender: scene.target, most };
    [allows, Effect::Until(until), Effect::Spends { token, most }, Effect::OnBehalf(account)].into()
}

impl Means for IPool::supplyCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(supplies(self.asset, self.amount, self.onBehalfOf))
    }
}

impl Means for IPool::depositCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(supplies(self.asset, self.amount, self.onBehalfOf))
    }
}

impl Means for IPool::withdrawCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let asset = Some(Asset::Token(self.asset));
        Ok([Effect::Pays { asset, least: self.amount, to: self.to }].into())
    }
}

impl Means for IPool::borrowCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let owes = Effect::Owes { token: self.asset, amount: self.amount };
        Ok([owes, Effect::OnBehalf(self.onBehalfOf)].into())
    }
}

impl Means for IPool::repayCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(supplies(self.asset, self.amount, self.onBehalfOf))
    }
}

impl Means for IPool::repayWithATokensCall {
    /// With the caller's receipts, of its own debt.
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok([Effect::Passes(self.asset)].into())
    }
}

impl Means for IPool::supplyWithPermitCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(permits(scene, self.asset, self.amount, self.deadline, self.onBehalfOf))
    }
}

impl Means for IPool::repayWithPermitCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(permits(scene, self.asset, self.amount, self.deadline, self.onBehalfOf))
    }
}

/// The executor awaits the callback of an intent's own loan, and of no other.
const ASIDE: Effect = Effect::Unjudged("takes a flash loan aside from the intent's own");

impl Means for IPool::flashLoanCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        if self.assets.len() != self.amounts.len() {
            return Err(Unread::Nonsense("there are not as many amounts as tokens"));
        }
        let pairs = self.assets.into_iter().zip(self.amounts);
        let owes = pairs.map(|(token, amount)| Effect::Owes { token, amount });
        Ok([ASIDE, Effect::OnBehalf(self.onBehalfOf)].into_iter().chain(owes).collect::<Vec<_>>().into())
    }
}

impl Means for IPool::flashLoanSimpleCall {
    fn means(self, _: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok([ASIDE, Effect::Owes { token: self.asset, amount: self.amount }].into())
    }
}
