//! Imports a folder of Parquet files into a new record and says how long each step took.
//!
//! usage: import_bench SOURCE_DIR HOME [again] [read]

use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use treaty_app::import::Progress;
use treaty_app::layout::TABLES;
use treaty_domain::zone::Zone;
use treaty_engine::record::{AT_ONCE, ImportOptions, Incoming, Record};

struct Steps(Mutex<(String, Instant, f64)>);

/// Seconds of processor time so far.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: f64 = stat
        .split_whitespace()
        .skip(13)
        .take(2)
        .filter_map(|t| t.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

impl Progress for Steps {
    fn step(&self, name: &str, _rows: Option<u64>) {
        let mut last = self.0.lock().expect("no other thread panicked");
        eprintln!(
            "{:>8.3} s {:>8.2} cpu  {}",
            last.1.elapsed().as_secs_f64(),
            cpu() - last.2,
            last.0
        );
        *last = (name.to_owned(), Instant::now(), cpu());
    }
    fn advance(&self, _rows: u64) {}
}

fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|l| l.starts_with("VmHWM"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (from, home) = (Path::new(&args[1]), Path::new(&args[2]));
    let record = Record::init(home).await.expect("a record");
    let stages = [
        "lead",
        "mql",
        "sal",
        "recycled",
        "opportunity",
        "demo",
        "trial",
        "negotiation",
        "won",
        "lost",
    ];
    let known = |stage: &str| stages.contains(&stage);
    let has = |word: &str| args.iter().skip(3).any(|a| a == word);
    let rounds = if has("again") { 2 } else { 1 };
    for round in 0..rounds {
        let source = TABLES
            .iter()
            .filter_map(|table| {
                let path = from.join(format!("{}.parquet", table.name));
                path.exists().then(|| Incoming::Parquet {
                    table,
                    display: path.display().to_string(),
                    path,
                })
            })
            .collect();
        let (start, before) = (Instant::now(), cpu());
        let steps = Steps(Mutex::new(("preparing".to_owned(), start, cpu())));
        let options = ImportOptions {
            at: 1_782_864_000_000_000 + round,
            what: from.display().to_string(),
            source_name: String::new(),
            zone: Zone::utc(),
            dry_run: false,
            known_stage: &known,
            known_stages_help: "see the agreement".to_owned(),
            origin: treaty_app::import::Origin::default(),
            at_once: AT_ONCE,
        };
        let result = record
            .import(source, options, &steps)
            .await
            .expect("an import");
        steps.step("", None);
        let rows: u64 = result.tables.iter().map(|t| t.read).sum();
        let written: u64 = result.tables.iter().map(|t| t.written).sum();
        eprintln!(
            "{rows} rows read, {written} written, {} faults in {:.3} s ({:.2} cpu); peak {} MB",
            result.faults.len(),
            start.elapsed().as_secs_f64(),
            cpu() - before,
            peak_megabytes()
        );
    }
    let reads: &[(&str, &[&str])] = &[
        (
            "touchpoints",
            &["person_id", "occurred_at", "channel", "campaign_id"],
        ),
        ("touchpoints", &["touchpoint_id"]),
        ("people", &["person_id", "account_id", "created_at"]),
    ];
    for (table, columns) in reads.iter().filter(|_| has("read")) {
        for dictionary in [true, false] {
            let start = Instant::now();
            let batches = record
                .read(table, record.version(), columns, dictionary)
                .await
                .expect("rows");
            let rows: usize = batches.iter().map(|b| b.num_rows()).sum();
            eprintln!(
                "{:>8.3} s  read {table} {columns:?} dictionary={dictionary}: {rows} rows",
                start.elapsed().as_secs_f64()
            );
        }
    }
    let mut total = 0;
    for table in TABLES {
        let files = record
            .files(table.name, record.version())
            .await
            .expect("files");
        let size: u64 = files.iter().map(|f| f.size).sum();
        total += size;
        eprintln!(
            "{:22} {:>3} files {:>12} bytes",
            table.name,
            files.len(),
            size
        );
    }
    eprintln!("{total} bytes in all");
}
