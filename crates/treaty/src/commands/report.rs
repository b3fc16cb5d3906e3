//! `review` and `report`.

use super::{Outcome, case};
use crate::args::{Color, Format, Kind, ReviewFormat, Slice, When};
use crate::home::Home;
use crate::output;
use std::path::Path;
use treaty_app::render::{csv, json, text};
use treaty_app::report::Report;
use treaty_engine::reports::{Ask, FunnelKind};

/// What is asked of one report.
pub struct Request {
    /// Name.
    pub name: String,
    /// Further dimension.
    pub by: Option<String>,
    /// Moment.
    pub when: When,
    /// Period and filter.
    pub slice: Slice,
    /// Kind of funnel.
    pub kind: Kind,
    /// Stage of the scenario.
    pub stage: Option<String>,
    /// Points of the scenario.
    pub points: Option<f64>,
}

fn ask(home: &Home, slice: &Slice) -> Result<Ask, String> {
    let period = slice.period.as_deref().map(|p| home.newest().fiscal.parse_period(p)).transpose()?;
    Ok(Ask { period, filter: slice.filter.clone(), ..Ask::default() })
}

/// The review.
pub async fn review(dir: &Path, when: &When, slice: &Slice, format: ReviewFormat, file: Option<&Path>, color: Color) -> Outcome {
    let home = Home::open(dir)?;
    let ask = ask(&home, slice)?;
    let case = case(&home, when).await?;
    let piece = |report: &Report| if format == ReviewFormat::Json { json::piece(report) } else { Vec::new() };
    let (review, pieces) = case.review_with(&ask, piece).await.map_err(|e| e.to_string())?;
    match format {
        ReviewFormat::Text => output::put(&text::review_to_text(&review, &output::style(color)), file)?,
        ReviewFormat::Html => output::put(&treaty_web::review::review_html(&review).map_err(|e| e.to_string())?, file)?,
        ReviewFormat::Json => output::put_with(file, |to| json::write_review(&review, &pieces, to))?,
    }
    // They may be large, and the process ends.
    std::mem::forget((review, case));
    Ok(0)
}

/// One report.
pub async fn one(dir: &Path, request: Request, format: Format, file: Option<&Path>, color: Color) -> Outcome {
    if treaty_engine::trust::NAMES.contains(&request.name.as_str()) {
        return super::trust::one(dir, &request.name, &request.when, format, file, color).await;
    }
    let home = Home::open(dir)?;
    let funnel = match request.kind {
        Kind::Cohort => FunnelKind::Cohort,
        Kind::Flow => FunnelKind::Flow,
        Kind::Snapshot => FunnelKind::Snapshot,
    };
    let ask = Ask { by: request.by, funnel, stage: request.stage, points: request.points, ..ask(&home, &request.slice)? };
    let report = case(&home, &request.when).await?.report(&request.name, &ask).await.map_err(|e| e.to_string())?;
    show(&report, format, file, color)
}

/// Shows a report as it was asked for.
pub fn show(report: &Report, format: Format, file: Option<&Path>, color: Color) -> Outcome {
    let text = match format {
        Format::Table => text::report_to_text(report, &output::style(color)),
        Format::Csv => csv::to_csv(report),
        Format::Json => json::report_text(report),
        Format::Html => treaty_web::review::report_html(report).map_err(|e| e.to_string())?,
        Format::Parquet => {
            let file = file.ok_or("--format parquet needs --output FILE")?;
            treaty_engine::export::report_parquet(report, file).map_err(|e| e.to_string())?;
            output::remark(&format!("wrote {}", file.display()));
            return Ok(0);
        }
    };
    output::put(&text, file)?;
    Ok(0)
}
