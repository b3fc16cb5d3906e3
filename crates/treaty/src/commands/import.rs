//! `import`, `log` and `undo`: what goes into the record.

use super::{Outcome, now};
use crate::home::Home;
use crate::output;
use crate::progress::Bar;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use treaty_app::import::{ImportResult, LogEntry, Progress};
use treaty_app::layout;
use treaty_app::raw::Fault;
use treaty_app::render::format::count;
use treaty_domain::zone::Zone;
use treaty_engine::pack::{self, LeftOut, PackQuery, TextFunction};
use treaty_engine::record::{ImportOptions, Incoming};
use treaty_intake::messy::{self, DayFirst};
use treaty_intake::pack::Pack;
use treaty_intake::{Format, by_layout, scan};

fn faults(all: &[Fault]) -> String {
    let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
    format!("nothing was imported\n{}", lines.join("\n"))
}

/// Everything that an import reads, and what to note.
struct Input {
    incoming: Vec<Incoming>,
    notes: Vec<String>,
    /// Rows of raw files that could not be read.
    unread: Vec<Fault>,
    source: String,
    zone: Zone,
}

/// Imports files and reports on them. Exit code 1 when rows were refused.
pub async fn run(dir: &Path, paths: &[PathBuf], pack: Option<&Path>, dry_run: bool) -> Outcome {
    let home = Home::open(dir)?;
    let bar = Bar::new();
    let result = import(&home, paths, pack, dry_run, &bar).await;
    bar.finish();
    let result = result?;
    output::put(&told(&result, dry_run), None)?;
    Ok(u8::from(result.tables.iter().any(|t| t.rejected > 0) || !result.faults.is_empty()))
}

/// Imports files.
pub async fn import(
    home: &Home,
    paths: &[PathBuf],
    pack: Option<&Path>,
    dry_run: bool,
    progress: &dyn Progress,
) -> Result<ImportResult, String> {
    let record = home.record().await?;
    let input = match pack {
        Some(pack) => with_pack(home, pack, paths, progress).await?,
        None => by_name(home, paths, progress)?,
    };
    let known = |stage: &str| home.set.meaning(stage).is_some();
    let a = home.newest();
    let o = &a.outcomes;
    let stages: Vec<&str> = a
        .stages
        .iter()
        .map(|s| s.id.as_str())
        .chain([&o.won, &o.lost, &o.disqualified, &o.recycled].into_iter().flatten().map(String::as_str))
        .collect();
    let shown: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    let options = ImportOptions {
        at: now().0,
        what: shown.join(", "),
        source_name: input.source,
        zone: input.zone,
        dry_run,
        known_stage: &known,
        known_stages_help: format!("the agreement knows {}; name others as aliases of a stage", stages.join(", ")),
    };
    let mut result = record.import(input.incoming, options, progress).await.map_err(|e| e.to_string())?;
    result.faults.splice(0..0, input.unread);
    result.notes.splice(0..0, input.notes);
    Ok(result)
}

fn by_name(home: &Home, paths: &[PathBuf], progress: &dyn Progress) -> Result<Input, String> {
    let sorted = by_layout(scan(paths).map_err(|e| faults(&e.faults))?);
    if sorted.known.is_empty() {
        let all: Vec<Fault> = sorted.unknown.iter().map(treaty_intake::UnknownFile::fault).collect();
        return Err(faults(&all));
    }
    let mut notes: Vec<String> = sorted.unknown.iter().map(|u| format!("left out: {}", u.fault())).collect();
    let mut incoming = Vec::new();
    let mut bad = Vec::new();
    for file in sorted.known {
        let Some(table) = layout::table(&file.table) else { continue };
        if file.format == Format::Parquet {
            incoming.push(Incoming::Parquet { table, path: file.path, display: file.display });
            continue;
        }
        match treaty_intake::read(&file, progress) {
            Ok(reading) => {
                notes.extend(reading.notes);
                incoming.push(Incoming::Text { table, raw: reading.table });
            }
            Err(fault) => bad.push(fault),
        }
    }
    if bad.is_empty() {
        Ok(Input { incoming, notes, unread: Vec::new(), source: "native".to_owned(), zone: home.import_zone() })
    } else {
        Err(faults(&bad))
    }
}

