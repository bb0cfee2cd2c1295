//! Function signatures as policies write them, and those that no policy can allow.

use alloy_primitives::keccak256;

use crate::decode::reader;

/// Functions, whatever their parameters, that hand out allowances or tokens. The executor approves exactly and by itself.
const NEVER_NAMED: [&str; 20] = [
    "approve",
    "approveAndCall",
    "approveDelegation",
    "forceApprove",
    "increaseAllowance",
    "increaseApproval",
    "multicall",
    "permit",
    "permitTransferFrom",
    "permitWitnessTransferFrom",
    "safeApprove",
    "safeBatchTransferFrom",
    "safeIncreaseAllowance",
    "safeTransfer",
    "safeTransferFrom",
    "setApprovalForAll",
    "transfer",
    "transferAndCall",
    "transferFrom",
    "transferWithAuthorization",
];

/// Functions that do the same under an innocent name, or that carry other calls inside, where no policy sees them. Compared by
/// selector, as are the best known of the names above: another name can be found for any selector.
const NEVER_SELECTED: [&str; 32] = [
    "approve(address,uint256)",
    "approve(address,address,uint160,uint48)",
    "increaseAllowance(address,uint256)",
    "increaseApproval(address,uint256)",
    "transfer(address,uint256)",
    "transferFrom(address,address,uint256)",
    "transferFrom(address,address,uint160,address)",
    "safeTransferFrom(address,address,uint256)",
    "safeTransferFrom(address,address,uint256,bytes)",
    "safeTransferFrom(address,address,uint256,uint256,bytes)",
    "setApprovalForAll(address,bool)",
    "approveDelegation(address,uint256)",
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
    "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)",
    "transferAndCall(address,uint256,bytes)",
    "delegationWithSig(address,address,uint256,uint256,uint8,bytes32,bytes32)",
    "send(address,uint256,bytes)",
    "operatorSend(address,address,uint256,bytes,bytes)",
    "authorizeOperator(address)",
    "setAuthorization(address,bool)",
    "allow(address,bool)",
    "transferAsset(address,address,uint256)",
    "transferAssetFrom(address,address,address,uint256)",
    "multicall(bytes[])",
    "multicall(uint256,bytes[])",
    "multicall(bytes32,bytes[])",
    "aggregate((address,bytes)[])",
    "tryAggregate(bool,(address,bytes)[])",
    "aggregate3((address,bool,bytes)[])",
    "aggregate3Value((address,bool,uint256,bytes)[])",
    "execute(bytes,bytes[])",
    "execute(bytes,bytes[],uint256)",
];

/// The longest signature that is read: what is nested deeper than this is no function.
const LONGEST: usize = 512;

/// The selector of `signature`, or `None` when it is not canonical: a name, and in parentheses types without spaces, names, or
/// aliases such as `uint`, whose selector would match nothing.
fn selector(signature: &str) -> Option<[u8; 4]> {
    let (name, rest) = signature.split_once('(')?;
    let whole = signature.len() <= LONGEST && is_name(name) && types(rest)?.is_empty();
    whole.then(|| hash(signature))
}

/// Why a function cannot be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Not a canonical signature.
    NoSignature,
    /// No policy can allow it.
    Never,
    /// Its arguments cannot be judged.
    Unknown,
    /// Its arguments can be judged, so nobody has to look away.
    Known,
}

impl Unfit {
    /// What is wrong with `function`, and what to write instead.
    pub(super) fn problem(self, function: &str) -> String {
        match self {
            Self::NoSignature => {
                format!("has `{function}`, which is no signature; write one like \"work(bytes32,uint256)\"")
            }
            Self::Never => format!(
                "allows `{function}`, which no policy can: it hands out tokens or control, or hides other calls inside; \
                 the executor approves exactly and by itself"
            ),
            Self::Unknown => format!(
                "has `{function}`, whose arguments the door cannot judge; list it under `opaque` if whatever it does \
                 with any argument is bearable within the limits"
            ),
            Self::Known => format!(
                "has `{function}`, whose arguments the door can judge; list it under `functions`, where it does"
            ),
        }
    }
}

/// The selector of `function`, if a policy may list it: judged by its arguments, or `opaque`, with nobody looking at them.
pub(super) fn allowable(function: &str, opaque: bool) -> Result<[u8; 4], Unfit> {
    let selector = selector(function).ok_or(Unfit::NoSignature)?;
    match reader(selector) {
        Some(reader) if reader.signature != function || !reader.allowable => Err(Unfit::Never),
        Some(_) if opaque => Err(Unfit::Known),
        Some(_) => Ok(selector),
        None if is_never(function, selector) => Err(Unfit::Never),
        None if opaque => Ok(selector),
        None => Err(Unfit::Unknown),
    }
}

