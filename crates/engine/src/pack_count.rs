//! What became of every raw row that a pack read: it went into the record, was left out and said so, could not be read,
//! or was passed over in silence, which is told, too.

use crate::error::EngineError;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use std::collections::BTreeMap;
use treaty_app::import::SourceCount;
use treaty_app::raw::RawTable;

/// A file of a raw table: its lines, which of them a row of the record comes from, and which are left out for a reason.
struct File {
    table: usize,
    lines: Vec<u64>,
    cited: Vec<bool>,
    told: Vec<bool>,
}

/// Raw rows, and which of them were used.
pub(crate) struct Seen {
    counts: Vec<SourceCount>,
    files: BTreeMap<String, File>,
}

impl Seen {
    /// Takes down the rows of raw tables before they are handed over.
    pub(crate) fn of(raw: &[RawTable]) -> Self {
        let mut counts: Vec<SourceCount> = Vec::new();
        let mut files = BTreeMap::new();
        // Of several tables made of one file the widest is the file itself; the others were made of its columns and have no rows
        // of their own.
        let width = |t: &RawTable| t.chunks.first().map_or(0, |c| c.columns.len());
        let mut owner: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        for table in raw {
            let widest = owner.entry(&table.file).or_insert((width(table), &table.name));
            if width(table) > widest.0 {
                *widest = (width(table), &table.name);
            }
        }
        for table in raw {
            // The settings of a pack are a table, too, but nobody's rows.
            if table.name == "settings" || owner.get(table.file.as_str()).is_some_and(|(_, name)| *name != table.name) {
                continue;
            }
            let at = counts.iter().position(|c| c.table == table.name).unwrap_or_else(|| {
                counts.push(SourceCount { table: table.name.clone(), ..SourceCount::default() });
                counts.len() - 1
            });
            let unread = table.faults.iter().filter(|f| f.line > 0).count() as u64;
            counts[at].read += table.rows() + unread;
            counts[at].rejected += unread;
            let file = files.entry(table.file.clone()).or_insert_with(|| File { table: at, lines: Vec::new(), cited: Vec::new(), told: Vec::new() });
            table.chunks.iter().for_each(|c| file.lines.extend(&c.lines));
        }
        for file in files.values_mut() {
            file.lines.sort_unstable();
            file.cited = vec![false; file.lines.len()];
            file.told = file.cited.clone();
        }
        Self { counts, files }
    }

    /// Takes down which raw rows the rows of a query come from, by their `_file` and `_line`.
    pub(crate) fn cite(&mut self, batches: &[RecordBatch]) -> Result<(), EngineError> {
        self.places(batches, |file, place| file.cited[place] = true)
    }

    /// Takes down rows that are left out on purpose, once all that are used are known. Of each raw table, the number of those
    /// that gave nothing and had no reason yet; a row that is used is not left out, whatever a query says.
    pub(crate) fn leave_out(&mut self, batches: &[RecordBatch]) -> Result<Vec<(String, u64)>, EngineError> {
        let mut fresh: BTreeMap<usize, u64> = BTreeMap::new();
        self.places(batches, |file, place| {
            if !file.cited[place] && !file.told[place] {
                file.told[place] = true;
                *fresh.entry(file.table).or_default() += 1;
            }
        })?;
        Ok(fresh.into_iter().map(|(table, rows)| (self.counts[table].table.clone(), rows)).collect())
    }

