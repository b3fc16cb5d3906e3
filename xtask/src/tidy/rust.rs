//! Rust source, as far as the rules have to understand it: code, comments and literals apart, and
//! what is compiled for tests only. Not a parser; a lexer of what can hide a word.

/// A source, taken apart. Line numbers begin at 1.
pub(super) struct Source {
    /// The text with comments and the contents of literals blanked; lines stay where they were.
    code: Vec<char>,
    /// Line on which each character of `code` stands.
    line_of: Vec<usize>,
    /// Pieces of `code` behind `#[cfg(test)]`.
    tests: Vec<std::ops::Range<usize>>,
    /// Comments, a line each.
    pub(super) comments: Vec<Remark>,
    /// String literals, a line each.
    pub(super) strings: Vec<Remark>,
}

/// A line of a comment or of a literal.
pub(super) struct Remark {
    /// Its line.
    pub(super) line: usize,
    /// Its text.
    pub(super) text: String,
    /// A doc comment.
    pub(super) doc: bool,
}

/// A place where a word stands in the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// First character.
    pub(super) at: usize,
    /// Its line.
    pub(super) line: usize,
    /// Compiled for tests only.
    pub(super) test: bool,
}

/// Part of a name?
pub(super) fn in_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

impl Source {
    /// Takes a text apart.
    pub(super) fn new(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut line = 1;
        let line_of = chars
            .iter()
            .map(|c| {
                let here = line;
                line += usize::from(*c == '\n');
                here
            })
            .collect();
        let mut source = Self { code: chars.clone(), line_of, tests: Vec::new(), comments: Vec::new(), strings: Vec::new() };
        source.take_apart(&chars);
        source.tests = source.find_tests();
        source
    }

    fn take_apart(&mut self, chars: &[char]) {
        let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
        let mut i = 0;
        while i < chars.len() {
            let end = match (at(i), at(i + 1)) {
                ('/', '/') => {
                    let end = find(chars, i, |c| c == '\n');
                    self.remark(chars, i..end, matches!(at(i + 2), '/' | '!') && at(i + 3) != '/');
                    end
                }
                ('/', '*') => {
                    let end = block_end(chars, i);
                    self.remark(chars, i..end, matches!(at(i + 2), '*' | '!') && at(i + 3) != '*');
                    end
                }
                ('"', _) => {
                    let end = quoted_end(chars, i, '"');
                    let closed = end > i + 1 && at(end - 1) == '"';
                    self.literal(chars, i + 1..end - usize::from(closed));
                    end
                }
                ('\'', '\\') => quoted_end(chars, i, '\''),
                ('\'', _) if at(i + 2) == '\'' => i + 3,
                ('r', '"' | '#') | ('b' | 'c', 'r') if i == 0 || !in_name(at(i - 1)) => match raw(chars, i) {
                    Some((open, close, end)) => {
                        self.literal(chars, open..close);
                        end
                    }
                    None => i + 1,
                },
                _ => i + 1,
            };
            if matches!(at(i), '\'') && end > i + 1 {
                self.blank(i + 1..(end - 1).min(chars.len()));
            }
            i = end;
        }
    }

    fn remark(&mut self, chars: &[char], range: std::ops::Range<usize>, doc: bool) {
        let parts = self.lines(chars, range.clone(), doc);
        self.comments.extend(parts);
        self.blank(range);
    }

    fn literal(&mut self, chars: &[char], range: std::ops::Range<usize>) {
        let parts = self.lines(chars, range.clone(), false);
        self.strings.extend(parts);
        self.blank(range);
    }

    fn lines(&self, chars: &[char], range: std::ops::Range<usize>, doc: bool) -> Vec<Remark> {
        let first = self.line_of.get(range.start).copied().unwrap_or(1);
        let text: String = chars[range].iter().collect();
        text.split('\n').enumerate().map(|(i, l)| Remark { line: first + i, text: l.to_owned(), doc }).collect()
    }

