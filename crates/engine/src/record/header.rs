//! Which column of a file is which column of the layout.

use treaty_app::layout::{ATTRIBUTES, Table};
use treaty_app::raw::Fault;

use super::schema::{HASH, KEY, VERSION};

/// Hidden column of Arrow input: the file a row came from.
pub const FILE: &str = "_file";
/// Hidden column of Arrow input: the line of the row in that file.
pub const LINE: &str = "_line";

/// Where the columns of a table are found among those of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// For every column of the layout its position in the file.
    pub layout: Vec<Option<usize>>,
    /// Columns that the layout does not know, by name: they become attributes.
    pub extra: Vec<(String, usize)>,
    /// A column that holds attributes already, as in an export of the record.
    pub attributes: Option<usize>,
    /// Hidden columns with the place of each row.
    pub file: Option<usize>,
    /// See `file`.
    pub line: Option<usize>,
}

impl Mapping {
    /// Finds the columns; all faults of the header at once.
    pub fn find(table: &Table, names: &[&str], file: &str) -> Result<Self, Vec<Fault>> {
        let mut found = Self {
            layout: vec![None; table.columns.len()],
            extra: Vec::new(),
            attributes: None,
            file: None,
            line: None,
        };
        let mut faults = Vec::new();
        let mut twice = |name: &str| {
            faults.push(Fault {
                file: file.to_owned(),
                line: 0,
                column: Some(name.to_owned()),
                reason: "the file has this column twice; rename or remove one of them".to_owned(),
            });
        };
        for (at, name) in names.iter().enumerate() {
            let clean = name.trim_start_matches('\u{feff}').trim();
            let lower = clean.to_lowercase();
            if let Some(i) = table.columns.iter().position(|c| c.name == lower) {
                if found.layout[i].replace(at).is_some() {
                    twice(clean);
                }
            } else if lower == ATTRIBUTES {
                if found.attributes.replace(at).is_some() {
                    twice(clean);
                }
            } else if lower == FILE {
                found.file = Some(at);
            } else if lower == LINE {
                found.line = Some(at);
            } else if !clean.is_empty() && ![HASH, VERSION, KEY].contains(&lower.as_str()) {
                if found.extra.iter().any(|(n, _)| n == clean) {
                    twice(clean);
                } else {
                    found.extra.push((clean.to_owned(), at));
                }
            }
        }
        found.extra.sort();
        for (i, column) in table.columns.iter().enumerate() {
            if column.required && found.layout[i].is_none() {
                faults.push(missing(table, column.name, &found.extra, names, file));
            }
        }
        if faults.is_empty() {
            Ok(found)
        } else {
            Err(faults)
        }
    }
}

fn missing(
    table: &Table,
    column: &str,
    extra: &[(String, usize)],
    names: &[&str],
    file: &str,
) -> Fault {
    let near = extra
        .iter()
        .map(|(name, _)| (distance(&squeeze(name), &squeeze(column)), name))
        .min()
        .filter(|(d, _)| *d <= 1 + column.len() / 4);
    let advice = match near {
        Some((_, name)) => format!("did you mean `{name}`? Rename that column to `{column}`"),
        None => format!(
            "add it; required are {}",
            table.required().collect::<Vec<_>>().join(", ")
        ),
    };
    let found: Vec<&str> = names
        .iter()
        .map(|n| n.trim())
        .filter(|n| !n.is_empty())
        .collect();
    let found = if found.is_empty() {
        "no columns".to_owned()
    } else {
        found.join(", ")
    };
    Fault {
        file: file.to_owned(),
        line: 0,
        column: Some(column.to_owned()),
        reason: format!(
            "the required column `{column}` of {} is missing; found {found}; {advice}",
            table.name
        ),
    }
}

/// A name without case, blanks and punctuation.
fn squeeze(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Number of letters to insert, remove or replace.
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut before = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = before + usize::from(x != *y);
            before = row[j + 1];
            row[j + 1] = cost.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_without_case_and_blanks() {
        let table = treaty_app::layout::table("content").expect("a table");
        let m = Mapping::find(
            table,
            &["\u{feff}Content_ID ", "Offer", "", "title", "b"],
            "f",
        )
        .expect("a mapping");
        assert_eq!((m.layout[0], m.layout[1]), (Some(0), Some(3)));
        assert_eq!(m.extra, [("Offer".to_owned(), 1), ("b".to_owned(), 4)]);
    }

    #[test]
    fn a_missing_column_is_named_with_what_was_found() {
        let table = treaty_app::layout::table("content").expect("a table");
        let faults =
            Mapping::find(table, &["Content Id", "title"], "content.csv").expect_err("faults");
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].column.as_deref(), Some("content_id"));
        assert!(
            faults[0].reason.contains("did you mean `Content Id`?"),
            "{}",
            faults[0].reason
        );
        let faults =
            Mapping::find(table, &["content_id", "content_id"], "content.csv").expect_err("faults");
        assert!(faults[0].reason.contains("twice"));
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
