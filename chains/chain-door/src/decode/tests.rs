//! The reader against bytes of its own making, of others' making, and of nobody's.

#![expect(non_snake_case, reason = "the ABI's own names")]

use std::time::{Duration, Instant};

use agent_core::units::Asset;
use alloy_primitives::{Address, B256, Bytes, U256, address};
use alloy_sol_types::SolCall;
use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::scripted::*;

fn read(data: &[u8]) -> Result<Meaning, Unread> {
    call(EXECUTOR, AMM, data)
}

fn effects(data: &[u8]) -> Vec<Effect> {
    read(data).unwrap().effects
}

fn pays(token: Address, least: u64, to: Address) -> Effect {
    Effect::Pays { asset: Some(Asset::Token(token)), least: U256::from(least), to }
}

fn spends(token: Address, most: u64) -> Effect {
    Effect::Spends { token, most: U256::from(most) }
}

#[test]
fn routers_words_for_addresses_are_those_of_their_generation() {
    let one = address!("0000000000000000000000000000000000000001");
    let two = address!("0000000000000000000000000000000000000002");
    assert_eq!(effects(&single(SAFE, 5)), [spends(USDC, 5), pays(WETH, 1, SAFE)]);
    assert_eq!(effects(&single(one, 5))[1], pays(WETH, 1, EXECUTOR));
    assert_eq!(effects(&single(two, 5))[1], pays(WETH, 1, AMM));
    assert_eq!(effects(&single(Address::ZERO, 5))[1], pays(WETH, 1, Address::ZERO));
    assert_eq!(
        effects(&old_single(one, 5, 9))[1],
        pays(WETH, 1, one),
        "the first generation has no such word"
    );
    assert_eq!(effects(&old_single(Address::ZERO, 5, 9))[1], pays(WETH, 1, AMM));
}

#[test]
fn an_exact_output_is_read_from_its_end() {
    let hops =
        |path, recipient| Hops { path, recipient, amountIn: U256::from(7), amountOutMinimum: U256::from(3) };
    let path = packed(&[USDC, STRANGER, WETH]);
    let there = effects(&encoded(&Market::exactInputCall { params: hops(path.clone(), SAFE) }));
    assert_eq!(there, [spends(USDC, 7), Effect::Passes(STRANGER), pays(WETH, 3, SAFE)]);
    // The same fields are (amountOut, amountInMaximum) there.
    let back = effects(&encoded(&Market::exactOutputCall { params: hops(path, SAFE) }));
    assert_eq!(back, [spends(WETH, 3), Effect::Passes(STRANGER), pays(USDC, 7, SAFE)]);
}

#[test]
fn a_way_that_leads_nowhere_is_nonsense() {
    for path in
        [vec![], USDC.to_vec(), [USDC.as_slice(), &[0; 22]].concat(), [USDC.as_slice(), &[0; 24]].concat()]
    {
        let params =
            Hops { path: path.into(), recipient: SAFE, amountIn: U256::ONE, amountOutMinimum: U256::ONE };
        assert!(matches!(read(&encoded(&Market::exactInputCall { params })), Err(Unread::Nonsense(_))));
    }
}

#[test]
fn what_carries_calls_is_read_to_the_last_of_them() {
    let nested = several(vec![several(vec![single(SAFE, 1)]), encoded(&Market::refundETHCall {})]);
    let [Inner::Call { meaning: Ok(first), .. }, Inner::Call { meaning: Ok(second), target: AMM, .. }] =
        &read(&nested).unwrap().inside[..]
    else {
        panic!("two calls inside")
    };
    assert_eq!(
        second.effects,
        [Effect::Pays { asset: Some(Asset::Native), least: U256::ZERO, to: EXECUTOR }]
    );
    let [Inner::Call { meaning: Ok(deepest), .. }] = &first.inside[..] else { panic!("one call inside") };
    assert_eq!((deepest.caller, deepest.target, &deepest.effects[1]), (EXECUTOR, AMM, &pays(WETH, 1, SAFE)));
    // Whom Multicall3 calls is not called by the executor.
    let part = |target, callData| Part { target, allowFailure: true, callData };
    let swept = encoded(&Market::sweepTokenCall { token: USDC, least: U256::ONE });
    let apart = encoded(&Market::aggregate3Call {
        parts: vec![part(AMM, swept), part(STRANGER, selector("work()"))],
    });
    let inside = call(EXECUTOR, SEVERAL, &apart).unwrap().inside;
    let [Inner::Call { meaning: Ok(swept), .. }, Inner::Call { meaning: Err(Unread::Unknown), .. }] =
        &inside[..]
    else {
        panic!("two calls inside")
    };
    assert_eq!((swept.caller, &swept.effects[..]), (SEVERAL, &[pays(USDC, 1, SEVERAL)][..]));
}

