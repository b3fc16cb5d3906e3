//! The metric catalogue: every number that both sides accept is one file, an aggregate over one fact.
//!
//! [`Catalogue`] holds the files of the repository (embedded) and those beside the agreement. A
//! [`Metric`] knows its SQL and how a numerator and a denominator become a value. [`check`] says
//! everything that is wrong with a metric, [`run_example`] proves its worked example, [`explain`]
//! shows how a number came to be, down to the records behind it.

mod catalogue;
mod check;
mod example;
mod explain;
mod expression;
mod file;

pub use catalogue::Catalogue;
pub use check::check;
pub use example::run_example;
pub use explain::{Explanation, Records, explain};

use crate::error::EngineError;
use crate::sql;
use datafusion::arrow::datatypes::Schema;
use datafusion::logical_expr::Expr;
use datafusion::prelude::SessionContext;
use jiff::civil::Date;
use std::collections::BTreeMap;
use treaty_app::raw::Fault;
use treaty_app::report::{self, Cell, Reason};
use treaty_domain::agreement::MODELS;

/// Columns of facts that hold minor units of the reporting currency, beside those of attribution.
const MONEY: &[&str] = &["amount", "won_amount", "accepted_value", "value"];

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$what])* $variant),* }

        impl $name {
            /// The words of the file format, in order.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word in files.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }

            /// Reads a word.
            pub fn read(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// What a figure is of (C1).
    Kind {
        /// Rows that entered in the period, followed to the as-of instant: a probability.
        Cohort = "cohort",
        /// What happened in the period, whenever it began: throughput.
        Flow = "flow",
        /// The stock at the as-of instant.
        Snapshot = "snapshot",
    }
}

words! {
    /// Unit of the value.
    Unit {
        /// A count.
        Count = "count",
        /// Numerator over denominator.
        Ratio = "ratio",
        /// Minor units of the reporting currency.
        Money = "money",
        /// Local days (S3).
        Days = "days",
        /// Minutes.
        Minutes = "minutes",
    }
}

words! {
    /// Which way is good.
    Better {
        /// More is better.
        Higher = "higher",
        /// Less is better.
        Lower = "lower",
        /// Neither: it describes.
        Neither = "neither",
    }
}

words! {
    /// Which side answers for it.
    Owner {
        /// Marketing.
        Marketing = "marketing",
        /// Sales.
        Sales = "sales",
        /// Both.
        Both = "both",
    }
}

words! {
    /// How uncertainty is shown (S12).
    IntervalKind {
        /// Wilson score interval, 95 %, for a share of counted rows.
        Wilson = "wilson",
    }
}

impl Unit {
    /// Unit of a report column that shows it.
    pub fn column(self) -> report::Unit {
        match self {
            Unit::Count => report::Unit::Count,
            Unit::Ratio => report::Unit::Share,
            Unit::Money => report::Unit::Money,
            Unit::Days => report::Unit::Days,
            Unit::Minutes => report::Unit::Minutes,
        }
    }
}

/// Documentation of a metric, under fixed headings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Doc {
    /// What it counts.
    pub what: String,
    /// Why one looks at it.
    pub why: String,
    /// How to read it.
    pub how_to_read: String,
    /// What misleads.
    pub pitfalls: String,
    /// What the field calls it.
    pub standard_term: String,
    /// Item of the method reference, such as `A4`.
    pub method: String,
}

impl Doc {
    /// Headings and texts in order.
    pub fn parts(&self) -> [(&'static str, &str); 6] {
        [
            ("what", &self.what),
            ("why", &self.why),
            ("how_to_read", &self.how_to_read),
            ("pitfalls", &self.pitfalls),
            ("standard_term", &self.standard_term),
            ("method", &self.method),
        ]
    }
}

/// A worked example: documentation and test in one.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The story and the arithmetic.
    pub why: String,
    /// Rows of the fact; columns that are not named are NULL.
    pub rows: Vec<ExampleRow>,
    /// First day, and the day after the last, when the example shows the anchor at work.
    pub period: Option<(String, String)>,
    /// What must come out.
    pub expected: Expected,
    /// Line in the file.
    pub line: u64,
}

/// A row of an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleRow {
    /// How often the row occurs.
    pub times: u64,
    /// Columns and values as text.
    pub cells: Vec<(String, String)>,
    /// Line in the file.
    pub line: u64,
}

/// What an example yields.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Expected {
    /// The numerator.
    pub numerator: Option<f64>,
    /// The denominator.
    pub denominator: Option<f64>,
    /// The value; money in minor units.
    pub value: Option<f64>,
    /// Why there is no value.
    pub undefined: Option<Reason>,
}