/// Whether no policy can allow `function`, whose selector is `selector`.
fn is_never(function: &str, selector: [u8; 4]) -> bool {
    let name = function.split('(').next().unwrap_or_default();
    NEVER_NAMED.contains(&name) || NEVER_SELECTED.iter().any(|never| hash(never) == selector)
}

fn hash(signature: &str) -> [u8; 4] {
    let [a, b, c, d, ..] = keccak256(signature).0;
    [a, b, c, d]
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_$".contains(&byte);
    name.bytes().all(plain) && !name.bytes().next().is_none_or(|first| first.is_ascii_digit())
}

/// Reads types up to the parenthesis that closes them; what follows it.
fn types(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix(')') {
        return Some(rest);
    }
    let mut rest = one_type(text)?;
    while let Some(next) = rest.strip_prefix(',') {
        rest = one_type(next)?;
    }
    rest.strip_prefix(')')
}

fn one_type(text: &str) -> Option<&str> {
    let mut rest = match text.strip_prefix('(') {
        Some(tuple) => types(tuple)?,
        None => elementary(text)?,
    };
    while let Some(array) = rest.strip_prefix('[') {
        let (length, next) = array.split_once(']')?;
        rest = (length.is_empty() || number(length).is_some()).then_some(next)?;
    }
    Some(rest)
}

fn elementary(text: &str) -> Option<&str> {
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    let bits = |prefix| word.strip_prefix(prefix).and_then(number).is_some_and(is_width);
    let bytes = word.strip_prefix("bytes").and_then(number).is_some_and(|length| (1..=32).contains(&length));
    let plain = ["address", "bool", "bytes", "string", "function"].contains(&word);
    (plain || bytes || bits("uint") || bits("int")).then_some(rest)
}

fn is_width(bits: u16) -> bool {
    (8..=256).contains(&bits) && bits.is_multiple_of(8)
}

/// Digits without a leading zero.
fn number(digits: &str) -> Option<u16> {
    let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_signatures_have_a_selector() {
        assert_eq!(selector("transfer(address,uint256)"), Some([0xa9, 0x05, 0x9c, 0xbb]));
        for good in
            ["f()", "_f$1(int8)", "f((address,(bytes32,bool[])[2])[],string,bytes)", "f(uint256[][3])"]
        {
            assert!(selector(good).is_some(), "{good}");
        }
    }

    #[test]
    fn anything_else_is_no_signature() {
        let deep = format!("f{}{}", "(".repeat(300), ")".repeat(300));
        for bad in [
            "",
            "f",
            "(",
            "()",
            "f(",
            "f)",
            "f()()",
            "f(uint256)(",
            "f(a)b(c)",
            "f((uint256)",
            "f(uint256))",
            "1f()",
            "f(uint)",
            "f(int)",
            "f(byte)",
            "f(uint256 amount)",
            "f(uint256, bool)",
            "f(,)",
            "f(bool,)",
            "f(uint7)",
            "f(uint264)",
            "f(uint08)",
            "f(bytes33)",
            "f(bytes0)",
            "f(bool[)",
            "f(bool[01])",
            "f(bool[-1])",
            "f-g()",
            "é()",
            "f(address payable)",
            "f(Struct)",
            deep.as_str(),
        ] {
            assert_eq!(selector(bad), None, "{bad}");
        }
    }

    fn check_never(function: &str) {
        assert!(is_never(function, selector(function).unwrap()), "{function}");
    }

    #[test]
    fn nothing_that_hands_out_tokens_can_be_allowed_by_any_name() {
        NEVER_SELECTED.into_iter().for_each(check_never);
        check_never("approve(address,bytes)");
        check_never("multicall(address,bytes[])");
        // Other names that were found for the selectors of `transfer`, `transferFrom` and `approve`.
        check_never("many_msg_babbage(bytes1)");
        check_never("gasprice_bit_ether(int128)");
        check_never("sign_szabo_bytecode(bytes16,uint128)");
        assert!(!is_never("deposit()", selector("deposit()").unwrap()));
    }

    #[test]
    fn the_tables_name_real_signatures() {
        assert!(NEVER_SELECTED.into_iter().all(|signature| selector(signature).is_some()));
    }
}
