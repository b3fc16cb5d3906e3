//! JSON lines, lists and loose objects.

use crate::{faults, headers, json_reading, rows};
use treaty_intake::CHUNK_ROWS;

#[test]
fn lines_lists_and_loose_objects_are_the_same_table() {
    let lines = "{\"id\":1,\"name\":\"Ann\"}\r\n\r\n{\"name\":\"Bøb\",\"id\":2,\"x\":null}\n{}";
    let list = "[\n {\"id\": 1, \"name\": \"Ann\"},\n\n {\"name\": \"B\\u00f8b\", \"id\": 2, \"x\": null},\n {} ]\n";
    let loose = "{\n\"id\":1,\"name\":\"Ann\"}\n{\"name\":\"Bøb\",\"id\":2,\"x\":\"\"} {\n}";
    for (text, expected_lines) in [(lines, [1, 3, 4]), (list, [2, 4, 5]), (loose, [1, 3, 3])] {
        let table = json_reading(text).unwrap().table;
        assert_eq!(headers(&table), ["id", "name", "x"]);
        let expected = ["1 | Ann | -", "2 | Bøb | -", "- | - | -"];
        let expected: Vec<String> = expected_lines.iter().zip(expected).map(|(l, r)| format!("{l}: {r}")).collect();
        assert_eq!(rows(&table), expected);
        assert_eq!(faults(&table), [""; 0]);
    }
}

#[test]
fn numbers_keep_their_letters_and_nested_values_become_text() {
    let text = "{\"id\":12345678901234567890123,\"amount\":1.10,\"e\":1E5,\"ok\":true,\"tags\":[ \"a b\", {\"c\" : 1.50} ],\
                \"o\":{ \"k\": \"} ]\\\" \" }, \"s\":\"tab\\tquote\\\"\"}\n";
    let table = json_reading(text).unwrap().table;
    assert_eq!(
        rows(&table),
        ["1: 12345678901234567890123 | 1.10 | 1E5 | true | [\"a b\",{\"c\":1.50}] | {\"k\":\"} ]\\\" \"} | tab\tquote\""]
    );
}

#[test]
fn faulty_lines_are_told_and_the_others_are_read() {
    let text = "{\"id\":1}\n{\"id\":2\n[3]\n\"x\"\n{\"id\":4,\"id\":5}\n{\"id\":6,\"s\":\"\\ud800\"}\n{\"id\":7,\"s\":\"y\"}\n";
    let table = json_reading(text).unwrap().table;
    assert_eq!(rows(&table), ["1: 1 | -", "7: 7 | y"]);
    assert_eq!(
        faults(&table),
        [
            "people.json:2: is not valid JSON: EOF while parsing an object (at character 7 of the line)",
            "people.json:3: is a list, but each row must be an object such as {\"id\": 1}",
            "people.json:4: is a text, but each row must be an object such as {\"id\": 1}",
            "people.json:5: names id twice",
            "people.json:6: holds a \\u escape that is no character; mend it at the source",
        ]
    );
}

#[test]
fn a_broken_list_is_refused_as_a_whole_with_its_line() {
    let cut = json_reading("[\n{\"id\":1},\n{\"id\":2}\n").unwrap_err();
    assert_eq!((cut.line, cut.reason.contains("cut short")), (4, true), "{cut}");
    let wrong = json_reading("[\n{\"id\":1},\n{\"id\" 2}\n]").unwrap_err();
    assert_eq!(wrong.line, 3, "{wrong}");
    assert!(wrong.reason.starts_with("is not valid JSON: expected `:`"), "{wrong}");
    assert!(json_reading("[{\"id\":1}] x").unwrap_err().reason.contains("after the closing ]"));
    assert!(json_reading("[{\"id\":1}").unwrap_err().reason.contains("cut short"));
    assert!(json_reading("[{\"id\":1},").unwrap_err().reason.contains("cut short"));
    assert!(json_reading("").unwrap_err().reason.starts_with("is empty"));
}

#[test]
fn an_empty_list_has_no_rows_and_no_columns() {
    let table = json_reading("[]").unwrap().table;
    assert_eq!((table.rows(), table.chunks.len(), table.chunks[0].columns.len()), (0, 1, 0));
}

#[test]
fn keys_that_come_late_are_columns_of_all_chunks() {
    let mut text = String::new();
    for i in 0..CHUNK_ROWS + 5 {
        text.push_str(&format!("{{\"id\":{i}}}\n"));
    }
    text.push_str("{\"late\":\"x\",\"id\":\"last\"}\n");
    let table = json_reading(&text).unwrap().table;
    assert_eq!(table.chunks.iter().map(|c| (c.lines.len(), c.columns.len())).collect::<Vec<_>>(), [(CHUNK_ROWS, 2), (6, 2)]);
    for chunk in &table.chunks {
        assert!(chunk.columns.iter().all(|c| c.len() == chunk.lines.len()));
    }
    assert_eq!(rows(&table)[CHUNK_ROWS + 5], format!("{}: last | x", CHUNK_ROWS + 6));
}

#[test]
fn other_encodings_are_decoded_here_too() {
    let utf_16: Vec<u8> = "\u{feff}[{\"name\":\"Åsa\"}]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(rows(&json_reading(utf_16).unwrap().table), ["1: Åsa"]);
    let reading = json_reading(b"{\"name\":\"Caf\xe9\"}\n").unwrap();
    assert_eq!((rows(&reading.table), reading.notes.len()), (vec!["1: Café".to_owned()], 1));
}
