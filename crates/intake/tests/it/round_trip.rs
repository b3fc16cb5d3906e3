//! Whatever the csv crate writes, in any dialect, reads back the same.

use crate::{csv_reading, headers};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Dialect {
    delimiter: u8,
    carriage_returns: bool,
    always_quoted: bool,
    backslash: bool,
    mark: bool,
    final_newline: bool,
    utf_16: bool,
}

fn dialect() -> impl Strategy<Value = Dialect> {
    (prop::sample::select(vec![b',', b';', b'\t', b'|']), any::<[bool; 6]>()).prop_map(|(delimiter, b)| Dialect {
        delimiter,
        carriage_returns: b[0],
        always_quoted: b[1],
        backslash: b[2],
        mark: b[3],
        final_newline: b[4],
        utf_16: b[5] && b[3],
    })
}

/// Cells full of what hurts.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z0-9 ]{0,8}",
        2 => "[a-z,;|\t\"\n' ]{0,8}",
        1 => "[\"\n\r,\\\\]{0,4}",
        1 => "\\PC{0,6}",
    ]
}

fn table() -> impl Strategy<Value = Vec<Vec<String>>> {
    (1_usize..6).prop_flat_map(|width| prop::collection::vec(prop::collection::vec(cell(), width), 0..20))
}

fn write(dialect: &Dialect, names: &[String], rows: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(dialect.delimiter)
        .terminator(if dialect.carriage_returns { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
        .quote_style(if dialect.always_quoted { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary })
        .double_quote(!dialect.backslash)
        .from_writer(Vec::new());
    writer.write_record(names).unwrap();
    rows.iter().for_each(|row| writer.write_record(row).unwrap());
    let mut text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    if !dialect.final_newline {
        text.truncate(text.trim_end_matches(['\r', '\n']).len().max(text.rfind('"').map_or(0, |at| at + 1)));
    }
    if dialect.mark {
        text.insert(0, '\u{feff}');
    }
    if dialect.utf_16 { text.encode_utf16().flat_map(u16::to_le_bytes).collect() } else { text.into_bytes() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_table_in_any_dialect_reads_back_the_same(dialect in dialect(), mut rows in table()) {
        // A writer that escapes quotes by a backslash does not escape the backslash itself, so in that dialect no cell
        // can hold one. In a file of one column nothing tells which of the two dialects it is.
        let one_column = rows.first().is_some_and(|row| row.len() == 1);
        let dialect = Dialect { backslash: dialect.backslash && !one_column, ..dialect };
        if dialect.backslash || one_column {
            rows.iter_mut().flatten().for_each(|cell| *cell = cell.replace('\\', "/"));
        }
        // Nor does anything tell which delimiter it has: a writer quotes its own only, and unquoted commas under a
        // line or two without any are a title and a table of two columns.
        if one_column && !dialect.always_quoted {
            let foreign = |c: char| [',', ';', '\t', '|'].contains(&c) && c != char::from(dialect.delimiter);
            rows.iter_mut().flatten().for_each(|cell| *cell = cell.replace(foreign, "/"));
        }
        // Zero bytes mark a file that is no text; rows without any value are told and skipped.
        rows.iter_mut().flatten().for_each(|cell| *cell = cell.replace(['\0', '\u{feff}'], ""));
        rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
        let width = rows.first().map_or(2, Vec::len);
        let names: Vec<String> = (0..width).map(|i| format!("column {i}")).collect();
        let reading = csv_reading(write(&dialect, &names, &rows)).unwrap();
        let table = reading.table;
        prop_assert!(table.faults.is_empty(), "{:?}", table.faults);
        prop_assert_eq!(headers(&table), names);
        let expected: Vec<Vec<Option<&str>>> =
            rows.iter().map(|row| row.iter().map(|c| Some(c.as_str()).filter(|c| !c.is_empty())).collect()).collect();
        let chunk = &table.chunks[0];
        let read: Vec<Vec<Option<&str>>> =
            (0..chunk.lines.len()).map(|i| chunk.columns.iter().map(|c| c.get(i)).collect()).collect();
        prop_assert_eq!(read, expected);
        let mut line = 2;
        for (row, told) in rows.iter().zip(&chunk.lines) {
            prop_assert_eq!(*told, line);
            line += 1 + row.iter().map(|c| c.matches('\n').count() as u64).sum::<u64>();
        }
    }

    #[test]
    fn no_file_brings_the_reader_down(bytes in prop::collection::vec(prop_oneof![
        4 => prop::sample::select(b"a1,;\t|\"\\\n\r \xef\xbb\xbf\xff\xfe".to_vec()),
        1 => any::<u8>(),
    ], 0..200)) {
        let _ = csv_reading(&bytes);
        let _ = crate::json_reading(&bytes);
    }

    #[test]
    fn no_text_brings_the_parsers_down(text in "\\PC{0,24}", digits in "[0-9.,/ :$€KMe()TZ+-]{0,24}") {
        use treaty_intake::messy::{DayFirst, date_cell, money_cell, normalise_blank, parse_bool, timestamp_cell};
        for text in [&text, &digits] {
            for day_first in [DayFirst::No, DayFirst::Yes] {
                let _ = date_cell(text, day_first);
                let _ = timestamp_cell(text, day_first);
            }
            let _ = (money_cell(text), parse_bool(text), normalise_blank(text));
        }
    }

    #[test]
    fn plain_numbers_are_the_same_amount(whole in 0_u64..1_000_000_000, cents in 0_u32..100) {
        use treaty_intake::messy::parse_money;
        let plain = format!("{whole}.{cents:02}");
        let digits = whole.to_string();
        let groups = |separator: &str| {
            let mut text = String::new();
            for (i, c) in digits.chars().enumerate() {
                if i > 0 && (digits.len() - i).is_multiple_of(3) {
                    text.push_str(separator);
                }
                text.push(c);
            }
            text
        };
        for text in [
            plain.clone(),
            format!("${}.{cents:02}", groups(",")),
            format!("{},{cents:02} €", groups(".")),
            format!("{},{cents:02}", groups("\u{202f}")),
            format!("CHF {}.{cents:02}", groups("'")),
        ] {
            prop_assert_eq!(parse_money(&text), Some(plain.clone()), "{}", text);
        }
    }
}
