//! A part of `cargo xtask bench`: a million rows of CSV, imported by us and read into a table by DuckDB.

use crate::lab::{Lab, Peer, treaty_in};
use crate::measure;
use std::path::{Path, PathBuf};

/// Rows of the file.
pub(crate) const ROWS: u64 = 1_000_000;

/// Writes the touchpoints of a company as CSV; made once.
const WRITE: &str = "import duckdb,sys; duckdb.sql(f\"copy (select * from read_parquet('{sys.argv[1]}') limit {sys.argv[3]}) \
                     to '{sys.argv[2]}' (header, delimiter ',')\")";

/// Reads the file into a table of a new database in memory and prints the seconds.
const READ: &str = "import duckdb,sys,time; c=duckdb.connect(); t=time.time(); \
                    c.execute(f\"create table t as select * from read_csv('{sys.argv[1]}')\"); print(f'read {time.time()-t:.3f}')";

/// The file, in a folder of its own, from the touchpoints of a company.
pub(crate) fn file(lab: &Lab, peer: &Peer, data: &Path) -> Result<PathBuf, String> {
    let name = data.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let dir = lab.empty(&format!("csv-{name}"))?;
    let path = dir.join("touchpoints.csv");
    measure::run(peer.inline(WRITE).arg(data.join("touchpoints.parquet")).arg(&path).arg(ROWS.to_string()))?;
    Ok(path)
}

/// Runs of the peer: what it printed as seconds, and its peak.
pub(crate) fn theirs(peer: &Peer, file: &Path, runs: u64) -> Result<Vec<(f64, u64)>, String> {
    let one = |_| {
        let run = measure::run(peer.inline(READ).arg(file))?;
        let seconds = run.stdout.trim().strip_prefix("read ").and_then(|s| s.parse().ok());
        Ok((seconds.ok_or_else(|| format!("the peer printed no seconds:\n{}", run.stdout))?, run.peak_kib))
    };
    (0..runs).map(one).collect()
}

/// Runs of ours: seconds of the whole process, into an empty record, and its peak.
pub(crate) fn ours(lab: &Lab, treaty: &Path, file: &Path, runs: u64) -> Result<Vec<(f64, u64)>, String> {
    let one = |_| {
        let home = lab.home(treaty, "home-csv")?;
        let run = measure::run(treaty_in(treaty, &home).arg("import").arg(file))?;
        Ok((run.seconds, run.peak_kib))
    };
    (0..runs).map(one).collect()
}