    fn blank(&mut self, range: std::ops::Range<usize>) {
        for c in &mut self.code[range] {
            if *c != '\n' {
                *c = ' ';
            }
        }
    }

    /// Where a word or path such as `Instant::now` stands, neither end within a longer name.
    pub(super) fn places(&self, word: &str) -> Vec<Place> {
        let word: Vec<char> = word.chars().collect();
        let (Some(first), Some(last)) = (word.first(), word.last()) else { return Vec::new() };
        let free = |i: Option<usize>, own: char| !in_name(own) || i.and_then(|i| self.code.get(i)).is_none_or(|c| !in_name(*c));
        (0..=self.code.len().saturating_sub(word.len()))
            .filter(|&i| self.code[i..].starts_with(&word))
            .filter(|&i| free(i.checked_sub(1), *first) && free(Some(i + word.len()), *last))
            .map(|at| self.place(at))
            .collect()
    }

    fn place(&self, at: usize) -> Place {
        Place { at, line: self.line_of.get(at).copied().unwrap_or(1), test: self.tests.iter().any(|t| t.contains(&at)) }
    }

    /// Is a line compiled for tests only?
    pub(super) fn test_line(&self, line: usize) -> bool {
        let of = |i: usize| self.line_of.get(i).copied().unwrap_or(usize::MAX);
        self.tests.iter().any(|t| of(t.start) <= line && line <= of(t.end.saturating_sub(1)))
    }

    /// Names in the code, with where they stand.
    pub(super) fn names(&self) -> impl Iterator<Item = (Place, String)> {
        let starts = |i: usize| in_name(self.code[i]) && !self.code[i].is_numeric() && (i == 0 || !in_name(self.code[i - 1]));
        (0..self.code.len()).filter(move |&i| starts(i)).map(|i| {
            (self.place(i), self.code[i..].iter().take_while(|c| in_name(**c)).collect())
        })
    }

    /// The code from a place on, until a character for which `stop` holds.
    pub(super) fn until(&self, at: usize, stop: impl Fn(char) -> bool) -> String {
        self.code[at.min(self.code.len())..].iter().take_while(|c| !stop(**c)).collect()
    }

    /// The code before a place.
    pub(super) fn before(&self, at: usize, length: usize) -> String {
        self.code[at.saturating_sub(length)..at].iter().collect()
    }

    /// The place behind the bracket that closes the first one opened at or after `at`.
    pub(super) fn closed(&self, at: usize, open: char, close: char) -> usize {
        let mut depth = 0_usize;
        for (i, &c) in self.code.iter().enumerate().skip(at) {
            if c == open {
                depth += 1;
            } else if c == close && depth > 0 {
                depth -= 1;
                if depth == 0 {
                    return i + 1;
                }
            }
        }
        self.code.len()
    }

    /// Code of the items behind `#[cfg(test)]`, their attributes left out.
    pub(super) fn test_items(&self) -> impl Iterator<Item = String> {
        self.tests.iter().map(|t| self.code[self.past_attributes(t.start)..t.end].iter().collect())
    }

    fn find_tests(&self) -> Vec<std::ops::Range<usize>> {
        let mut found: Vec<std::ops::Range<usize>> = Vec::new();
        for place in self.places("cfg") {
            let condition = self.until(place.at, |c| c == ']');
            let inner = condition.strip_prefix("cfg(").unwrap_or_default();
            let asked = inner.starts_with("test)") || inner.starts_with("all(test,");
            let opened = self.before(place.at, 2);
            if !asked || opened != "#[" || found.last().is_some_and(|f| f.contains(&place.at)) {
                continue;
            }
            let start = place.at - 2;
            let item = self.past_attributes(start);
            let head = self.until(item, |c| matches!(c, ';' | '{')).chars().count() + item;
            let end = if self.code.get(head) == Some(&'{') { self.closed(head, '{', '}') } else { head + 1 };
            found.push(start..end.min(self.code.len()));
        }
        found
    }

