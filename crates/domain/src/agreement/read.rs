//! The strict reader: tables whose every key is asked for, and values that say what they should be.
//!
//! A [`Table`] remembers which keys were asked for; [`Table::finish`] reports all others. A [`Node`]
//! is one value with its place; each of its conversions reports what is wrong and then gives `None`,
//! so that the caller goes on with whatever else can be judged.

use super::diagnostic::Report;
use super::suggest::nearest;
use super::values;
use crate::money::Currency;
use jiff::civil::Date;
use std::ops::{Range, RangeInclusive};
use toml::de::{DeTable, DeValue};

/// One value of the file.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    /// Where findings go.
    pub(super) report: &'a Report<'a>,
    /// Dotted key.
    pub(super) path: String,
    /// Place of the value.
    pub(super) span: Range<usize>,
    /// The value.
    pub(super) value: &'a DeValue<'a>,
}

/// One table of the file.
#[derive(Debug)]
pub(super) struct Table<'a> {
    /// Where findings go.
    pub(super) report: &'a Report<'a>,
    /// Dotted key; empty for the whole file.
    pub(super) path: String,
    /// Place of its header.
    pub(super) header: Range<usize>,
    region: Range<usize>,
    entries: &'a DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(super) fn root(report: &'a Report<'a>, entries: &'a DeTable<'a>) -> Self {
        let region = 0..report.next_header(0);
        Self { report, path: String::new(), header: 0..0, region, entries, known: Vec::new() }
    }

    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a key, if it is there.
    pub(super) fn get(&mut self, key: &'static str) -> Option<Node<'a>> {
        self.known.push(key);
        let value = self.entries.get(key)?;
        let path = self.key(key);
        Some(Node { report: self.report, path, span: value.span(), value: value.get_ref() })
    }

    /// Reads a key that must be there; `example` is a line that would do.
    pub(super) fn need<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl FnOnce(Node<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.get(key) {
            Some(node) => read(node),
            None => {
                self.lacks(format!("`{}` is missing", self.key(key)), example);
                None
            }
        }
    }

    /// Reports that something is missing from this table.
    pub(super) fn lacks(&self, message: String, example: &str) {
        let place =
            if self.path.is_empty() { "at the top of the file" } else { "under this header" };
        let help = format!("add a line such as `{example}` {place}");
        self.report.missing(&self.region, &self.header, message, help);
    }

    /// Reads a key that may be absent.
    pub(super) fn may<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Node<'a>) -> Option<T>,
    ) -> Option<T> {
        self.get(key).and_then(read)
    }

    /// Reads a key that has a default. Of a faulty value the default is given too; it is reported.
    pub(super) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(Node<'a>) -> Option<T>,
    ) -> T {
        self.may(key, read).unwrap_or(default)
    }

    /// Reads a table that may be absent.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Table<'a>> {
        self.may(key, Node::table)
    }

    /// Whether a key is there; this does not count as asking for it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Place of a key, or of the header.
    pub(super) fn place(&self, key: &str) -> Range<usize> {
        self.entries.get_key_value(key).map_or(self.header.clone(), |(k, _)| k.span())
    }

    /// Place of the value of a key, or of the header.
    pub(super) fn value_place(&self, key: &str) -> Range<usize> {
        self.entries.get(key).map_or(self.header.clone(), toml::Spanned::span)
    }

    /// All keys with their places and values, in the order of the file, for tables with free keys.
    pub(super) fn all(&self) -> Vec<(&'a str, Range<usize>, Node<'a>)> {
        let mut all: Vec<_> = self
            .entries
            .iter()
            .map(|(key, value)| {
                let path = self.key(key.get_ref());
                let node =
                    Node { report: self.report, path, span: value.span(), value: value.get_ref() };
                (key.get_ref().as_ref(), key.span(), node)
            })
            .collect();
        all.sort_by_key(|(_, span, _)| span.start);
        all
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        for (key, span, _) in self.all() {
            if self.known.contains(&key) {
                continue;
            }
            let place = match self.path.as_str() {
                "" => "an agreement".to_owned(),
                path => format!("`{path}`"),
            };
            let help = match nearest(key, self.known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => values::misplaced(key, &self.path).unwrap_or_else(|| {
                    format!("take it out; known here: {}", self.known.join(", "))
                }),
            };
            self.report.error(&span, format!("{place} has no key `{key}`"), help);
        }
    }
}

impl<'a> Node<'a> {
    /// A value that the syntax reader made up for a missing one.
    fn is_made_up(&self) -> bool {
        self.span.is_empty()
    }

