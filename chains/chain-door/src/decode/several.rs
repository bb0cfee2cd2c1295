//! Calls that carry calls: `multicall` of routers, and Multicall3. Each of what they carry is judged like a call of its own.

use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;

use super::{Deeds, Effect, Inner, Means, Reader, Scene, Unread, judged};

sol! {
    interface IMulticall {
        function multicall(bytes[] calldata data) external;
        function multicall(uint256 deadline, bytes[] calldata data) external;
        function multicall(bytes32 previousBlockhash, bytes[] calldata data) external;
    }
    struct Call { address target; bytes callData; }
    struct Call3 { address target; bool allowFailure; bytes callData; }
    struct Call3Value { address target; bool allowFailure; uint256 value; bytes callData; }
    interface IMulticall3 {
        function aggregate(Call[] calldata calls) external;
        function blockAndAggregate(Call[] calldata calls) external;
        function tryAggregate(bool requireSuccess, Call[] calldata calls) external;
        function tryBlockAndAggregate(bool requireSuccess, Call[] calldata calls) external;
        function aggregate3(Call3[] calldata calls) external;
        function aggregate3Value(Call3Value[] calldata calls) external;
    }
}

pub(super) const READERS: &[Reader] = &[
    judged::<IMulticall::multicall_0Call>(),
    judged::<IMulticall::multicall_1Call>(),
    judged::<IMulticall::multicall_2Call>(),
    judged::<IMulticall3::aggregateCall>(),
    judged::<IMulticall3::blockAndAggregateCall>(),
    judged::<IMulticall3::tryAggregateCall>(),
    judged::<IMulticall3::tryBlockAndAggregateCall>(),
    judged::<IMulticall3::aggregate3Call>(),
    judged::<IMulticall3::aggregate3ValueCall>(),
];

fn here(scene: &mut Scene<'_>, data: &[alloy_primitives::Bytes]) -> Result<Vec<Inner>, Unread> {
    data.iter().map(|data| scene.inner_here(data)).collect()
}

impl Means for IMulticall::multicall_0Call {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(Deeds { effects: Vec::new(), inside: here(scene, &self.data)? })
    }
}

impl Means for IMulticall::multicall_1Call {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(Deeds { effects: vec![Effect::Until(self.deadline)], inside: here(scene, &self.data)? })
    }
}

impl Means for IMulticall::multicall_2Call {
    /// A block's hash is a deadline of one block.
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        Ok(Deeds { effects: Vec::new(), inside: here(scene, &self.data)? })
    }
}

/// What Multicall3 calls, it calls as itself: it holds nothing of the executor's.
fn elsewhere<'a>(
    scene: &mut Scene<'_>,
    calls: impl Iterator<Item = (Address, &'a [u8])>,
) -> Result<Deeds, Unread> {
    let caller = scene.target;
    let inside: Result<_, _> = calls.map(|(target, data)| scene.inner(caller, target, data)).collect();
    Ok(Deeds { effects: Vec::new(), inside: inside? })
}

fn plain(calls: &[Call]) -> impl Iterator<Item = (Address, &[u8])> {
    calls.iter().map(|call| (call.target, call.callData.as_ref()))
}

impl Means for IMulticall3::aggregateCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        elsewhere(scene, plain(&self.calls))
    }
}

impl Means for IMulticall3::blockAndAggregateCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        elsewhere(scene, plain(&self.calls))
    }
}

impl Means for IMulticall3::tryAggregateCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        elsewhere(scene, plain(&self.calls))
    }
}

impl Means for IMulticall3::tryBlockAndAggregateCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        elsewhere(scene, plain(&self.calls))
    }
}

impl Means for IMulticall3::aggregate3Call {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        elsewhere(scene, self.calls.iter().map(|call| (call.target, call.callData.as_ref())))
    }
}

impl Means for IMulticall3::aggregate3ValueCall {
    fn means(self, scene: &mut Scene<'_>) -> Result<Deeds, Unread> {
        let mut deeds =
            elsewhere(scene, self.calls.iter().map(|call| (call.target, call.callData.as_ref())))?;
        let coins = self.calls.iter().map(|call| call.value).filter(|value| *value != U256::ZERO);
        deeds.effects = coins.map(Effect::Coin).collect();
        Ok(deeds)
    }
}
