//! Safe's transactions: somebody else's wallet, and by `delegatecall` whatever code there is. None can be allowed.

use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use super::{Deeds, Effect, Means, Reader, Scene, Unread, never};

sol! {
    interface ISafe {
        function execTransaction(address to, uint256 value, bytes calldata data, uint8 operation, uint256 safeTxGas,
            uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes calldata signatures) external;
        function execTransactionFromModule(address to, uint256 value, bytes calldata data, uint8 operation) external;
        function execTransactionFromModuleReturnData(address to, uint256 value, bytes calldata data, uint8 operation) external;
    }
}

pub(super) const READERS: &[Reader] = &[
    never::<ISafe::execTransactionCall>(),
    never::<ISafe::execTransactionFromModuleCall>(),
    never::<ISafe::execTransactionFromModuleReturnDataCall>(),
];

fn acts(
    scene: &mut Scene<'_>,
    to: Address,
    value: U256,
    data: &[u8],
    operation: u8,
) -> Result<Deeds, Unread> {
    let how = match operation {
        0 => "acts as another wallet",
        1 => "runs foreign code as another wallet (delegatecall)",
        _ => return Err(Unread::Nonsense("the wallet knows no such operation")),
    };
    let mut effects = vec![Effect::Unjudged(how)];
    effects.extend((!value.is_zero()).then_some(Effect::Coin(value)));
    let inside = if data.is_empty() { Vec::new() } else { vec![scene.inner(scene.target, to, data)?] };
    Ok(Deeds { effects, inside })
}

impl Means for ISafe::execTransactionCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        acts(scene, self.to, self.value, &self.data, self.operation)
    }
}

impl Means for ISafe::execTransactionFromModuleCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        acts(scene, self.to, self.value, &self.data, self.operation)
    }
}

impl Means for ISafe::execTransactionFromModuleReturnDataCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        acts(scene, self.to, self.value, &self.data, self.operation)
    }
}
