//! Two bars a row, such as base and scenario, or sourced and influenced.

use super::bars::{GAP, Rows};
use super::canvas::{Anchor, Canvas, Fill, SIZE, measure, shorten};
use super::scale::Scale;
use super::spec::lower;
use super::{Frame, Ink, Spec};

const BAR: f64 = 16.0;
const BETWEEN: f64 = 2.0;

/// Two horizontal bars a row from zero, each with its value; the first row names them.
pub fn paired(spec: &Spec, frame: &Frame<'_>) -> String {
    let mut canvas = Canvas::new(spec, frame);
    let mut rows = Rows::of(spec, frame);
    rows.thick = BAR * 2.0 + BETWEEN;
    rows.pitch = rows.drop + rows.thick + 10.0;

    let named = spec.marks.iter().position(|m| m.values.iter().all(|v| v.x.is_some())).unwrap_or(0);
    let text = |row: usize, series: usize, shown: &str| match spec.series.get(series) {
        Some(name) if row == named => format!("{shown} {}", lower(name)),
        _ => shown.to_owned(),
    };
    let values = || spec.marks.iter().flat_map(|m| m.values.iter().filter_map(|v| v.x));
    let most = values().fold(0.0, |a: f64, x| a.max(x.abs()));
    // The named row has the longest texts, but need not have the longest bars.
    let mut right = 0.0f64;
    for (row, mark) in spec.marks.iter().enumerate() {
        for (series, value) in mark.values.iter().enumerate() {
            let share = value.x.map_or(0.0, |x| if most > 0.0 { x.max(0.0) / most } else { 0.0 });
            let wide = measure(&text(row, series, &value.shown), SIZE) + GAP + 2.0;
            let room = frame.width - rows.left;
            right = right.max(wide - room * (1.0 - share) * 0.7);
        }
    }
    let below = values().any(|x| x < 0.0);
    let left = rows.left + if below { 72.0 } else { 0.0 };
    let scale = Scale::over(values(), left, (frame.width - right.max(2.0)).max(left + 40.0));

    let top = canvas.y;
    let bottom = top + rows.pitch * spec.marks.len() as f64;
    for (row, mark) in spec.marks.iter().enumerate() {
        let y = top + rows.pitch * row as f64;
        canvas.open(&format!("{}: {}{}", mark.label, spec.words(mark), if mark.provisional { " (provisional)" } else { "" }));
        rows.name(&mut canvas, y, &mark.label, frame.width);
        for (series, value) in mark.values.iter().enumerate().take(2) {
            let at = y + rows.drop + series as f64 * (BAR + BETWEEN);
            let ink = if series == 0 { mark.tone.strong() } else { mark.tone.soft() };
            let shown = text(row, series, &value.shown);
            let middle = at + BAR / 2.0 + 5.0;
            match value.x {
                Some(x) => {
                    let (from, width) = scale.bar(x);
                    canvas.bar(from, at, width, BAR, if mark.provisional { Fill::Hatched(ink) } else { Fill::Solid(ink) });
                    if x < 0.0 {
                        canvas.text(from - GAP, middle, Anchor::End, Ink::Text, &value.shown);
                    } else {
                        let room = frame.width - from - width - GAP;
                        canvas.text(from + width + GAP, middle, Anchor::Start, Ink::Text, &shorten(&shown, SIZE, room));
                    }
                }
                None => canvas.text(scale.x(0.0) + GAP, middle, Anchor::Start, Ink::Quiet, &shown),
            }
        }
        canvas.close();
    }
    rows.baseline(&mut canvas, scale.x(0.0), top, spec.marks.len());
    canvas.y = bottom + 2.0;
    canvas.finish(spec)
}