    /// Reports that this value is wrong.
    pub(super) fn wrong<T>(
        &self,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Option<T> {
        self.report.error(&self.span, message, help);
        None
    }

    /// Reports that this value is not what it should be.
    pub(super) fn expected<T>(&self, what: &str, help: impl Into<String>) -> Option<T> {
        if self.is_made_up() {
            return None;
        }
        self.wrong(
            format!("`{}` should be {what}, but is {}", self.path, values::describe(self.value)),
            help,
        )
    }

    /// A text that is not blank, trimmed.
    pub(super) fn text(self) -> Option<String> {
        match self.value.as_str() {
            Some(text) if text.trim().is_empty() => self.wrong(
                format!("`{}` is empty", self.path),
                "write what it should say, or take the line out",
            ),
            Some(text)
                if text
                    .trim()
                    .contains(|c: char| c.is_control() && c != '\n' && c != '\t' && c != '\r') =>
            {
                self.wrong(
                    format!("`{}` holds control characters", self.path),
                    "type the text again",
                )
            }
            Some(text) => Some(text.trim().to_owned()),
            None => self.expected("a text", "put it in quotation marks: \"…\""),
        }
    }

    /// True or false.
    pub(super) fn flag(self) -> Option<bool> {
        self.value.as_bool().or_else(|| {
            self.expected("true or false", "write true or false, without quotation marks")
        })
    }

    /// One of several words.
    pub(super) fn word<T: std::marker::Copy>(self, words: &[(&'static str, T)]) -> Option<T> {
        let list = values::either(&words.iter().map(|(word, _)| *word).collect::<Vec<_>>());
        let Some(text) = self.value.as_str() else {
            return self.expected(&list, "put the word in quotation marks");
        };
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*meaning);
        }
        let help = match nearest(text, words.iter().map(|(word, _)| *word)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("write {list}"),
        };
        self.wrong(format!("`{}` should be {list}, but is \"{text}\"", self.path), help)
    }

    /// A whole number within limits.
    pub(super) fn whole(self, limits: RangeInclusive<i64>) -> Option<i64> {
        let (low, high) = (*limits.start(), *limits.end());
        let what = match (low, high) {
            (1, i64::MAX) => "a whole number above zero".to_owned(),
            (low, i64::MAX) => format!("a whole number from {low}"),
            _ => format!("a whole number from {low} to {high}"),
        };
        let number =
            self.value.as_integer().and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok());
        match number {
            Some(number) if limits.contains(&number) => Some(number),
            _ => self
                .expected(&what, format!("write {what}, without quotation marks, point or unit")),
        }
    }

    /// A number that is finite.
    fn number(&self) -> Option<f64> {
        let text = match self.value {
            DeValue::Integer(n) if n.radix() == 10 => n.as_str(),
            DeValue::Float(n) => n.as_str(),
            _ => return None,
        };
        text.parse().ok().filter(|n: &f64| n.is_finite())
    }

    /// A number above zero.
    pub(super) fn positive(self) -> Option<f64> {
        match self.number() {
            Some(number) if number > 0.0 => Some(number),
            _ => self.expected("a number above zero", "write a number such as 7 or 7.5"),
        }
    }

    /// A share above 0 and up to 1.
    pub(super) fn share(self) -> Option<f64> {
        match self.number() {
            Some(share) if share > 0.0 && share <= 1.0 => Some(share),
            Some(percent) if percent > 1.0 && percent <= 100.0 => {
                let share = values::trimmed(percent / 100.0);
                self.expected(
                    "above 0 and at most 1",
                    format!("for {} % write {share}", values::trimmed(percent)),
                )
            }
            _ => self
                .expected("a number above 0 and at most 1", "write a share such as 0.25 for 25 %"),
        }
    }

    /// A date, as TOML date or as text.
    pub(super) fn date(self) -> Option<Date> {
        let help = "write it as year-month-day, such as 2026-01-31";
        match self.value {
            DeValue::Datetime(at) => match (at.date, at.time, at.offset) {
                (Some(date), None, None) => {
                    let number = |n: u8| i8::try_from(n).unwrap_or(0);
                    let year = i16::try_from(date.year).unwrap_or(-1);
                    values::date(year, number(date.month), number(date.day)).or_else(|| {
                        self.wrong(format!("`{}` is not a date of the calendar", self.path), help)
                    })
                }
                _ => self.expected("a date without a time", help),
            },
            DeValue::String(text) => match values::parse_date(text) {
                Some(date) => Some(date),
                None => {
                    self.wrong(format!("`{}` is \"{text}\", which is not a date", self.path), help)
                }
            },
            _ => self.expected("a date", help),
        }
    }

