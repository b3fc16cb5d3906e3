//! Numbers of stored rows that stay the same while files come and go, and what two versions of a
//! table differ in.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, UInt32Array};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

use super::error::Result;
use super::reader::{self, TextAs};
use super::store::StoredFile;
use super::{Record, par, schema};

/// Where a row stands that does not count.
const NOWHERE: u32 = u32::MAX;

/// How the rows of a table are numbered: as they were written, one file behind the other, in the
/// order in which files were first seen. A row keeps its number for as long as it is stored in its
/// file, whether it counts or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbering {
    /// Names of files, with the rows that were written into them.
    files: Vec<(String, u64)>,
}

/// Rows by their numbers, in order, that count in one of two versions alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Rows of the first version.
    pub gone: Vec<u32>,
    /// Rows of the second one.
    pub come: Vec<u32>,
}

impl Difference {
    /// Both versions have the same rows.
    pub fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.come.is_empty()
    }
}

impl Numbering {
    /// No rows.
    pub const fn none() -> Self {
        Self { files: Vec::new() }
    }

    /// Numbers the rows of files that are new, behind all others.
    fn add(&mut self, files: &[StoredFile]) {
        let known = self.starts();
        let new = files.iter().filter(|f| !known.contains_key(f.name.as_str()));
        let new: Vec<(String, u64)> = new.map(|f| (f.name.clone(), f.whole().rows)).collect();
        self.files.extend(new);
    }

    /// Number of the first row of each file.
    fn starts(&self) -> HashMap<&str, u32> {
        let mut next = 0;
        let start = |(_, rows): &(String, u64)| {
            let own = next;
            next += *rows as u32;
            own
        };
        self.files.iter().map(start).zip(&self.files).map(|(start, (name, _))| (name.as_str(), start)).collect()
    }

    /// How many rows are numbered.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|(_, rows)| rows).sum()
    }

    /// All numbered rows count, and are read in the order of their numbers.
    fn is_plain(&self, files: &[StoredFile]) -> bool {
        files.len() == self.files.len() && files.iter().zip(&self.files).all(|(f, (name, _))| f.name == *name && f.gone.is_empty())
    }

    /// Positions in each file of rows that are given by their numbers, in order.
    fn picks(&self, files: &[StoredFile], rows: &[u32]) -> Vec<Vec<u32>> {
        let starts = self.starts();
        let own = |file: &StoredFile| -> Vec<u32> {
            let Some(start) = starts.get(file.name.as_str()) else { return Vec::new() };
            let end = u64::from(*start) + file.whole().rows;
            let from = rows.partition_point(|row| row < start);
            let to = rows.partition_point(|row| u64::from(*row) < end);
            rows[from..to].iter().map(|row| row - start).collect()
        };
        files.iter().map(own).collect()
    }

    /// Where rows that are given by their numbers stand among the counted rows of some files; nowhere if they
    /// are not among them.
    fn places(&self, files: &[StoredFile], rows: &UInt32Array) -> UInt32Array {
        let starts = self.starts();
        let mut places: Vec<u32> = vec![NOWHERE; usize::try_from(self.rows()).unwrap_or(0)];
        let mut next = 0;
        for file in files {
            let Some(start) = starts.get(file.name.as_str()) else { continue };
            for run in file.counted() {
                let run = (start + run.start) as usize..(start + run.end) as usize;
                let end = next + run.len() as u32;
                places[run].iter_mut().zip(next..end).for_each(|(place, row)| *place = row);
                next = end;
            }
        }
        let mut of: Vec<u32> = rows.values().iter().map(|row| places.get(*row as usize).copied().unwrap_or(NOWHERE)).collect();
        let found = NullBuffer::new(BooleanBuffer::collect_bool(of.len(), |i| of[i] != NOWHERE));
        let found = NullBuffer::union(Some(&found), rows.nulls()).filter(|found| found.null_count() > 0);
        // Whoever takes rows looks at missing ones, too.
        of.iter_mut().filter(|place| **place == NOWHERE).for_each(|place| *place = 0);
        UInt32Array::new(of.into(), found)
    }
}

impl Record {
    /// The state of a table in a version: two versions with the same state have the same rows.
    pub fn state(&self, table: &str, version: u64) -> Option<u64> {
        self.state_of(version).ok()?.tables.get(table).copied()
    }

    /// How the rows of a table are numbered: those that have a number keep it, those of other files
    /// of a version get theirs behind.
    pub async fn numbering(&self, table: &str, version: u64, known: &Numbering) -> Result<Numbering> {
        let mut numbering = known.clone();
        numbering.add(&self.stored_at(table, version).await?);
        Ok(numbering)
    }

    /// Numbers of the rows in the order of [`Record::read`]; `None`: every row stands at its number.
    pub async fn numbers(&self, table: &str, version: u64, numbering: &Numbering) -> Result<Option<UInt32Array>> {
        let files = self.stored_at(table, version).await?;
        let starts = numbering.starts();
        let start = |f: &StoredFile| starts.get(f.name.as_str()).copied().unwrap_or(0);
        let mut numbers: Vec<u32> = Vec::new();
        for file in files.iter().filter(|_| !numbering.is_plain(&files)) {
            file.counted().into_iter().for_each(|run| numbers.extend(start(file) + run.start..start(file) + run.end));
        }
        Ok((!numbering.is_plain(&files)).then(|| UInt32Array::from(numbers)))
    }

