//! CSV as people have it.

use crate::{csv_reading, faults, file, headers, rows};
use std::ops::ControlFlow;
use std::sync::Mutex;
use treaty_app::import::Progress;
use treaty_intake::{CHUNK_ROWS, csv_file};

#[test]
fn byte_order_mark_carriage_returns_and_no_final_newline() {
    let reading = csv_reading("\u{feff}id,name\r\n1,Ann\r\n2,Bob").unwrap();
    assert_eq!(headers(&reading.table), ["id", "name"]);
    assert_eq!(rows(&reading.table), ["2: 1 | Ann", "3: 2 | Bob"]);
    assert_eq!((reading.table.name.as_str(), reading.table.file.as_str()), ("people", "people.csv"));
    assert!(reading.table.faults.is_empty() && reading.notes.is_empty());
}

#[test]
fn any_usual_delimiter() {
    for delimiter in [",", ";", "\t", "|"] {
        let text = "id,name,amount\n1,Ann,5\n2,\"x; y, z|\tw\",6\n".replace(',', delimiter);
        let table = csv_reading(&text).unwrap().table;
        assert_eq!(headers(&table), ["id", "name", "amount"], "{delimiter:?}");
        assert_eq!(table.rows(), 2);
        assert_eq!(faults(&table), [""; 0]);
    }
    let table = csv_reading("sep=;\r\nname;note\r\na;1,5\r\n").unwrap().table;
    assert_eq!(headers(&table), ["name", "note"]);
    assert_eq!(rows(&table), ["3: a | 1,5"]);
}

#[test]
fn a_file_of_one_column_is_no_other_file_with_delimiters_in_it() {
    assert_eq!(rows(&csv_reading("name\nSmith, John\nRoe; Jane\n").unwrap().table), ["2: Smith, John", "3: Roe; Jane"]);
}

#[test]
fn quotes_are_doubled_or_escaped_by_a_backslash() {
    let doubled = csv_reading("id,say\n1,\"say \"\"hi\"\", twice\"\n2,plain \"quotes\" inside\n").unwrap();
    assert_eq!(rows(&doubled.table), ["2: 1 | say \"hi\", twice", "3: 2 | plain \"quotes\" inside"]);
    assert_eq!(doubled.notes, [""; 0]);

    let escaped = csv_reading("id,say\n1,\"say \\\"hi, you\\\"\"\n2,\"C:\\new\\\\\"\n3,\"a\nb\"\n4,x\n").unwrap();
    assert_eq!(rows(&escaped.table), ["2: 1 | say \"hi, you\"", "3: 2 | C:\\new\\", "4: 3 | a\nb", "6: 4 | x"]);
    assert_eq!(escaped.notes, ["people.csv: quotes inside quotes are escaped by a backslash"]);

    let paths = csv_reading("id,path\n1,\"C:\\dir\\\"\n2,\"D:\\\"\n").unwrap();
    assert_eq!(rows(&paths.table), ["2: 1 | C:\\dir\\", "3: 2 | D:\\"]);
}

#[test]
fn a_backslash_dialect_that_begins_late_in_the_file_is_seen() {
    let mut text = String::from("id,say\n");
    for i in 0..40_000 {
        text.push_str(&format!("{i},\"plain text\"\n"));
    }
    text.push_str("x,\"say \\\"hi, you\\\"\"\n");
    let table = csv_reading(&text).unwrap().table;
    assert_eq!((table.rows(), faults(&table).len()), (40_001, 0));
    assert_eq!(rows(&table)[40_000], "40002: x | say \"hi, you\"");
}

