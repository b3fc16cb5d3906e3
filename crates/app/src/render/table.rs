//! The table people see: a report's cells as shown text, with units in the header and a footnote
//! for every number that is missing. Terminal and page both draw this.

use crate::render::format::{ColumnFormat, DASH, Missing, header_unit, is_numeric};
use crate::report::{Cell, Chart, Report, Unit};

/// Heading of the column that stands for the two limits of an interval (S12).
const INTERVAL_TITLE: &str = "95 % interval";

/// A column as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Stable name of the report's column.
    pub name: String,
    /// Words for people.
    pub title: String,
    /// Unit, if the title does not say it.
    pub unit: Option<String>,
    /// Aligned to the right.
    pub numeric: bool,
    /// The metric that defines it.
    pub metric: Option<String>,
}

/// A cell as shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shown {
    /// What stands in the cell.
    pub text: String,
    /// The exact value, if it says more.
    pub exact: Option<String>,
    /// Why there is no number.
    pub why: Option<String>,
    /// By what the column is sorted; `None` sorts last.
    pub value: Option<f64>,
}

/// A row as shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Cells, one a column.
    pub cells: Vec<Shown>,
    /// Position in the report.
    pub source: usize,
    /// Too young for a final word (S11).
    pub provisional: bool,
    /// Sums up the other rows.
    pub total: bool,
}

/// Why some cells show no number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footnote {
    /// What stands in those cells.
    pub mark: String,
    /// The reason in words.
    pub why: String,
    /// Titles of the columns.
    pub columns: Vec<String>,
    /// How many rows.
    pub rows: usize,
}

impl Footnote {
    /// The footnote without its mark: `nothing to divide by: Conversion, Median days (2 rows)`.
    pub fn words(&self) -> String {
        let rows = if self.rows == 1 { "1 row".to_owned() } else { format!("{} rows", self.rows) };
        format!("{}: {} ({rows})", self.why, self.columns.join(", "))
    }
}

/// A report's table as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Columns.
    pub heads: Vec<Head>,
    /// Rows, in the report's order.
    pub rows: Vec<Row>,
    /// Position of the column that names the rows.
    pub label: usize,
    /// What the dashes mean.
    pub footnotes: Vec<Footnote>,
    /// Ordinary rows that were left out.
    pub hidden: usize,
}

/// One shown column: a column of the report, or the two limits of an interval in one.
enum Source {
    Column(usize, ColumnFormat),
    Interval(usize, usize, ColumnFormat),
}

impl Source {
    fn head(&self, report: &Report) -> Head {
        let (Source::Column(at, _) | Source::Interval(at, ..)) = self;
        let column = &report.columns[*at];
        let title = if matches!(self, Source::Interval(..)) { INTERVAL_TITLE } else { &column.title };
        let unit = header_unit(column, &report.provenance.currency).filter(|unit| !title.contains(unit.as_str()));
        Head {
            name: column.name.clone(),
            title: title.to_owned(),
            unit,
            numeric: is_numeric(column.unit),
            metric: column.metric.clone(),
        }
    }

    fn show(&self, row: &[Cell], exponent: u32) -> (Shown, Option<Missing>) {
        let cell = |at: usize| row.get(at).unwrap_or(&Cell::Blank);
        match self {
            Source::Column(at, format) => {
                let cell = cell(*at);
                let missing = Missing::of(cell);
                let shown = Shown {
                    text: format.show(cell),
                    exact: format.exact(cell),
                    why: missing.map(Missing::words),
                    value: if missing.is_some() { None } else { cell.value(exponent) },
                };
                (shown, missing)
            }
            Source::Interval(from, to, format) => {
                let (low, high) = (cell(*from), cell(*to));
                if let Some(missing) = Missing::of(low).or_else(|| Missing::of(high)) {
                    let shown = Shown { text: missing.mark(), why: Some(missing.words()), ..Shown::default() };
                    return (shown, Some(missing));
                }
                let (a, b) = (format.show(low), format.show(high));
                let text = match (a.is_empty(), b.is_empty()) {
                    (true, true) => String::new(),
                    _ if a.starts_with('−') || b.starts_with('−') => format!("{a} to {b}"),
                    _ => format!("{a}{DASH}{b}"),
                };
                let exact = match (format.exact(low), format.exact(high)) {
                    (Some(a), Some(b)) => Some(format!("{a} to {b}")),
                    _ => None,
                };
                (Shown { text, exact, why: None, value: low.value(exponent) }, None)
            }
        }
    }
}

/// Position of the column whose text names the rows.
pub fn label_column(report: &Report) -> usize {
    let named = match &report.chart {
        Some(Chart::Bars { label, .. } | Chart::Stacked { label, .. } | Chart::Paired { label, .. }) => {
            report.position(label)
        }
        None => None,
    };
    named.or_else(|| report.columns.iter().position(|c| c.unit == Unit::Text)).unwrap_or(0)
}

/// Whether a label says that its row sums up the others: `Total`, `(union)`.
pub fn is_total(label: &str) -> bool {
    if label.len() > 24 {
        return false;
    }
    let word = label.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    matches!(word.as_str(), "total" | "grand total" | "all" | "union")
}

/// Whether a row of a report sums up the others.
pub fn is_total_row(report: &Report, row: usize) -> bool {
    let label = report.rows.get(row).and_then(|cells| cells.get(label_column(report)));
    matches!(label, Some(Cell::Text(text)) if is_total(text))
}

/// Whether a row of a report is provisional.
pub fn is_provisional(report: &Report, row: usize) -> bool {
    report.provisional.get(row).copied().unwrap_or(false)
}

