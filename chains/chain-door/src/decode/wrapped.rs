//! The wrapped coin (WETH9 and its kin).

use agent_core::units::Asset;
use alloy_sol_types::sol;

use super::{Deeds, Effect, Means, Reader, Scene, Unread, judged};

sol! {
    interface IWrapped {
        function deposit() external;
        function withdraw(uint256 amount) external;
    }
}

pub(super) const READERS: &[Reader] =
    &[judged::<IWrapped::depositCall>(), judged::<IWrapped::withdrawCall>()];

impl Means for IWrapped::depositCall {
    /// No coin is ever sent along, so it wraps none.
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok([Effect::Passes(scene.target)].into())
    }
}

impl Means for IWrapped::withdrawCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let paid = Effect::Pays { asset: Some(Asset::Native), least: self.amount, to: scene.caller };
        Ok([Effect::Spends { token: scene.target, most: self.amount }, paid].into())
    }
}