#[test]
fn ragged_rows_are_faults_with_their_line_and_the_others_are_read() {
    for newline in ["\n", "\r\n"] {
        let text = "id,name,note\n1,Ann,x\n2,Bob\n\n\n3,\"C\nD\",y\n4,Dan,z,w\n5,Eve,\"v\nw\nx\"\n6\n7,Gil,u\n";
        let table = csv_reading(text.replace('\n', newline)).unwrap().table;
        let cells: Vec<String> = rows(&table).iter().map(|r| r.replace("\r\n", "\n")).collect();
        assert_eq!(cells, ["2: 1 | Ann | x", "6: 3 | C\nD | y", "9: 5 | Eve | v\nw\nx", "13: 7 | Gil | u"]);
        assert_eq!(
            faults(&table),
            [
                "people.csv:3: has 2 cells, but the header has 3",
                "people.csv:8: has 4 cells, but the header has 3; a cell that holds a comma must be quoted",
                "people.csv:12: has 1 cell, but the header has 3",
            ]
        );
    }
}

#[test]
fn a_row_that_swallows_others_says_so() {
    let table = csv_reading("id,name\n1,\"Ann\n2,Bob\n3,\"Cy\n4,Dan\n").unwrap().table;
    assert_eq!(rows(&table), ["5: 4 | Dan"]);
    let expected = "people.csv:2: a quote that is opened in this row is closed within a cell of line 4, \
                    so the lines between were taken for one cell; close the quote";
    assert_eq!(faults(&table), [expected]);
    let table = csv_reading("id,name\n1,\"Ann\n2,Bob\n3\",x\n4,Dan\n").unwrap().table;
    assert_eq!(rows(&table), ["5: 4 | Dan"]);
    assert!(faults(&table)[0].contains("the row reaches to line 4, so a quote may not be closed"), "{}", faults(&table)[0]);
}

#[test]
fn a_quote_that_is_never_closed_refuses_what_it_swallowed() {
    let fault = csv_reading("id,name\n1,Ann\n2,\"Bob\n3,Cy\n4,Dan\n").unwrap_err();
    assert_eq!(
        fault.to_string(),
        "people.csv:3: a quote that is opened in this row is never closed, so 2 more lines were taken for one cell; close the quote"
    );
    for cut in ["id,name\n1,Ann\n2,\"Bob", "id,name\n1,Ann\n\"2"] {
        let table = csv_reading(cut).unwrap().table;
        assert_eq!(rows(&table), ["2: 1 | Ann"]);
        let expected = "people.csv:3: a quote that is opened in this row is never closed; the file may have been cut short";
        assert_eq!(faults(&table), [expected]);
    }
    assert_eq!(csv_reading("id,\"name\n1,Ann\n").unwrap_err().line, 1);
    assert_eq!(rows(&csv_reading("id,name\n1,\"Ann\"").unwrap().table), ["2: 1 | Ann"]);
}

#[test]
fn a_trailing_blank_column_is_no_column() {
    let table = csv_reading("id,name,\n1,Ann,\n2,Bob\n3,Cy,,\n4,Dan,x\n").unwrap().table;
    assert_eq!(headers(&table), ["id", "name"]);
    assert_eq!(rows(&table), ["2: 1 | Ann", "3: 2 | Bob", "4: 3 | Cy"]);
    assert_eq!(faults(&table).len(), 1);
    let table = csv_reading("id,name\n1,Ann,\n2,Bob,\n").unwrap().table;
    assert_eq!(rows(&table), ["2: 1 | Ann", "3: 2 | Bob"]);
}

#[test]
fn headers_are_trimmed_and_made_to_differ() {
    let table = csv_reading(" id , from,Order By \n1,2,3\n").unwrap().table;
    assert_eq!(headers(&table), ["id", "from", "Order By"]);
    let reading = csv_reading("id,name, id,id_2,id\n1,2,3,4,5\n").unwrap();
    assert_eq!(headers(&reading.table), ["id", "name", "id_3", "id_2", "id_4"]);
    assert_eq!(reading.notes[0], "people.csv: columns 1 and 3 are both called id; the second is called id_3");
    let reading = csv_reading("Email,id,email\n1,2,3\n").unwrap();
    assert_eq!(headers(&reading.table), ["Email", "id", "email_2"]);
    assert_eq!(reading.notes, ["people.csv: columns 1 and 3 differ only by case: email; the second is called email_2"]);
    let reading = csv_reading(",id,,name\n0,1,x,Ann\n").unwrap();
    assert_eq!(headers(&reading.table), ["column_1", "id", "column_3", "name"]);
    assert_eq!(reading.notes.len(), 2);
    assert!(csv_reading(",,\n1,2,3\n").unwrap_err().reason.contains("no column names"));
}