    /// The first character behind blanks and attributes.
    fn past_attributes(&self, from: usize) -> usize {
        let mut at = from;
        loop {
            at = find(&self.code, at, |c| !c.is_whitespace());
            if self.code.get(at) != Some(&'#') {
                return at;
            }
            at = self.closed(at, '[', ']');
        }
    }
}

fn find(chars: &[char], from: usize, stop: impl Fn(char) -> bool) -> usize {
    (from..chars.len()).find(|&i| stop(chars[i])).unwrap_or(chars.len())
}

/// Behind a literal that begins at `from`; a backslash takes the next character with it.
fn quoted_end(chars: &[char], from: usize, quote: char) -> usize {
    let mut i = from + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' => i = (i + 2).min(chars.len()),
            c if c == quote => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

/// Behind a block comment; they nest.
fn block_end(chars: &[char], from: usize) -> usize {
    let (mut i, mut depth) = (from, 0_usize);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (i, depth) = (i + 2, depth + 1),
            ('*', Some('/')) if depth == 1 => return i + 2,
            ('*', Some('/')) => (i, depth) = (i + 2, depth - 1),
            _ => i += 1,
        }
    }
    chars.len()
}

/// A raw string such as `r#"..."#`: begin and end of what is in it, and where it is over.
fn raw(chars: &[char], from: usize) -> Option<(usize, usize, usize)> {
    let r = if chars[from] == 'r' { from } else { from + 1 };
    let quote = find(chars, r + 1, |c| c != '#');
    let hashes = quote - r - 1;
    if chars.get(quote) != Some(&'"') {
        return None;
    }
    let closes = |i: usize| chars[i] == '"' && chars[i + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
    let close = (quote + 1..chars.len()).find(|&i| closes(i)).unwrap_or(chars.len());
    Some((quote + 1, close, (close + 1 + hashes).min(chars.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Source::new(text).code.iter().collect()
    }

    #[test]
    fn comments_and_literals_are_blanked() {
        assert_eq!(code("a // x\nb"), "a     \nb");
        assert_eq!(code("a /* x /* y */ z */ b"), "a                   b");
        assert_eq!(code(r#"f("a\"b", 'x', '\'', b'"')"#), r#"f("    ", ' ', '  ', b' ')"#);
        assert_eq!(code("r#\"a\"b\"# + br\"c\" + var\"d\""), "r#\"   \"# + br\" \" + var\" \"");
        assert_eq!(code("fn f<'a>(x: &'a str) -> &'static str"), "fn f<'a>(x: &'a str) -> &'static str");
        assert_eq!(code("\"open"), "\"    ");
    }

    #[test]
    fn what_was_blanked_is_kept() {
        let s = Source::new("/// Doc\n// not\n//// nor\nlet x = \"one\ntwo\";\n");
        let comments: Vec<(usize, &str, bool)> = s.comments.iter().map(|r| (r.line, r.text.as_str(), r.doc)).collect();
        assert_eq!(comments, [(1, "/// Doc", true), (2, "// not", false), (3, "//// nor", false)]);
        let strings: Vec<(usize, &str)> = s.strings.iter().map(|r| (r.line, r.text.as_str())).collect();
        assert_eq!(strings, [(4, "one"), (5, "two")]);
    }

    #[test]
    fn words_stand_alone() {
        let s = Source::new("tokio::spawn(); my_tokio(); // tokio\n\"tokio\"; Tokio;\n use tokio;");
        assert_eq!(s.places("tokio").iter().map(|p| p.line).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn test_items_are_known() {
        let s = Source::new("a;\n#[cfg(test)]\n#[path = \"x]\"]\nmod x;\nb;\n#[cfg(test)]\nmod t {\n fn f() { c }\n}\nd;\n");
        let tests: Vec<bool> = ["a", "b", "c", "d"].iter().map(|w| s.places(w)[0].test).collect();
        assert_eq!(tests, [false, false, true, false]);
        assert_eq!(s.test_items().next().as_deref(), Some("mod x;"));
        assert!(s.test_line(8) && !s.test_line(10));
    }
}
