//! One spelling for the SQL: which column of a raw table is which column of an entry, and what is missing.
//!
//! Loaders spell one name in many ways: `StageName`, `stage_name`, `Stage Name`. A name is found letter by letter, else
//! without case, else without case and signs; two columns that could be meant are never chosen between.

use super::{PackFile, Unpivot};
use crate::names::did_you_mean_or_stop;
use treaty_app::raw::{Fault, RawChunk, RawTable, TextColumn};

/// A name without case and without signs between its letters and digits.
pub(crate) fn fold(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Where a column is among the headers of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// At this place.
    At(usize),
    /// Two headers could be meant.
    Unclear(usize, usize),
    /// Nowhere.
    Nowhere,
}

/// Looks for a name among headers.
pub(super) fn place(name: &str, headers: &[String]) -> Place {
    let folded = fold(name);
    let tests: [&dyn Fn(&str) -> bool; 3] = [
        &|h| h == name,
        &|h| h.trim().to_lowercase() == name.to_lowercase(),
        &|h| !folded.is_empty() && fold(h) == folded,
    ];
    for test in tests {
        let mut found = headers.iter().enumerate().filter(|(_, h)| test(h)).map(|(i, _)| i);
        match (found.next(), found.next()) {
            (Some(at), None) => return Place::At(at),
            (Some(a), Some(b)) => return Place::Unclear(a, b),
            _ => {}
        }
    }
    Place::Nowhere
}

impl PackFile {
    /// Looks for a column under its own name, then under its aliases in their order, then with the prefixes of loaders.
    pub(super) fn place(&self, column: &str, headers: &[String]) -> Place {
        let others = self.aliases.iter().filter(|(name, _)| name == column).flat_map(|(_, list)| list.iter().map(String::as_str));
        let names = std::iter::once(column).chain(others).map(str::to_owned);
        let mut names = names.chain(self.prefixes.iter().map(|prefix| format!("{prefix}{column}")));
        names.find_map(|name| Some(place(&name, headers)).filter(|p| *p != Place::Nowhere)).unwrap_or(Place::Nowhere)
    }

    /// All the required columns are there.
    pub(super) fn fits(&self, headers: &[String]) -> bool {
        self.columns.iter().all(|c| matches!(self.place(c, headers), Place::At(_)))
    }

    /// Columns that are missing or unclear, as faults.
    pub(super) fn column_faults(&self, display: &str, headers: &[String]) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (column, required) in self.columns.iter().map(|c| (c, true)).chain(self.optional_columns.iter().map(|c| (c, false))) {
            let reason = match self.place(column, headers) {
                Place::At(_) => continue,
                Place::Nowhere if !required => continue,
                Place::Nowhere => {
                    let hint = did_you_mean_or_stop(column, headers.iter().map(String::as_str));
                    format!("this column is missing{hint} The file has {}", headers.join(", "))
                }
                Place::Unclear(a, b) => format!("{} and {} could both be this column; rename one of them", headers[a], headers[b]),
            };
            faults.push(Fault { file: display.to_owned(), line: 1, column: Some(column.clone()), reason });
        }
        faults
    }

    /// The table without rows, with all the columns that the SQL may use.
    pub fn empty(&self) -> RawTable {
        let columns = self.columns.iter().chain(&self.optional_columns).map(|c| TextColumn::new(c)).collect();
        let file = self.paths.first().or(self.names.first()).unwrap_or(&self.table).clone();
        let chunk = RawChunk { columns, lines: Vec::new() };
        RawTable { name: self.table.clone(), file, chunks: vec![chunk], faults: Vec::new() }
    }

    /// Names the table and its columns as the SQL knows them and adds the optional columns that it lacks. Gives the
    /// names of those.
    pub fn complete(&self, raw: &mut RawTable) -> Vec<String> {
        raw.name.clone_from(&self.table);
        let mut lacking = Vec::new();
        for chunk in &mut raw.chunks {
            let headers: Vec<String> = chunk.columns.iter().map(|c| c.name.clone()).collect();
            let mut taken = vec![false; headers.len()];
            for name in self.columns.iter().chain(&self.optional_columns) {
                match self.place(name, &headers) {
                    Place::At(at) if taken[at] => {
                        let copy = TextColumn { name: name.clone(), ..chunk.columns[at].clone() };
                        chunk.columns.push(copy);
                    }
                    Place::At(at) => {
                        taken[at] = true;
                        chunk.columns[at].name.clone_from(name);
                    }
                    _ => {
                        let mut column = TextColumn::new(name);
                        chunk.lines.iter().for_each(|_| column.push(None));
                        chunk.columns.push(column);
                        if !lacking.contains(name) {
                            lacking.push(name.clone());
                        }
                    }
                }
            }
        }
        lacking
    }
}