async fn with_pack(home: &Home, dir: &Path, paths: &[PathBuf], progress: &dyn Progress) -> Result<Input, String> {
    let pack = Pack::load(dir).map_err(|all| faults(&all))?;
    let input = pack.read(paths, progress).map_err(|all| faults(&all))?;
    let queries: Vec<PackQuery> =
        pack.queries.iter().map(|q| PackQuery { table: q.table.clone(), sql: q.sql.clone(), file: q.file.clone() }).collect();
    let left_out: Vec<LeftOut> =
        pack.left_out.iter().map(|l| LeftOut { text: format!("{}: {}", l.what, l.why), count: l.count.clone() }).collect();
    let parquet: Vec<(String, PathBuf)> = input.parquet.iter().map(|(f, s)| (f.table.clone(), s.path.clone())).collect();
    let unread: Vec<Fault> = input.tables.iter().flat_map(|t| t.faults.iter().cloned()).collect();
    progress.step(&format!("mapping by {}", pack.name), None);
    let out = pack::run(input.tables, &parquet, &queries, &left_out, functions(input.day_first)).await.map_err(|e| format!("nothing was imported\n{e}"))?;
    let mut notes = input.notes;
    notes.extend(out.notes);
    notes.extend(pack.losses.iter().map(|l| format!("not in this source: {}: {}", l.what, l.text)));
    let zone = match pack.time_zone.as_deref() {
        Some(zone) => Zone::new(zone).map_err(|e| format!("{}: time_zone: {e}", dir.display()))?,
        None => home.import_zone(),
    };
    Ok(Input { incoming: out.incoming, notes, unread, source: pack.source, zone })
}

/// The helpers of pack SQL.
fn functions(day_first: DayFirst) -> Vec<TextFunction> {
    let text = |name, call: Box<dyn Fn(&str) -> Option<String> + Send + Sync>| TextFunction { name, call: Arc::from(call) };
    vec![
        text("messy_date", Box::new(move |t| messy::date_cell(t, day_first).map(std::borrow::Cow::into_owned))),
        text("messy_timestamp", Box::new(move |t| messy::timestamp_cell(t, day_first).map(std::borrow::Cow::into_owned))),
        text("messy_money", Box::new(|t| messy::money_cell(t).map(std::borrow::Cow::into_owned))),
        text("day_first_date", Box::new(|t| messy::date_cell(t, DayFirst::Yes).map(std::borrow::Cow::into_owned))),
    ]
}

/// The report of an import in words.
pub fn told(result: &ImportResult, dry_run: bool) -> String {
    let mut text = String::new();
    let n = |x: u64| count(i64::try_from(x).unwrap_or(i64::MAX));
    text.push_str(&format!("{:<22}{:>12}{:>12}{:>12}{:>12}{:>12}\n", "table", "read", "written", "changed", "unchanged", "rejected"));
    for t in &result.tables {
        text.push_str(&format!(
            "{:<22}{:>12}{:>12}{:>12}{:>12}{:>12}\n",
            t.table, n(t.read), n(t.written), n(t.changed), n(t.unchanged), n(t.rejected)
        ));
    }
    for fault in &result.faults {
        text.push_str(&format!("rejected {fault}\n"));
    }
    if result.more_faults > 0 {
        text.push_str(&format!("… and {} more rejected rows\n", n(result.more_faults)));
    }
    for note in &result.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text.push_str(&match (dry_run, result.committed) {
        (true, _) => "Dry run: nothing was written.\n".to_owned(),
        (false, true) => format!("Record version {}.\n", result.version),
        (false, false) => format!("Nothing changed; the record stays at version {}.\n", result.version),
    });
    text
}

/// Lists the versions of the record.
pub async fn log(dir: &Path) -> Outcome {
    let home = Home::open(dir)?;
    let record = home.record().await?;
    let zone = &home.newest().zone;
    let mut text = format!("{:>7}  {:<20}{:<8}{:>12}{:>12}{:>12}  {}\n", "version", "at", "kind", "written", "changed", "rejected", "what");
    for LogEntry { version, at, kind, what, written, changed, rejected, .. } in record.log() {
        let local = zone.local_micros(treaty_domain::zone::Micros(at));
        let at = jiff::Timestamp::from_microsecond(local).map(|t| t.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default();
        text.push_str(&format!("{version:>7}  {at:<20}{kind:<8}{written:>12}{changed:>12}{rejected:>12}  {what}\n"));
    }
    output::put(&text, None)?;
    Ok(0)
}

/// Takes back the newest import.
pub async fn undo(dir: &Path) -> Outcome {
    let home = Home::open(dir)?;
    let record = home.record().await?;
    let (undone, version) = record.undo(now().0).await.map_err(|e| e.to_string())?;
    output::put(&format!("Took back version {undone}; the record is at version {version}. Nothing is lost: `treaty log` shows both.\n"), None)?;
    Ok(0)
}
