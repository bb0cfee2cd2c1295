use proptest::prelude::*;
use serde_json::json;

use super::*;

const LOG: &str = r#"{"address":"0x00000000000000000000000000000000000000a1","topics":["0x00000000000000000000000000000000000000000000000000000000000000b2"],"data":"0xc0ffee","blockHash":"0x00000000000000000000000000000000000000000000000000000000000000d3","blockNumber":"0x1e","blockTimestamp":"0x65","transactionHash":"0x00","transactionIndex":"0x0","logIndex":"0x1f","removed":false}"#;

/// Both ways, which must agree; whether the scan alone would do.
fn both(json: &str) -> bool {
    let scanned = scan(json);
    let by_serde: Result<Vec<WireLog>, _> = serde_json::from_str(json);
    if let Some(scanned) = &scanned {
        assert_eq!(by_serde.as_ref().ok(), Some(scanned), "{json}");
    }
    let asked: Result<WireLogs, _> = serde_json::from_str(json);
    assert_eq!(asked.ok().map(|logs| logs.0), by_serde.ok(), "{json}");
    scanned.is_some()
}

#[test]
fn a_nodes_answer_is_scanned() {
    let list = format!("[{LOG},{LOG}]");
    assert!(both("[]") && both(&format!("[{LOG}]")) && both(&list));
    assert!(both(&format!(" [ {LOG} ] \n").replace(':', " :\t").replace(',', " ,\r\n")));
    let logs = logs_from_json(&list).unwrap();
    let [first, second] = &logs[..] else { panic!("{logs:?}") };
    assert_eq!(first, second);
    assert_eq!((first.block.0, first.index, first.data.as_ref()), (30, 31, &[0xc0, 0xff, 0xee][..]));
    assert_eq!(first.topics, [B256::with_last_byte(0xb2)]);
}

#[test]
fn what_is_unusual_is_left_to_serde() {
    for (from, to) in [
        ("\"0x1e\"", "30"),
        ("\"0x1e\"", "\"30\""),
        ("\"0x1e\"", "null"),
        ("\"0x1e\"", "\"0x\""),
        ("\"0x1e\"", "\"0x+e\""),
        ("\"0x1e\"", "\"0x00000000000000000000001e\""),
        ("\"0x1e\"", "\"0x1\\u0065\""),
        ("0xc0ffee", "0xc0ffe"),
        ("0xc0ffee", "c0ffee"),
        ("0xc0ffee", "0x0xc0"),
        ("0xc0ffee", "0XC0ffee"),
        ("\"topics\"", "\"\\u0074opics\""),
        ("false", "{\"by\":[1,2]}"),
        ("false", "7"),
        ("false", "falsch"),
        ("\"data\"", "\"address\""),
        ("\"removed\"", "\"data\""),
        ("a1\"", "\""),
        ("{", "[{"),
        ("}", "}}"),
        ("}", ""),
        ("false", "\"a\\\"b\""),
    ] {
        assert!(!both(&format!("[{}]", LOG.replacen(from, to, 1))), "{from} {to}");
    }
    assert!(!both(LOG) && !both("") && !both("null") && !both("[") && !both(&format!("[{LOG}] 7")));
    assert!(logs_from_json("{}").is_err());
    assert!(both(&format!("[{}]", LOG.replace("0xc0ffee", "0x"))), "no data is usual");
}

prop_compose! {
    fn any_log()(
        address: [u8; 20], topics in prop::collection::vec(any::<[u8; 32]>(), 0..=4),
        data in prop::collection::vec(any::<u8>(), 0..300), hash: [u8; 32], number: u64, index: u64, removed: bool,
    ) -> serde_json::Value {
        json!({
            "address": Address(address.into()), "topics": topics.into_iter().map(B256::from).collect::<Vec<_>>(),
            "data": Bytes::from(data), "blockHash": B256::from(hash), "blockNumber": U64::from(number),
            "logIndex": U64::from(index), "removed": removed, "transactionHash": B256::from(hash),
        })
    }
}

proptest! {
    #[test]
    fn any_logs_are_as_serde_has_them(logs in prop::collection::vec(any_log(), 0..5), pretty: bool) {
        let json = if pretty { serde_json::to_string_pretty(&logs) } else { serde_json::to_string(&logs) };
        prop_assert!(both(&json.unwrap()));
    }

    /// Nothing that is broken is taken for something.
    #[test]
    fn a_broken_answer_is_no_other_than_serdes(at in 0..LOG.len(), byte in prop::sample::select(b"\"\\{}[],:0x1f \n".to_vec())) {
        let mut bytes = format!("[{LOG}]").into_bytes();
        bytes[at] = byte;
        both(std::str::from_utf8(&bytes).unwrap());
    }
}
