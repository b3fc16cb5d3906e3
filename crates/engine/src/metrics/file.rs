//! Reading a metric file, with every fault and its line.

use super::{Better, Doc, Example, ExampleRow, Expected, IntervalKind, Kind, Metric, Owner, Unit};
use datafusion::common::utils::datafusion_strsim::levenshtein;
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use treaty_app::raw::Fault;
use treaty_app::report::Reason;

const METRIC: &[&str] = &[
    "id", "title", "fact", "kind", "anchor", "unit", "better", "owner", "clause", "filter", "numerator", "denominator", "dimensions",
    "maturity_days", "interval",
];
const DOC: &[&str] = &["what", "why", "how_to_read", "pitfalls", "standard_term", "method"];
const EXAMPLE: &[&str] = &["why", "rows", "period", "expected"];
const EXPECTED: &[&str] = &["numerator", "denominator", "value", "undefined"];
const REASONS: &[Reason] = &[
    Reason::EmptyPopulation,
    Reason::ZeroDenominator,
    Reason::NotMature,
    Reason::MissingRate,
    Reason::NoHistory,
    Reason::NotIdentified,
    Reason::NotReached,
];

/// The word nearest to a wrong one, if one is near enough to be what was meant.
pub(super) fn nearest<'w>(wrong: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let allowed = (wrong.chars().count() / 3).max(1);
    words.into_iter().map(|w| (levenshtein(wrong, w), w)).filter(|(d, w)| *d <= allowed && *d < w.len()).min().map(|(_, w)| w)
}

/// ` Did you mean …?`, or nothing.
pub(super) fn did_you_mean<'w>(wrong: &str, words: impl IntoIterator<Item = &'w str>) -> String {
    nearest(wrong, words).map_or_else(String::new, |w| format!(" Did you mean `{w}`?"))
}

/// Reads a file as far as possible. The metric may be used when there are no faults; otherwise it
/// serves to look for more of them.
pub(super) fn read(file: &str, text: &str) -> (Metric, Vec<Fault>) {
    let mut r = Reader { file, text, faults: Vec::new(), lines: BTreeMap::new() };
    let (root, errors) = DeTable::parse_recoverable(text);
    for e in errors {
        let at = e.span().map_or(0, |s| s.start);
        let reason = format!("this is not TOML: {}", e.message());
        r.faults.push(Fault { file: file.to_owned(), line: r.line(at), column: None, reason });
    }
    let root = Table { path: "", at: 0, map: root.get_ref() };
    r.keys(&root, &["metric", "doc", "example"]);
    let metric = r.metric(&root);
    r.faults.sort();
    (metric, r.faults)
}

/// A table of the file and where it begins.
struct Table<'a, 't> {
    path: &'static str,
    at: usize,
    map: &'a DeTable<'t>,
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    faults: Vec<Fault>,
    lines: BTreeMap<String, u64>,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> u64 {
        self.text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() as u64 + 1
    }

    fn fault(&mut self, at: usize, key: &str, reason: impl Into<String>) {
        let column = (!key.is_empty()).then(|| key.to_owned());
        self.faults.push(Fault { file: self.file.to_owned(), line: self.line(at), column, reason: reason.into() });
    }

    fn keys(&mut self, table: &Table<'_, '_>, allowed: &[&str]) {
        for key in table.map.keys() {
            let name = key.get_ref().as_ref();
            if !allowed.contains(&name) {
                let within = if table.path.is_empty() { "a metric file".to_owned() } else { format!("[{}]", table.path) };
                let hint = did_you_mean(name, allowed.iter().copied());
                self.fault(key.span().start, name, format!("{within} has no such key.{hint} There are: {}", allowed.join(", ")));
            }
        }
    }

    fn sub<'b, 't>(&mut self, parent: &Table<'b, 't>, key: &'static str) -> Option<Table<'b, 't>> {
        let Some(value) = parent.map.get(key) else {
            self.fault(0, key, format!("the section [{key}] is missing"));
            return None;
        };
        match value.get_ref() {
            DeValue::Table(map) => Some(Table { path: key, at: value.span().start, map }),
            _ => {
                self.fault(value.span().start, key, format!("must be a section: [{key}]"));
                None
            }
        }
    }

    /// Text of a key; empty when it is missing or something else.
    fn text(&mut self, table: &Table<'_, '_>, key: &str, required: bool) -> Option<String> {
        match table.map.get(key) {
            None => {
                if required {
                    self.fault(table.at, key, "is missing");
                }
                None
            }
            Some(value) => {
                let line = self.line(value.span().start);
                self.lines.entry(key.to_owned()).or_insert(line);
                match value.get_ref() {
                    DeValue::String(s) => Some(s.trim().to_owned()),
                    _ => {
                        self.fault(value.span().start, key, "must be a text in quotation marks");
                        None
                    }
                }
            }
        }
    }

