//! What taps print, as they print it and as they should not: both protocols, noise, cut and huge lines, states, runs
//! laid over each other.

use crate::rows;
use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::Path;
use tempfile::TempDir;
use treaty_app::import::Silent;
use treaty_app::raw::Fault;
use treaty_intake::tap::message::Protocol;
use treaty_intake::tap::{Collector, Count, Harvest, Kept, TapState};
use treaty_intake::json_file;

const AT: &str = "2026-03-01T00:00:00Z";

fn read_from(before: TapState, text: impl AsRef<[u8]>, dir: &Path) -> Result<Harvest, Fault> {
    Collector::new("tap-x", dir, before, &Silent).read(Cursor::new(text.as_ref()))
}

fn read(text: impl AsRef<[u8]>) -> (TempDir, Result<Harvest, Fault>) {
    let dir = tempfile::tempdir().unwrap();
    let harvest = read_from(TapState::None, text, dir.path());
    (dir, harvest)
}

fn good(text: impl AsRef<[u8]>) -> (TempDir, Harvest) {
    let (dir, harvest) = read(text);
    (dir, harvest.unwrap())
}

fn refused(text: impl AsRef<[u8]>) -> String {
    read(text).1.unwrap_err().to_string()
}

fn file(dir: &Path, stream: &str) -> String {
    std::fs::read_to_string(dir.join(treaty_intake::tap::file_name(stream))).unwrap()
}

const SINGER: &str = r#"
{"type": "SCHEMA", "stream": "Lead", "schema": {"properties": {"Id": {"type": "string"}, "Old": {}, "At": {"format": "date-time"}}}, "key_properties": ["Id"], "bookmark_properties": ["At"]}
{"type": "ACTIVATE_VERSION", "stream": "Lead", "version": 1795290329549}
{"type": "RECORD", "stream": "Lead", "record": {"Id": "L1", "Old": 3, "At": "2026-01-05T10:00:00.000000Z"}, "version": 1795290329549, "time_extracted": "2026-02-01T00:00:00.000000Z"}
{"type": "STATE", "value": {"bookmarks": {"Lead": {"At": "2026-01-05"}}}}
{"type": "RECORD", "stream": "Lead", "record": {"Id": "L2", "Old": "x"}, "version": 1795290329549}
{"type": "STATE", "value": {"bookmarks": {"Lead": {"At": "2026-01-06"}}, "n": 12345678901234567890123}}
"#;

