//! Lines for a terminal: measured, cleaned, wrapped, cut and coloured.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::TextStyle;

/// What a span of text means; the colour follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Strong,
    Quiet,
    Marketing,
    Sales,
    Kept,
    Risk,
    Broken,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Ink::Plain => "",
            Ink::Strong => "1",
            Ink::Quiet => "2",
            Ink::Marketing => "34",
            Ink::Sales => "35",
            Ink::Kept => "32",
            Ink::Risk => "33",
            Ink::Broken => "1;31",
        }
    }

    /// The hue of a side; grey for whatever is no side.
    pub(super) fn side(side: &str) -> Self {
        match side {
            "marketing" => Ink::Marketing,
            "sales" => Ink::Sales,
            _ => Ink::Plain,
        }
    }
}

/// Columns that a text takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    // A terminal may draw joined characters one by one, so the larger of the two counts.
    text.width().max(text.chars().filter_map(UnicodeWidthChar::width).sum())
}

/// Text safe for a terminal: no control characters, no reordering of what follows; ASCII signs if asked for.
pub(super) fn clean(text: &str, style: &TextStyle) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {}
            c if c.is_control() || c.is_whitespace() => out.push(' '),
            c if style.unicode => out.push(c),
            '–' | '—' | '−' | '─' => out.push('-'),
            '…' => out.push_str(".."),
            '✓' => out.push('+'),
            '✗' => out.push('x'),
            '›' => out.push('>'),
            '·' => out.push('|'),
            '×' => out.push('x'),
            '“' | '”' => out.push('"'),
            '‘' | '’' => out.push('\''),
            '≤' => out.push_str("<="),
            '≥' => out.push_str(">="),
            c => out.push(c),
        }
    }
    out
}

/// Cuts cleaned text to a width, marked with `…`.
pub(super) fn shorten(text: &str, max: usize, style: &TextStyle) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let ellipsis = if style.unicode { "…" } else { ".." };
    if max < width(ellipsis) {
        return ".".repeat(max);
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if width(&out) + width(ellipsis) > max {
            out.pop();
            break;
        }
    }
    let kept = out.trim_end().len();
    out.truncate(kept);
    out.push_str(ellipsis);
    out
}

/// Breaks cleaned text at blanks into lines of at most `max` columns; longer words are broken.
pub(super) fn wrap(text: &str, max: usize) -> Vec<String> {
    let max = max.max(2);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let wide = width(word);
        if used > 0 && used + 1 + wide <= max {
            if let Some(line) = lines.last_mut() {
                line.push(' ');
                line.push_str(word);
            }
            used += 1 + wide;
            continue;
        }
        if used > 0 {
            lines.push(String::new());
            used = 0;
        }
        for c in word.chars() {
            let w = c.width().unwrap_or(0);
            if used > 0 && used + w > max {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += w;
        }
    }
    lines
}

/// Pads cleaned text to a width.
pub(super) fn pad(text: &str, to: usize, right: bool) -> String {
    let blanks = " ".repeat(to.saturating_sub(width(text)));
    if right { format!("{blanks}{text}") } else { format!("{text}{blanks}") }
}

/// A bar of `cells` columns, filled to `share` with blocks as fine as an eighth of a column.
pub(super) fn bar(share: f64, cells: usize, full: char, style: &TextStyle) -> String {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    if !style.unicode || full != '█' {
        let whole = (share * cells as f64).round() as usize;
        let seen = if share > 0.0 { whole.max(1) } else { 0 };
        return String::from(full).repeat(seen);
    }
    let eighths = (share * cells as f64 * 8.0).round() as usize;
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    let mut out = "█".repeat(eighths / 8);
    if let Some(part) = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'].get((eighths % 8).wrapping_sub(1)) {
        out.push(*part);
    }
    out
}

/// The lines drawn so far; none is ever wider than the style allows.
pub(super) struct Page<'a> {
    pub(super) style: &'a TextStyle,
    out: String,
}

impl<'a> Page<'a> {
    pub(super) fn new(style: &'a TextStyle) -> Self {
        Self { style, out: String::new() }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    pub(super) fn rule(&mut self) {
        let dash = if self.style.unicode { "─" } else { "-" };
        self.line(&[(Ink::Quiet, &dash.repeat(self.style.width))]);
    }

    /// One line of spans, cut at the width. Trailing blanks are left out.
    pub(super) fn line(&mut self, spans: &[(Ink, &str)]) {
        let end = spans.iter().rposition(|(_, text)| !text.trim_end().is_empty()).map_or(0, |last| last + 1);
        let mut room = self.style.width;
        for (i, (ink, text)) in spans[..end].iter().enumerate() {
            let text = clean(text, self.style);
            let text = if i + 1 == end { text.trim_end() } else { &text };
            let text = shorten(text, room, self.style);
            room -= width(&text).min(room);
            if self.style.color && *ink != Ink::Plain && !text.trim().is_empty() {
                self.out.push_str(&format!("\u{1b}[{}m{text}\u{1b}[0m", ink.code()));
            } else {
                self.out.push_str(&text);
            }
        }
        self.out.push('\n');
    }

    /// Wrapped text; the first line begins with `first`, the others with as many blanks.
    pub(super) fn wrapped(&mut self, ink: Ink, first: &str, text: &str) {
        let first = clean(first, self.style);
        let text = clean(text, self.style);
        let indent = width(&first);
        for (i, line) in wrap(&text, self.style.width.saturating_sub(indent)).iter().enumerate() {
            let lead = if i == 0 { first.clone() } else { " ".repeat(indent) };
            self.line(&[(Ink::Plain, &lead), (ink, line)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: TextStyle = TextStyle { width: 20, color: false, unicode: true };

    #[test]
    fn bars_grow_by_eighths_and_something_is_never_nothing() {
        assert_eq!(bar(1.0, 4, '█', &STYLE), "████");
        assert_eq!(bar(0.53125, 4, '█', &STYLE), "██▏");
        assert_eq!(bar(0.0001, 4, '█', &STYLE), "▏");
        assert_eq!(bar(0.0, 4, '█', &STYLE), "");
        assert_eq!(bar(f64::NAN, 4, '█', &STYLE), "");
        assert_eq!(bar(0.5, 4, '#', &TextStyle { unicode: false, ..STYLE }), "##");
    }

    #[test]
    fn escapes_in_the_data_do_not_reach_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\r\nc\u{202e}d\tz", &STYLE), "a [31mb  cd z");
    }

    #[test]
    fn wrapping_breaks_long_words_and_wide_letters() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("promise.sales", 5), ["promi", "se.sa", "les"]);
        assert_eq!(wrap("株式会社", 4), ["株式", "会社"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn shortening_keeps_the_width() {
        assert_eq!(shorten("abcdef", 4, &STYLE), "abc…");
        assert_eq!(shorten("株式会社", 6, &STYLE), "株式…");
        assert_eq!(shorten("abc def", 5, &STYLE), "abc…");
        assert_eq!(shorten("abc", 0, &STYLE), "");
        for max in 0..12 {
            assert!(width(&shorten("👩‍💻 at the desk", max, &STYLE)) <= max);
        }
    }
}
