//! Encodings, and what the user is told about them.

use crate::{csv_reading, headers, rows};

#[test]
fn windows_1252_is_read_with_a_note() {
    let reading = csv_reading(b"id,name\n1,Ann\n2,Caf\xe9 \x80\n3,Ren\xe9e\n").unwrap();
    assert_eq!(rows(&reading.table), ["2: 1 | Ann", "3: 2 | Café €", "4: 3 | Renée"]);
    assert_eq!(
        reading.notes,
        ["people.csv is not in UTF-8 (first in line 3) and was read as Windows-1252; if letters look wrong, save it as CSV UTF-8"]
    );
}

#[test]
fn utf_8_stays_utf_8_wherever_blocks_end() {
    let mut text = String::from("id,name\n");
    for i in 0..60_000 {
        text.push_str(&format!("{i},žluťoučký 😀 {i}\n"));
    }
    let reading = csv_reading(&text).unwrap();
    assert_eq!(reading.notes, [""; 0]);
    assert_eq!(rows(&reading.table)[59_999], "60001: 59999 | žluťoučký 😀 59999");

    let mut cut = text.into_bytes();
    cut.extend_from_slice("60000,ž".as_bytes());
    cut.pop();
    assert!(csv_reading(cut).unwrap().notes[0].contains("first in line 60002"));
}

#[test]
fn utf_16_with_its_mark_is_decoded() {
    let text = "\u{feff}id\tname\r\n1\tÅsa 😀\r\n2\t\"x\ty\"\r\n";
    for bytes in [
        text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(),
        text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>(),
    ] {
        let reading = csv_reading(bytes).unwrap();
        assert_eq!(headers(&reading.table), ["id", "name"]);
        assert_eq!(rows(&reading.table), ["2: 1 | Åsa 😀", "3: 2 | x\ty"]);
        assert_eq!(reading.notes, ["people.csv is in UTF-16 and was decoded"]);
    }
}
