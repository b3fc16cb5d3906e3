//! Any bytes as what a tap prints, in two runs: no panic, no row lost, the same however the bytes are cut into reads, and
//! what is kept is read back as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use treaty_app::import::Silent;
use treaty_intake::json_file;
use treaty_intake::tap::{Collector, Harvest, Kept, TapState, file_name};

const LINE_BYTES: usize = 2_048;

/// One folder in memory for all runs of this process.
fn folder() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let folder = if Path::new("/dev/shm").is_dir() { PathBuf::from("/dev/shm") } else { std::env::temp_dir() };
        folder.join(format!("treaty-fuzz-tap-{}", std::process::id()))
    })
}

fn read(bytes: &[u8], before: TapState, dir: &Path, size: usize) -> Option<Harvest> {
    let _ = std::fs::remove_dir_all(dir);
    std::fs::create_dir_all(dir).expect("a folder in memory");
    let input = BufReader::with_capacity(size, Cursor::new(bytes));
    let read = Collector::new("fuzz", dir, before, &Silent).with_line_bytes(LINE_BYTES).read(input);
    read.map_err(|fault| assert!(fault.line > 0 && !fault.reason.is_empty(), "{fault}")).ok()
}

fn told(harvest: &Harvest) -> (TapState, Vec<String>, Vec<(String, u64)>) {
    let rows = harvest.streams.iter().map(|(name, s)| (name.clone(), s.rows));
    (harvest.state.clone(), harvest.notes.clone(), rows.collect())
}

/// Every line of a file is an object, and the JSON reader has an answer for each.
fn lines(path: &Path) -> u64 {
    let text = std::fs::read_to_string(path).expect("rows are text");
    for line in text.lines() {
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(line);
        assert!(valid.is_ok() && line.starts_with('{'), "{valid:?}: {line}");
    }
    let rows = text.lines().count() as u64;
    if let Ok(table) = json_file::read_json(path, "x", &Silent) {
        assert_eq!(table.rows() + table.faults.len() as u64, rows);
    }
    rows
}

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let home = folder();
    let other = read(bytes, TapState::None, &home.join("other"), usize::from(*first) + 1).map(|h| told(&h));
    let whole = read(bytes, TapState::None, &home.join("whole"), 65_536);
    assert_eq!(other, whole.as_ref().map(told), "the same bytes, cut in another way");
    if let Some(harvest) = &whole {
        for (name, stream) in harvest.streams.iter().filter(|(_, s)| s.rows > 0) {
            assert_eq!(lines(&harvest.dir.join(file_name(name))), stream.rows, "{name}");
        }
    }
    // Two runs, laid over each other.
    let _ = std::fs::remove_dir_all(home.join("t"));
    let mut state = TapState::None;
    for part in [&bytes[..bytes.len() / 2], &bytes[bytes.len() / 2..]] {
        let kept = Kept::open(home, "t").expect("what is kept is read back");
        assert_eq!(kept.state, state);
        let Some(harvest) = read(part, state.clone(), &kept.run_dir().expect("a folder"), 64) else { continue };
        let merged = kept.merge(&harvest, &BTreeSet::new(), "2026-01-01T00:00:00Z").expect("memory does not fail");
        for count in &merged.counts {
            assert_eq!(lines(&merged.dir.join(file_name(&count.stream))), count.kept + count.read - count.repeated, "{count:?}");
        }
        state = harvest.state.clone();
        kept.commit(merged, "0").expect("memory does not fail");
    }
});