    fn word<T: Copy>(&mut self, table: &Table<'_, '_>, key: &str, words: &[&str], read: impl Fn(&str) -> Option<T>, required: bool) -> Option<T> {
        let word = self.text(table, key, required)?;
        let found = read(&word);
        if found.is_none() {
            let at = table.map.get(key).map_or(table.at, |v| v.span().start);
            let hint = did_you_mean(&word, words.iter().copied());
            self.fault(at, key, format!("`{word}` is not one of {}.{hint}", words.join(", ")));
        }
        found
    }

    fn whole(&mut self, table: &Table<'_, '_>, key: &str) -> Option<u32> {
        let value = table.map.get(key)?;
        let line = self.line(value.span().start);
        self.lines.entry(key.to_owned()).or_insert(line);
        let number = plain(value.get_ref()).and_then(|t| t.parse().ok());
        if number.is_none() {
            self.fault(value.span().start, key, "must be a whole number, 0 or more");
        }
        number
    }

    fn texts(&mut self, table: &Table<'_, '_>, key: &str) -> Option<Vec<String>> {
        let value = table.map.get(key)?;
        let line = self.line(value.span().start);
        self.lines.entry(key.to_owned()).or_insert(line);
        let list = value.get_ref().as_array().map(|list| list.iter().map(|v| v.get_ref().as_str().map(|s| s.trim().to_owned())));
        let texts = list.and_then(Iterator::collect::<Option<Vec<String>>>);
        if texts.is_none() {
            self.fault(value.span().start, key, "must be a list of texts: [\"owner_id\", \"territory\"]");
        }
        texts
    }

    fn metric(&mut self, root: &Table<'_, '_>) -> Metric {
        let nothing = DeTable::new();
        let absent = |path| Table { path, at: 0, map: &nothing };
        let section = self.sub(root, "metric");
        let known = section.is_some();
        let t = section.unwrap_or_else(|| absent("metric"));
        self.keys(&t, METRIC);
        let need = |r: &mut Self, key: &str| r.text(&t, key, known).unwrap_or_default();
        let (id, title, fact) = (need(self, "id"), need(self, "title"), need(self, "fact"));
        let numerator = need(self, "numerator");
        let kind = self.word(&t, "kind", Kind::WORDS, Kind::read, known).unwrap_or(Kind::Cohort);
        let unit = self.word(&t, "unit", Unit::WORDS, Unit::read, known).unwrap_or(Unit::Count);
        let better = self.word(&t, "better", Better::WORDS, Better::read, known).unwrap_or(Better::Neither);
        let owner = self.word(&t, "owner", Owner::WORDS, Owner::read, known).unwrap_or(Owner::Both);
        let interval = self.word(&t, "interval", IntervalKind::WORDS, IntervalKind::read, false);
        let may = |r: &mut Self, key: &str| r.text(&t, key, false).filter(|s| !s.is_empty());
        let (anchor, clause) = (may(self, "anchor"), may(self, "clause"));
        let (filter, denominator) = (may(self, "filter"), may(self, "denominator"));
        let dimensions = self.texts(&t, "dimensions").unwrap_or_default();
        let maturity_days = self.whole(&t, "maturity_days").unwrap_or(0);
        let doc = self.sub(root, "doc");
        let doc = doc.map(|d| self.doc(&d)).unwrap_or_default();
        let examples = self.examples(root);
        Metric {
            id,
            title,
            fact,
            kind,
            anchor,
            unit,
            better,
            owner,
            clause,
            filter,
            numerator,
            denominator,
            dimensions,
            maturity_days,
            interval,
            doc,
            examples,
            file: self.file.to_owned(),
            lines: std::mem::take(&mut self.lines),
        }
    }

    fn doc(&mut self, d: &Table<'_, '_>) -> Doc {
        self.keys(d, DOC);
        let line = self.line(d.at);
        self.lines.insert("doc".to_owned(), line);
        let mut part = |key: &str| self.text(d, key, false).unwrap_or_default();
        Doc {
            what: part("what"),
            why: part("why"),
            how_to_read: part("how_to_read"),
            pitfalls: part("pitfalls"),
            standard_term: part("standard_term"),
            method: part("method"),
        }
    }