/// A column that only repeats [`Report::provisional`]; people see the mark on the row instead.
fn repeats_provisional(report: &Report, at: usize) -> bool {
    let column = &report.columns[at];
    column.unit == Unit::Flag
        && column.name == "provisional"
        && report.rows.iter().enumerate().all(|(i, row)| match row.get(at) {
            Some(Cell::Flag(flag)) => *flag == is_provisional(report, i),
            Some(Cell::Blank) | None => true,
            Some(_) => false,
        })
}

fn sources(report: &Report) -> Vec<Source> {
    let interval = match &report.chart {
        Some(Chart::Bars { interval: Some((low, high)), .. }) => report.position(low).zip(report.position(high)),
        _ => None,
    };
    let mut out = Vec::with_capacity(report.columns.len());
    for at in 0..report.columns.len() {
        match interval {
            Some((low, high)) if at == low && low != high => {
                out.push(Source::Interval(low, high, ColumnFormat::of(report, low)));
            }
            Some((low, high)) if at == high && low != high => {}
            _ if repeats_provisional(report, at) => {}
            _ => out.push(Source::Column(at, ColumnFormat::of(report, at))),
        }
    }
    out
}

impl Table {
    /// The table of a report. Rows shorter than the columns are filled with blanks.
    pub fn of(report: &Report) -> Self {
        Self::first(report, usize::MAX)
    }

    /// The first rows of a report's table, so many at most; rows that sum up are never left out.
    pub fn first(report: &Report, most: usize) -> Self {
        let sources = sources(report);
        let heads: Vec<Head> = sources.iter().map(|s| s.head(report)).collect();
        let label_at = label_column(report);
        let label = sources.iter().position(|s| matches!(s, Source::Column(at, _) if *at == label_at)).unwrap_or(0);
        let mut missing: Vec<(Missing, usize, usize)> = Vec::new();
        let mut rows = Vec::new();
        let mut ordinary = 0;
        for (i, row) in report.rows.iter().enumerate() {
            let total = is_total_row(report, i);
            ordinary += usize::from(!total);
            if !total && ordinary > most {
                continue;
            }
            let mut cells = Vec::with_capacity(sources.len());
            for (column, source) in sources.iter().enumerate() {
                let (shown, why) = source.show(row, report.provenance.exponent);
                cells.push(shown);
                missing.extend(why.map(|why| (why, column, i)));
            }
            rows.push(Row { cells, source: i, provisional: is_provisional(report, i), total });
        }
        let footnotes = footnotes(&mut missing, &heads);
        Self { heads, rows, label, footnotes, hidden: ordinary.saturating_sub(most) }
    }
}

fn footnotes(missing: &mut [(Missing, usize, usize)], heads: &[Head]) -> Vec<Footnote> {
    // The number of cases differs from row to row; the footnote is one for all of them.
    for (why, ..) in missing.iter_mut() {
        if let Missing::Suppressed { n, .. } = why {
            *n = 0;
        }
    }
    missing.sort_unstable();
    let groups = missing.chunk_by(|a, b| a.0 == b.0);
    let notes = groups.map(|group| {
        let mut columns: Vec<usize> = group.iter().map(|m| m.1).collect();
        columns.dedup();
        let mut rows: Vec<usize> = group.iter().map(|m| m.2).collect();
        rows.sort_unstable();
        rows.dedup();
        Footnote {
            mark: group[0].0.mark(),
            why: group[0].0.words(),
            columns: columns.into_iter().map(|at| heads[at].title.clone()).collect(),
            rows: rows.len(),
        }
    });
    notes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::fixture;

    #[test]
    fn interval_limits_share_a_column_and_the_provisional_column_is_dropped() {
        let table = Table::of(&fixture::funnel());
        let names: Vec<&str> = table.heads.iter().map(|h| h.name.as_str()).collect();
        assert_eq!(names, ["stage", "reached", "conversion", "conversion_low", "median_days"]);
        assert_eq!(table.heads[3].title, "95 % interval");
        assert_eq!(table.heads[2].unit.as_deref(), Some("%"));
        assert_eq!(table.heads[4].unit, None, "the title says days");
        let text = |row: usize, column: usize| table.rows[row].cells[column].text.as_str();
        assert_eq!(text(1, 2), "33.3");
        assert_eq!(text(1, 3), "31.5–35.2");
        assert_eq!(text(3, 2), "n<10");
        assert_eq!(text(4, 2), "–");
        assert!(table.rows[2].provisional);
    }

    #[test]
    fn every_dash_has_a_footnote() {
        let table = Table::of(&fixture::funnel());
        let words: Vec<String> = table.footnotes.iter().map(|f| format!("{} {}", f.mark, f.words())).collect();
        assert!(words.iter().any(|w| w.starts_with("– nothing to divide by: Conversion")), "{words:?}");
        assert!(words.iter().any(|w| w.starts_with("n<10 fewer than 10 cases")), "{words:?}");
        for row in &table.rows {
            for cell in row.cells.iter().filter(|c| c.text == DASH || c.text.starts_with("n<")) {
                let why = cell.why.as_deref().expect("a dash has a reason");
                assert!(table.footnotes.iter().any(|f| f.why == why));
            }
        }
    }

    #[test]
    fn ragged_rows_and_total_rows_are_understood() {
        let mut report = fixture::funnel();
        report.rows.push(vec![Cell::Text("Total".to_owned())]);
        let table = Table::of(&report);
        let last = table.rows.last().expect("rows");
        assert!(last.total);
        assert_eq!(last.cells.len(), table.heads.len());
        assert_eq!(table.hidden, 0);
        let first = Table::first(&report, 2);
        assert_eq!((first.rows.len(), first.hidden), (3, 3), "a total is never left out");
        assert!(is_total("(union)") && is_total("TOTAL") && !is_total("Totally new"));
    }
}
