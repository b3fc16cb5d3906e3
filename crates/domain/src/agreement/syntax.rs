//! Reading a text as TOML, past its syntax faults.
//!
//! The `toml` crate reports every syntax fault, but gives up the rest of a document at a line without
//! `=`, and an unclosed header or bracket swallows what follows. Such places are mended in a copy, so
//! that the rest is read as well; [`Copy::original`] leads back to the places of the original.

use super::diagnostic::{Source, SyntaxFault};
use super::unclosed;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::de::{DeTable, Error};

/// A text that can be read to its end, made from one that perhaps cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    /// The text to read.
    pub(super) text: String,
    /// Where bytes were put in, as offsets in the copy, ascending.
    inserted: Vec<usize>,
}

impl Copy {
    /// The offset in the original text of an offset in the copy.
    pub(super) fn original(&self, offset: usize) -> usize {
        offset - self.inserted.partition_point(|at| *at < offset)
    }
}

/// All syntax faults of a text in order, and the copy to read instead of it.
pub(super) fn faults_and_copy(text: &str) -> (Vec<SyntaxFault>, Copy) {
    let untouched = Copy { text: text.to_owned(), inserted: Vec::new() };
    let (_, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return (Vec::new(), untouched);
    }
    let source = Source::new(text);
    let (mut faults, mut edits) = (Vec::new(), Edits::default());
    for unclosed in unclosed::find(text) {
        faults.push(unclosed.fault);
        edits.insert.push((unclosed.at, unclosed.with));
    }
    let copy = edits.apply(text);
    let errors = errors_of(&copy);
    edits.mend(text, &source, &errors);
    let copy = edits.apply(text);
    let later = errors_of(&copy);
    faults.extend(errors.iter().chain(&later).map(|(span, m)| explain(text, &source, m, span)));
    // One slip often draws several complaints on its line; the first of them says it.
    let mut lines = BTreeSet::new();
    faults.retain(|f| lines.insert(source.line(f.span.start)));
    faults.sort_by_key(|f| f.span.start);
    (faults, copy)
}

/// Spans in the original, and messages.
fn errors_of(copy: &Copy) -> Vec<(Range<usize>, String)> {
    let (_, errors) = DeTable::parse_recoverable(&copy.text);
    let place = |e: &Error| {
        let span = e.span().unwrap_or(0..0);
        copy.original(span.start)..copy.original(span.end)
    };
    errors.iter().map(|e| (place(e), e.message().to_owned())).collect()
}

/// What is done to a text so that it can be read to its end.
#[derive(Debug, Default)]
struct Edits {
    blank: Vec<Range<usize>>,
    insert: Vec<(usize, String)>,
}

impl Edits {
    /// Blanks lines that have no `=`, and closes the headers of tables.
    fn mend(&mut self, text: &str, source: &Source<'_>, errors: &[(Range<usize>, String)]) {
        for (span, message) in errors {
            let at = span.start.min(text.len());
            match message.as_str() {
                m if m.starts_with("key with no value") => {
                    self.blank.push(source.line_range(source.line(at)))
                }
                m if m.starts_with("unclosed table") => self.insert.push((at, "]".to_owned())),
                m if m.starts_with("unclosed array table") => {
                    let half = text.get(..at).is_some_and(|before| before.ends_with(']'));
                    self.insert.push((at, if half { "]" } else { "]]" }.to_owned()));
                }
                _ => {}
            }
        }
    }

    fn apply(&self, text: &str) -> Copy {
        let mut insert: Vec<&(usize, String)> = self.insert.iter().collect();
        insert.sort();
        let mut insert = insert.into_iter().peekable();
        let mut blank: Vec<&Range<usize>> = self.blank.iter().collect();
        blank.sort_by_key(|line| line.start);
        let mut blank = blank.into_iter().peekable();
        let mut copy = Copy { text: String::with_capacity(text.len() + 8), inserted: Vec::new() };
        for (at, char) in text.char_indices().chain(std::iter::once((text.len(), '\n'))) {
            while let Some((_, closing)) = insert.next_if(|(place, _)| *place <= at) {
                copy.inserted.extend(copy.text.len()..copy.text.len() + closing.len());
                copy.text.push_str(closing);
            }
            if at == text.len() {
                break;
            }
            while blank.next_if(|line| line.end <= at).is_some() {}
            if blank.peek().is_some_and(|line| line.contains(&at)) {
                copy.text.extend(std::iter::repeat_n(' ', char.len_utf8()));
            } else {
                copy.text.push(char);
            }
        }
        copy
    }
}

/// Says a fault of the `toml` crate in the words of this file.
fn explain(text: &str, source: &Source<'_>, message: &str, span: &Range<usize>) -> SyntaxFault {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let rest = &text[start..source.line_range(source.line(start)).end.max(start)];
    let known = |beginning: &str| message.starts_with(beginning);
    let decimal_comma =
        rest.starts_with(',') && text[..start].ends_with(|c: char| c.is_ascii_digit());
    let (message, help) = match () {
        () if rest.starts_with(['“', '”', '„', '‘', '’', '«', '»']) => {
            ("these quotation marks do not begin a text", "write straight ones: \"…\"")
        }
        () if known("unexpected key or value") && decimal_comma => (
            "a number has no comma",
            "write decimals with a point, such as 0.95, and no separators",
        ),
        () if known("string values must be quoted") && rest.trim().is_empty() => {
            ("there is no value after the =", "put a value after it")
        }
        () if known("string values must be quoted") => {
            ("a text must stand in quotation marks", "write \"…\"")
        }
        () if known("key with no value") => {
            ("there is no = in this line", "write `key = value`; a comment starts with #")
        }
        () if known("duplicate key") => ("this is given once already", "keep one of the two"),
        () if known("invalid basic string") || known("invalid literal string") => (
            "this text is not closed, or holds what it must not",
            "end it on its line with the mark that begins it; write \\\\ for \\",
        ),
        () if known("unclosed array table") => {
            ("this header is not closed", "write it as [[name]]")
        }
        () if known("unclosed table") => ("this header is not closed", "write it as [name]"),
        () if known("missing comma") => ("a comma is missing", "put a comma between the two"),
        () if known("unexpected leading zero") => (
            "a number does not begin with a zero",
            "leave the zero out, or put the text in quotation marks",
        ),
        () if known("invalid unquoted key") => (
            "a key has a character that needs quotation marks",
            "write the key as \"…\", or without that character",
        ),
        () if known("invalid date") => {
            (message, "write dates as 2026-01-31; other texts stand in quotation marks: \"01-31\"")
        }
        () => (message, "the commented template of `treaty init` shows how a line is written"),
    };
    let span = start..span.end.min(text.len()).max(start);
    SyntaxFault { span, message: format!("syntax: {message}"), help: help.to_owned() }
}