/// A metric: one file, one fact table, one aggregate.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Identifier and file name.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// The one fact table it reads.
    pub fact: String,
    /// Cohort, flow or snapshot.
    pub kind: Kind,
    /// Date column that puts a row into a period; a snapshot has none.
    pub anchor: Option<String>,
    /// Unit.
    pub unit: Unit,
    /// Which way is good.
    pub better: Better,
    /// Which side answers for it.
    pub owner: Owner,
    /// Clause of the agreement it follows.
    pub clause: Option<String>,
    /// Its population: a condition over the fact.
    pub filter: Option<String>,
    /// Aggregate; the value itself when there is no denominator.
    pub numerator: String,
    /// Aggregate to divide by.
    pub denominator: Option<String>,
    /// Columns by which it may be sliced.
    pub dimensions: Vec<String>,
    /// A cohort younger than this is provisional (S11).
    pub maturity_days: u32,
    /// How uncertainty is shown.
    pub interval: Option<IntervalKind>,
    /// Documentation.
    pub doc: Doc,
    /// Worked examples.
    pub examples: Vec<Example>,
    /// File it was read from.
    pub file: String,
    /// Lines of the keys in the file.
    lines: BTreeMap<String, u64>,
}

impl Metric {
    /// A fault of this metric at one of its keys.
    fn fault(&self, key: &str, reason: impl Into<String>) -> Fault {
        let line = self.lines.get(key).copied().unwrap_or(1);
        Fault { file: self.file.clone(), line, column: Some(key.to_owned()), reason: reason.into() }
    }

    /// The question in SQL: dimensions, `numerator` and, if there is one, `denominator`.
    ///
    /// `period` is the first day and the day after the last; a snapshot knows no period and ignores
    /// it. `filter` must have been accepted by [`sql::condition`] over the fact's columns.
    pub fn sql(&self, dims: &[&str], filter: Option<&str>, period: Option<(&str, &str)>) -> String {
        let names: Vec<String> = dims.iter().map(|d| sql::quoted(d)).collect();
        let mut columns = names.clone();
        columns.push(format!("{} AS numerator", expression::normal(&self.numerator)));
        if let Some(denominator) = &self.denominator {
            columns.push(format!("{} AS denominator", expression::normal(denominator)));
        }
        let mut text = format!("SELECT {}\nFROM {}", columns.join(",\n       "), self.fact);
        let conditions = self.conditions(filter, period);
        if !conditions.is_empty() {
            text.push_str(&format!("\nWHERE {}", conditions.join("\n  AND ")));
        }
        if !names.is_empty() {
            let order: Vec<String> = names.iter().map(|n| format!("{n} NULLS LAST")).collect();
            text.push_str(&format!("\nGROUP BY {}\nORDER BY {}", names.join(", "), order.join(", ")));
        }
        text
    }

    /// The population as conditions to be joined by AND: the metric's own filter, another one, the period.
    pub fn conditions(&self, filter: Option<&str>, period: Option<(&str, &str)>) -> Vec<String> {
        let mut all: Vec<String> =
            [self.filter.as_deref(), filter].into_iter().flatten().map(|f| format!("({})", expression::normal(f))).collect();
        if let (Some(anchor), Some((from, to))) = (&self.anchor, period) {
            let anchor = sql::quoted(anchor);
            all.push(format!("{anchor} >= DATE {}", sql::literal(from)));
            all.push(format!("{anchor} < DATE {}", sql::literal(to)));
        }
        all
    }

    /// Its numerator as `alias` and, if there is one, its denominator as `alias_denominator`, with its
    /// own filter folded into every aggregate. So several metrics of one fact fit into one query.
    pub fn select_list(&self, alias: &str) -> String {
        self.select_list_where(alias, &self.conditions(None, None))
    }

    /// As [`Metric::select_list`], under other conditions, such as those of [`Metric::conditions`]
    /// with a period: then metrics with different anchors fit into one query, too.
    pub fn select_list_where(&self, alias: &str, conditions: &[String]) -> String {
        let fold = |text: &str| expression::folded(text, conditions).unwrap_or_else(|_| text.to_owned());
        let numerator = format!("{} AS {}", fold(&self.numerator), sql::quoted(alias));
        match &self.denominator {
            None => numerator,
            Some(d) => format!("{numerator}, {} AS {}", fold(d), sql::quoted(&format!("{alias}_denominator"))),
        }
    }

