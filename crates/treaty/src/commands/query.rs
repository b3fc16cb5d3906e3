//! `query`: SQL over facts and record.

use super::{Outcome, case};
use crate::args::{Color, Format, When};
use crate::home::Home;
use crate::output;
use std::path::Path;
use treaty_app::render::json::pretty;
use treaty_engine::export;

/// Runs a statement that reads.
pub async fn run(dir: &Path, sql: &str, when: &When, format: Format, file: Option<&Path>, _color: Color) -> Outcome {
    let home = Home::open(dir)?;
    let case = case(&home, when).await?;
    let record = home.record().await?;
    let batches = case.query(&record, sql).await.map_err(|e| e.to_string())?;
    if format == Format::Parquet {
        let file = file.ok_or("--format parquet needs --output FILE")?;
        export::write_parquet(&batches, file).map_err(|e| e.to_string())?;
        output::remark(&format!("wrote {}", file.display()));
        return Ok(0);
    }
    let (names, rows) = export::rows(&batches).map_err(|e| e.to_string())?;
    let text = match format {
        Format::Csv => as_csv(&names, &rows)?,
        Format::Json => {
            let list: Vec<serde_json::Value> = rows
                .iter()
                .map(|r| names.iter().cloned().zip(r.iter().cloned().map(serde_json::Value::from)).collect::<serde_json::Map<_, _>>().into())
                .collect();
            pretty(&list)
        }
        _ => {
            let shown: Vec<Vec<String>> = rows.iter().map(|r| r.iter().map(|c| c.clone().unwrap_or_default()).collect()).collect();
            format!("{}{} rows\n", grid(&names, &shown), rows.len())
        }
    };
    output::put(&text, file)?;
    Ok(0)
}

/// Rows under their names, aligned.
pub fn grid(names: &[String], rows: &[Vec<String>]) -> String {
    let width = |i: usize| {
        let cells = rows.iter().filter_map(|r| r.get(i)).map(|c| unicode_width::UnicodeWidthStr::width(c.as_str()));
        cells.chain([unicode_width::UnicodeWidthStr::width(names[i].as_str())]).max().unwrap_or(0).min(60)
    };
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let line = |cells: &[String]| {
        let parts: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(c, w)| {
                let pad = w.saturating_sub(unicode_width::UnicodeWidthStr::width(c.as_str()));
                format!("{c}{}", " ".repeat(pad))
            })
            .collect();
        parts.join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(names);
    text.push_str(&line(&widths.iter().map(|w| "-".repeat(*w)).collect::<Vec<_>>()));
    rows.iter().for_each(|r| text.push_str(&line(r)));
    text
}

/// Rows as comma-separated values.
pub fn as_csv(names: &[String], rows: &[Vec<Option<String>>]) -> Result<String, String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let fault = |e: csv::Error| e.to_string();
    writer.write_record(names).map_err(fault)?;
    for row in rows {
        writer.write_record(row.iter().map(|c| c.as_deref().unwrap_or(""))).map_err(fault)?;
    }
    let bytes = writer.into_inner().map_err(|e| e.to_string())?;
    String::from_utf8(bytes).map_err(|e| e.to_string())
}