#[test]
fn a_router_is_read_command_by_command() {
    let path = packed(&[USDC, WETH]);
    let v3 = input(&Input::v3Call { to: SAFE, amountIn: U256::from(9), least: U256::ONE, path, takes: true });
    let out = input(&Input::outCall { token: Address::ZERO, to: STRANGER, amount: U256::from(2) });
    // A plan inside a plan is the arguments of the same function.
    let within = plan(vec![(0x04, out.clone())])[4..].to_vec().into();
    let read =
        call(EXECUTOR, UNIVERSAL, &plan(vec![(0x80, v3.clone()), (0x05, out), (0x21, within)])).unwrap();
    let said: Vec<_> = read
        .inside
        .iter()
        .map(|inner| match inner {
            Inner::Command(command) => {
                format!("{} {:?} {}", command.function, command.effects.len(), command.inside.len())
            }
            Inner::Call { .. } => panic!("a call"),
        })
        .collect();
    expect![[r#"
        [
            "V3_SWAP_EXACT_IN 2 0",
            "TRANSFER 1 0",
            "EXECUTE_SUB_PLAN 0 1",
        ]
    "#]]
    .assert_debug_eq(&said);
    for unknown in [0x07, 0x0f, 0x10, 0x11, 0x22, 0x3f, 0x40, 0x44] {
        assert!(call(EXECUTOR, UNIVERSAL, &plan(vec![(unknown, v3.clone())])).is_err(), "{unknown:x}");
    }
    let unequal = Plan::executeCall { commands: vec![0, 0].into(), inputs: vec![v3] };
    assert!(matches!(call(EXECUTOR, UNIVERSAL, &encoded(&unequal)), Err(Unread::Nonsense(_))));
}

#[test]
fn every_table_entry_is_canonical_and_has_its_own_selector() {
    let mut seen = std::collections::BTreeSet::new();
    let all = [
        tokens::READERS,
        permits::READERS,
        several::READERS,
        safe::READERS,
        wrapped::READERS,
        uniswap_v2::READERS,
        uniswap_v3::READERS,
        router::READERS,
        universal::READERS,
        aave::READERS,
    ];
    for reader in all.into_iter().flatten() {
        assert_eq!(
            reader.selector,
            alloy_primitives::keccak256(reader.signature)[..4],
            "{}",
            reader.signature
        );
        assert!(seen.insert(reader.selector), "{} is there twice", reader.signature);
    }
    assert_eq!(seen.len(), 76);
}

/// Selectors as the protocols publish them.
#[test]
fn the_best_known_selectors_are_known() {
    for (selector, signature) in [
        ("a9059cbb", "transfer(address,uint256)"),
        ("095ea7b3", "approve(address,uint256)"),
        ("d505accf", "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        ("ac9650d8", "multicall(bytes[])"),
        ("5ae401dc", "multicall(uint256,bytes[])"),
        ("1f0464d1", "multicall(bytes32,bytes[])"),
        ("82ad56cb", "aggregate3((address,bool,bytes)[])"),
        ("174dea71", "aggregate3Value((address,bool,uint256,bytes)[])"),
        ("38ed1739", "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"),
        ("472b43f3", "swapExactTokensForTokens(uint256,uint256,address[],address)"),
        ("414bf389", "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"),
        ("04e45aaf", "exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))"),
        ("b858183f", "exactInput((bytes,address,uint256,uint256))"),
        ("24856bc3", "execute(bytes,bytes[])"),
        ("3593564c", "execute(bytes,bytes[],uint256)"),
        ("00a718a9", "liquidationCall(address,address,address,uint256,bool)"),
        ("42b0b77c", "flashLoanSimple(address,address,uint256,bytes,uint16)"),
        (
            "6a761202",
            "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)",
        ),
        (
            "30f28b7a",
            "permitTransferFrom(((address,uint256),uint256,uint256),(address,uint256),address,bytes)",
        ),
        ("2e1a7d4d", "withdraw(uint256)"),
    ] {
        let bytes: [u8; 4] = alloy_primitives::hex::decode_to_array(selector).unwrap();
        assert_eq!(reader(bytes).map(|reader| reader.signature), Some(signature));
    }
}

/// Bytes that this reader would take for another call's are refused, wherever they are.
#[track_caller]
fn is_not_canonical(data: Vec<u8>) {
    assert_eq!(read(&data), Err(Unread::NotCanonical));
}

#[test]
fn nothing_hides_beside_the_arguments() {
    let plain = single(SAFE, 5).to_vec();
    is_not_canonical([&plain[..], &[0]].concat());
    is_not_canonical([&plain[..], &[0; 32]].concat());
    is_not_canonical(plain[..plain.len() - 1].to_vec());
    let mut dirty = plain.clone();
    dirty[4] = 1; // above an address
    is_not_canonical(dirty);
    let carried = several(vec![single(SAFE, 1), single(SAFE, 2)]).to_vec();
    let mut shared = carried.clone();
    // Both elements point at the first one's bytes.
    shared.copy_within(68..100, 100);
    is_not_canonical(shared);
    let mut shifted = carried;
    shifted[4 + 31] = 0x40; // the array's offset
    is_not_canonical(shifted);
}

/// What a reader makes of it says the same again.
fn nested(depth: usize, leaf: Bytes) -> Bytes {
    (0..depth).fold(leaf, |inner, _| several(vec![inner]))
}

#[test]
fn what_is_too_deep_too_many_or_too_large_is_not_read() {
    let leaf = || encoded(&Market::refundETHCall {});
    assert!(read(&nested(DEEPEST, leaf())).is_ok());
    assert_eq!(read(&nested(DEEPEST + 1, leaf())), Err(Unread::TooMuch));
    assert!(read(&several(vec![leaf(); MOST])).is_ok());
    assert_eq!(read(&several(vec![leaf(); MOST + 1])), Err(Unread::TooMuch));
    assert_eq!(read(&vec![0; LARGEST + 1]), Err(Unread::TooMuch));
}

/// Whoever wants to keep the door busy.
#[test]
#[expect(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
fn bombs_are_refused_at_once() {
    let leaf = encoded(&Market::refundETHCall {});
    // As wide as fits, as deep as is read, and deeper.
    let wide = (0..4).fold(leaf.clone(), |inner, _| several(vec![inner; 5]));
    let megabyte = (0..).scan(leaf.clone(), |inner, _| {
        *inner = several(vec![inner.clone(); 4]);
        Some(inner.clone())
    });
    let megabyte = megabyte.take_while(|bytes| bytes.len() < 4 << 20).last().unwrap();
    assert!(megabyte.len() > 1 << 20);
    let deep = nested(1_000, leaf.clone());
    // Every element of a long array is the same long tail.
    let mut aliased = several(vec![Bytes::new(); 1_900]).to_vec();
    let tail = aliased.len();
    aliased.extend(U256::from(60_000).to_be_bytes::<32>());
    aliased.extend([0; 60_000]);
    for element in 0..1_900 {
        let word = 68 + 32 * element;
        aliased[word..word + 32].copy_from_slice(&U256::from(tail - 68).to_be_bytes::<32>());
    }
    let huge_length = [&several(vec![])[..36], &[0xff; 32]].concat();
    for bomb in [wide.to_vec(), megabyte.to_vec(), deep.to_vec(), aliased, huge_length] {
        let began = Instant::now();
        assert!(read(&bomb).is_err());
        let took = began.elapsed();
        assert!(took < Duration::from_millis(500), "{} bytes took {took:?}", bomb.len());
    }
}

fn addresses() -> impl proptest::strategy::Strategy<Value = Address> {
    prop::sample::select(vec![USDC, WETH, EXECUTOR, SAFE, STRANGER, Address::ZERO])
}

fn leaves() -> impl proptest::strategy::Strategy<Value = Bytes> {
    prop_oneof![
        (addresses(), any::<u64>()).prop_map(|(to, raw)| single(to, raw)),
        (addresses(), any::<u64>(), any::<u64>()).prop_map(|(to, raw, until)| old_single(to, raw, until)),
        (addresses(), any::<u64>())
            .prop_map(|(token, raw)| { encoded(&Market::sweepTokenCall { token, least: U256::from(raw) }) }),
        (prop::collection::vec(addresses(), 0..4), addresses()).prop_map(|(path, to)| {
            let (amountIn, least, deadline) = (U256::ONE, U256::ONE, U256::ONE);
            encoded(&Market::swapExactTokensForTokensCall { amountIn, least, path, to, deadline })
        }),
    ]
}

fn trees() -> impl proptest::strategy::Strategy<Value = Bytes> {
    leaves().prop_recursive(4, 24, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(several))
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(data in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(read(&data).is_err());
    }

    /// Known functions with arbitrary arguments.
    #[test]
    fn arbitrary_arguments_never_panic(at in any::<prop::sample::Index>(), data in prop::collection::vec(prop_oneof![3 => Just(0u8), 1 => any::<u8>()], 0..800)) {
        let signatures = ["multicall(bytes[])", "execute(bytes,bytes[])", "aggregate3((address,bool,bytes)[])",
            "exactInput((bytes,address,uint256,uint256))", "flashLoan(address,address[],uint256[],uint256[],address,bytes,uint16)",
            "permit(address,((address,uint160,uint48,uint48)[],address,uint256),bytes)"];
        let signature: &&str = at.get(&signatures);
        let selector = selector(signature);
        let _read = read(&[&selector[..], &data].concat());
    }

    /// One way to write a call: changed bytes are refused, or another call's one way.
    #[test]
    fn a_changed_byte_is_refused_or_another_call(tree in trees(), at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut data = tree.to_vec();
        let at = at.index(data.len());
        data[at] ^= flip;
        prop_assert!(read(&data).is_err() || canonical(&data));
    }

    #[test]
    fn what_is_read_is_canonical_all_the_way_down(tree in trees()) {
        if read(&tree).is_ok() {
            prop_assert!(canonical(&tree));
        }
        let trailing = [&tree[..], &[0; 32]].concat();
        prop_assert_eq!(read(&trailing), Err(Unread::NotCanonical));
    }
}

/// Whether `data` is what its outermost function's arguments encode to, by a reader that is not strict.
fn canonical(data: &[u8]) -> bool {
    let again = |bytes: Option<Vec<u8>>| bytes.is_some_and(|bytes| bytes == data);
    again(Many::multicallCall::abi_decode(data).ok().map(|call| call.abi_encode()))
        || again(Market::exactInputSingleCall::abi_decode(data).ok().map(|call| call.abi_encode()))
        || again(Old::exactInputSingleCall::abi_decode(data).ok().map(|call| call.abi_encode()))
        || again(Market::sweepTokenCall::abi_decode(data).ok().map(|call| call.abi_encode()))
        || again(Market::swapExactTokensForTokensCall::abi_decode(data).ok().map(|call| call.abi_encode()))
}

#[test]
fn a_safes_delegatecall_is_said_to_be_one() {
    use safe::ISafe::execTransactionFromModuleCall;
    let wallet = |operation| execTransactionFromModuleCall {
        to: STRANGER,
        value: U256::ONE,
        data: single(SAFE, 1),
        operation,
    };
    let read = read(&encoded(&wallet(1))).unwrap();
    let delegates = Effect::Unjudged("runs foreign code as another wallet (delegatecall)");
    assert_eq!((&read.effects[..], read.inside.len()), (&[delegates, Effect::Coin(U256::ONE)][..], 1));
    assert!(matches!(super::call(EXECUTOR, AMM, &encoded(&wallet(2))), Err(Unread::Nonsense(_))));
}

#[test]
fn a_blockhash_is_no_deadline_in_seconds() {
    let call = several::IMulticall::multicall_2Call { previousBlockhash: B256::repeat_byte(7), data: vec![] };
    assert_eq!(effects(&encoded(&call)), []);
    let until = ManyUntil::multicallCall { deadline: U256::from(7), data: vec![] };
    assert_eq!(effects(&encoded(&until)), [Effect::Until(U256::from(7))]);
}