#[test]
fn a_wide_file_keeps_all_its_columns() {
    let header: Vec<String> = (0..382).map(|i| format!("property_{i}")).collect();
    let row: Vec<String> = (0..382).map(|i| if i % 3 == 0 { String::new() } else { i.to_string() }).collect();
    let table = csv_reading(format!("{}\n{}\n", header.join(","), row.join(","))).unwrap().table;
    assert_eq!(table.chunks[0].columns.len(), 382);
    assert_eq!(table.chunks[0].columns[381].get(0), None);
    assert_eq!(table.chunks[0].columns[380].get(0), Some("380"));
}

#[test]
fn nothing_header_only_and_blank_rows() {
    assert!(csv_reading("").unwrap_err().reason.starts_with("is empty"));
    for blank in ["\u{feff}", "\n\r\n  \n"] {
        assert!(csv_reading(blank).unwrap_err().reason.contains("nothing but blanks"), "{blank:?}");
    }
    for text in ["id,name", "id,name\n", "id,name\r\n\r\n"] {
        let table = csv_reading(text).unwrap().table;
        assert_eq!((headers(&table), table.rows(), table.chunks.len()), (vec!["id", "name"], 0, 1));
    }
    let reading = csv_reading("id,name\n1,Ann\n,\n   \n,\n2,\n").unwrap();
    assert_eq!(rows(&reading.table), ["2: 1 | Ann", "6: 2 | -"]);
    assert_eq!(reading.notes, ["people.csv: 3 rows without any value were skipped (first in line 3)"]);
}

#[test]
fn an_empty_cell_is_missing_and_the_word_unknown_is_not() {
    let table = csv_reading("a,b,c,d\n,\"\",unknown, \n").unwrap().table;
    assert_eq!(rows(&table), ["2: - | - | unknown |  "]);
}

#[test]
fn lines_ended_by_carriage_returns_alone() {
    assert_eq!(rows(&csv_reading("id,name\r1,Ann\r2\r3,Cy\r").unwrap().table), ["2: 1 | Ann", "4: 3 | Cy"]);
}

#[test]
fn what_is_no_text_is_refused_with_what_to_do() {
    for (content, words) in [
        (&b"PK\x03\x04\x14\0[Content_Types].xml"[..], "XLSX"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"\x1f\x8b\x08\0", "cut short"),
        (b"SQLite format 3\0", "SQLite"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"id,name\n1,\0\0\n", "not text"),
    ] {
        let fault = csv_reading(content).unwrap_err();
        assert!(fault.reason.contains(words), "{fault}");
        assert_eq!(fault.line, 0);
    }
    let missing = csv_file::read_headers(std::path::Path::new("/no/such.csv"), "such.csv").unwrap_err();
    assert_eq!(missing.to_string(), "such.csv: there is no such file or folder");
}

#[test]
fn chunks_are_handed_over_in_order_and_can_be_stopped() {
    let count = CHUNK_ROWS * 2 + 10;
    let mut text = String::from("id,name\n");
    for i in 0..count {
        text.push_str(&format!("{i},\"name\n{i}\"\n"));
    }
    let (_dir, path) = file("people-2.csv", &text);
    let mut sizes = Vec::new();
    let mut lines = Vec::new();
    let summary = csv_file::for_each_chunk(&path, "x", &mut |chunk| {
        assert!(chunk.columns.iter().all(|c| c.len() == chunk.lines.len()));
        sizes.push(chunk.lines.len());
        lines.extend_from_slice(&chunk.lines);
        ControlFlow::Continue(())
    });
    assert_eq!(sizes, [CHUNK_ROWS, CHUNK_ROWS, 10]);
    assert!(lines.iter().enumerate().all(|(i, line)| *line == 2 + 2 * i as u64));
    assert_eq!((summary.as_ref().unwrap().rows, summary.unwrap().columns), (count as u64, vec!["id".to_owned(), "name".to_owned()]));

    let mut seen = 0;
    let summary = csv_file::for_each_chunk(&path, "x", &mut |_| {
        seen += 1;
        ControlFlow::Break(())
    });
    assert_eq!((seen, summary.unwrap().rows), (1, CHUNK_ROWS as u64));
}

