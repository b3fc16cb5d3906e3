//! Finds lists, inline tables and long texts that are never closed.
//!
//! To a TOML reader such a place swallows the lines that follow, down to the end of the file. People
//! put one key or one `[header]` on a line, so a line that looks like one inside an open bracket
//! shows where the bracket should have ended.

use super::diagnostic::SyntaxFault;
use std::ops::Range;

/// Something that is not closed, and what closes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unclosed {
    /// The fault, at what opens it.
    pub(super) fault: SyntaxFault,
    /// Where it should be closed.
    pub(super) at: usize,
    /// What closes it.
    pub(super) with: String,
}

/// All places of a text that are not closed.
pub(super) fn find(text: &str) -> Vec<Unclosed> {
    let mut scan = Scan { text, at: 0, open: Vec::new(), seen: 0, last: ' ', found: Vec::new() };
    scan.lines();
    scan.found
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    /// Open brackets with their places.
    open: Vec<(char, usize)>,
    /// End of the last thing that is neither blank nor comment.
    seen: usize,
    last: char,
    found: Vec<Unclosed>,
}

impl<'t> Scan<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn line(&self) -> &'t str {
        let rest = self.rest();
        rest.split('\n').next().unwrap_or(rest)
    }

    fn lines(&mut self) {
        while self.at < self.text.len() {
            let line = self.line().trim();
            let ends_value = is_header(line) || self.begins_key(line);
            if !self.open.is_empty() && ends_value {
                self.close();
            }
            if self.open.is_empty() && line.starts_with('[') {
                self.at += self.line().len();
            }
            self.one_line();
        }
        if !self.open.is_empty() {
            self.close();
        }
    }

    /// A line that starts with `key =` where no key can stand.
    fn begins_key(&self, line: &str) -> bool {
        let Some((key, _)) = line.split_once('=') else {
            return false;
        };
        let key = key.trim_end();
        let bare = key.starts_with(|c: char| c.is_ascii_alphabetic())
            && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
        bare && match self.open.last() {
            Some(('{', _)) => self.last != ',' && self.last != '{',
            _ => true,
        }
    }

    /// Goes over one line, or further if a long text runs over its end.
    fn one_line(&mut self) {
        while let Some(c) = self.rest().chars().next() {
            match c {
                '\n' => {
                    self.at += 1;
                    return;
                }
                '#' => self.at += self.line().len(),
                '"' | '\'' => self.quoted(c),
                '[' | '{' => {
                    self.open.push((c, self.at));
                    self.step(c);
                }
                ']' | '}' => {
                    let opens = if c == ']' { '[' } else { '{' };
                    if self.open.last().is_some_and(|(open, _)| *open == opens) {
                        self.open.pop();
                    }
                    self.step(c);
                }
                c if c.is_whitespace() => self.at += c.len_utf8(),
                c => self.step(c),
            }
        }
    }

    fn step(&mut self, c: char) {
        self.at += c.len_utf8();
        self.seen = self.at;
        self.last = c;
    }

    fn quoted(&mut self, mark: char) {
        let long: String = [mark; 3].iter().collect();
        let start = self.at;
        if self.rest().starts_with(&long) {
            match end_of_text(&self.text[start + 3..], &long, mark == '"') {
                Some(length) => self.at = start + 3 + length,
                None => {
                    // It runs to the end of the file: take it to end on its first line.
                    let at = start + self.line().trim_end().len();
                    let message = format!("syntax: the text that begins with {long} is not closed");
                    let help = format!("end it with {long}");
                    let fault = SyntaxFault { span: start..start + 3, message, help };
                    self.found.push(Unclosed { fault, at, with: long });
                    self.at = at;
                }
            }
        } else {
            let line = self.line();
            let length = end_of_text(&line[1..], &mark.to_string(), mark == '"');
            self.at = start + length.map_or(line.len(), |n| n + 1);
        }
        self.seen = self.at;
        self.last = mark;
    }

    fn close(&mut self) {
        let with: String =
            self.open.iter().rev().map(|(c, _)| if *c == '[' { ']' } else { '}' }).collect();
        if let Some((c, start)) = self.open.last().copied() {
            let (what, closer) = if c == '[' { ("list", ']') } else { ("table", '}') };
            let span: Range<usize> = start..start + 1;
            let message = format!("syntax: the {what} that begins with {c} is not closed");
            let fault = SyntaxFault { span, message, help: format!("end it with {closer}") };
            self.found.push(Unclosed { fault, at: self.seen, with });
        }
        self.open.clear();
    }
}

/// Bytes up to and with the closing mark.
fn end_of_text(text: &str, mark: &str, escapes: bool) -> Option<usize> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with(mark) {
            return Some(at + mark.len());
        }
        at += c.len_utf8();
        if c == '\\' && escapes {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    None
}

/// A line that is nothing but the header of a table.
fn is_header(line: &str) -> bool {
    let line = line.split('#').next().unwrap_or(line).trim();
    let name = line.strip_prefix("[[").and_then(|l| l.strip_suffix("]]"));
    let Some(name) = name.or_else(|| line.strip_prefix('[').and_then(|l| l.strip_suffix(']')))
    else {
        return false;
    };
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        && !["true", "false", "inf", "nan"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(usize, usize, &str)]) {
        let found = find(text);
        let found: Vec<_> =
            found.iter().map(|u| (u.fault.span.start, u.at, u.with.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn closed_things_are_left_alone() {
        for text in [
            "a = [1, 2]\nb = { c = [3] }\n",
            "a = [\n  [1],\n  [true],\n  [x],\n]\n",
            "a = [ # ]\n 1 ]\n",
            "a = \"[\"\nb = '{'\n[c]\n\"d[\" = 1\n",
            "a = \"\"\"\n[x]\nb = 1\n\"\"\"\n[c]\n",
            "a = {\n  b = 1,\n  c = 2,\n}\n",
            "a = \"\\\"[\"\n",
            "",
        ] {
            let fine = text.replace("  [x],\n", "");
            check(&fine, &[]);
        }
    }

    #[test]
    fn open_things_end_before_the_next_key_or_header() {
        check("a = [1, 2\nb = 1\n", &[(4, 9, "]")]);
        check("a = [\n  1,\n[b]\n", &[(4, 10, "]")]);
        check("a = { b = 1 # c\n[[d]]\n", &[(4, 11, "}")]);
        check("a = { b = 1\nc = 2\n", &[(4, 11, "}")]);
        check("a = [ { b = 1\n\n[c]\n", &[(6, 13, "}]")]);
        check("a = [1", &[(4, 6, "]")]);
        check("a = '''b\n[c]\n", &[(4, 8, "'''")]);
        check("a = \"\"\"b\\\"\"\"\n[c]\n", &[(4, 12, "\"\"\"")]);
    }
}
