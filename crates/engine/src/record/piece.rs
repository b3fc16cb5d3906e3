//! A run of rows of one file: typed, checked, and still knowing its lines.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use datafusion::arrow::compute;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use serde_json::{Map, Value};
use treaty_app::import::MAX_FAULTS;
use treaty_app::layout::Table;
use treaty_app::raw::Fault;

use super::cast;
use super::cells::Text;
use super::checks;
use super::error::Result;
use super::header::Mapping;
use super::import::ImportOptions;

/// Faults of one run that are kept for the report, which lists fewer in the end.
const KEPT: usize = 4 * MAX_FAULTS;

/// Where the rows of a run came from.
#[derive(Debug, Clone)]
pub enum Lines {
    /// One after another, from this line on.
    From(u64),
    /// Each row its line.
    Each(Vec<u64>),
}

/// Rows that are refused, and why; and rows that are another run's.
#[derive(Debug, Default)]
pub struct Refused {
    rows: Vec<bool>,
    count: u64,
    /// The first fault of each refused row, up to a limit.
    pub faults: Vec<(usize, Fault)>,
}

impl Refused {
    /// Whether row `i` is refused, or another run's.
    #[inline]
    pub fn contains(&self, i: usize) -> bool {
        self.rows.get(i).copied().unwrap_or(false)
    }

    /// How many are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Leaves a row of a run of so many out, because another run has it now. It is not counted.
    pub fn leave(&mut self, row: usize, rows: usize) {
        self.rows.resize(rows, false);
        self.rows[row] = true;
    }
}

/// A run of rows.
#[derive(Debug)]
pub struct Piece {
    /// Columns of the layout; a missing one is missing in every row.
    pub columns: Vec<Option<ArrayRef>>,
    /// Attributes as JSON text.
    pub attributes: Option<ArrayRef>,
    /// Number of rows, refused ones included.
    pub rows: usize,
    /// File as the user named it.
    pub file: Arc<str>,
    /// Files of the single rows, if they come from several.
    pub files: Option<ArrayRef>,
    /// Lines of the rows.
    pub lines: Lines,
    /// Refused rows.
    pub refused: Refused,
    /// Names of attributes that occur.
    pub attribute_keys: BTreeSet<String>,
    /// Hand-offs that are decided at no known time.
    pub undated_decisions: u64,
}

