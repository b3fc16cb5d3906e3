//! Any bytes as a CSV or JSON file: no panic, no row lost, the same answer twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::OnceLock;
use treaty_app::import::Silent;
use treaty_intake::{csv_file, json_file};

/// One file in memory for all runs of this process.
fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let folder = if std::path::Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
        folder.join(format!("treaty-fuzz-{}.csv", std::process::id()))
    })
}

fuzz_target!(|bytes: &[u8]| {
    let path = path();
    std::fs::write(path, bytes).expect("a file in memory");
    let first = csv_file::read_csv_with_notes(path, "f", &Silent);
    assert_eq!(first, csv_file::read_csv_with_notes(path, "f", &Silent));
    let json = json_file::read_json_with_notes(path, "f", &Silent);
    for reading in first.iter().chain(&json) {
        let mut last = 0;
        for chunk in &reading.table.chunks {
            for column in &chunk.columns {
                assert_eq!(column.len(), chunk.lines.len());
                assert_eq!(column.offsets.len(), chunk.lines.len() + 1);
                assert_eq!(column.offsets.last().copied(), i32::try_from(column.bytes.len()).ok());
                (0..column.len()).filter(|i| column.present[*i]).for_each(|i| assert!(column.get(i).is_some_and(|c| !c.is_empty())));
            }
            for line in &chunk.lines {
                assert!(*line >= last, "lines go up");
                last = *line;
            }
        }
        let lines = 1 + bytes.iter().filter(|b| matches!(b, b'\n' | b'\r')).count() as u64;
        assert!(last <= lines, "line {last} of {lines}");
    }
    // The library that reads workbooks panics on broken ones, which the reader catches and a fuzzer does not let it.
    let workbook = bytes.windows(4).any(|w| w.starts_with(b"PK") || w == b"\xd0\xcf\x11\xe0");
    if !workbook && let Ok(files) = treaty_intake::scan(std::slice::from_ref(path)) {
        for file in files.iter().filter(|f| !f.format.is_for_engine()) {
            let _ = treaty_intake::read(file, &Silent);
        }
    }
});
