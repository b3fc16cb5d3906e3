//! How much of a promise has been attained: one bar, the goal as a line across it.

use super::{Ink, Theme, Tone};

/// Width of the drawing; the page stretches it.
const WIDTH: f64 = 250.0;
/// Attainment at the right end; the goal stands at four fifths.
const MOST: f64 = 1.25;

/// A bar of the share of the goal that is attained. The goal is a dark line at four fifths of the
/// width, and what the running period should have brought by now a fainter one.
///
/// It holds no text and is hidden from screen readers: the numbers stand beside it.
pub fn attainment(share: Option<f64>, due: Option<f64>, side: &str, theme: Theme) -> String {
    let paint = |ink: Ink| ink.paint(theme);
    let x = |share: f64| (share.clamp(0.0, MOST) / MOST * WIDTH * 10.0).round() / 10.0;
    let tone = Tone::of(side).unwrap_or(Tone::Plain);
    let mut body = format!("<rect y=\"4\" width=\"{WIDTH}\" height=\"8\" fill=\"{}\"/>", paint(Ink::Line));
    if let Some(share) = share.filter(|s| s.is_finite() && *s > 0.0) {
        let width = x(share).max(1.0);
        body.push_str(&format!("<rect y=\"4\" width=\"{width}\" height=\"8\" fill=\"{}\"/>", paint(tone.strong())));
    }
    if let Some(due) = due.filter(|d| d.is_finite() && *d > 0.0 && *d < 1.0) {
        body.push_str(&format!("<rect x=\"{}\" y=\"2\" width=\"1\" height=\"12\" fill=\"{}\"/>", x(due), paint(Ink::Quiet)));
    }
    body.push_str(&format!("<rect x=\"{}\" width=\"2\" height=\"16\" fill=\"{}\"/>", x(1.0) - 1.0, paint(Ink::Text)));
    format!(
        "<svg class=\"attainment\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} 16\" height=\"16\" \
         preserveAspectRatio=\"none\" aria-hidden=\"true\">{body}</svg>"
    )
}