impl Unpivot {
    /// The rows of a completed table, one for each cell that there is in the columns meant.
    pub(super) fn rows(&self, raw: &RawTable) -> RawTable {
        let chunks = raw.chunks.iter().map(|chunk| self.chunk(chunk)).collect();
        RawTable { name: self.table.clone(), file: raw.file.clone(), chunks, faults: Vec::new() }
    }

    /// The table without rows.
    pub(super) fn empty(&self, file: &str) -> RawTable {
        let chunk = self.chunk(&RawChunk { columns: Vec::new(), lines: Vec::new() });
        RawTable { name: self.table.clone(), file: file.to_owned(), chunks: vec![chunk], faults: Vec::new() }
    }

    fn chunk(&self, chunk: &RawChunk) -> RawChunk {
        let kept: Vec<Option<&TextColumn>> = self.keep.iter().map(|k| chunk.columns.iter().find(|c| c.name == *k)).collect();
        let wide: Vec<(&str, &TextColumn)> =
            chunk.columns.iter().filter_map(|c| self.columns.iter().find_map(|p| star(p, &c.name)).map(|name| (name, c))).collect();
        let mut columns: Vec<TextColumn> =
            self.keep.iter().map(String::as_str).chain(["name", "value"]).map(TextColumn::new).collect();
        let mut lines = Vec::new();
        for (row, line) in chunk.lines.iter().enumerate() {
            for (name, column) in &wide {
                let Some(value) = column.get(row) else { continue };
                let cells = kept.iter().map(|k| k.and_then(|c| c.get(row))).chain([Some(*name), Some(value)]);
                columns.iter_mut().zip(cells).for_each(|(c, cell)| c.push(cell));
                lines.push(*line);
            }
        }
        RawChunk { columns, lines }
    }
}

/// What the `*` of a pattern stands for in a name, without regard to case.
fn star<'n>(pattern: &str, name: &'n str) -> Option<&'n str> {
    let (before, after) = pattern.split_once('*')?;
    let middle = name.len().checked_sub(before.len() + after.len()).filter(|n| *n > 0)?;
    let (start, rest) = (name.get(..before.len())?, name.get(before.len()..)?);
    let (inner, end) = (rest.get(..middle)?, rest.get(middle..)?);
    (start.eq_ignore_ascii_case(before) && end.eq_ignore_ascii_case(after)).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_owned()).collect()
    }

    #[test]
    fn a_name_is_found_in_any_spelling_unless_two_could_be_meant() {
        let at = |name: &str, names: &[&str]| place(name, &headers(names));
        assert_eq!(at("stage_name", &["Id", "StageName"]), Place::At(1));
        assert_eq!(at("StageName", &["stage_name"]), Place::At(0));
        assert_eq!(at("Stage Name", &["x", "STAGE_NAME"]), Place::At(1));
        assert_eq!(at("stage_name", &["StageName", "stage_name"]), Place::At(1), "letter by letter comes first");
        assert_eq!(at("stage_name", &["StageName", "Stage Name"]), Place::Unclear(0, 1));
        assert_eq!(at("stage_name", &["stage"]), Place::Nowhere);
        assert_eq!(at("%", &["#"]), Place::Nowhere);
    }

    #[test]
    fn the_star_of_a_pattern_gives_the_name() {
        assert_eq!(star("hs_date_entered_*", "HS_date_entered_Lead"), Some("Lead"));
        assert_eq!(star("hs_lifecyclestage_*_date", "hs_lifecyclestage_lead_date"), Some("lead"));
        assert_eq!(star("hs_lifecyclestage_*_date", "hs_lifecyclestage_date"), None);
        assert_eq!(star("a_*", "a_"), None);
        assert_eq!(star("plain", "plain"), None);
    }
}