    /// Goes through the raw rows that rows name by their `_file` and `_line`; others are of no raw row.
    fn places(&mut self, batches: &[RecordBatch], mut each: impl FnMut(&mut File, usize)) -> Result<(), EngineError> {
        for batch in batches {
            let (Some(file), Some(line)) = (batch.column_by_name("_file"), batch.column_by_name("_line")) else { continue };
            let (file, line) = (cast(file, &DataType::Utf8)?, cast(line, &DataType::Int64)?);
            let (file, line) = (file.as_string::<i32>(), line.as_primitive::<Int64Type>());
            let mut at = 0;
            while at < batch.num_rows() {
                // Rows of one file stand together.
                let from = at;
                while at < batch.num_rows() && file.is_valid(at) == file.is_valid(from) && file.value(at) == file.value(from) {
                    at += 1;
                }
                let Some(seen) = file.is_valid(from).then(|| self.files.get_mut(file.value(from))).flatten() else { continue };
                for i in (from..at).filter(|i| line.is_valid(*i)) {
                    if let Ok(place) = seen.lines.binary_search(&u64::try_from(line.value(i)).unwrap_or(0)) {
                        each(seen, place);
                    }
                }
            }
        }
        Ok(())
    }

    /// The count of every raw table. One of which no row was used or left out serves to look things up.
    pub(crate) fn counts(mut self) -> Vec<SourceCount> {
        for file in self.files.values() {
            let count = &mut self.counts[file.table];
            count.used += file.cited.iter().filter(|c| **c).count() as u64;
            count.filtered += file.told.iter().filter(|t| **t).count() as u64;
        }
        for count in &mut self.counts {
            count.looked_up = count.used + count.filtered == 0;
            if !count.looked_up {
                count.silent = count.read - count.rejected - count.used - count.filtered;
            }
        }
        self.counts.retain(|c| c.read > 0);
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Int64Array, StringArray};
    use std::sync::Arc;
    use treaty_app::raw::{Fault, RawChunk};

    #[test]
    fn every_raw_row_is_used_left_out_unreadable_or_said_to_be_silent() {
        let raw = |name: &str, lines: &[u64], faults: usize| RawTable {
            name: name.to_owned(),
            file: format!("{name}.csv"),
            chunks: vec![RawChunk { columns: Vec::new(), lines: lines.to_vec() }],
            faults: (0..faults).map(|i| Fault { file: String::new(), line: i as u64 + 1, column: None, reason: String::new() }).collect(),
        };
        // A table that was made of two columns of the deals comes first and is no table of its own.
        let column = |n: &str| treaty_app::raw::TextColumn::new(n);
        let made = RawTable { file: "deals.csv".to_owned(), ..raw("deal_dates", &[2, 2, 3], 0) };
        let mut deals = raw("deals", &[2, 3, 4, 5, 7], 1);
        deals.chunks[0].columns = vec![column("id"), column("stage")];
        let mut seen = Seen::of(&[made, deals, raw("products", &[2, 3], 0), raw("gone", &[2, 3], 0)]);
        let rows = |file: &str, at: &[Option<i64>]| {
            let files: StringArray = at.iter().map(|l| l.map(|_| format!("{file}.csv"))).collect();
            let lines: Int64Array = at.iter().map(|l| l.or(Some(3))).collect();
            RecordBatch::try_from_iter(vec![("_file", Arc::new(files) as _), ("_line", Arc::new(lines) as _)]).expect("a batch")
        };
        seen.cite(&[rows("deals", &[Some(2), Some(7), None, Some(2)])]).expect("text and numbers");
        // Line 2 is used, 4 is named twice, and 99 is none.
        let told = seen.leave_out(&[rows("deals", &[Some(2), Some(4), Some(4), Some(99)]), rows("gone", &[Some(2)])]).expect("text and numbers");
        assert_eq!(told, [("deals".to_owned(), 1), ("gone".to_owned(), 1)]);
        let again = seen.leave_out(&[rows("deals", &[Some(4), Some(5)])]).expect("text and numbers");
        assert_eq!(again, [("deals".to_owned(), 1)], "the first reason counts");
        let deals = SourceCount { table: "deals".to_owned(), read: 6, used: 2, filtered: 2, rejected: 1, silent: 1, looked_up: false };
        let products = SourceCount { table: "products".to_owned(), read: 2, looked_up: true, ..SourceCount::default() };
        let gone = SourceCount { table: "gone".to_owned(), read: 2, filtered: 1, silent: 1, ..SourceCount::default() };
        assert_eq!(seen.counts(), [deals, products, gone]);
    }
}
