//! `doctor`, `reconcile`, and the reports about the data themselves.

use super::report::show;
use super::{Outcome, case, import};
use crate::args::{Color, Format, When, Wire};
use crate::home::Home;
use crate::output;
use crate::progress::Bar;
use std::path::{Path, PathBuf};
use treaty_app::render::{csv, json, text};
use treaty_app::report::{Cell, Report};
use treaty_engine::trust::{DOCTOR, RECONCILE, Trust};

/// The check-up of a home. Exit code 1 when it is asked to be strict and something serious is missing.
pub async fn doctor(dir: &Path, when: &When, strict: bool, format: Format, color: Color) -> Outcome {
    let home = Home::open(dir)?;
    let (record, case) = (home.record().await?, case(&home, when).await?);
    let trust = Trust::open(&record, &case, &home.settings.health, &home.settings.truth).await.map_err(|e| e.to_string())?;
    let mut reports = Vec::new();
    for name in DOCTOR {
        reports.push(trust.report(name).await.map_err(|e| e.to_string())?);
    }
    // Notes that concern every number stand once, at the end.
    if let Some(last) = reports.last_mut() {
        last.notes.extend(case.facts.notes.iter().cloned());
    }
    output::put(&all(&reports, format, color)?, None)?;
    let serious = reports.iter().filter(|r| r.name == "gaps").any(|r| (0..r.rows.len()).any(|i| is_serious(r, i)));
    Ok(u8::from(strict && serious))
}

fn is_serious(report: &Report, row: usize) -> bool {
    report.cell(row, "grade") == Some(&Cell::Text("serious".to_owned()))
}

/// Sources against the record and against each other. Exit code 1 when a line of the balance is off.
pub async fn reconcile(dir: &Path, paths: &[PathBuf], pack: Option<&str>, format: Format, color: Color) -> Outcome {
    let home = Home::open(dir)?;
    let files = if paths.is_empty() {
        None
    } else {
        let bar = Bar::new();
        let result = import::import(&home, paths, pack, true, None, &bar).await;
        bar.finish();
        let result = result?;
        for fault in &result.faults {
            output::remark(&format!("rejected {fault}"));
        }
        Some((result.source.clone(), result.tables))
    };
    let when = When { as_of: None, as_corrected: false, cluster: None, wire: Wire::default() };
    let (record, case) = (home.record().await?, case(&home, &when).await?);
    let trust = Trust::open(&record, &case, &home.settings.health, &home.settings.truth).await.map_err(|e| e.to_string())?;
    let mut reports = vec![trust.balance(files).await.map_err(|e| e.to_string())?];
    for name in RECONCILE {
        reports.push(trust.report(name).await.map_err(|e| e.to_string())?);
    }
    output::put(&all(&reports, format, color)?, None)?;
    let off = |r: &Report| (0..r.rows.len()).any(|i| r.cell(i, "verdict") == Some(&Cell::Text("off".to_owned())));
    Ok(u8::from(reports.first().is_some_and(off)))
}

/// One report about the data.
pub async fn one(dir: &Path, name: &str, when: &When, format: Format, file: Option<&Path>, color: Color) -> Outcome {
    let home = Home::open(dir)?;
    let (record, case) = (home.record().await?, case(&home, when).await?);
    let trust = Trust::open(&record, &case, &home.settings.health, &home.settings.truth).await.map_err(|e| e.to_string())?;
    let report = trust.report(name).await.map_err(|e| e.to_string())?;
    show(&report, format, file, color)
}

fn all(reports: &[Report], format: Format, color: Color) -> Result<String, String> {
    match format {
        Format::Table => Ok(reports.iter().map(|r| text::report_to_text(r, &output::style(color))).collect::<Vec<_>>().join("\n")),
        Format::Csv => Ok(reports.iter().map(csv::to_csv).collect::<Vec<_>>().join("\n")),
        Format::Json => {
            let value = |r: &Report| serde_json::to_value(json::report_to_json(r)).unwrap_or_default();
            let map: serde_json::Map<_, _> = reports.iter().map(|r| (r.name.clone(), value(r))).collect();
            Ok(json::pretty(&map))
        }
        Format::Html | Format::Parquet => Err("this command knows the formats table, csv and json".to_owned()),
    }
}
