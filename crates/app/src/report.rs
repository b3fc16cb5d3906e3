//! The one shape of every report, whoever shows it: terminal, page, CSV or JSON.

/// Why there is no number (S2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Nobody is in the population.
    EmptyPopulation,
    /// The denominator is zero.
    ZeroDenominator,
    /// The cohort is too young.
    NotMature,
    /// An exchange rate is missing.
    MissingRate,
    /// There is no history to learn from.
    NoHistory,
    /// The data cannot tell.
    NotIdentified,
    /// Fewer than half of the cases have ended, so there is no median yet.
    NotReached,
}

impl Reason {
    /// Stable word for exports.
    pub fn code(self) -> &'static str {
        match self {
            Reason::EmptyPopulation => "empty_population",
            Reason::ZeroDenominator => "zero_denominator",
            Reason::NotMature => "not_mature",
            Reason::MissingRate => "missing_rate",
            Reason::NoHistory => "no_history",
            Reason::NotIdentified => "not_identified",
            Reason::NotReached => "not_reached",
        }
    }

    /// Words for people.
    pub fn words(self) -> &'static str {
        match self {
            Reason::EmptyPopulation => "nobody in the population",
            Reason::ZeroDenominator => "nothing to divide by",
            Reason::NotMature => "too young to judge",
            Reason::MissingRate => "an exchange rate is missing",
            Reason::NoHistory => "no history to learn from",
            Reason::NotIdentified => "the data cannot tell",
            Reason::NotReached => "fewer than half have got there",
        }
    }
}

/// One cell of a report.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A count.
    Count(i64),
    /// A decimal number.
    Number(f64),
    /// A share, 0 to 1 (or above, for flow ratios), with what it was made from.
    Ratio {
        /// Numerator.
        numerator: i64,
        /// Denominator.
        denominator: i64,
    },
    /// A share without counts, such as an interval limit.
    Share(f64),
    /// Money in minor units of the report's currency.
    Money(i64),
    /// Yes or no.
    Flag(bool),
    /// There is no number, and why.
    Undefined(Reason),
    /// Too few cases to show.
    Suppressed {
        /// Cases.
        n: i64,
        /// Smallest number that is shown.
        min_n: i64,
    },
    /// Nothing belongs here.
    Blank,
}

impl Cell {
    /// Ratio, or undefined when the denominator is zero.
    pub fn ratio(numerator: i64, denominator: i64) -> Self {
        if denominator == 0 { Cell::Undefined(Reason::ZeroDenominator) } else { Cell::Ratio { numerator, denominator } }
    }

    /// A number, or undefined for a reason.
    pub fn number_or(value: Option<f64>, reason: Reason) -> Self {
        value.map_or(Cell::Undefined(reason), Cell::Number)
    }

    /// The cell as a plain number, if it is one. Money is in major units.
    pub fn value(&self, exponent: u32) -> Option<f64> {
        match self {
            Cell::Count(n) => Some(*n as f64),
            Cell::Number(x) | Cell::Share(x) => Some(*x),
            Cell::Ratio { numerator, denominator } if *denominator != 0 => Some(*numerator as f64 / *denominator as f64),
            Cell::Money(minor) => Some(*minor as f64 / 10f64.powi(i32::try_from(exponent).unwrap_or(0))),
            _ => None,
        }
    }
}

/// Unit of a column, for headers and alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Text, left-aligned.
    Text,
    /// Count.
    Count,
    /// Share, shown in percent.
    Share,
    /// Money of the report's currency.
    Money,
    /// Days.
    Days,
    /// Minutes.
    Minutes,
    /// Plain number.
    Number,
    /// Yes or no.
    Flag,
}

/// A column of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Stable name: header of CSV, key of JSON.
    pub name: String,
    /// Words for people, such as `Leads` or `Median days`.
    pub title: String,
    /// Unit.
    pub unit: Unit,
    /// The metric that defines it, if it is in the catalogue.
    pub metric: Option<String>,
}

/// A chart beside a table: bars of one column over a label column.
#[derive(Debug, Clone, PartialEq)]
pub enum Chart {
    /// Horizontal bars; `interval` names the columns of the limits.
    Bars {
        /// Column with the labels.
        label: String,
        /// Column with the lengths.
        value: String,
        /// Columns with the lower and upper limit.
        interval: Option<(String, String)>,
    },
    /// Stacked horizontal bars, one part a column; first part is the one to look at.
    Stacked {
        /// Column with the labels.
        label: String,
        /// Columns in order.
        parts: Vec<String>,
    },
    /// Two bars a row, such as base and scenario, or sourced and influenced.
    Paired {
        /// Column with the labels.
        label: String,
        /// The two columns.
        values: (String, String),
    },
}

/// What a number rests on (S14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Version id of the agreement in force at the as-of date.
    pub agreement: String,
    /// Name of the agreement.
    pub agreement_name: String,
    /// Both sides have signed it.
    pub signed: bool,
    /// Record version.
    pub record_version: u64,
    /// Last local day that counts, `2026-06-30`.
    pub as_of: String,
    /// `as_of` (what was known then) or `as_corrected` (what is known now about then).
    pub basis: String,
    /// The as-of date lies before the first import, so only `as_corrected` can be served (S1).
    pub history_imported: bool,
    /// IANA zone of the days.
    pub time_zone: String,
    /// Reporting currency.
    pub currency: String,
    /// Its number of decimals.
    pub exponent: u32,
    /// Label of the period, or `all`.
    pub period: String,
    /// The `--where` filter, if any.
    pub filter: Option<String>,
}

/// A report: a question, its answer in a sentence, a chart, a table, and how it was computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Name on the command line, such as `funnel`.
    pub name: String,
    /// The question that the page answers.
    pub question: String,
    /// The answer, a sentence made from the numbers.
    pub answer: String,
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows; each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
    /// Rows (by position) that are provisional: too young for a final word (S11).
    pub provisional: Vec<bool>,
    /// Chart, if one helps.
    pub chart: Option<Chart>,
    /// Clauses of the agreement it follows, such as `promise.sales.speed_to_lead`.
    pub clauses: Vec<String>,
    /// How it is computed, in plain words.
    pub method: String,
    /// What to keep in mind: caveats, flags, counts of defects.
    pub notes: Vec<String>,
    /// What it rests on.
    pub provenance: Provenance,
}

impl Report {
    /// Position of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    /// Cell of a row by column name.
    pub fn cell(&self, row: usize, name: &str) -> Option<&Cell> {
        self.rows.get(row)?.get(self.position(name)?)
    }
}
