//! The commented agreement with which a new home begins.

use jiff::civil::Date;

const TEMPLATE: &str = include_str!("template.toml");

/// What an agreement without a name is called.
const NAMELESS: &str = "Sales and marketing";

/// The text of a new agreement: commented, complete, not signed yet. Any name will do; characters
/// that cannot be printed become blanks.
pub fn template(name: &str, effective_from: Date, time_zone: &str) -> String {
    let name = escaped(name);
    let name = if name.trim().is_empty() { NAMELESS.to_owned() } else { name };
    let values = [
        ("{name}", name),
        ("{effective_from}", effective_from.to_string()),
        ("{time_zone}", escaped(time_zone)),
    ];
    let mut text = String::with_capacity(TEMPLATE.len() + 100);
    let mut rest = TEMPLATE;
    while let Some((at, mark, value)) = values
        .iter()
        .filter_map(|(mark, value)| Some((rest.find(mark)?, mark, value)))
        .min_by_key(|(at, ..)| *at)
    {
        text.push_str(&rest[..at]);
        text.push_str(value);
        rest = &rest[at + mark.len()..];
    }
    text.push_str(rest);
    text
}

/// A text as it stands between the quotation marks of TOML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
