//! Writes the review of a made-up company as HTML and text, to be looked at:
//! `cargo run --release -p treaty-web --example preview -- /tmp`.

mod company;

use std::error::Error;
use std::fs::write;
use std::path::PathBuf;

use treaty_app::render::text::{TextStyle, report_to_text, review_to_text};
use treaty_web::chart::{Frame, chart};
use treaty_web::review::{report_html, review_html};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".to_owned()));
    let review = company::review();
    write(dir.join("preview.html"), review_html(&review)?)?;
    for report in &review.reports {
        write(dir.join(format!("preview-{}.html", report.name)), report_html(report)?)?;
        let style = TextStyle { width: 100, color: true, unicode: true };
        write(dir.join(format!("preview-{}.txt", report.name)), report_to_text(report, &style))?;
        if let Some(svg) = chart(report, &Frame::alone(&report.name)) {
            write(dir.join(format!("preview-{}.svg", report.name)), svg)?;
        }
    }
    for width in [60, 80, 120] {
        let style = TextStyle { width, color: width == 120, unicode: width != 60 };
        write(dir.join(format!("preview-{width}.txt")), review_to_text(&review, &style))?;
    }
    Ok(())
}
