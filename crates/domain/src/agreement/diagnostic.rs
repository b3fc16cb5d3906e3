//! What is wrong in an agreement file, where it stands, and how to mend it.

use super::syntax::Copy;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file cannot be used until this is mended.
    Error,
    /// The file can be used; this is worth a look.
    Warning,
}

impl Severity {
    /// The word used in reports: `error` or `warning`.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One finding in an agreement file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file, as it was named to [`parse`](super::parse).
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Length of the faulty text in characters, within its first line; at least 1.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

impl Diagnostic {
    /// Stands where an agreement is refused without a reason; to see it is to see a bug.
    pub(super) fn unexplained(file: &str) -> Self {
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            line: 1,
            column: 1,
            length: 1,
            message: "this agreement cannot be read, and the reason is not known".to_owned(),
            help:
                "compare it with a fresh one of `treaty init`, and please report this file as a bug"
                    .to_owned(),
        }
    }
}

/// A text with the places of its lines.
#[derive(Debug)]
pub(super) struct Source<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Source<'t> {
    /// Finds the lines of a text.
    pub(super) fn new(text: &'t str) -> Self {
        let starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Line of a byte offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// Bytes of a line (numbered from 1) without its end; empty beyond the text.
    pub(super) fn line_range(&self, line: usize) -> Range<usize> {
        let at = |n: usize| self.starts.get(n).copied().unwrap_or(self.text.len());
        let start = at(line.saturating_sub(1));
        let content = &self.text[start..at(line)];
        start..start + content.trim_end_matches(['\n', '\r']).len()
    }

    /// Line, column and length of a span, all in characters; the length ends with the line.
    fn place(&self, span: &Range<usize>) -> (usize, usize, usize) {
        let boundary = |offset: usize| self.text.floor_char_boundary(offset.min(self.text.len()));
        let (start, end) = (boundary(span.start), boundary(span.end.max(span.start)));
        let line = self.line(start);
        let within = self.line_range(line);
        let count =
            |from: usize, to: usize| self.text.get(from..to).map_or(0, |s| s.chars().count());
        let column = count(within.start, start) + 1;
        (line, column, count(start, end.min(within.end)).max(1))
    }
}

/// What goes wrong in a text as written, before any meaning is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxFault {
    /// Bytes in the original text.
    pub(super) span: Range<usize>,
    /// What is wrong.
    pub(super) message: String,
    /// How to mend it.
    pub(super) help: String,
}

/// Collects the findings about one text.
///
/// All spans are those of the copy that was read (see [`Copy`]); findings stand in the original.
/// Where the text could not even be read, faults of meaning are consequences and stay out: a value
/// on a line with a syntax fault is not judged, and nothing is called missing from a stretch of the
/// file that holds one.
#[derive(Debug)]
pub(super) struct Report<'t> {
    file: &'t str,
    source: Source<'t>,
    copy: &'t Copy,
    /// Where tables start, ascending, in the copy.
    headers: Vec<usize>,
    /// Where syntax faults stand in the original: offsets and lines.
    syntax: BTreeSet<usize>,
    garbled: BTreeSet<usize>,
    found: RefCell<Vec<Diagnostic>>,
}

impl<'t> Report<'t> {
    /// Starts with the syntax faults of a text.
    pub(super) fn new(
        file: &'t str,
        text: &'t str,
        copy: &'t Copy,
        document: &DeTable<'_>,
        faults: Vec<SyntaxFault>,
    ) -> Self {
        let mut headers = Vec::new();
        collect_headers(&copy.text, document, &mut headers);
        headers.sort_unstable();
        let source = Source::new(text);
        let syntax: BTreeSet<usize> = faults.iter().map(|f| f.span.start.min(text.len())).collect();
        let garbled = syntax.iter().map(|at| source.line(*at)).collect();
        let found = RefCell::default();
        let report = Self { file, source, copy, headers, syntax, garbled, found };
        for fault in faults {
            report.push(Severity::Error, &fault.span, fault.message, fault.help);
        }
        report
    }

    /// Where the next table starts at or after an offset, or the end of the text.
    pub(super) fn next_header(&self, offset: usize) -> usize {
        let next = self.headers.partition_point(|header| *header < offset);
        self.headers.get(next).copied().unwrap_or(self.copy.text.len())
    }

    /// The text of a span.
    pub(super) fn text_at(&self, span: &Range<usize>) -> &'t str {
        self.copy.text.get(span.clone()).unwrap_or_default()
    }

    /// The text from its beginning to its end.
    pub(super) fn everything(&self) -> Range<usize> {
        0..self.copy.text.len()
    }

    /// Line of an offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.source.line(self.copy.original(offset))
    }

    fn original(&self, span: &Range<usize>) -> Range<usize> {
        self.copy.original(span.start)..self.copy.original(span.end)
    }

    fn push(&self, severity: Severity, place: &Range<usize>, message: String, help: String) {
        let (line, column, length) = self.source.place(place);
        let file = self.file.to_owned();
        self.found.borrow_mut().push(Diagnostic {
            severity,
            file,
            line,
            column,
            length,
            message,
            help,
        });
    }

    fn find(&self, severity: Severity, span: &Range<usize>, message: String, help: String) {
        let place = self.original(span);
        if !self.garbled.contains(&self.source.line(place.start)) {
            self.push(severity, &place, message, help);
        }
    }

    /// Something that stands in the text is wrong.
    pub(super) fn error(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.find(Severity::Error, span, message.into(), help.into());
    }

    /// Something that stands in the text is worth a look.
    pub(super) fn warning(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.find(Severity::Warning, span, message.into(), help.into());
    }

    /// The text as a whole is worth a remark; shown at `span`, unless parts of it were not read.
    pub(super) fn remark(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        if self.syntax.is_empty() {
            self.warning(span, message, help);
        }
    }

    /// Something is missing from a stretch of the text; shown at `span`.
    pub(super) fn missing(
        &self,
        region: &Range<usize>,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let region = self.original(region);
        if self.syntax.range(region.start..=region.end.max(region.start)).next().is_none() {
            self.error(span, message, help);
        }
    }

    /// Something is missing from the text as a whole, or too many of it are there; shown at `span`.
    pub(super) fn whole(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.missing(&self.everything(), span, message, help);
    }

    /// The findings in the order of the text, each once.
    pub(super) fn into_found(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|d| (d.line, d.column, d.severity));
        let mut seen = BTreeSet::new();
        found.retain(|d| seen.insert((d.line, d.column, d.message.clone())));
        found
    }
}

fn collect_headers(text: &str, table: &DeTable<'_>, headers: &mut Vec<usize>) {
    for value in table.iter().map(|(_, value)| value) {
        collect_headers_of(text, value, headers);
    }
}

fn collect_headers_of(text: &str, value: &Spanned<DeValue<'_>>, headers: &mut Vec<usize>) {
    match value.get_ref() {
        DeValue::Table(inner) => {
            let start = value.span().start;
            if text.get(start..).is_some_and(|t| t.starts_with('[')) {
                headers.push(start);
            }
            collect_headers(text, inner, headers);
        }
        DeValue::Array(items) => {
            items.iter().for_each(|item| collect_headers_of(text, item, headers))
        }
        _ => {}
    }
}
