//! `maintain`: the upkeep of the record.

use super::{Outcome, now};
use crate::home::Home;
use crate::output;
use std::path::Path;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Joins small files and deletes what is not needed any more.
pub async fn run(dir: &Path, keep_days: u32, dry_run: bool) -> Outcome {
    let home = Home::open(dir)?;
    let record = home.record().await?;
    let at = now().0;
    let done = record.maintain(at, at.saturating_sub(i64::from(keep_days).saturating_mul(DAY)), dry_run).await.map_err(|e| e.to_string())?;
    let (objects, bytes) = treaty_engine::facts::sweep(&record, done.oldest, dry_run).await?;
    let mut text = String::new();
    for (table, files) in &done.joined {
        text.push_str(&format!("{table}: {files} small files {}\n", if dry_run { "would become one" } else { "became one" }));
    }
    if done.deleted > 0 {
        let what = if dry_run { "would be deleted" } else { "were deleted" };
        text.push_str(&format!("{} files that no kept version needs {what}: {:.1} MB\n", done.deleted, done.freed as f64 / 1e6));
    }
    if objects > 0 {
        let what = if dry_run { "would be deleted" } else { "were deleted" };
let files = if objects == 1 { "file" } else { "files" };
        text.push_str(&format!("Old shared facts {what}: {objects} {files}, {:.1} MB\n", bytes as f64 / 1e6));
    }
    if text.is_empty() {
        text.push_str("Nothing to do.\n");
    }
    text.push_str(&format!("Versions from {} to {} can be read.\n", done.oldest, done.version));
    if dry_run {
        text.push_str("Dry run: nothing was written.\n");
    }
    output::put(&text, None)?;
    Ok(0)
}