    /// Numerator and denominator as expressions over a fact, its own filter folded into every aggregate.
    ///
    /// # Errors
    /// When an expression is not allowed, or names a column that the fact does not have.
    pub fn exprs(&self, cx: &SessionContext, schema: &Schema) -> Result<(Expr, Option<Expr>), EngineError> {
        let conditions = self.conditions(None, None);
        let one = |key: &str, text: &str| {
            expression::folded(text, &conditions)
                .and_then(|folded| sql::expression(cx, &folded, schema, true))
                .map_err(|reason| EngineError::Metric { file: self.file.clone(), reason: format!("{key}: {reason}") })
        };
        let denominator = self.denominator.as_deref().map(|d| one("denominator", d)).transpose()?;
        Ok((one("numerator", &self.numerator)?, denominator))
    }

    /// The value of a numerator and a denominator as they come out of a query (NULL is `None`; money
    /// is in minor units), under the rules of S2.
    ///
    /// 0/0 is undefined, 0/5 is 0; nothing to take a median of is undefined; a share over fewer than
    /// `min_n` cases is suppressed.
    pub fn value(&self, numerator: Option<f64>, denominator: Option<f64>, min_n: i64) -> Cell {
        if self.denominator.is_none() {
            let Some(x) = numerator else { return Cell::Undefined(Reason::EmptyPopulation) };
            return match self.unit {
                Unit::Count => Cell::Count(x.round() as i64),
                Unit::Money => Cell::Money(x.round() as i64),
                Unit::Days | Unit::Minutes => Cell::Number(x),
                Unit::Ratio => Cell::Share(x),
            };
        }
        let (x, of) = (numerator.unwrap_or(0.0), denominator.unwrap_or(0.0));
        if of == 0.0 {
            return Cell::Undefined(Reason::ZeroDenominator);
        }
        if self.interval.is_some() && of < min_n as f64 {
            return Cell::Suppressed { n: of as i64, min_n };
        }
        match self.unit {
            Unit::Money => Cell::Money((x / of).round() as i64),
            Unit::Ratio if x.fract() == 0.0 && of.fract() == 0.0 => Cell::ratio(x as i64, of as i64),
            Unit::Ratio => Cell::Share(x / of),
            Unit::Count | Unit::Days | Unit::Minutes => Cell::Number(x / of),
        }
    }

    /// What numerator and denominator are given in, for those who show them beside the value.
    pub fn units(&self) -> (report::Unit, Option<report::Unit>) {
        let of = |text: &str| {
            let (columns, counts) = expression::aggregated(text);
            match self.unit {
                _ if counts => report::Unit::Count,
                Unit::Money => report::Unit::Money,
                _ if columns.iter().any(|c| MONEY.contains(&c.as_str()) || MODELS.contains(&c.as_str())) => report::Unit::Money,
                Unit::Days => report::Unit::Days,
                Unit::Minutes => report::Unit::Minutes,
                Unit::Count | Unit::Ratio => report::Unit::Number,
            }
        };
        (of(&self.numerator), self.denominator.as_deref().map(of))
    }

    /// Columns of its fact that it rests on: those it adds up, divides by, is narrowed by and is dated by.
    pub fn columns(&self) -> Vec<String> {
        let texts = [Some(&self.numerator), self.denominator.as_ref(), self.filter.as_ref()];
        let mut all: Vec<String> = texts.into_iter().flatten().flat_map(|t| expression::columns(t)).collect();
        all.extend(self.anchor.clone());
        all.sort();
        all.dedup();
        all
    }

    /// The interval around a share, if the metric asks for one and there is a share.
    pub fn interval_of(&self, numerator: Option<f64>, denominator: Option<f64>) -> Option<(f64, f64)> {
        self.interval?;
        let whole = |x: Option<f64>| x.filter(|x| *x >= 0.0 && x.fract() == 0.0).map(|x| x as u64);
        treaty_stats::wilson(whole(numerator)?, whole(denominator)?).map(|i| (i.low, i.high))
    }

    /// The cohort that ends before `to` is too young at the end of `as_of` for a final word (S11).
    pub fn is_provisional(&self, to: Date, as_of: Date) -> bool {
        let Ok(end) = as_of.tomorrow() else { return false };
        (end - to).get_days() < i32::try_from(self.maturity_days).unwrap_or(i32::MAX)
    }
}

/// Columns that identify a row of a fact, in the order in which rows are listed.
pub fn keys(fact: &str) -> &'static [&'static str] {
    match fact {
        "leads" => &["lead_id"],
        "stage_visits" => &["subject_type", "subject_id", "stage"],
        "opportunities" => &["opportunity_id"],
        "handoffs" => &["handoff_id"],
        "sla_clocks" => &["handoff_id", "promise"],
        "influences" => &["opportunity_id", "campaign_id"],
        "credits" => &["opportunity_id", "touchpoint_id"],
        "purchases" => &["account_id", "purchased_at", "product_line", "kind"],
        "spend" => &["spent_on", "campaign_id", "channel"],
        _ => &[],
    }
}