#[test]
fn a_chunk_also_ends_by_its_size() {
    let cell = "x".repeat(1024 * 1024);
    let text = format!("id,text\n{}", format!("1,{cell}\n").repeat(70));
    let table = csv_reading(text).unwrap().table;
    assert_eq!(table.chunks.iter().map(|c| c.lines.len()).collect::<Vec<_>>(), [32, 32, 6]);
}

#[test]
fn progress_counts_every_row() {
    #[derive(Default)]
    struct Count(Mutex<(Vec<String>, u64)>);
    impl Progress for Count {
        fn step(&self, name: &str, _rows: Option<u64>) {
            self.0.lock().unwrap().0.push(name.to_owned());
        }
        fn advance(&self, rows: u64) {
            self.0.lock().unwrap().1 += rows;
        }
    }
    let (_dir, path) = file("people.csv", "id\n1\n2\n3\n");
    let count = Count::default();
    let table = csv_file::read_csv(&path, "data/people.csv", &count).unwrap();
    assert_eq!(*count.0.lock().unwrap(), (vec!["data/people.csv".to_owned()], 3));
    assert_eq!(table.file, "data/people.csv");
}

#[test]
fn a_row_without_end_is_stopped_early() {
    let mut text = String::from("id,text\n1,a\n2,\"");
    text.push_str(&"some words\n".repeat(7_000_000));
    let fault = csv_reading(text).unwrap_err();
    assert_eq!(fault.line, 3);
    assert!(fault.reason.contains("longer than 64 MB"), "{fault}");
}

#[test]
fn what_stands_above_the_column_names_is_skipped_with_a_word() {
    let reading = csv_reading("Report: open deals\nGenerated on 2026-03-01 09:30\n\nId;Name;Amount\n1;Ann;\"1,5\"\n2;Bob\n3;Cy;7\n").unwrap();
    assert_eq!(headers(&reading.table), ["Id", "Name", "Amount"]);
    assert_eq!(rows(&reading.table), ["5: 1 | Ann | 1,5", "7: 3 | Cy | 7"]);
    assert_eq!(faults(&reading.table), ["people.csv:6: has 2 cells, but the header has 3"]);
    assert_eq!(reading.notes, ["people.csv: the column names are in line 4; what stands above them was skipped (Report: open deals)"]);
    let excel = csv_reading("Open deals,,,\r\n,,,\r\nId,Name,Amount,Stage\r\n1,Ann,3,won\r\n").unwrap();
    assert_eq!(rows(&excel.table), ["4: 1 | Ann | 3 | won"]);
    let narrow = csv_reading("id\n1,2,3\n4,5,6\n").unwrap().table;
    assert_eq!((headers(&narrow), narrow.rows()), (vec!["id"], 2), "numbers are no names");
}

#[test]
fn any_delimiter_with_windows_1252_carriage_returns_and_a_mark_at_once() {
    let table = csv_reading(b"Name;Ort\r\nM\xfcller;\"K\xf6ln; Mitte\"\r\n").unwrap().table;
    assert_eq!(rows(&table), ["2: M\u{fc}ller | K\u{f6}ln; Mitte"]);
    let utf_16: Vec<u8> = "\u{feff}id|name\r\n1|\"A|n\"\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(rows(&csv_reading(utf_16).unwrap().table), ["2: 1 | A|n"]);
}

#[test]
fn ids_joined_by_semicolons_stay_one_cell() {
    let table = csv_reading("id,merged\n1,\"2;3;4\"\n5,6;7\n8,\n").unwrap().table;
    assert_eq!(rows(&table), ["2: 1 | 2;3;4", "3: 5 | 6;7", "4: 8 | -"]);
}