    /// Where rows that are given by their numbers stand in the order of [`Record::read`]; nowhere if they do
    /// not count.
    pub async fn places(&self, table: &str, version: u64, numbering: &Numbering, rows: &UInt32Array) -> Result<UInt32Array> {
        let files = self.stored_at(table, version).await?;
        if numbering.is_plain(&files) {
            return Ok(rows.clone());
        }
        Ok(par::blocking(|| numbering.places(&files, rows)))
    }

    /// Looks up the files of a table in a version, so that whoever reads them next need not.
    pub async fn look_up(&self, table: &str, version: u64) -> Result<()> {
        self.stored_at(table, version).await.map(|_| ())
    }

    /// Which rows count in one of two versions of a table alone; `None` if they are more than `most`.
    /// Both versions must be numbered.
    pub async fn difference(&self, table: &str, versions: [u64; 2], numbering: &Numbering, most: u64) -> Result<Option<Difference>> {
        let [before, after] = [self.stored_at(table, versions[0]).await?, self.stored_at(table, versions[1]).await?];
        if before == after {
            return Ok(Some(Difference::default()));
        }
        let starts = numbering.starts();
        // Rows of files that do not count in another list of files.
        let lacking = |own: &[StoredFile], other: &[StoredFile]| -> Option<Vec<u32>> {
            let others: HashMap<&str, &StoredFile> = other.iter().map(|f| (f.name.as_str(), f)).collect();
            let mut rows: Vec<u32> = Vec::new();
            for file in own {
                let start = starts.get(file.name.as_str())?;
                match others.get(file.name.as_str()) {
                    Some(other) => rows.extend(other.gone.without(&file.gone).map(|row| start + row)),
                    None if rows.len() as u64 + file.rows > most => return None,
                    None => file.counted().into_iter().for_each(|run| rows.extend(start + run.start..start + run.end)),
                }
            }
            rows.sort_unstable();
            (rows.len() as u64 <= most).then_some(rows)
        };
        let (Some(gone), Some(come)) = (lacking(&before, &after), lacking(&after, &before)) else { return Ok(None) };
        Ok((gone.len() as u64 + come.len() as u64 <= most).then_some(Difference { gone, come }))
    }

    /// Rows of a version by their numbers, which are in order: columns of each row group with the
    /// numbers of its rows, text with its distinct values. Rows come whether they count or not.
    pub async fn pick(
        &self,
        table: &str,
        version: u64,
        numbering: &Numbering,
        rows: &[u32],
        columns: &[&str],
    ) -> Result<Vec<(UInt32Array, RecordBatch)>> {
        let files = self.stored_at(table, version).await?;
        let table = schema::table(table)?;
        let columns: Vec<(usize, TextAs)> =
            columns.iter().map(|name| Ok((schema::position(table, name)?, TextAs::Dictionary))).collect::<Result<_>>()?;
        let picks = numbering.picks(&files, rows);
        let starts = numbering.starts();
        let objects = self.store.objects(table.name)?;
        let parts = reader::pick(objects, &files, &picks, &schema::stored(table), &columns).await?;
        let numbered = |part: reader::Part| {
            let start = starts.get(files[part.file].name.as_str()).copied().unwrap_or(0);
            let own = &picks[part.file][part.first..part.first + part.batch.num_rows()];
            let columns = part.batch.columns().iter().map(|c| reader::used(Arc::clone(c))).collect::<Result<_>>()?;
            let numbers = own.iter().map(|row| start + row);
            Ok((UInt32Array::from_iter_values(numbers), RecordBatch::try_new(part.batch.schema(), columns)?))
        };
        parts.into_iter().map(numbered).collect()
    }

    /// Some cells of a text column, by the numbers of their rows.
    pub async fn cells(&self, table: &str, version: u64, numbering: &Numbering, column: &str, rows: &[u32]) -> Result<Vec<Option<String>>> {
        let mut distinct = rows.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let mut texts: HashMap<u32, String> = HashMap::new();
        for (numbers, batch) in self.pick(table, version, numbering, &distinct, &[column]).await? {
            let text = cast(batch.column(0), &DataType::Utf8)?;
            let own = numbers.values().iter().zip(text.as_string::<i32>());
            texts.extend(own.filter_map(|(row, text)| Some((*row, text?.to_owned()))));
        }
        Ok(rows.iter().map(|row| texts.get(row).cloned()).collect())
    }

    /// Works on the row groups of a table as they are read, on all cores: `work` gets the numbers of
    /// the rows and their columns, text with its distinct values. Results keep the order of the rows.
    pub async fn each<T: Send + 'static>(
        &self,
        table: &str,
        version: u64,
        numbering: &Numbering,
        columns: &[&str],
        work: impl Fn(UInt32Array, RecordBatch) -> T + Send + Sync + 'static,
    ) -> Result<Vec<T>> {
        let files = self.stored_at(table, version).await?;
        let table = schema::table(table)?;
        let columns: Vec<(usize, TextAs)> =
            columns.iter().map(|name| Ok((schema::position(table, name)?, TextAs::Dictionary))).collect::<Result<_>>()?;
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let starts = numbering.starts();
        let starts: Vec<u32> = files.iter().map(|f| starts.get(f.name.as_str()).copied().unwrap_or(0)).collect();
        let objects = self.store.objects(table.name)?;
        let work = move |part: reader::Part| work(part.written(starts[part.file]), part.batch);
        reader::each(objects, &files, &schema::stored(table), &columns, work).await
    }
}
