//! One bar a row, with its interval.

use treaty_app::render::format::{compact, percent};

use super::canvas::{Anchor, Canvas, Fill, SIZE, measure, shorten};
use super::scale::Scale;
use super::{Frame, Ink, Spec};

/// Room between a mark and its text.
pub(super) const GAP: f64 = 8.0;

/// Where the rows of a chart stand.
pub(super) struct Rows {
    /// Room for the names left of the bars; 0 when they stand above.
    pub(super) names: f64,
    /// Left end of the bars' room.
    pub(super) left: f64,
    pub(super) pitch: f64,
    /// From the top of a row to the top of its bar.
    pub(super) drop: f64,
    /// Height of the bar, or of a pair of bars.
    pub(super) thick: f64,
}

impl Rows {
    pub(super) fn of(spec: &Spec, frame: &Frame<'_>) -> Self {
        if frame.is_narrow() {
            return Self { names: 0.0, left: 1.0, pitch: 46.0, drop: 22.0, thick: 14.0 };
        }
        let widest = spec.marks.iter().map(|m| measure(&m.label, SIZE)).fold(0.0, f64::max);
        let names = widest.clamp(48.0, frame.width * 0.34);
        Self { names, left: names + 16.0, pitch: 30.0, drop: 6.0, thick: 18.0 }
    }

    /// Draws the line at zero: one for all rows, or beside each bar when the names stand above them.
    pub(super) fn baseline(&self, canvas: &mut Canvas<'_>, x: f64, top: f64, rows: usize) {
        if self.names > 0.0 {
            canvas.line((x, top), (x, top + self.pitch * rows as f64), Ink::Quiet, 1.0);
            return;
        }
        for row in 0..rows {
            let y = top + self.pitch * row as f64 + self.drop;
            canvas.line((x, y - 2.0), (x, y + self.thick + 2.0), Ink::Quiet, 1.0);
        }
    }

    /// Draws the name of a row whose top is at `y`.
    pub(super) fn name(&self, canvas: &mut Canvas<'_>, y: f64, label: &str, width: f64) {
        if self.names == 0.0 {
            canvas.text(0.0, y + 16.0, Anchor::Start, Ink::Text, &shorten(label, SIZE, width));
        } else {
            let middle = y + self.drop + self.thick / 2.0 + 5.0;
            canvas.text(0.0, middle, Anchor::Start, Ink::Text, &shorten(label, SIZE, self.names));
        }
    }
}

/// Horizontal bars from zero, each with its value, and a thin line for its interval.
pub fn bars(spec: &Spec, frame: &Frame<'_>) -> String {
    let mut canvas = Canvas::new(spec, frame);
    let rows = Rows::of(spec, frame);
    let firsts = || spec.marks.iter().filter_map(|m| m.values.first());
    let text = firsts().filter(|v| v.x.is_some()).map(|v| measure(&v.shown, SIZE)).fold(0.0, f64::max) + GAP + 2.0;
    let ends = || firsts().flat_map(|v| v.x.into_iter().chain(v.interval.into_iter().flat_map(|(low, high)| [low, high])));
    let below = ends().any(|x| x < 0.0);
    let left = rows.left + if below { text } else { 0.0 };
    let scale = Scale::over(ends(), left, (frame.width - text).max(left + 40.0));
    let with_interval = firsts().any(|v| v.interval.is_some());

    let top = canvas.y;
    let bottom = top + rows.pitch * spec.marks.len() as f64;
    if with_interval {
        for tick in scale.ticks(if frame.is_narrow() { 3 } else { 5 }).into_iter().filter(|t| *t != 0.0) {
            let x = scale.x(tick);
            canvas.line((x, top), (x, bottom), Ink::Line, 1.0);
            let label = if spec.percent { tick_percent(tick) } else { compact(tick) };
            canvas.text(x, bottom + 17.0, Anchor::Middle, Ink::Quiet, &label);
        }
        canvas.text(scale.x(0.0), bottom + 17.0, Anchor::Start, Ink::Quiet, "0");
    }
    for (i, mark) in spec.marks.iter().enumerate() {
        let y = top + rows.pitch * i as f64;
        let Some(value) = mark.values.first() else { continue };
        canvas.open(&format!("{}: {}{}", mark.label, spec.words(mark), if mark.provisional { " (provisional)" } else { "" }));
        rows.name(&mut canvas, y, &mark.label, frame.width);
        let middle = y + rows.drop + rows.thick / 2.0;
        match value.x {
            Some(x) => {
                let (from, width) = scale.bar(x);
                let ink = mark.tone.strong();
                let fill = if mark.provisional { Fill::Hatched(ink) } else { Fill::Solid(ink) };
                canvas.bar(from, y + rows.drop, width, rows.thick, fill);
                let mut end = scale.x(x);
                if let Some((low, high)) = value.interval {
                    whisker(&mut canvas, (scale.x(low), scale.x(high)), end, middle, x >= 0.0, mark.provisional);
                    end = if x < 0.0 { end.min(scale.x(low)) } else { end.max(scale.x(high)) };
                }
                let (at, anchor) = if x < 0.0 { (end - GAP, Anchor::End) } else { (end + GAP, Anchor::Start) };
                canvas.text(at, middle + 5.0, anchor, Ink::Text, &value.shown);
            }
            None => {
                let room = frame.width - scale.x(0.0) - GAP;
                canvas.text(scale.x(0.0) + GAP, middle + 5.0, Anchor::Start, Ink::Quiet, &shorten(&value.shown, SIZE, room));
            }
        }
        canvas.close();
    }
    rows.baseline(&mut canvas, scale.x(0.0), top, spec.marks.len());
    canvas.y = bottom + if with_interval { 24.0 } else { 2.0 };
    canvas.finish(spec)
}

fn tick_percent(tick: f64) -> String {
    let text = percent(tick);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// A thin line from limit to limit: in the page's colour where it lies on the bar, in ink beyond it.
fn whisker(canvas: &mut Canvas<'_>, (low, high): (f64, f64), end: f64, middle: f64, positive: bool, hatched: bool) {
    if hatched {
        canvas.line((low - 1.0, middle), (high + 1.0, middle), Ink::Page, 4.0);
        canvas.line((low, middle), (high, middle), Ink::Text, 1.5);
        return;
    }
    let (on, beyond) = if positive { ((low, end), (end, high)) } else { ((end, high), (low, end)) };
    canvas.line((on.0, middle), (on.1, middle), Ink::Page, 2.0);
    canvas.line((beyond.0, middle), (beyond.1, middle), Ink::Text, 2.0);
}
