//! One bar a row, in parts; the first part is the one to look at.

use treaty_app::render::format::compact;

use super::bars::{GAP, Rows};
use super::canvas::{Anchor, Canvas, Fill, SIZE, measure, shorten};
use super::scale::Scale;
use super::{Frame, Ink, Mark, Spec};

/// Room between two names above the bars.
const APART: f64 = 12.0;
const SWATCH: f64 = 12.0;

/// Stacked horizontal bars from zero. Names of the parts stand above the first bar, numbers inside
/// where there is room, totals at the ends.
pub fn stacked(spec: &Spec, frame: &Frame<'_>) -> String {
    let mut canvas = Canvas::new(spec, frame);
    let rows = Rows::of(spec, frame);
    let total = |mark: &Mark| mark.values.iter().filter_map(|v| v.x).filter(|x| *x > 0.0).sum::<f64>();
    let totals: Vec<f64> = spec.marks.iter().map(total).collect();
    let text = totals.iter().map(|t| measure(&compact(*t), SIZE)).fold(0.0, f64::max) + GAP + 2.0;
    let scale = Scale::over(totals.iter().copied(), rows.left, frame.width - text);

    names(&mut canvas, spec, frame, &rows, &scale);
    let top = canvas.y;
    let bottom = top + rows.pitch * spec.marks.len() as f64;
    for (row, mark) in spec.marks.iter().enumerate() {
        let y = top + rows.pitch * row as f64;
        canvas.open(&format!("{}: {}{}", mark.label, spec.words(mark), if mark.provisional { " (provisional)" } else { "" }));
        rows.name(&mut canvas, y, &mark.label, frame.width);
        let middle = y + rows.drop + rows.thick / 2.0 + 5.0;
        let mut sum = 0.0;
        for (part, value) in mark.values.iter().enumerate() {
            let Some(x) = value.x.filter(|x| *x > 0.0) else { continue };
            let (from, to) = (scale.x(sum), scale.x(sum + x));
            sum += x;
            // A hairline of the page parts one from the next.
            let width = (to - from - 1.0).max(0.5);
            let ink = ink(mark, part);
            canvas.bar(from, y + rows.drop, width, rows.thick, if mark.provisional { Fill::Hatched(ink) } else { Fill::Solid(ink) });
            if !mark.provisional && measure(&value.shown, SIZE) + 6.0 <= width {
                let on = if part == 0 { Ink::Page } else { Ink::Text };
                canvas.text((from + to) / 2.0, middle, Anchor::Middle, on, &value.shown);
            }
        }
        if mark.values.iter().any(|v| v.x.is_some()) {
            canvas.text(scale.x(sum) + GAP, middle, Anchor::Start, Ink::Text, &compact(sum));
        } else {
            let why = mark.values.first().map_or("", |v| v.shown.as_str());
            canvas.text(scale.x(0.0) + GAP, middle, Anchor::Start, Ink::Quiet, why);
        }
        canvas.close();
    }
    rows.baseline(&mut canvas, scale.x(0.0), top, spec.marks.len());
    canvas.y = bottom + 2.0;
    canvas.finish(spec)
}

fn ink(mark: &Mark, part: usize) -> Ink {
    if part == 0 { mark.tone.strong() } else { Ink::Grey(part - 1) }
}

/// Names of the parts, each above its place in the first bar; in rows of swatches where they do not fit.
fn names(canvas: &mut Canvas<'_>, spec: &Spec, frame: &Frame<'_>, rows: &Rows, scale: &Scale) {
    let Some(first) = spec.marks.first() else { return };
    let widths: Vec<f64> = spec.series.iter().map(|name| measure(name, SIZE)).collect();
    let needed: f64 = widths.iter().sum::<f64>() + APART * widths.len().saturating_sub(1) as f64;
    let drawn = first.values.iter().all(|v| v.x.is_some_and(|x| x > 0.0));
    if rows.names > 0.0 && drawn && needed <= frame.width - rows.left {
        let mut sum = 0.0;
        let mut centres = Vec::new();
        for x in first.values.iter().filter_map(|v| v.x) {
            centres.push(scale.x(sum + x / 2.0));
            sum += x;
        }
        let lefts = spread(&centres, &widths, rows.left, frame.width);
        for (i, name) in spec.series.iter().enumerate() {
            let Some(centre) = centres.get(i) else { continue };
            let at = lefts[i] + widths[i] / 2.0;
            canvas.text(at, canvas.y + 13.0, Anchor::Middle, if i == 0 { Ink::Text } else { Ink::Quiet }, name);
            canvas.line((at, canvas.y + 18.0), (*centre, canvas.y + 30.0), Ink::Rest, 1.0);
        }
        canvas.y += 25.0;
        return;
    }
    let mut x = 0.0;
    for (i, name) in spec.series.iter().enumerate() {
        let wide = SWATCH + 6.0 + widths[i];
        if x > 0.0 && x + wide > frame.width {
            x = 0.0;
            canvas.y += 20.0;
        }
        canvas.bar(x, canvas.y + 3.0, SWATCH, SWATCH, Fill::Solid(ink(first, i)));
        canvas.text(x + SWATCH + 6.0, canvas.y + 14.0, Anchor::Start, Ink::Text, &shorten(name, SIZE, frame.width - SWATCH - 6.0));
        x += wide + APART;
    }
    canvas.y += 28.0;
}

/// Left ends of texts that want to be centred at places, moved apart so that none overlaps.
fn spread(centres: &[f64], widths: &[f64], left: f64, right: f64) -> Vec<f64> {
    let mut lefts: Vec<f64> = centres.iter().zip(widths).map(|(c, w)| c - w / 2.0).collect();
    let mut least = left;
    for (at, width) in lefts.iter_mut().zip(widths) {
        *at = at.max(least);
        least = *at + width + APART;
    }
    let mut most = right;
    for (at, width) in lefts.iter_mut().zip(widths).rev() {
        *at = at.min(most - width);
        most = *at - APART;
    }
    lefts
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn names_do_not_overlap_and_stay_inside() {
        let widths = [40.0, 40.0, 40.0];
        let lefts = spread(&[10.0, 12.0, 300.0], &widths, 0.0, 310.0);
        assert_eq!(lefts, [0.0, 52.0, 270.0]);
        let lefts = spread(&[290.0, 295.0, 300.0], &widths, 0.0, 310.0);
        assert_eq!(lefts, [166.0, 218.0, 270.0]);
    }
}
