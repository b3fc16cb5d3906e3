//! What a chart shows: a report's rows and columns as marks, twelve at most.

use treaty_app::render::format::{ColumnFormat, Missing, compact, count, header_unit};
use treaty_app::render::table::{is_provisional, is_total_row, label_column};
use treaty_app::report::{Cell, Chart, Report, Unit};

use super::{ROWS_MOST, SERIES_MOST, Tone};

/// Which picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One bar a row, with its interval.
    Bars,
    /// One bar a row, in parts.
    Stacked,
    /// Two bars a row.
    Paired,
}

/// One value of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// The length; `None` where there is no number.
    pub x: Option<f64>,
    /// What stands at the mark: the number, or why there is none.
    pub shown: String,
    /// The exact value.
    pub exact: String,
    /// Limits of the interval.
    pub interval: Option<(f64, f64)>,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Its name.
    pub label: String,
    /// One value a series.
    pub values: Vec<Value>,
    /// Too young for a final word.
    pub provisional: bool,
    /// Whose it is.
    pub tone: Tone,
}

/// A chart without its pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Which picture.
    pub kind: Kind,
    /// The finding.
    pub title: String,
    /// What is measured, with its unit.
    pub measure: String,
    /// Names of the series.
    pub series: Vec<String>,
    /// Rows.
    pub marks: Vec<Mark>,
    /// Values are shares, shown in percent.
    pub percent: bool,
}

impl Spec {
    /// The chart of a report; `None` if it has none, or no value to draw.
    pub fn of(report: &Report) -> Option<Self> {
        let chart = report.chart.as_ref()?;
        let mut limits = None;
        let (kind, columns) = match chart {
            Chart::Bars { value, interval, .. } => {
                limits = interval.as_ref().and_then(|(low, high)| report.position(low).zip(report.position(high)));
                (Kind::Bars, vec![report.position(value)?])
            }
            Chart::Stacked { parts, .. } => (Kind::Stacked, parts.iter().filter_map(|p| report.position(p)).collect()),
            Chart::Paired { values: (a, b), .. } => (Kind::Paired, vec![report.position(a)?, report.position(b)?]),
        };
        let reader = Reader::new(report, columns, limits);
        let marks = reader.marks();
        marks.iter().flat_map(|m| &m.values).any(|v| v.x.is_some()).then(|| Self {
            kind,
            title: report.answer.clone(),
            measure: reader.measure(kind),
            series: reader.series(),
            marks,
            percent: reader.unit == Unit::Share,
        })
    }

    /// What is measured and how to read it, in one line.
    pub fn caption(&self) -> String {
        let mut out = format!("{}.", self.measure);
        if self.marks.iter().flat_map(|m| &m.values).any(|v| v.interval.is_some()) {
            out.push_str(" Thin lines: 95 % interval.");
        }
        if self.marks.iter().any(|m| m.provisional) {
            out.push_str(" Hatched: provisional.");
        }
        out
    }

    /// All values in words.
    pub fn description(&self) -> String {
        let mut out = format!("{} ", self.caption());
        for (i, mark) in self.marks.iter().enumerate() {
            if i > 0 {
                out.push_str("; ");
            }
            out.push_str(&format!("{}: {}", mark.label, self.words(mark)));
            if mark.provisional {
                out.push_str(" (provisional)");
            }
        }
        out.push('.');
        out
    }

    /// The values of one row in words.
    pub(super) fn words(&self, mark: &Mark) -> String {
        let named = |(value, series): (&Value, &String)| match self.kind {
            Kind::Bars => value.exact.clone(),
            Kind::Stacked | Kind::Paired => format!("{series} {}", value.exact),
        };
        mark.values.iter().zip(&self.series).map(named).collect::<Vec<_>>().join(", ")
    }
}

/// Reads marks from a report.
struct Reader<'a> {
    report: &'a Report,
    columns: Vec<usize>,
    formats: Vec<ColumnFormat>,
    limits: Option<(usize, usize)>,
    label: usize,
    label_format: ColumnFormat,
    unit: Unit,
    tone: Tone,
}

