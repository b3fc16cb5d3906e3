//! `demo`: a ready company, imported and reviewed.

use super::{Outcome, agreement, import};
use crate::args::{Color, When, Wire};
use crate::demo;
use crate::home::Home;
use crate::output;
use crate::progress::Bar;
use std::path::Path;
use treaty_app::render::text;
use treaty_engine::reports::Ask;

/// Last day of the company's history.
const AS_OF: &str = "2026-06-30";

/// Writes the company, makes a home for it, imports it, and prints and writes its review.
pub async fn run(dir: &Path, seed: u64, color: Color) -> Outcome {
    if dir.join("agreement.toml").exists() {
        return Err(format!("{} holds a home already; name another folder, or remove it first", dir.display()));
    }
    let data = dir.join("data");
    std::fs::create_dir_all(&data).map_err(|e| format!("{} cannot be created: {e}", data.display()))?;
    let summary = demo::write_company(&data, seed).map_err(|e| format!("{} cannot be written: {e}", data.display()))?;
    agreement::create(dir, demo::AGREEMENT, None).await?;
    let older = dir.join("agreements");
    std::fs::create_dir_all(&older)
        .and_then(|()| std::fs::write(older.join("2024-01-01.toml"), demo::AGREEMENT_2024))
        .map_err(|e| format!("{} cannot be written: {e}", older.display()))?;
    output::remark(&format!("{summary} in {}", data.display()));
    let home = Home::open(dir)?;
    let bar = Bar::new();
    let result = import::import(&home, &[data], None, false, None, &bar).await;
    bar.finish();
    let result = result?;
    let rejected: u64 = result.tables.iter().map(|t| t.rejected).sum();
    let written: u64 = result.tables.iter().map(|t| t.written).sum();
    output::remark(&format!("imported {written} rows, rejected {rejected}"));
    let when = When { as_of: Some(AS_OF.to_owned()), as_corrected: false, cluster: None, wire: Wire::default() };
    let case = super::case(&home, &when).await?;
    let review = case.review(&Ask::default()).await.map_err(|e| e.to_string())?;
    let page = dir.join("review.html");
    output::put(&treaty_web::review::review_html(&review).map_err(|e| e.to_string())?, Some(&page))?;
    output::put(&text::review_to_text(&review, &output::style(color)), None)?;
    output::put(
        &format!(
            "\nOpen {} in a browser, or ask further:\n  treaty -C {dir} review --as-of {AS_OF}\n  treaty -C {dir} report sources --as-of {AS_OF} --by segment\n  treaty -C {dir} metric explain worked_rate --as-of {AS_OF} --period 2026-Q2 --rows\n",
            page.display(),
            dir = dir.display()
        ),
        None,
    )?;
    Ok(0)
}
