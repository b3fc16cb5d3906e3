//! Laws of the tap reader, on random messages.

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::{BufReader, Cursor};
use treaty_app::import::Silent;
use treaty_intake::json_file;
use treaty_intake::tap::{Collector, TapState, file_name};

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<i16>().prop_map(|n| (f64::from(n) / 8.0).into()),
        "\\PC{0,12}".prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-z_.\"\\\\é]{1,4}", inner, 0..4).prop_map(|m| m.into_iter().collect()),
        ]
    })
}

fn object() -> impl Strategy<Value = serde_json::Map<String, serde_json::Value>> {
    prop::collection::btree_map("[a-c]|[a-z_]{2,5}", value(), 0..5).prop_map(|m| m.into_iter().collect())
}

fn record(stream: &str, data: &serde_json::Map<String, serde_json::Value>, airbyte: bool) -> String {
    if airbyte {
        serde_json::json!({"type": "RECORD", "record": {"stream": stream, "data": data, "emitted_at": 1.5}}).to_string()
    } else {
        serde_json::json!({"type": "RECORD", "stream": stream, "record": data}).to_string()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Every record is in the file of its stream, in order, with all its members as they came, as one line that the
    /// JSON reader takes.
    #[test]
    fn no_row_is_lost(rows in prop::collection::vec(("[ab]", object()), 0..20), airbyte: bool, pretty in 0..3usize) {
        let dir = tempfile::tempdir().unwrap();
        let blank = [" ", "", "\t"][pretty];
        let text: String = rows.iter().map(|(s, r)| format!("{blank}{}{blank}\r\n", record(s, r, airbyte))).collect();
        let harvest = Collector::new("t", dir.path(), TapState::None, &Silent).read(Cursor::new(text)).unwrap();
        let mut by_stream: BTreeMap<&str, Vec<&serde_json::Map<String, serde_json::Value>>> = BTreeMap::new();
        rows.iter().for_each(|(s, r)| by_stream.entry(s).or_default().push(r));
        prop_assert_eq!(harvest.streams.len(), by_stream.len());
        for (stream, expected) in by_stream {
            let path = dir.path().join(file_name(stream));
            let lines = std::fs::read_to_string(&path).unwrap();
            let found: Vec<serde_json::Map<String, serde_json::Value>> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
            prop_assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                for (key, value) in *expected {
                    prop_assert_eq!(found.get(key), Some(value));
                }
                for (key, value) in found.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                    let parts: Vec<&str> = key.split("__").collect();
                    prop_assert!(parts.len() > 1, "{} = {} comes from nowhere", key, value);
                }
            }
            let table = json_file::read_json(&path, "x", &Silent).unwrap();
            prop_assert_eq!(table.rows() + table.faults.len() as u64, expected.len() as u64);
            prop_assert_eq!(&table.faults, &Vec::new());
        }
    }

    /// Whatever bytes come, and however they are cut into reads: a result or a fault with a line, and the same one.
    #[test]
    fn any_bytes_are_read_or_refused(parts in prop::collection::vec(prop_oneof![
        any::<Vec<u8>>(),
        Just(b"{\"type\":\"RECORD\",\"stream\":\"a\",\"record\":{\"id\":1}}\n".to_vec()),
        Just(b"{\"type\":\"STATE\",\"value\":".to_vec()),
        Just(b"{\"type\":\"SCHEMA\",\"stream\":\"a\",\"key_properties\":[\"id\"]}\n".to_vec()),
        Just(b"\n".to_vec()), Just(b"{}}".to_vec()), Just(b"{\"type\":\"TRACE\",\"trace\":{}}\n".to_vec()),
    ], 0..12), size in 1..64usize) {
        let bytes = parts.concat();
        let read = |size: usize| {
            let dir = tempfile::tempdir().unwrap();
            let input = BufReader::with_capacity(size, Cursor::new(bytes.clone()));
            let done = Collector::new("t", dir.path(), TapState::None, &Silent).with_line_bytes(4096).read(input);
            done.map(|h| (h.state, h.notes, h.streams.into_iter().map(|(n, s)| (n, s.rows)).collect::<Vec<_>>()))
        };
        let (one, other) = (read(size), read(65_536));
        prop_assert_eq!(&one, &other);
        if let Err(fault) = one {
            prop_assert!(fault.line > 0 && !fault.reason.is_empty());
        }
    }
}