impl<'a> Reader<'a> {
    fn new(report: &'a Report, columns: Vec<usize>, limits: Option<(usize, usize)>) -> Self {
        let formats = columns.iter().map(|at| ColumnFormat::of(report, *at)).collect();
        let unit = columns.first().and_then(|at| report.columns.get(*at)).map_or(Unit::Number, |c| c.unit);
        let label = label_column(report);
        let label_format = ColumnFormat::of(report, label);
        Self { report, columns, formats, limits, label, label_format, unit, tone: side_of_clauses(report) }
    }

    fn cell(&self, row: usize, column: usize) -> &'a Cell {
        self.report.rows[row].get(column).unwrap_or(&Cell::Blank)
    }

    fn label(&self, row: usize) -> String {
        self.label_format.show(self.cell(row, self.label))
    }

    fn series(&self) -> Vec<String> {
        let mut names: Vec<String> = self.columns.iter().map(|at| self.report.columns[*at].title.clone()).collect();
        if names.len() > SERIES_MOST {
            names.truncate(SERIES_MOST - 1);
            names.push("other".to_owned());
        }
        names
    }

    fn measure(&self, kind: Kind) -> String {
        let report = self.report;
        let column = |at: &usize| report.columns.get(*at);
        let unit = self.columns.first().and_then(column).and_then(|c| match c.unit {
            Unit::Share => Some("%".to_owned()),
            _ => header_unit(c, &report.provenance.currency),
        });
        let name = match kind {
            Kind::Bars => self.columns.first().and_then(column).map(|c| c.title.clone()).unwrap_or_default(),
            Kind::Paired => {
                let mut titles = self.columns.iter().filter_map(column).map(|c| c.title.as_str());
                let first = titles.next().unwrap_or_default().to_owned();
                titles.fold(first, |all, title| format!("{all} and {}", lower(title)))
            }
            Kind::Stacked => "Number of cases".to_owned(),
        };
        let by = report.columns.get(self.label).map(|c| format!(" by {}", lower(&c.title))).unwrap_or_default();
        let unit = unit.map(|u| format!(", {u}")).unwrap_or_default();
        format!("{name}{by}{unit}")
    }

    fn marks(&self) -> Vec<Mark> {
        let ordinary: Vec<usize> = (0..self.report.rows.len()).filter(|row| !is_total_row(self.report, *row)).collect();
        if ordinary.len() <= ROWS_MOST {
            return ordinary.into_iter().map(|row| self.mark(row)).collect();
        }
        // The largest are drawn, in the report's order.
        let mut largest = ordinary;
        largest.sort_by(|a, b| self.weight(*b).total_cmp(&self.weight(*a)));
        let (drawn, rest) = largest.split_at_mut(ROWS_MOST);
        drawn.sort_unstable();
        rest.sort_unstable();
        let mut marks: Vec<Mark> = drawn.iter().map(|row| self.mark(*row)).collect();
        marks.push(self.other(rest));
        marks
    }

    /// How much a row matters: cases behind a ratio, else the size of its parts; 0 keeps the report's order.
    fn weight(&self, row: usize) -> f64 {
        let exponent = self.report.provenance.exponent;
        let weigh = |at: &usize| match self.cell(row, *at) {
            Cell::Ratio { denominator, .. } => *denominator as f64,
            cell @ (Cell::Count(_) | Cell::Money(_)) => cell.value(exponent).unwrap_or(0.0).abs(),
            _ => 0.0,
        };
        self.columns.iter().map(weigh).sum()
    }

    fn mark(&self, row: usize) -> Mark {
        let cells: Vec<Cell> = self.columns.iter().map(|at| self.cell(row, *at).clone()).collect();
        let mut values = self.values(&cells);
        if let (Some((low, high)), Some(first)) = (self.limits, values.first_mut())
            && let (Some(low), Some(high)) = (self.finite(self.cell(row, low)), self.finite(self.cell(row, high)))
            && first.x.is_some()
        {
            first.interval = Some((low, high));
            let show = |x: f64| self.formats[0].show(&Cell::Share(x));
            if self.unit == Unit::Share {
                first.exact.push_str(&format!(", 95 % interval {}–{} %", show(low), show(high)));
            }
        }
        let tone = self.side(row).unwrap_or(self.tone);
        Mark { label: self.label(row), values, provisional: is_provisional(self.report, row), tone }
    }

    /// The rows beyond the twelfth: counts and money are added up, ratios from their counts.
    fn other(&self, rows: &[usize]) -> Mark {
        let sum = |at: &usize| {
            let cells = rows.iter().map(|row| self.cell(*row, *at)).filter(|cell| Missing::of(cell).is_none() && **cell != Cell::Blank);
            let add = |sum: Option<Cell>, cell: &Cell| match (sum, cell) {
                (None, Cell::Count(_) | Cell::Money(_) | Cell::Ratio { .. }) => Some(cell.clone()),
                (Some(Cell::Count(a)), Cell::Count(b)) => Some(Cell::Count(a.saturating_add(*b))),
                (Some(Cell::Money(a)), Cell::Money(b)) => Some(Cell::Money(a.saturating_add(*b))),
                (Some(Cell::Ratio { numerator, denominator }), Cell::Ratio { numerator: n, denominator: d }) => {
                    Some(Cell::Ratio { numerator: numerator.saturating_add(*n), denominator: denominator.saturating_add(*d) })
                }
                (sum, _) => sum,
            };
            cells.fold(None, add).unwrap_or(Cell::Blank)
        };
        let cells: Vec<Cell> = self.columns.iter().map(sum).collect();
        let mut values = self.values(&cells);
        for value in values.iter_mut().filter(|v| v.x.is_none()) {
            value.shown = "in the table".to_owned();
        }
        let number = count(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        let provisional = rows.iter().any(|row| is_provisional(self.report, *row));
        Mark { label: format!("other ({number})"), values, provisional, tone: Tone::Rest }
    }

    fn values(&self, cells: &[Cell]) -> Vec<Value> {
        let mut values: Vec<Value> = cells.iter().zip(&self.formats).map(|(cell, format)| self.value(cell, format)).collect();
        if values.len() > SERIES_MOST {
            let rest = values.split_off(SERIES_MOST - 1);
            let sum: f64 = rest.iter().filter_map(|v| v.x).sum();
            values.push(Value { x: Some(sum), shown: compact(sum), exact: compact(sum), interval: None });
        }
        values
    }

    fn finite(&self, cell: &Cell) -> Option<f64> {
        cell.value(self.report.provenance.exponent).filter(|x| x.is_finite())
    }

    fn value(&self, cell: &Cell, format: &ColumnFormat) -> Value {
        let x = self.finite(cell);
        if let Some(missing) = Missing::of(cell) {
            let shown = match missing {
                Missing::Undefined(_) => format!("{} {}", missing.mark(), missing.words()),
                Missing::Suppressed { .. } => missing.mark(),
            };
            return Value { x: None, exact: missing.words(), shown, interval: None };
        }
        let shown = match (cell, x) {
            (Cell::Money(_), Some(x)) => compact(x),
            (Cell::Blank, _) => String::new(),
            _ if self.unit == Unit::Share => format!("{} %", format.show(cell)),
            _ => format.show(cell),
        };
        let exact = match format.exact(cell) {
            Some(exact) if matches!(cell, Cell::Ratio { .. }) => format!("{shown} ({exact})"),
            Some(exact) => exact,
            None => shown.clone(),
        };
        Value { x, shown, exact, interval: None }
    }

    /// Whose row it is, if a column says so.
    fn side(&self, row: usize) -> Option<Tone> {
        let named = |name: &str| match self.report.cell(row, name) {
            Some(Cell::Text(side)) => Tone::of(side),
            _ => None,
        };
        named("side").or_else(|| named("owner"))
    }
}

/// A title inside a line of text; abbreviations stay as they are.
pub(super) fn lower(title: &str) -> String {
    let mut letters = title.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain([second]).chain(letters).collect(),
        _ => title.to_owned(),
    }
}

/// The side whose promises a report is about, if it is one.
fn side_of_clauses(report: &Report) -> Tone {
    let sides = report.clauses.iter().filter_map(|c| c.strip_prefix("promise.")?.split('.').next());
    let mut tones = sides.filter_map(Tone::of);
    match tones.next() {
        Some(first) if tones.all(|t| t == first) => first,
        _ => Tone::Plain,
    }
}