    fn examples(&mut self, root: &Table<'_, '_>) -> Vec<Example> {
        let Some(value) = root.map.get("example") else { return Vec::new() };
        let list = value.get_ref().as_array().filter(|l| l.iter().all(|e| e.get_ref().is_table()));
        let Some(list) = list else {
            self.fault(value.span().start, "example", "must be a section with two brackets: [[example]]");
            return Vec::new();
        };
        list.iter()
            .filter_map(|e| e.get_ref().as_table().map(|map| Table { path: "[example]", at: e.span().start, map }))
            .map(|e| self.example(&e))
            .collect()
    }

    fn example(&mut self, e: &Table<'_, '_>) -> Example {
        self.keys(e, EXAMPLE);
        let why = self.text(e, "why", true).unwrap_or_default();
        let rows = self.rows(e);
        let period = self.period(e);
        let expected = match e.map.get("expected").map(|v| (v.span().start, v.get_ref())) {
            Some((at, DeValue::Table(map))) => self.expected(&Table { path: "expected", at, map }),
            Some((at, _)) => {
                self.fault(at, "expected", "must be a table: { numerator = 86, denominator = 108 }");
                Expected::default()
            }
            None => {
                self.fault(e.at, "expected", "is missing: { numerator = 86, denominator = 108 }");
                Expected::default()
            }
        };
        Example { why, rows, period, expected, line: self.line(e.at) }
    }

    fn period(&mut self, e: &Table<'_, '_>) -> Option<(String, String)> {
        let value = e.map.get("period")?;
        let days: Option<Vec<String>> =
            value.get_ref().as_array().and_then(|l| l.iter().map(|v| v.get_ref().as_datetime().map(ToString::to_string)).collect());
        match days.as_deref() {
            Some([from, to]) => Some((from.clone(), to.clone())),
            _ => {
                self.fault(value.span().start, "period", "must be the first day and the day after the last: [2026-04-01, 2026-07-01]");
                None
            }
        }
    }

    fn rows(&mut self, e: &Table<'_, '_>) -> Vec<ExampleRow> {
        let Some(value) = e.map.get("rows") else {
            self.fault(e.at, "rows", "is missing: [ { times = 86, is_due = true, met = true } ]; an empty list is a case, too");
            return Vec::new();
        };
        let Some(list) = value.get_ref().as_array() else {
            self.fault(value.span().start, "rows", "must be a list of rows: [ { is_due = true, met = true } ]");
            return Vec::new();
        };
        list.iter().filter_map(|row| self.row(row)).collect()
    }

    fn row(&mut self, row: &Spanned<DeValue<'_>>) -> Option<ExampleRow> {
        let at = row.span().start;
        let Some(map) = row.get_ref().as_table() else {
            self.fault(at, "rows", "a row must be a table: { is_due = true, met = true }");
            return None;
        };
        let (mut times, mut cells) = (1, Vec::new());
        for (key, value) in map {
            let name = key.get_ref().as_ref();
            match (name, plain(value.get_ref())) {
                ("times", Some(n)) if n.parse::<u64>().is_ok_and(|n| n > 0) => times = n.parse().unwrap_or(1),
                ("times", _) => self.fault(value.span().start, "times", "must be a whole number above 0"),
                (_, Some(text)) => cells.push((name.to_owned(), text)),
                (_, None) => self.fault(value.span().start, name, "must be a single value"),
            }
        }
        Some(ExampleRow { times, cells, line: self.line(at) })
    }

    fn expected(&mut self, t: &Table<'_, '_>) -> Expected {
        self.keys(t, EXPECTED);
        let mut number = |key: &str| {
            let value = t.map.get(key)?;
            let number = match value.get_ref() {
                DeValue::Integer(_) | DeValue::Float(_) => plain(value.get_ref()).and_then(|t| t.parse().ok()),
                _ => None,
            };
            if number.is_none() {
                self.fault(value.span().start, key, "must be a number");
            }
            number
        };
        let (numerator, denominator, value) = (number("numerator"), number("denominator"), number("value"));
        let reasons: Vec<&str> = REASONS.iter().map(|r| r.code()).collect();
        let read = |word: &str| REASONS.iter().copied().find(|r| r.code() == word);
        let undefined = self.word(t, "undefined", &reasons, read, false);
        if t.map.is_empty() {
            self.fault(t.at, "expected", "says nothing: give numerator, denominator, value or undefined");
        }
        Expected { numerator, denominator, value, undefined }
    }
}

/// A single value as text.
fn plain(value: &DeValue<'_>) -> Option<String> {
    Some(match value {
        DeValue::String(s) => s.to_string(),
        DeValue::Integer(i) if i.radix() == 10 => i.as_str().replace('_', ""),
        DeValue::Float(f) => f.as_str().replace('_', ""),
        DeValue::Boolean(b) => b.to_string(),
        DeValue::Datetime(d) => d.to_string(),
        _ => return None,
    })
}
