//! Where every clause stands, and the id of a version.

use super::Clause;
use super::diagnostic::Report;
use std::collections::BTreeSet;
use toml::de::{DeTable, DeValue};

/// All tables and keys with their lines, sorted by key and each once.
///
/// A stage is `stage.<id>`, a criterion `stage.<id>.gate.<id>`, a signature `signature.<side>`, and
/// the second of its side `signature.<side>.2`.
pub(super) fn clauses(report: &Report<'_>, root: &DeTable<'_>) -> Vec<Clause> {
    let mut clauses = Vec::new();
    let mut names = BTreeSet::new();
    walk(report, root, "", &mut |key, line| {
        if names.insert(key.clone()) {
            clauses.push(Clause { key, line });
        }
    });
    clauses.sort();
    clauses
}

fn walk(report: &Report<'_>, table: &DeTable<'_>, path: &str, add: &mut dyn FnMut(String, usize)) {
    for (key, value) in table.iter() {
        let name = if path.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{path}.{}", key.get_ref())
        };
        add(name.clone(), report.line(key.span().start));
        match value.get_ref() {
            DeValue::Table(inner) => walk(report, inner, &name, add),
            DeValue::Array(items) => {
                let mut seen: BTreeSet<String> = BTreeSet::new();
                for (item, inner) in items.iter().filter_map(|i| Some((i, i.get_ref().as_table()?)))
                {
                    let id = ["id", "side"].iter().find_map(|k| inner.get(*k)?.get_ref().as_str());
                    let id =
                        id.map_or_else(|| (seen.len() + 1).to_string(), |id| id.trim().to_owned());
                    let again = (2..).map(|n| format!("{id}.{n}"));
                    let Some(id) =
                        std::iter::once(id.clone()).chain(again).find(|id| !seen.contains(id))
                    else {
                        continue;
                    };
                    seen.insert(id.clone());
                    let name = format!("{name}.{id}");
                    add(name.clone(), report.line(item.span().start));
                    walk(report, inner, &name, add);
                }
            }
            _ => {}
        }
    }
}

/// The text as it counts: without a byte-order mark, line ends of one kind, no blanks at the ends of lines and no empty
/// lines at the end.
pub(super) fn plain(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end();
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// 64-bit FNV-1a of the plain text, as 16 hexadecimal digits.
pub(super) fn version_id(text: &str) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let hash = plain(text).bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_ids() {
        assert_eq!(version_id("a"), "089bdc07b544e7b2");
        assert_eq!(version_id(""), "cbf29ce484222325");
        let one = version_id("a = 1\nb = 2\n");
        for same in ["a = 1\r\nb = 2\r\n", "\u{feff}a = 1  \nb = 2", "a = 1\t\nb = 2\n\n \n"] {
            assert_eq!(version_id(same), one, "{same:?}");
        }
        for other in ["a = 1\nb = 3\n", "a = 1\n b = 2\n", "a = 1\n\nb = 2\n", "# a = 1\nb = 2\n"] {
            assert_ne!(version_id(other), one, "{other:?}");
        }
    }
}
