//! `diff`: why numbers changed between two days.

use super::{Outcome, day};
use crate::args::{Color, Format};
use crate::home::{Home, catalogue};
use crate::output;
use std::path::Path;
use treaty_app::render::{csv, json, text};

/// Explains the difference of two days.
pub async fn run(dir: &Path, from: &str, to: &str, format: Format, color: Color) -> Outcome {
    let home = Home::open(dir)?;
    let record = home.record().await?;
    let catalogue = catalogue(dir).map_err(|all| all.join("\n"))?;
    let (from, to) = (day(&home, Some(from))?, day(&home, Some(to))?);
    let report = treaty_engine::diff::diff(&record, &home.set, &catalogue, from, to).await.map_err(|e| e.to_string())?;
    let text = match format {
        Format::Table => text::report_to_text(&report, &output::style(color)),
        Format::Csv => csv::to_csv(&report),
        Format::Json => json::report_text(&report),
        Format::Html => treaty_web::review::report_html(&report).map_err(|e| e.to_string())?,
        Format::Parquet => return Err("diff knows the formats table, csv, json and html".to_owned()),
    };
    output::put(&text, None)?;
    Ok(0)
}