const AIRBYTE: &str = r#"
{"type":"LOG","log":{"level":"INFO","message":"Starting"}}
{"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1795290329549.647,"stream_status":{"status":"STARTED"}}}
{"type":"RECORD","record":{"stream":"users","data":{"id":1,"address":{"city":"Ulm"}},"emitted_at":1795290329549.647}}
{"type":"RECORD","record":{"stream":"users","data":{"id":2},"emitted_at":"2026-01-01T00:00:00Z","namespace":null}}
{"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"users","namespace":null},"stream_state":{"at":1.50}},"sourceStats":{"recordCount":2.0}}}
{"type":"CONTROL","control":{"type":"CONNECTOR_CONFIG","emitted_at":1.0,"connectorConfig":{"config":{"token":"new"}}}}
"#;

#[test]
fn singer_is_recognised_and_its_rows_and_newest_state_are_taken() {
    let (dir, harvest) = good(SINGER);
    assert_eq!(harvest.protocol, Some(Protocol::Singer));
    assert_eq!(harvest.streams["Lead"].rows, 2);
    assert_eq!(harvest.streams["Lead"].keys, ["Id"]);
    assert_eq!(harvest.streams["Lead"].columns, ["Id", "Old", "At"]);
    let state = r#"{"bookmarks": {"Lead": {"At": "2026-01-06"}}, "n": 12345678901234567890123}"#;
    assert_eq!(harvest.state, TapState::Singer(state.to_owned()), "letter for letter");
    assert_eq!(harvest.notes, Vec::<String>::new());
    let text = file(dir.path(), "Lead");
    assert_eq!(text, "{\"Id\":\"L1\",\"Old\":3,\"At\":\"2026-01-05T10:00:00.000000Z\"}\n{\"Id\":\"L2\",\"Old\":\"x\"}\n");
}

#[test]
fn airbyte_is_recognised_with_float_times_and_its_own_messages() {
    let (dir, harvest) = good(AIRBYTE);
    assert_eq!(harvest.protocol, Some(Protocol::Airbyte));
    assert_eq!(harvest.config.as_deref(), Some(r#"{"token":"new"}"#));
    assert_eq!(file(dir.path(), "users"), "{\"id\":1,\"address\":{\"city\":\"Ulm\"},\"address__city\":\"Ulm\"}\n{\"id\":2}\n");
    let state = harvest.state.file(&|_| true).unwrap();
    assert!(state.starts_with(r#"[{"type":"STREAM""#) && state.contains(r#""at":1.50"#), "{state}");
    assert_eq!(harvest.state.file(&|stream| stream != "users"), None, "a stream that is read whole begins at the beginning");
}

#[test]
fn every_shape_of_airbyte_state_is_handed_on() {
    let line = |state: &str| format!("{{\"type\":\"STATE\",\"state\":{state}}}\n");
    let of = |name: &str, n: u8| format!(r#"{{"type":"STREAM","stream":{{"stream_descriptor":{{"name":"{name}"}},"stream_state":{{"n":{n}}}}}}}"#);
    let (_d, harvest) = good([line(&of("a", 1)), line(&of("b", 1)), line(&of("a", 2))].concat());
    assert_eq!(harvest.state.file(&|_| true).unwrap(), format!("[{},{}]", of("a", 2), of("b", 1)));
    let global = r#"{"type":"GLOBAL","global":{"shared_state":{},"stream_states":[]}}"#;
    let (_d, harvest) = good(line(global));
    assert_eq!(harvest.state.file(&|_| true).unwrap(), format!("[{global}]"));
    for legacy in [r#"{"data":{"cursor":1.10}}"#, r#"{"type":"LEGACY","data":{"cursor":1.10}}"#] {
        let (_d, harvest) = good(line(legacy));
        assert_eq!(harvest.state.file(&|_| true).unwrap(), r#"{"cursor":1.10}"#);
    }
    // What a run does not speak of stays from the run before.
    let dir = tempfile::tempdir().unwrap();
    let (_d, first) = good([line(&of("a", 1)), line(&of("b", 1))].concat());
    let second = read_from(first.state, line(&of("b", 2)), dir.path()).unwrap();
    assert_eq!(second.state.file(&|_| true).unwrap(), format!("[{},{}]", of("a", 1), of("b", 2)));
    assert!(refused(line(r#"{"type":"ODD","x":1}"#)).contains("of the type ODD"));
    assert!(refused(line("{}")).contains("has no data"));
}

#[test]
fn noise_and_unknown_messages_are_counted_and_said() {
    let text = [
        "Loading the configuration ...\n",
        "\u{feff}\n\n",
        "{\"level\": \"info\", \"msg\": \"a log line that is JSON\"}\n",
        "{'a': 'python'}\n",
        "done. {\"type\": \"RECORD\", \"stream\": \"a\", \"record\": {\"id\": 1}}\n",
        "{\"type\": \"RECORD\", \"stream\": \"a\", \"record\": {\"id\": 2}}{\"type\": \"RECORD\", \"stream\": \"a\", \"record\": {\"id\": 3}}\n",
        "{\"type\": \"HEARTBEAT\", \"x\": [1]}\n{\"type\": \"HEARTBEAT\"}\n",
    ]
    .concat();
    let (dir, harvest) = good(text);
    assert_eq!(file(dir.path(), "a"), "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n");
    assert_eq!(
        harvest.notes,
        [
            "tap-x: 5 lines on standard output are no messages and were passed over; the first: Loading the configuration ...",
            "tap-x: 2 messages of the type HEARTBEAT, which Treaty does not know, were passed over",
        ]
    );
    let (_d, nothing) = good("hello\n");
    assert_eq!(nothing.protocol, None);
}

#[test]
fn a_row_that_would_be_lost_stops_the_run() {
    let row = "{\"type\": \"RECORD\", \"stream\": \"a\", \"record\": {\"id\": 1}}\n";
    let cases: &[(&str, &str)] = &[
        (r#"{"type": "RECORD", "stream": "a", "rec"#, "output of tap-x:2: the message is cut off; the row in it would be lost"),
        (r#"{"ty"#, "cut off"),
        (r#"{"type": "RECORD", "stream": "a", "record": {"id": 1{"type": "STATE", "value": {}}"#, "no valid JSON"),
        (r#"{"type": "RECORD", "stream": "a", "record": {"id": NaN}}"#, "no valid JSON"),
        (r#"{"type": "RECORD", "stream": "a"}"#, "a RECORD message has no record that is an object"),
        (r#"{"type": "RECORD", "stream": "a", "record": [1]}"#, "no record that is an object"),
        (r#"{"type": "RECORD", "record": {"data": {}}}"#, "has no stream"),
        (r#"{"type": "RECORD", "record": {"stream": "a"}}"#, "has no data"),
        (r#"{"type": "SCHEMA", "schema": {}}"#, "names no stream"),
        (r#"{"type": "STATE"}"#, "has no value and no state"),
        (r#"{"type": "BATCH", "stream": "a", "manifest": []}"#, "take batch_config out of the settings"),
        (r#"{"type": "RECORD", "record": {"stream": "a", "data": {}}}"#, "speaks Airbyte, but the lines before it speak Singer"),
        (r#"{"type": "SCHEMA", "stream": "a", "key_properties": ["other"]}"#, "changes its key_properties after its first row"),
        (r#"{"type": "RECORD", "stream": "A", "record": {}}"#, "two streams are named A, but for capitals"),
    ];
    for (line, reason) in cases {
        let said = refused(format!("{row}{line}"));
        assert!(said.contains(reason), "{line}\n{said}");
    }
    assert!(refused([row.as_bytes(), b"{\"type\": \"RECORD\", \"stream\": \"\xff\", \"record\": {}}"].concat()).contains("not UTF-8"));
    let (_d, fine) = good([row.as_bytes(), b"\xff\xfe noise\n"].concat());
    assert!(fine.notes[0].contains("1 lines on standard output"));
}

#[test]
fn what_is_no_text_is_refused_row_by_row() {
    // Half of a character, as a cut text leaves it behind; found by the fuzzer.
    let text = r#"{"type":"RECORD","stream":"a","record":{"id":1,"x":"\ud83d"}}
{"type":"RECORD","stream":"a","record":{"id":2,"x\ud83d":"y"}}
{"type":"RECORD","stream":"a","record":{"id":3,"x":"\ud83d\ude00","p":{"q\ud83d":1,"r":2}}}
"#;
    let (dir, harvest) = good(text);
    assert_eq!(harvest.streams["a"].rows, 3);
    let table = json_file::read_json(&dir.path().join("a.jsonl"), "a", &Silent).unwrap();
    assert_eq!(table.faults.iter().map(|f| f.line).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(rows(&table), [format!("3: 3 | {} | {} | 2", '\u{1f600}', r#"{"q\ud83d":1,"r":2}"#)]);
}

#[test]
fn a_huge_line_is_refused_before_it_fills_the_memory() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("{{\"type\": \"RECORD\", \"stream\": \"a\", \"record\": {{\"x\": \"{}\"}}}}\n", "y".repeat(5_000));
    let with = |most: usize| Collector::new("tap-x", dir.path(), TapState::None, &Silent).with_line_bytes(most).read(Cursor::new(&text));
    let said = with(1_000).unwrap_err().to_string();
    assert_eq!(said, "output of tap-x:1: the line is longer than 1000 bytes; leave out the field that holds so much");
    assert_eq!(with(text.len()).unwrap().streams["a"].rows, 1);
}

#[test]
fn a_source_that_says_it_failed_has_failed() {
    let trace = r#"{"type":"TRACE","trace":{"type":"ERROR","emitted_at":1.5,"error":{"message":"Something went wrong","internal_message":"401","failure_type":"config_error"}}}"#;
    let (_d, harvest) = good(trace);
    assert_eq!(harvest.failures, ["Something went wrong (401)"]);
    let (_d, harvest) = good(r#"{"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"no token"}}"#);
    assert_eq!(harvest.failures, ["no token"]);
    let (_d, harvest) = good(r#"{"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}}"#);
    assert_eq!((harvest.failures.len(), harvest.notes.len()), (0, 0));
    let mut log = Vec::new();
    let dir = tempfile::tempdir().unwrap();
    let text = format!("{{\"type\":\"LOG\",\"log\":{{\"level\":\"WARN\",\"message\":\"slow\"}}}}\n{trace}\n");
    Collector::new("x", dir.path(), TapState::None, &Silent).with_log(&mut log).read(Cursor::new(text)).unwrap();
    assert_eq!(String::from_utf8(log).unwrap(), "WARN slow\nERROR Something went wrong (401)\n");
}

#[test]
fn streams_have_files_whatever_their_names_are() {
    let names = ["../up", "a/b", ".hidden", "_x", "naïve 名", "a:b", "public-people", ""];
    let text: String = names.iter().map(|n| format!("{{\"type\":\"RECORD\",\"stream\":\"{n}\",\"record\":{{\"id\":1}}}}\n")).collect();
    let (dir, harvest) = good(&text);
    assert_eq!(harvest.streams.len(), names.len());
    let mut files: Vec<String> =
        std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    files.sort();
    let mut expected =
        ["%2E.%2Fup.jsonl", "a%2Fb.jsonl", "%2Ehidden.jsonl", "%5Fx.jsonl", "naïve 名.jsonl", "a%3Ab.jsonl", "public-people.jsonl", ".jsonl"];
    expected.sort_unstable();
    assert_eq!(files, expected);
    // Many more streams than files may be open.
    let many: String = (0..200).map(|i| format!("{{\"type\":\"RECORD\",\"stream\":\"s{}\",\"record\":{{\"i\":{i}}}}}\n", i % 100)).collect();
    let (dir, _) = good(&many);
    assert_eq!(file(dir.path(), "s7"), "{\"i\":7}\n{\"i\":107}\n");
}

/// One run after another, as an import does it.
struct Runs {
    home: TempDir,
}

impl Runs {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn kept(&self) -> Kept {
        Kept::open(self.home.path(), "tap-x").unwrap()
    }

    fn run(&self, text: &str, whole: &[&str]) -> Vec<Count> {
        let kept = self.kept();
        let harvest = read_from(kept.state.clone(), text, &kept.run_dir().unwrap()).unwrap();
        let whole: BTreeSet<String> = whole.iter().map(|s| (*s).to_owned()).collect();
        let merged = kept.merge(&harvest, &whole, AT).unwrap();
        let counts = merged.counts.clone();
        kept.commit(merged, "mark").unwrap();
        counts
    }

    fn rows(&self, stream: &str) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.home.path().join("tap-x")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.push(path);
            }
        }
        assert_eq!(found.len(), 1, "only the rows in force are kept: {found:?}");
        let path = found[0].join(treaty_intake::tap::file_name(stream));
        rows(&json_file::read_json(&path, "x", &Silent).unwrap())
    }
}

fn schema(stream: &str, key: &str) -> String {
    format!("{{\"type\":\"SCHEMA\",\"stream\":\"{stream}\",\"key_properties\":[{key}],\"schema\":{{\"properties\":{{\"id\":{{}},\"late\":{{}}}}}}}}\n")
}

fn record(stream: &str, record: &str, version: Option<i64>) -> String {
    let version = version.map_or(String::new(), |v| format!(",\"version\":{v}"));
    format!("{{\"type\":\"RECORD\",\"stream\":\"{stream}\",\"record\":{record}{version}}}\n")
}

#[test]
fn the_newest_row_of_a_key_stays_over_all_runs() {
    let runs = Runs::new();
    let a = |record_: &str| record("a", record_, None);
    let first = [schema("a", "\"id\""), a(r#"{"id":1,"x":"one"}"#), a(r#"{"id":2,"x":"two"}"#), a(r#"{"id":1,"x":"uno"}"#), record("b", r#"{"k":1}"#, None)];
    let counts = runs.run(&first.concat(), &[]);
    assert_eq!(counts[0], Count { stream: "a".to_owned(), read: 3, repeated: 1, ..Count::default() });
    assert_eq!(runs.rows("a"), ["1: 2 | two | -", "2: 1 | uno | -"], "the schema's columns are there, filled or not");
    let counts = runs.run(&[schema("a", "\"id\""), a(r#"{"id":2,"x":"zwei"}"#), a(r#"{"id":3,"x":"drei"}"#)].concat(), &[]);
    assert_eq!(counts, [Count { stream: "a".to_owned(), read: 2, kept: 1, replaced: 1, ..Count::default() }]);
    assert_eq!(runs.rows("a"), ["1: 1 | uno | -", "2: 2 | zwei | -", "3: 3 | drei | -"]);
    assert_eq!(runs.rows("b"), ["1: 1"], "a stream that did not come stays");
    // Without keys a row is what it says: the same again changes nothing.
    assert_eq!(runs.run(&record("b", r#"{"k":1}"#, None), &[])[0].replaced, 1);
    assert_eq!(runs.run(&record("b", r#"{"k":2}"#, None), &[])[0].kept, 1);
    assert_eq!(runs.rows("b"), ["1: 1", "2: 2"]);
}

#[test]
fn what_a_newer_version_of_a_table_lacks_is_marked_as_deleted() {
    let runs = Runs::new();
    let a = |id: u8, version: i64| record("a", &format!("{{\"id\":{id}}}"), Some(version));
    let on = |version: &str| format!("{{\"type\":\"ACTIVATE_VERSION\",\"stream\":\"a\",\"version\":{version}}}\n");
    let key = schema("a", "\"id\"");
    runs.run(&[&key, &on("1"), &a(1, 1), &a(2, 1), &on("1")].map(String::as_str).concat(), &[]);
    runs.run(&[&key, &on("1"), &a(3, 1), &on("1")].map(String::as_str).concat(), &[]);
    assert_eq!(runs.rows("a"), ["1: 1 | -", "2: 2 | -", "3: 3 | -"], "the same version goes on");
    // A newer version, once as a float; a row of the old version may come before it.
    let counts = runs.run(&[&key, &a(9, 1), &a(1, 2), &on("2.0")].map(String::as_str).concat(), &[]);
    assert_eq!(counts[0], Count { stream: "a".to_owned(), read: 2, kept: 2, replaced: 1, deleted: 3, ..Count::default() });
    let dead = |place: u8, id: u8| format!("{place}: {id} | {AT} | -");
    assert_eq!(runs.rows("a"), [dead(1, 2), dead(2, 3), dead(3, 9), "4: 1 | - | -".to_owned()]);
    // A row that comes back lives again.
    let counts = runs.run(&[&key, &a(2, 2), &on("2")].map(String::as_str).concat(), &[]);
    assert_eq!((counts[0].deleted, counts[0].replaced), (0, 1));
    assert_eq!(runs.rows("a").last().unwrap(), "4: 2 | - | -");
}

#[test]
fn a_stream_that_is_read_whole_marks_what_it_no_longer_has() {
    let runs = Runs::new();
    let a = |id: u8| format!("{{\"type\":\"RECORD\",\"record\":{{\"stream\":\"a\",\"data\":{{\"id\":{id}}},\"emitted_at\":1}}}}\n");
    runs.run(&[a(1), a(2)].concat(), &["a"]);
    assert_eq!(runs.run(&a(2), &["a"])[0].deleted, 1);
    assert_eq!(runs.rows("a"), [format!("1: 1 | {AT}"), "2: 2 | -".to_owned()]);
    assert_eq!(runs.run(&a(2), &["a"])[0].deleted, 0, "a row is deleted once");
}

#[test]
fn a_run_that_is_not_committed_leaves_rows_and_state_as_they_were() {
    let runs = Runs::new();
    let state = |n: u8| format!("{{\"type\":\"STATE\",\"value\":{{\"n\":{n}}}}}\n");
    runs.run(&[record("a", r#"{"id":1}"#, None), state(1)].concat(), &[]);
    let kept = runs.kept();
    let text = [record("a", r#"{"id":2}"#, None), state(2)].concat();
    let harvest = read_from(kept.state.clone(), text, &kept.run_dir().unwrap()).unwrap();
    let merged = kept.merge(&harvest, &BTreeSet::new(), AT).unwrap();
    assert!(merged.dir.is_dir());
    assert_eq!(Kept::open(runs.home.path(), "tap-x").unwrap_err(), "another import of tap-x is running; wait for it to end");
    // As if killed here.
    drop((kept, merged));
    assert_eq!(runs.kept().state, TapState::Singer(r#"{"n":1}"#.to_owned()));
    assert_eq!(runs.rows("a"), ["1: 1"], "what was left behind is swept away");
    std::fs::write(runs.home.path().join("tap-x/state.json"), "{\"format\":1,").unwrap();
    let said = Kept::open(runs.home.path(), "tap-x").unwrap_err();
    assert!(said.contains("is damaged; remove the folder"), "{said}");
}
