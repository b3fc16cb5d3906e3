//! `log`: every version of the record with its counts, and one of them in full, its refused rows included.

use super::Outcome;
use crate::args::Format;
use crate::home::Home;
use crate::output;
use std::path::Path;
use treaty_app::render::json::pretty;
use treaty_app::import::{Details, Filtered, ImportResult, LogEntry, SourceCount, TableCount};
use treaty_app::raw::Fault;
use treaty_app::render::format::count;
use treaty_domain::zone::{Micros, Zone};

fn n(x: u64) -> String {
    count(i64::try_from(x).unwrap_or(i64::MAX))
}

/// The report of an import in words.
pub fn told(result: &ImportResult, dry_run: bool) -> String {
    let mut text = sources(&result.origin.sources);
    text.push_str(&tables(&result.tables));
    text.push_str(&reasons(&result.origin.filtered, &result.filtered, &result.origin.sources));
    text.push_str(&refused(&result.faults, result.more_faults));
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

/// Rows of raw tables: read = used + filtered + rejected + silent.
fn sources(all: &[SourceCount]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut text = format!("{:<22}{:>12}{:>12}{:>12}{:>12}{:>12}\n", "source", "read", "used", "filtered", "rejected", "silent");
    for s in all {
        let used = if s.looked_up { "looked up".to_owned() } else { n(s.used) };
        text.push_str(&format!("{:<22}{:>12}{used:>12}{:>12}{:>12}{:>12}\n", s.table, n(s.read), n(s.filtered), n(s.rejected), n(s.silent)));
    }
    text.push('\n');
    text
}

/// Rows of the record's tables: read = written + changed + unchanged + rejected + filtered.
fn tables(all: &[TableCount]) -> String {
    let mut text = format!(
        "{:<22}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}\n",
        "table", "read", "written", "changed", "unchanged", "rejected", "filtered"
    );
    for t in all {
        text.push_str(&format!(
            "{:<22}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}\n",
            t.table, n(t.read), n(t.written), n(t.changed), n(t.unchanged), n(t.rejected), n(t.filtered)
        ));
    }
    text
}

/// Why rows were passed over.
fn reasons(before: &[Filtered], at_tables: &[Filtered], sources: &[SourceCount]) -> String {
    let mut text = String::new();
    for f in before.iter().chain(at_tables).filter(|f| f.rows > 0) {
        let of = if f.table.is_empty() { String::new() } else { format!(" of {}", f.table) };
        text.push_str(&format!("filtered: {} rows were left out{of}: {}\n", n(f.rows), f.why));
    }
    for s in sources.iter().filter(|s| s.silent > 0) {
        text.push_str(&format!("filtered: {} rows of {} gave no row of the record, and the pack does not say why\n", n(s.silent), s.table));
    }
    text
}

fn refused(faults: &[Fault], more: u64) -> String {
    let mut text: String = faults.iter().map(|f| format!("rejected {f}\n")).collect();
    if more > 0 {
        text.push_str(&format!("… and {} more rejected rows\n", n(more)));
    }
    text
}

/// An instant in the zone of the agreement.
fn local(zone: &Zone, at: i64) -> String {
    let local = zone.local_micros(Micros(at));
    jiff::Timestamp::from_microsecond(local).map(|t| t.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}

/// Lists the versions of the record, or tells one in full.
pub async fn run(dir: &Path, version: Option<u64>, format: Format) -> Outcome {
    if !matches!(format, Format::Table | Format::Json) {
        return Err("log knows the formats table and json".to_owned());
    }
    let home = Home::open(dir)?;
    let record = home.record().await?;
    let zone = &home.newest().zone;
    let all = record.log();
    let Some(version) = version else {
        let text = if format == Format::Json {
            pretty(&all.iter().map(|e| json(zone, e, &[])).collect::<Vec<_>>())
        } else {
            list(zone, &all)
        };
        output::put(&text, None)?;
        return Ok(0);
    };
    let Some(entry) = all.iter().find(|e| e.version == version) else {
        let newest = record.version();
        return Err(format!("the record has no version {version}; `treaty log` lists them, the newest is {newest}"));
    };
    let faults = record.refused(version).await.map_err(|e| e.to_string())?;
    let text = if format == Format::Json { pretty(&json(zone, entry, &faults)) } else { one(zone, entry, &faults) };
    output::put(&text, None)?;
    Ok(0)
}

fn list(zone: &Zone, all: &[LogEntry]) -> String {
    let mut text = format!(
        "{:>7}  {:<20}{:<8}{:<14}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}  {}\n",
        "version", "at", "kind", "source", "read", "written", "changed", "unchanged", "rejected", "filtered", "what"
    );
    for e in all {
        text.push_str(&format!(
            "{:>7}  {:<20}{:<8}{:<14}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}  {}\n",
            e.version,
            local(zone, e.at),
            e.kind,
            e.source,
            n(e.read),
            n(e.written),
            n(e.changed),
            n(e.unchanged),
            n(e.rejected),
            n(e.filtered),
            e.what
        ));
    }
    text
}

fn one(zone: &Zone, e: &LogEntry, faults: &[Fault]) -> String {
    let Details { tables: counts, origin, filtered, notes, more_refused, .. } = &e.details;
    let mut text = format!("Version {}, {} of {} at {}\n", e.version, e.kind, e.what, local(zone, e.at));
    if !e.source.is_empty() {
        text.push_str(&format!("Source: {}\n", e.source));
    }
    if let Some(s) = &origin.snapshot {
        text.push_str(&format!("Snapshot of {}: {} rows of history were made for {}\n", local(zone, s.at), n(s.rows), s.fields.join(", ")));
    }
    text.push('\n');
    text.push_str(&sources(&origin.sources));
    if !counts.is_empty() {
        text.push_str(&tables(counts));
    }
    text.push_str(&reasons(&origin.filtered, filtered, &origin.sources));
    text.push_str(&refused(faults, *more_refused));
    for note in notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text
}

fn json(zone: &Zone, e: &LogEntry, faults: &[Fault]) -> serde_json::Value {
    let refused: Vec<serde_json::Value> = faults
        .iter()
        .map(|f| serde_json::json!({ "file": f.file, "line": f.line, "column": f.column, "reason": f.reason }))
        .collect();
    serde_json::json!({
        "version": e.version, "at": local(zone, e.at), "kind": e.kind, "source": e.source, "what": e.what,
        "read": e.read, "written": e.written, "changed": e.changed, "unchanged": e.unchanged, "rejected": e.rejected,
        "filtered": e.filtered, "details": e.details, "refused": refused,
    })
}
