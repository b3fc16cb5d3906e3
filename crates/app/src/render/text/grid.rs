//! A report's table for a terminal: it fits the width by wrapping headers, shortening texts and,
//! last of all, leaving out columns, which it then names.

use super::page::{Ink, Page, bar, clean, pad, shorten, width, wrap};
use super::TextStyle;
use crate::render::format;
use crate::render::table::{Head, Row, Table, is_total_row};
use crate::report::{Chart, Report};

/// Blanks between columns.
const GAP: usize = 2;
/// Most lines of a header.
const HEADER_LINES: usize = 3;
/// A bar shorter than this says nothing.
const BAR_MIN: usize = 8;
/// A bar longer than this draws the eye away from the numbers.
const BAR_MAX: usize = 24;
/// A text column is not made narrower than this.
const TEXT_MIN: usize = 10;

/// A column while it is laid out.
struct Column {
    at: usize,
    title: String,
    cells: Vec<String>,
    numeric: bool,
    /// Widest that its cells may take.
    cap: usize,
}

impl Column {
    fn of(table: &Table, rows: &[&Row], at: usize, style: &TextStyle) -> Self {
        let head = &table.heads[at];
        let marked = |row: &&Row| {
            let text = row.cells.get(at).map_or("", |c| c.text.as_str());
            let mark = if at == table.label && row.provisional { " ~" } else { "" };
            clean(&format!("{text}{mark}"), style)
        };
        Self { at, title: clean(&title(head), style), cells: rows.iter().map(marked).collect(), numeric: head.numeric, cap: usize::MAX }
    }

    /// Width of the widest cell.
    fn natural(&self) -> usize {
        self.cells.iter().map(|c| width(c)).max().unwrap_or(0)
    }

    /// Smallest width that holds the cells, and the header in so many lines.
    fn width(&self, lines: usize) -> usize {
        let longest = self.title.split(' ').map(width).max().unwrap_or(0);
        let mut wide = self.natural().min(self.cap).max(longest.min(self.cap)).max(1);
        while wide < width(&self.title) && wide < self.cap && wrap(&self.title, wide).len() > lines {
            wide += 1;
        }
        wide
    }
}

fn title(head: &Head) -> String {
    match &head.unit {
        Some(unit) => format!("{} {unit}", head.title),
        None => head.title.clone(),
    }
}

/// What the bars beside the table show.
struct Bars {
    /// Shown column after which they stand.
    after: usize,
    /// Solid part and faint part of each shown row, 0 to 1.
    parts: Vec<(f64, f64)>,
    /// What the faint part means.
    key: Option<String>,
}

fn bars(report: &Report, table: &Table, rows: &[&Row]) -> Option<Bars> {
    let exponent = report.provenance.exponent;
    let value = |row: usize, name: &str| report.cell(row, name).and_then(|c| c.value(exponent)).filter(|x| x.is_finite());
    let title = |name: &str| report.position(name).map(|at| report.columns[at].title.clone());
    let shown = |name: &str| table.heads.iter().position(|h| h.name == name);
    let ordinary = || (0..report.rows.len()).filter(|row| !is_total_row(report, *row));
    let scale = |lengths: &dyn Fn(usize) -> f64| ordinary().map(lengths).fold(0.0, f64::max);
    let share = |x: f64, most: f64| if most > 0.0 { x.max(0.0) / most } else { 0.0 };
    let each = |solid: &dyn Fn(usize) -> f64, whole: &dyn Fn(usize) -> f64| {
        let most = scale(whole);
        let part = |row: &&Row| if row.total { (0.0, 0.0) } else { (share(solid(row.source), most), share(whole(row.source), most)) };
        rows.iter().map(part).collect::<Vec<_>>()
    };
    match report.chart.as_ref()? {
        Chart::Bars { value: name, .. } => {
            let length = |row: usize| value(row, name).unwrap_or(0.0);
            Some(Bars { after: shown(name)?, parts: each(&length, &length), key: None })
        }
        Chart::Stacked { parts, .. } => {
            let first = parts.first()?;
            let solid = |row: usize| value(row, first).unwrap_or(0.0);
            let whole = |row: usize| parts.iter().filter_map(|p| value(row, p)).sum();
            let key = title(first).map(|first| format!("█ {first}  ░ the rest"));
            Some(Bars { after: table.heads.len().checked_sub(1)?, parts: each(&solid, &whole), key })
        }
        Chart::Paired { values: (a, b), .. } => {
            let solid = |row: usize| value(row, a).unwrap_or(0.0);
            let whole = |row: usize| solid(row).max(value(row, b).unwrap_or(0.0));
            let key = title(a).zip(title(b)).map(|(a, b)| format!("█ {a}  ░ up to {b}, where that is more"));
            Some(Bars { after: shown(b)?, parts: each(&solid, &whole), key })
        }
    }
}