impl Piece {
    /// Types and checks a run of rows.
    pub fn read(
        table: &Table,
        mapping: &Mapping,
        columns: &[ArrayRef],
        place: (Arc<str>, Lines),
        options: &ImportOptions<'_>,
    ) -> Result<Self> {
        let rows = columns.first().map_or(0, |c| c.len());
        let (file, mut lines) = place;
        if let Some(at) = mapping.line {
            let numbers = compute::cast(&columns[at], &DataType::Int64)?;
            let numbers = numbers.as_primitive::<Int64Type>();
            lines = Lines::Each(
                numbers
                    .iter()
                    .map(|n| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
                    .collect(),
            );
        }
        let files = match mapping.file {
            Some(at) => Some(cast::text(&columns[at])?),
            None => None,
        };
        let mut piece = Self {
            columns: vec![None; table.columns.len()],
            attributes: None,
            rows,
            file,
            files,
            lines,
            refused: Refused::default(),
            attribute_keys: BTreeSet::new(),
            undated_decisions: 0,
        };
        for (i, column) in table.columns.iter().enumerate() {
            let Some(at) = mapping.layout[i] else {
                continue;
            };
            let (array, bad) = cast::column(&columns[at], column.kind, &options.zone)?;
            for (row, reason) in bad {
                piece.refuse(row, column.name, || reason);
            }
            if array.null_count() < array.len() {
                piece.columns[i] = Some(array);
            }
        }
        checks::check(table, &mut piece, options);
        piece.gather_attributes(mapping, columns)?;
        Ok(piece)
    }

    /// Refuses a row; only its first fault counts.
    pub fn refuse(&mut self, row: usize, column: &str, reason: impl FnOnce() -> String) {
        if self.refused.rows.is_empty() {
            self.refused.rows = vec![false; self.rows];
        }
        if std::mem::replace(&mut self.refused.rows[row], true) {
            return;
        }
        self.refused.count += 1;
        if self.refused.faults.len() < KEPT {
            let (file, line) = self.place(row);
            let column = (!column.is_empty()).then(|| column.to_owned());
            self.refused.faults.push((
                row,
                Fault {
                    file,
                    line,
                    column,
                    reason: reason(),
                },
            ));
        }
    }

    /// File and line of a row.
    pub fn place(&self, row: usize) -> (String, u64) {
        let file = self
            .files
            .as_ref()
            .and_then(Text::of)
            .and_then(|f| f.get(row));
        let line = match &self.lines {
            Lines::From(first) => first + row as u64,
            Lines::Each(lines) => lines.get(row).copied().unwrap_or(0),
        };
        (file.unwrap_or(&self.file).to_owned(), line)
    }

    fn gather_attributes(&mut self, mapping: &Mapping, columns: &[ArrayRef]) -> Result<()> {
        let mut extra: Vec<(&str, ArrayRef)> = Vec::new();
        for (name, at) in &mapping.extra {
            // A column that cannot be written as text (a list, a structure) is no attribute.
            if let Ok(array) = cast::text(&columns[*at])
                && array.null_count() < array.len()
            {
                extra.push((name, array));
            }
        }
        let given = match mapping.attributes {
            Some(at) => Some(cast::text(&columns[at])?),
            None => None,
        };
        if extra.is_empty() && given.as_ref().is_none_or(|g| g.null_count() == g.len()) {
            return Ok(());
        }
        let texts: Vec<(&str, String, Text<'_>)> = extra
            .iter()
            .filter_map(|(name, array)| {
                Some((*name, Value::from(*name).to_string(), Text::of(array)?))
            })
            .collect();
        let given = given.as_ref().and_then(Text::of);
        let mut used = vec![false; texts.len()];
        let mut out = StringBuilder::with_capacity(self.rows, self.rows * 32);
        let mut object = String::new();
        for row in 0..self.rows {
            object.clear();
            match given.and_then(|g| g.get(row)) {
                Some(json) => {
                    let Ok(Value::Object(mut all)) = serde_json::from_str::<Value>(json) else {
                        self.refuse(row, treaty_app::layout::ATTRIBUTES, || {
                            format!(
                                "{} is not a JSON object such as {{\"offer\":\"trial\"}}",
                                cast::quoted(json)
                            )
                        });
                        out.append_null();
                        continue;
                    };
                    for (name, _, text) in &texts {
                        if let Some(cell) = text.get(row) {
                            all.insert((*name).to_owned(), Value::from(cell));
                        }
                    }
                    object = self.sorted(all);
                }
                None => {
                    for (at, (_, quoted, text)) in texts.iter().enumerate() {
                        if let Some(cell) = text.get(row) {
                            object.push(if object.is_empty() { '{' } else { ',' });
                            object.push_str(quoted);
                            object.push(':');
                            push_json(&mut object, cell);
                            used[at] = true;
                        }
                    }
                    if !object.is_empty() {
                        object.push('}');
                    }
                }
            }
            if object.is_empty() {
                out.append_null();
            } else {
                out.append_value(&object);
            }
        }
        self.attribute_keys.extend(
            texts
                .iter()
                .zip(&used)
                .filter(|(_, u)| **u)
                .map(|((n, ..), _)| (*n).to_owned()),
        );
        let out: StringArray = out.finish();
        if out.null_count() < out.len() {
            self.attributes = Some(Arc::new(out));
        }
        Ok(())
    }

    /// A JSON object of text values with sorted names, or nothing for an empty one.
    fn sorted(&mut self, all: Map<String, Value>) -> String {
        let mut all: Vec<(String, String)> = all
            .into_iter()
            .filter_map(|(name, value)| {
                let value = match value {
                    Value::Null => return None,
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                (!value.is_empty()).then_some((name, value))
            })
            .collect();
        all.sort();
        let mut object = String::new();
        for (name, value) in all {
            object.push(if object.is_empty() { '{' } else { ',' });
            push_json(&mut object, &name);
            object.push(':');
            push_json(&mut object, &value);
            self.attribute_keys.insert(name);
        }
        if !object.is_empty() {
            object.push('}');
        }
        object
    }
}

/// Appends a text as JSON.
fn push_json(out: &mut String, text: &str) {
    if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}
