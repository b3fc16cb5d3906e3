//! SVG elements as text, and how wide text will be.

use std::fmt::Write;

use super::{Frame, Ink, Spec, Theme};

/// Size of all text in a chart but its title.
pub(super) const SIZE: f64 = 14.0;
const TITLE_SIZE: f64 = 16.0;
const LINE: f64 = 20.0;
/// Around a chart that stands alone.
const MARGIN: f64 = 16.0;

/// Escapes text for markup and attributes; letters that XML does not allow are left out.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' | '\r' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

/// About how wide a text is, on the safe side: fonts differ, and none is shipped.
pub(super) fn measure(text: &str, size: f64) -> f64 {
    let em: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '|' | '\'' | '!' | ' ' | '(' | ')' | '/' | 'I' | 't' | 'f' | 'r' => 0.39,
            'm' | 'w' | 'M' | 'W' | '%' | '@' | '…' => 0.94,
            'A'..='Z' | '–' => 0.72,
            '−' | '+' | '<' | '>' | '=' | '~' => 0.84,
            '\u{0300}'..='\u{036f}' => 0.0,
            c if c as u32 >= 0x1100 => 1.05,
            _ => 0.63,
        })
        .sum();
    em * size
}

/// Cuts a text to a width.
pub(super) fn shorten(text: &str, size: f64, most: f64) -> String {
    if measure(text, size) <= most {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if measure(&out, size) + measure("…", size) > most {
            out.pop();
            break;
        }
    }
    format!("{}…", out.trim_end())
}

fn wrapped(text: &str, size: f64, most: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if measure(line, size) + measure(word, size) + size * 0.39 <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(shorten(word, size, most)),
        }
    }
    lines
}

fn px(x: f64) -> String {
    let text = format!("{:.1}", if x.is_finite() { x } else { 0.0 });
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Where a text is anchored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a bar is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    Solid(Ink),
    /// Provisional.
    Hatched(Ink),
}

/// A chart while it is drawn.
pub(super) struct Canvas<'a> {
    frame: &'a Frame<'a>,
    body: String,
    hatches: Vec<Ink>,
    /// Where the next thing goes.
    pub(super) y: f64,
}

impl<'a> Canvas<'a> {
    /// An empty chart, or one with its title.
    pub(super) fn new(spec: &Spec, frame: &'a Frame<'a>) -> Self {
        let mut canvas = Self { frame, body: String::new(), hatches: Vec::new(), y: 0.0 };
        if frame.titled {
            for line in wrapped(&spec.title, TITLE_SIZE * 1.08, frame.width) {
                canvas.y += LINE;
                let fill = Ink::Text.paint(frame.theme);
                let _ = write!(
                    canvas.body,
                    "<text x=\"0\" y=\"{}\" fill=\"{fill}\" font-size=\"{TITLE_SIZE}\" font-weight=\"600\">{}</text>",
                    px(canvas.y - 4.0),
                    escape(&line)
                );
            }
            for line in wrapped(&spec.caption(), SIZE, frame.width) {
                canvas.y += LINE;
                canvas.text(0.0, canvas.y - 5.0, Anchor::Start, Ink::Quiet, &line);
            }
            canvas.y += 12.0;
        }
        canvas
    }

    pub(super) fn open(&mut self, tip: &str) {
        let _ = write!(self.body, "<g><title>{}</title>", escape(tip));
    }

    pub(super) fn close(&mut self) {
        self.body.push_str("</g>");
    }

    pub(super) fn text(&mut self, x: f64, y: f64, anchor: Anchor, ink: Ink, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let fill = ink.paint(self.frame.theme);
        let _ = write!(self.body, "<text x=\"{}\" y=\"{}\"{anchor} fill=\"{fill}\">{}</text>", px(x), px(y), escape(text));
    }

    pub(super) fn bar(&mut self, x: f64, y: f64, width: f64, height: f64, fill: Fill) {
        if width <= 0.0 {
            return;
        }
        let place = format!("x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", px(x), px(y), px(width), px(height));
        let theme = self.frame.theme;
        let _ = match fill {
            Fill::Solid(ink) => write!(self.body, "<rect {place} fill=\"{}\"/>", ink.paint(theme)),
            Fill::Hatched(ink) => {
                let at = self.hatches.iter().position(|h| *h == ink).unwrap_or_else(|| {
                    self.hatches.push(ink);
                    self.hatches.len() - 1
                });
                let inset = format!(
                    "x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
                    px(x + 0.5),
                    px(y + 0.5),
                    px((width - 1.0).max(0.1)),
                    px(height - 1.0)
                );
                write!(self.body, "<rect {inset} fill=\"url(#{}-hatch-{at})\" stroke=\"{}\"/>", escape(self.frame.id), ink.paint(theme))
            }
        };
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, width: f64) {
        let _ = write!(
            self.body,
            "<path d=\"M{} {}L{} {}\" stroke=\"{}\" stroke-width=\"{}\"/>",
            px(from.0),
            px(from.1),
            px(to.0),
            px(to.1),
            ink.paint(self.frame.theme),
            px(width)
        );
    }

    /// The finished chart.
    pub(super) fn finish(self, spec: &Spec) -> String {
        let Self { frame, body, hatches, y } = self;
        let id = escape(frame.id);
        let mut defs = String::new();
        for (i, ink) in hatches.iter().enumerate() {
            let color = ink.paint(frame.theme);
            let page = Ink::Page.paint(frame.theme);
            let _ = write!(
                defs,
                "<pattern id=\"{id}-hatch-{i}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
                 patternTransform=\"rotate(45)\"><path d=\"M0 0H6V6H0Z\" fill=\"{page}\"/>\
                 <path d=\"M0 0H2.5V6H0Z\" fill=\"{color}\"/></pattern>"
            );
        }
        if !defs.is_empty() {
            defs = format!("<defs>{defs}</defs>");
        }
        // A chart that stands alone brings its own margin and its own ground.
        let margin = if frame.titled { MARGIN } else { 0.0 };
        let (left, wide, tall) = (px(-margin), px(frame.width + 2.0 * margin), px(y + 2.0 * margin));
        let ground = match frame.theme {
            Theme::Web => String::new(),
            Theme::Print => format!("<path d=\"M{left} {left}h{wide}v{tall}h-{wide}Z\" fill=\"{}\"/>", Ink::Page.paint(frame.theme)),
        };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"{left} {left} {wide} {tall}\" width=\"{wide}\" height=\"{tall}\" \
             role=\"img\" aria-labelledby=\"{id}-title {id}-desc\" font-family=\"system-ui, sans-serif\" font-size=\"{SIZE}\">\
             <title id=\"{id}-title\">{}</title><desc id=\"{id}-desc\">{}</desc>{defs}{ground}{body}</svg>",
            escape(&spec.title),
            escape(&spec.description())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_control_characters_vanish() {
        assert_eq!(escape("<a b=\"c\">&'\u{1b}\u{0}x\ny"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;x y");
    }

    #[test]
    fn texts_are_cut_to_their_room() {
        let cut = shorten("A very long campaign name", 14.0, 80.0);
        assert!(cut.ends_with('…') && measure(&cut, 14.0) <= 80.0 + 14.0);
        assert_eq!(shorten("Lead", 14.0, 80.0), "Lead");
    }

    #[test]
    fn pixels_are_short() {
        assert_eq!(px(12.0), "12");
        assert_eq!(px(-0.01), "0");
        assert_eq!(px(1.25), "1.2");
        assert_eq!(px(f64::NAN), "0");
    }
}
