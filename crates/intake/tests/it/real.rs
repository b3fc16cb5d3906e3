//! Real exports, where they are at hand. They are not part of the repository.

use crate::{faults, headers, put};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use treaty_app::import::Silent;
use treaty_app::raw::RawTable;
use treaty_intake::csv_file::read_csv;
use treaty_intake::messy::{DayFirst, parse_date, parse_money};
use treaty_intake::pack::{Pack, PackInput};

/// A folder of shared data, or `None` with a word on the test's output.
fn shared(name: &str) -> Option<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !dir.is_dir() {
        eprintln!("skipped: {} is not there", dir.display());
        return None;
    }
    Some(dir)
}

fn maven() -> Pack {
    Pack::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/maven_crm")).unwrap()
}

fn table<'a>(input: &'a PackInput, name: &str) -> &'a RawTable {
    input.tables.iter().find(|t| t.name == name).unwrap()
}

/// Each deal with its two dates and its stage, whatever way the dates are written.
fn deals(input: &PackInput) -> BTreeMap<String, [String; 4]> {
    let pipeline = table(input, "sales_pipeline");
    let at = |name: &str| headers(pipeline).iter().position(|h| *h == name).unwrap();
    let places = ["opportunity_id", "deal_stage", "engage_date", "close_date", "close_value"].map(at);
    let mut deals = BTreeMap::new();
    for chunk in &pipeline.chunks {
        for i in 0..chunk.lines.len() {
            let [id, stage, engaged, closed, value] = places.map(|p| chunk.columns[p].get(i));
            let date = |text: Option<&str>| text.map(|t| format!("{:?}", parse_date(t, input.day_first).unwrap())).unwrap_or_default();
            let value = value.map(|v| parse_money(v).unwrap()).unwrap_or_default();
            let deal = [stage.unwrap().to_owned(), date(engaged), date(closed), value];
            assert!(deals.insert(id.unwrap().to_owned(), deal).is_none());
        }
    }
    deals
}

#[test]
fn the_maven_pipeline_is_read_as_its_note_says() {
    let Some(dir) = shared("maven_crm") else { return };
    let input = maven().read(&[dir], &Silent).unwrap();
    let sizes: Vec<(&str, u64)> = input.tables.iter().map(|t| (t.name.as_str(), t.rows())).collect();
    assert_eq!(sizes, [("accounts", 85), ("products", 7), ("sales_teams", 35), ("sales_pipeline", 8800), ("settings", 0)]);
    assert!(input.tables.iter().all(|t| t.faults.is_empty()));
    assert_eq!(input.notes.len(), 1, "{:?}", input.notes);
    assert!(["data_dictionary.csv", "SOURCE.md", "variants"].iter().all(|n| input.notes[0].contains(n)), "{:?}", input.notes);
    assert_eq!(input.day_first, DayFirst::No);
    let deals = deals(&input);
    let count = |f: &dyn Fn(&[String; 4]) -> bool| deals.values().filter(|d| f(d)).count();
    assert_eq!(count(&|d| d[0] == "Won"), 4238);
    assert_eq!(count(&|d| d[0] == "Lost"), 2473);
    assert_eq!(count(&|d| d[0] == "Prospecting" && d[1].is_empty()), 500);
    assert_eq!(count(&|d| d[1].is_empty()), 500);
    assert_eq!(deals["1C1I7A6R"], ["Won", "(2016, 10, 20)", "(2017, 3, 1)", "1054"].map(str::to_owned));
}

#[test]
fn the_variants_of_the_maven_pipeline_are_the_same_deals() {
    let Some(dir) = shared("maven_crm") else { return };
    let pack = maven();
    let expected = deals(&pack.read(std::slice::from_ref(&dir), &Silent).unwrap());
    for (name, day_first) in [("sales_pipeline_excel_mdy.csv", DayFirst::No), ("sales_pipeline_excel_dd-mm-yy.csv", DayFirst::Yes)] {
        let paths = ["accounts.csv", "products.csv", "sales_teams.csv"].map(|n| dir.join(n));
        let paths = [&paths[..], &[dir.join("variants").join(name)]].concat();
        let input = pack.read(&paths, &Silent).unwrap();
        assert_eq!(input.day_first, day_first);
        assert!(deals(&input) == expected, "{name}");
    }
}

#[test]
fn the_data_dictionary_quotes_its_quotes() {
    let Some(dir) = shared("maven_crm") else { return };
    let table = read_csv(&dir.join("data_dictionary.csv"), "d", &Silent).unwrap();
    assert_eq!(table.rows(), 21);
    assert!(crate::rows(&table)[18].ends_with("Date in which the \"Engaging\" deal stage was initiated"));
    assert_eq!(table.chunks[0].columns[2].get(14), Some("Sales agent "));
}

/// The csv crate as the judge: as many rows as it sees, none lost, none faulty without a reason.
#[test]
fn every_landed_table_is_read_without_losing_a_row() {
    let Some(dir) = shared("fivetran_landed") else { return };
    let mut files = 0;
    for package in std::fs::read_dir(dir).unwrap().flatten().filter(|e| e.path().is_dir()) {
        for entry in std::fs::read_dir(package.path()).unwrap().flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|e| e != "csv") {
                continue;
            }
            files += 1;
            let display = path.display().to_string();
            let reading = treaty_intake::csv_file::read_csv_with_notes(&path, &display, &Silent).unwrap_or_else(|f| panic!("{f}"));
            let mut judge = csv::ReaderBuilder::new().has_headers(true).flexible(true).from_path(&path).unwrap();
            let mut blank = 0;
            let mut seen = 0;
            for record in judge.byte_records() {
                seen += 1;
                blank += u64::from(record.unwrap().iter().all(<[u8]>::is_empty));
            }
            let table = reading.table;
            assert_eq!(table.rows() + table.faults.len() as u64 + blank, seen, "{display}: {:?}", reading.notes);
            assert!(faults(&table).is_empty(), "{:?}", faults(&table));
        }
    }
    assert!(files > 200, "{files}");
}

#[test]
fn a_pack_reads_the_pipeline_from_any_format_of_text() {
    let Some(dir) = shared("maven_crm") else { return };
    let data = tempfile::tempdir().unwrap();
    for name in ["accounts.csv", "products.csv", "sales_teams.csv"] {
        std::fs::copy(dir.join(name), data.path().join(name)).unwrap();
    }
    let text = std::fs::read_to_string(dir.join("sales_pipeline.csv")).unwrap();
    let utf_16: Vec<u8> = format!("\u{feff}{}", text.replace(',', "\t")).encode_utf16().flat_map(u16::to_le_bytes).collect();
    put(data.path(), "sales_pipeline.csv", utf_16);
    let input = maven().read(&[data.path().to_owned()], &Silent).unwrap();
    let plain = maven().read(&[dir], &Silent).unwrap();
    assert_eq!(table(&input, "sales_pipeline").chunks, table(&plain, "sales_pipeline").chunks);
}