    /// An amount above zero in minor units. Without a currency only its form is judged.
    pub(super) fn amount(self, currency: Option<Currency>) -> Option<i64> {
        let help =
            "write it as \"1000000\" or \"7999.50\": digits and a point, no separators, no symbol";
        let text = match self.value {
            DeValue::String(text) => text.trim(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            _ => return self.expected("an amount of money", help),
        };
        let Some(plain) = values::plain_decimal(text) else {
            return self.expected("an amount of money", help);
        };
        if plain.starts_with('-') || !plain.contains(|c: char| c.is_ascii_digit() && c != '0') {
            return self.expected("an amount above zero", help);
        }
        let currency = currency?;
        let (digits, places) = (u32::from(currency.exponent()), values::places(&plain));
        if places > digits {
            return self.wrong(
                format!(
                    "`{}` is {plain}, but {currency} has {}",
                    self.path,
                    values::decimals(digits)
                ),
                "round it to the smallest unit of the currency",
            );
        }
        match crate::money::parse_amount(&plain, currency.exponent()) {
            Ok(minor) => Some(minor),
            Err(error) => self.wrong(format!("`{}` is not an amount: {error}", self.path), help),
        }
    }

    /// A list.
    pub(super) fn list(self) -> Option<Vec<Node<'a>>> {
        let Some(list) = self.value.as_array() else {
            let header = self.value.is_table() && self.report.text_at(&self.span).starts_with('[');
            let help = if header {
                format!("write its header with double brackets: [[{}]]", self.path)
            } else {
                "put the values in brackets: [\"…\", \"…\"]".to_owned()
            };
            return self.expected("a list", help);
        };
        let node = |(i, item): (usize, &'a toml::Spanned<DeValue<'a>>)| Node {
            report: self.report,
            path: format!("{}[{i}]", self.path),
            span: item.span(),
            value: item.get_ref(),
        };
        Some(list.iter().enumerate().map(node).collect())
    }

    /// A list of texts with their places. A text that is given twice is pointed out and kept once.
    pub(super) fn texts(self) -> Option<Vec<(String, Range<usize>)>> {
        let (report, path) = (self.report, self.path.clone());
        let mut all_read = true;
        let mut texts: Vec<(String, Range<usize>)> = Vec::new();
        for item in self.list()? {
            let span = item.span.clone();
            match item.text() {
                Some(text) if texts.iter().any(|(t, _)| *t == text) => {
                    report.warning(
                        &span,
                        format!("`{path}` names \"{text}\" twice"),
                        "once is enough",
                    );
                }
                Some(text) => texts.push((text, span)),
                None => all_read = false,
            }
        }
        all_read.then_some(texts)
    }

    /// A list of texts.
    pub(super) fn names(self) -> Option<Vec<String>> {
        Some(self.texts()?.into_iter().map(|(name, _)| name).collect())
    }

    /// A list of at least one text.
    pub(super) fn some_names(self) -> Option<Vec<String>> {
        let (report, span, path) = (self.report, self.span.clone(), self.path.clone());
        let names = self.names()?;
        if names.is_empty() {
            report.error(
                &span,
                format!("`{path}` is empty"),
                "name at least one, or take the line out",
            );
            return None;
        }
        Some(names)
    }

    /// A table.
    pub(super) fn table(self) -> Option<Table<'a>> {
        let Some(entries) = self.value.as_table() else {
            let name = self.path.clone();
            return self.expected(
                "a table",
                format!("write a header [{name}] with its keys below, or {{ key = value }}"),
            );
        };
        let report = self.report;
        let region = match report.text_at(&self.span).chars().next() {
            Some('[') => self.span.start..report.next_header(self.span.start + 1),
            Some('{') => self.span.clone(),
            _ => report.everything(),
        };
        Some(Table {
            report,
            path: self.path,
            header: self.span,
            region,
            entries,
            known: Vec::new(),
        })
    }

    /// SQL over columns, of which only the outer form is judged here.
    pub(super) fn sql(self) -> Option<String> {
        let node = self.clone();
        let sql = self.text()?;
        match values::sql_fault(&sql) {
            None => Some(sql),
            Some((message, help)) => node.wrong(format!("`{}`: {message}", node.path), help),
        }
    }
}