/// How the columns share the width.
struct Layout {
    widths: Vec<usize>,
    bar: usize,
}

fn fit(columns: &[Column], label: usize, lines: usize, room: usize, bar_least: usize) -> Option<Layout> {
    let mut widths: Vec<usize> = columns.iter().map(|c| c.width(lines)).collect();
    let taken = widths.iter().sum::<usize>() + GAP * columns.len().saturating_sub(1);
    let bar_room = if bar_least > 0 { GAP + bar_least } else { 0 };
    let mut left = room.checked_sub(taken)?.checked_sub(bar_room)?;
    // Room that is left goes to shortened texts, the names of the rows first.
    let names_first = (0..columns.len()).filter(|i| columns[*i].at == label).chain(0..columns.len());
    for i in names_first {
        let more = columns[i].natural().saturating_sub(widths[i]).min(left);
        widths[i] += more;
        left -= more;
    }
    let bar = if bar_least > 0 { (bar_least + left).min(BAR_MAX) } else { 0 };
    Some(Layout { widths, bar })
}

/// Finds a layout; columns that have no room are taken out and their titles returned.
fn arrange(columns: &mut Vec<Column>, label: usize, room: usize, with_bar: bool) -> (Layout, Vec<String>) {
    let roomy = (room / 3).max(TEXT_MIN);
    let bar = if with_bar { BAR_MIN } else { 0 };
    let mut hidden = Vec::new();
    loop {
        for (cap, bar) in [(roomy, bar), (roomy, 0), (TEXT_MIN * 2, 0), (TEXT_MIN, 0)] {
            for column in columns.iter_mut().filter(|c| !c.numeric) {
                column.cap = cap.min(roomy);
            }
            for lines in 1..=HEADER_LINES {
                if let Some(layout) = fit(columns, label, lines, room, bar) {
                    return (layout, hidden);
                }
            }
        }
        match columns.iter().rposition(|c| c.at != label) {
            Some(last) => hidden.insert(0, columns.remove(last).title),
            None => return (Layout { widths: columns.iter().map(|_| room.max(1)).collect(), bar: 0 }, hidden),
        }
    }
}

