//! Which systems feed the record, how, and what each of them cannot give.

use super::{Trust, rows_of, text};
use crate::error::EngineError;
use crate::reports::column;
use std::collections::BTreeMap;
use treaty_app::import::SNAPSHOT_BY;
use treaty_app::report::{Cell, Report, Unit};

pub(super) async fn report(trust: &Trust<'_>) -> Result<Report, EngineError> {
    let columns = vec![
        column("source", "Source", Unit::Text, ""),
        column("imports", "Imports", Unit::Count, ""),
        column("last_import", "Last import", Unit::Text, ""),
        column("rows", "Rows in the record", Unit::Count, ""),
        column("rejected", "Rejected", Unit::Count, ""),
        column("filtered", "Filtered", Unit::Count, ""),
        column("history", "History of stages", Unit::Text, ""),
        column("tables", "Tables", Unit::Text, ""),
    ];
    let mut out = trust.blank("systems", "Which systems feed the record?", columns).await?;
    let counts = trust.counts().await?;
    let mut tables: BTreeMap<String, Vec<(&str, i64)>> = BTreeMap::new();
    for ((table, source), n) in &counts {
        tables.entry(source.clone()).or_default().push((table, *n));
    }
    let sql = format!(
        "SELECT _source, count(*) AS n, count(*) FILTER (WHERE changed_by = {}) AS made FROM {} GROUP BY _source",
        text(SNAPSHOT_BY),
        rows_of("stage_changes")
    );
    let history: BTreeMap<String, (i64, i64)> =
        trust.rows(&sql, 1).await?.iter().map(|r| (r.dim(0).unwrap_or_default().to_owned(), (r.int("n"), r.int("made")))).collect();
    let newest = trust.newest();
    for source in newest.keys().map(|s| (*s).to_owned()).chain(tables.keys().cloned()).collect::<std::collections::BTreeSet<_>>() {
        let of_source: Vec<_> = trust.standing().filter(|e| super::source_of(e) == source).collect();
        let sum = |of: fn(&treaty_app::import::LogEntry) -> u64| i64::try_from(of_source.iter().map(|e| of(e)).sum::<u64>()).unwrap_or(i64::MAX);
        let mine = tables.get(&source).cloned().unwrap_or_default();
        let kept = match history.get(&source) {
            None => "none".to_owned(),
            Some((n, made)) if n == made => "made from snapshots".to_owned(),
            Some((_, 0)) => "kept by the source".to_owned(),
            Some((n, made)) => format!("kept by the source, {made} of {n} made from snapshots"),
        };
        let last = of_source.last().map_or_else(String::new, |e| trust.day_of(e.at));
        out.rows.push(vec![
            Cell::Text(source.clone()),
            Cell::Count(of_source.len() as i64),
            Cell::Text(last),
            Cell::Count(mine.iter().map(|(_, n)| n).sum()),
            Cell::Count(sum(|e| e.rejected)),
            Cell::Count(sum(|e| e.filtered)),
            Cell::Text(kept),
            Cell::Text(mine.iter().map(|(t, _)| *t).collect::<Vec<_>>().join(", ")),
        ]);
        out.provisional.push(false);
        if let Some(e) = of_source.last() {
            out.notes.extend(e.details.origin.losses.iter().map(|(what, why)| format!("{source} cannot give {what}: {why}")));
        }
    }
    out.answer = match out.rows.len() {
        0 => "Nothing has been imported yet.".to_owned(),
        1 => "One source feeds the record.".to_owned(),
        n => format!("{n} sources feed the record."),
    };
    out.method = "A row belongs to the source that wrote it: the one it names itself, else that of the import. Rejected and filtered rows are those of all imports that stand.".to_owned();
    Ok(out)
}
