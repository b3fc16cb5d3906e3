//! Which row holds the column names, and whether they can be used.
//!
//! Exports of reports begin with a title, a date, a filter. Such rows are narrow; the names stand in the first row that
//! is as wide as the rows below it. A file whose first row is wide begins with its names, whatever else it holds.

use crate::file_fault;
use std::collections::{HashMap, HashSet};
use treaty_app::raw::Fault;

/// Rows at the start of which the names must stand.
const MAX_PREAMBLE: usize = 25;

/// Longest cell that can be a name.
const MAX_NAME: usize = 120;

/// Position of the row of names. Rows are cells as they stand, those at the end that are blank left out; `width` is how
/// wide the rows of the table are.
pub(crate) fn header_row(rows: &[Vec<String>], width: usize) -> usize {
    let first = rows.first().map_or(0, Vec::len);
    if width < 2 || first * 2 > width {
        return 0;
    }
    let wide = |row: &&Vec<String>| row.len() * 2 > width;
    let Some(at) = rows.iter().take(MAX_PREAMBLE).position(|row| wide(&row)) else { return 0 };
    let full = rows[at].len() + width / 5 >= width;
    // Two columns are too few to tell a title from a name, unless it says more than a name does.
    let speaks = at > 1 || width > 2 || rows[0].iter().any(|cell| cell.contains(':') || cell.starts_with('#'));
    if full && speaks && are_names(&rows[at]) { at } else { 0 }
}

/// The most frequent width of rows, the greater of two that are equally frequent.
pub(crate) fn usual_width(widths: impl Iterator<Item = usize>) -> usize {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    widths.filter(|w| *w > 0).for_each(|w| *counts.entry(w).or_default() += 1);
    counts.into_iter().max_by_key(|(width, count)| (*count, *width)).map_or(0, |(width, _)| width)
}

/// Cells that could be names of columns: short, without numbers and dates, and not the second half of a sentence.
fn are_names(row: &[String]) -> bool {
    let name = |cell: &String| {
        let begins = cell.chars().next().is_some_and(|c| !c.is_whitespace());
        begins && cell.len() <= MAX_NAME && cell.chars().any(char::is_alphabetic) && !cell.contains('@')
    };
    row.iter().filter(|cell| name(cell)).count() * 10 >= row.len() * 9
}

/// Names of columns without blanks around them and without those at the end that are blank. A blank one in between is
/// called by its place; of two that cannot be told apart the second gets a number.
pub(crate) fn names(cells: Vec<String>, display: &str, line: u64, notes: &mut Vec<String>) -> Result<Vec<String>, Fault> {
    let mut names = cells;
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    if names.is_empty() {
        let reason = "has no column names; its first line should name the columns";
        return Err(Fault { line, ..file_fault(display, reason) });
    }
    for (i, name) in names.iter_mut().enumerate().filter(|(_, name)| name.is_empty()) {
        *name = format!("column_{}", i + 1);
        notes.push(format!("{display}: column {} has no name and is called {name}", i + 1));
    }
    // Names that the file has of itself are not taken by those that are made.
    let given: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for i in 0..names.len() {
        let Some(first) = seen.get(&names[i].to_lowercase()).copied() else {
            seen.insert(names[i].to_lowercase(), i);
            continue;
        };
        let fresh = |n: &usize| {
            let name = format!("{}_{n}", names[i]).to_lowercase();
            !given.contains(&name) && !seen.contains_key(&name)
        };
        let Some(n) = (2..).find(fresh) else { continue };
        let name = format!("{}_{n}", names[i]);
        let same = if names[first] == names[i] { "are both called" } else { "differ only by case:" };
        notes.push(format!("{display}: columns {} and {} {same} {}; the second is called {name}", first + 1, i + 1, names[i]));
        seen.insert(name.to_lowercase(), i);
        names[i] = name;
    }
    Ok(names)
}

/// What is said of rows above the names.
pub(crate) fn skipped(display: &str, line: u64, first: &[String]) -> String {
    let text: String = first.join(" ").trim().chars().take(60).collect();
    format!("{display}: the column names are in line {line}; what stands above them was skipped ({text})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, width: usize) -> usize {
        let rows: Vec<Vec<String>> = text.lines().map(|l| l.split(',').map(str::to_owned).collect()).collect();
        header_row(&rows, width)
    }

    #[test]
    fn names_stand_below_narrow_rows_only() {
        for (text, width, expected) in [
            ("id,name,amount\n1,Ann,3", 3, 0),
            ("Report of deals\nid,name,amount\n1,Ann,3", 3, 1),
            ("Report\nTotal,7\nid,name,amount,owner,stage\n1,Ann,3,Tom,won", 5, 2),
            ("Report: deals\nid,name\n1,Ann", 2, 1),
            ("name\nSmith, John\nRoe, Jane", 2, 0),
            ("name\nSmith,John\nRoe,Jane", 2, 0),
            ("id,name\n1,Ann,3\n2,Bob,4", 3, 0),
            ("Report\n1,2,3\n4,5,6", 3, 0),
            ("", 0, 0),
        ] {
            assert_eq!(at(text, width), expected, "{text}");
        }
    }

    #[test]
    fn the_usual_width_is_that_of_most_rows() {
        assert_eq!(usual_width([1, 3, 3, 0, 2].into_iter()), 3);
        assert_eq!(usual_width([1, 2].into_iter()), 2);
        assert_eq!(usual_width([].into_iter()), 0);
    }
}