/// Draws the table of a report, or the first rows of it.
pub(super) fn table(page: &mut Page<'_>, report: &Report, table: &Table) {
    let style = page.style;
    let rows: Vec<&Row> = table.rows.iter().collect();
    if rows.is_empty() {
        page.line(&[(Ink::Quiet, "No rows in this period.")]);
        return;
    }
    let mut columns: Vec<Column> = (0..table.heads.len()).map(|at| Column::of(table, &rows, at, style)).collect();
    let bars = bars(report, table, &rows).filter(|b| b.parts.iter().any(|(_, whole)| *whole > 0.0));
    let (layout, hidden) = arrange(&mut columns, table.label, style.width, bars.is_some());
    let bar_after = bars.as_ref().filter(|_| layout.bar > 0).and_then(|b| columns.iter().position(|c| c.at == b.after));

    header(page, &columns, &layout, bar_after);
    for (i, row) in rows.iter().enumerate() {
        let ink = if row.total { Ink::Strong } else { Ink::Plain };
        let mut spans: Vec<(Ink, String)> = Vec::new();
        for (c, column) in columns.iter().enumerate() {
            let missing = row.cells.get(column.at).is_some_and(|cell| cell.why.is_some());
            let text = cell(&column.cells[i], layout.widths[c], row.provisional && column.at == table.label, style);
            spans.push((if missing { Ink::Quiet } else { ink }, pad(&text, layout.widths[c], column.numeric)));
            spans.push((Ink::Plain, " ".repeat(GAP)));
            if bar_after == Some(c) && let Some(bars) = &bars {
                let drawn = draw_bar(bars.parts[i], layout.bar, row.provisional, style);
                spans.extend(drawn);
                spans.push((Ink::Plain, " ".repeat(GAP)));
            }
        }
        let spans: Vec<(Ink, &str)> = spans.iter().map(|(ink, text)| (*ink, text.as_str())).collect();
        page.line(&spans);
    }
    if table.hidden > 0 {
        let rows = if table.hidden == 1 { "row" } else { "rows" };
        let number = format::count(i64::try_from(table.hidden).unwrap_or(i64::MAX));
        page.wrapped(Ink::Quiet, "", &format!("… and {number} more {rows}: treaty report {}", report.name));
    }
    if let Some(key) = bars.as_ref().filter(|_| bar_after.is_some()).and_then(|b| b.key.as_ref()) {
        let key = if style.unicode { key.clone() } else { key.replace('█', "#").replace('░', ".") };
        page.wrapped(Ink::Quiet, "", &key);
    }
    if rows.iter().any(|r| r.provisional) {
        page.wrapped(Ink::Quiet, "", "~ provisional: too young for a final word");
    }
    for note in &table.footnotes {
        page.wrapped(Ink::Quiet, "", &format!("{} {}", note.mark, note.words()));
    }
    if !hidden.is_empty() {
        page.wrapped(Ink::Quiet, "", &format!("No room for: {}. A wider terminal or --format csv shows all.", hidden.join(", ")));
    }
}

/// A cell cut to its column; the mark of a provisional row survives the cut.
fn cell(text: &str, max: usize, marked: bool, style: &TextStyle) -> String {
    match text.strip_suffix(" ~").filter(|_| marked && max > 4) {
        Some(label) => format!("{} ~", shorten(label, max - 2, style)),
        None => shorten(text, max, style),
    }
}

fn header(page: &mut Page<'_>, columns: &[Column], layout: &Layout, bar_after: Option<usize>) {
    let lines: Vec<Vec<String>> = columns.iter().zip(&layout.widths).map(|(c, &wide)| wrap(&c.title, wide)).collect();
    let tall = lines.iter().map(Vec::len).max().unwrap_or(0);
    for i in 0..tall {
        let mut text = String::new();
        for (c, column) in columns.iter().enumerate() {
            // Headers stand on the line of the numbers: the last line of each is the lowest.
            let part = (i + lines[c].len()).checked_sub(tall).and_then(|at| lines[c].get(at)).map_or("", String::as_str);
            text.push_str(&pad(&shorten(part, layout.widths[c], page.style), layout.widths[c], column.numeric));
            text.push_str(&" ".repeat(GAP));
            if bar_after == Some(c) {
                text.push_str(&" ".repeat(layout.bar + GAP));
            }
        }
        page.line(&[(Ink::Quiet, &text)]);
    }
}

fn draw_bar((solid, whole): (f64, f64), cells: usize, provisional: bool, style: &TextStyle) -> Vec<(Ink, String)> {
    let (full, faint) = match (style.unicode, provisional) {
        (true, false) => ('█', '░'),
        (true, true) => ('▒', '░'),
        (false, false) => ('#', '.'),
        (false, true) => ('%', '.'),
    };
    let solid_part = bar(solid, cells, full, style);
    let used = width(&solid_part);
    let total = if whole > solid { width(&bar(whole, cells, faint, style)).max(used) } else { used };
    vec![
        (Ink::Plain, solid_part),
        (Ink::Quiet, String::from(faint).repeat(total - used)),
        (Ink::Plain, " ".repeat(cells.saturating_sub(total))),
    ]
}
