//! Which of the files that a user names belong to which entry of a pack, and whether they have its columns.

use super::{DayFirstRule, Pack, PackFile};
use crate::messy::{DayFirst, day_first_evidence};
use crate::names::{did_you_mean, did_you_mean_or_stop, natural_order};
use crate::scan::{Format, SourceFile, open};
use crate::{csv_file, file_fault, io_fault, json_file, pattern};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use treaty_app::import::Progress;
use treaty_app::raw::{Fault, RawTable};

/// What a pack reads from the files of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackInput {
    /// Text files, each under the raw table name of its entry; several files of one entry stand one after another.
    /// Entries that need not be there and are not are tables without rows.
    pub tables: Vec<RawTable>,
    /// Parquet files, which the engine reads itself.
    pub parquet: Vec<(PackFile, SourceFile)>,
    /// Order of day and month, by which `messy_date` and `messy_timestamp` read.
    pub day_first: DayFirst,
    /// What the user should know but need not mend.
    pub notes: Vec<String>,
}

impl Pack {
    /// Finds the files of a pack and checks that none and no column is missing. All faults at once. Columns of Parquet
    /// files are left to the engine.
    pub fn match_files(&self, paths: &[PathBuf]) -> Result<Vec<(PackFile, SourceFile)>, Vec<Fault>> {
        let (found, mut faults) = self.find_files(paths);
        for (file, source) in &found {
            let headers = match source.format {
                Format::Csv => csv_file::read_headers(&source.path, &source.display),
                Format::Json | Format::JsonLines => json_file::read_keys(&source.path, &source.display),
                Format::Parquet => continue,
            };
            match headers {
                Ok(headers) => faults.extend(missing_columns(file, source, &headers)),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(found) } else { Err(faults) }
    }

    /// Finds and reads the files of a pack. All faults of files at once; faulty rows are kept in their table.
    pub fn read(&self, paths: &[PathBuf], progress: &dyn Progress) -> Result<PackInput, Vec<Fault>> {
        let (found, mut faults) = self.find_files(paths);
        let mut input = PackInput { tables: Vec::new(), parquet: Vec::new(), day_first: DayFirst::No, notes: Vec::new() };
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for (file, source) in found {
            seen.insert(file.table.clone());
            if source.format == Format::Parquet {
                input.parquet.push((file, source));
                continue;
            }
            match crate::read(&source, progress) {
                Ok(mut reading) => {
                    let headers: Vec<String> = reading.table.chunks.first().map_or_else(Vec::new, |c| c.columns.iter().map(|c| c.name.clone()).collect());
                    faults.extend(missing_columns(&file, &source, &headers));
                    file.complete(&mut reading.table);
                    input.notes.append(&mut reading.notes);
                    input.tables.push(reading.table);
                }
                Err(fault) => faults.push(fault),
            }
        }
        input.tables.extend(self.files.iter().filter(|f| !f.required && !seen.contains(&f.table)).map(PackFile::empty));
        match self.order_of_days(&input.tables) {
            Ok((day_first, note)) => {
                input.day_first = day_first;
                input.notes.extend(note);
            }
            Err(fault) => faults.push(fault),
        }
        if faults.is_empty() { Ok(input) } else { Err(faults) }
    }

    /// Order of day and month in the date columns, as the pack says or as the dates say.
    fn order_of_days(&self, tables: &[RawTable]) -> Result<(DayFirst, Option<String>), Fault> {
        if let DayFirstRule::Fixed(day_first) = self.day_first {
            return Ok((day_first, None));
        }
        let (mut day, mut month, mut either) = (None, None, None);
        for (name, column) in &self.date_columns {
            for table in tables.iter().filter(|t| t.name == *name) {
                let columns = table.chunks.iter().flat_map(|c| c.columns.iter().filter(|c| c.name == *column));
                let evidence = day_first_evidence(columns.flat_map(|c| (0..c.len()).filter_map(|i| c.get(i))));
                let place = || Some((table.file.clone(), column.clone()));
                day = day.or_else(|| (evidence.day_first > 0).then(place).flatten());
                month = month.or_else(|| (evidence.month_first > 0).then(place).flatten());
                either = either.or_else(|| (evidence.either > 0).then(place).flatten());
            }
        }
        match (day, month, either) {
            (Some((file, column)), Some((other_file, other_column)), _) => {
                let reason = format!(
                    "has dates with the day first, but {other_column} of {other_file} has dates with the month first; \
                     export them in one order, best as 2026-03-01"
                );
                Err(Fault { column: Some(column), ..file_fault(&file, reason) })
            }
            (Some(_), None, _) => Ok((DayFirst::Yes, None)),
            (None, None, Some((file, column))) => {
                Ok((DayFirst::No, Some(format!("{file}: no date of {column} tells whether the day or the month comes first; the month was taken"))))
            }
            _ => Ok((DayFirst::No, None)),
        }
    }

    /// Files by entry, in the order of the entries.
    fn find_files(&self, paths: &[PathBuf]) -> (Vec<(PackFile, SourceFile)>, Vec<Fault>) {
        let mut faults = Vec::new();
        // A path that does not exist explains a missing file better than the pack can.
        let mut lost_path = false;
        let mut taken: BTreeSet<PathBuf> = BTreeSet::new();
        let mut found: BTreeMap<usize, Vec<(PathBuf, String)>> = BTreeMap::new();
        let mut take = |entry: usize, path: PathBuf| {
            if taken.insert(std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone())) {
                let display = path.display().to_string();
                found.entry(entry).or_default().push((path, display));
            }
        };
        for path in paths {
            let display = path.display().to_string();
            let named: Vec<PathBuf> = match std::fs::metadata(path) {
                Ok(_) => vec![path.clone()],
                Err(_) if pattern::is_pattern(&display) => pattern::expand(path),
                Err(error) => {
                    faults.push(io_fault(&display, &error));
                    lost_path = true;
                    continue;
                }
            };
            if named.is_empty() {
                faults.push(file_fault(&display, "no file fits this pattern"));
                lost_path = true;
            }
            for path in named {
                if path.is_dir() {
                    for (i, file) in self.files.iter().enumerate() {
                        pattern::expand(&path.join(&file.path)).into_iter().filter(|p| p.is_file()).for_each(|p| take(i, p));
                    }
                } else if let Some(i) = self.files.iter().position(|f| pattern::matches_end(&f.path, &path)) {
                    take(i, path);
                } else {
                    faults.push(self.no_entry(&path));
                }
            }
        }
        let mut all = Vec::new();
        for (i, file) in self.files.iter().enumerate() {
            let mut paths = found.remove(&i).unwrap_or_default();
            if paths.is_empty() && file.required && !lost_path {
                faults.push(self.missing_file(file));
            }
            paths.sort_by(|a, b| natural_order(&a.1, &b.1));
            for (path, display) in paths {
                match open(&path, &display, file.table.clone()) {
                    Ok(source) => all.push((file.clone(), source)),
                    Err(fault) => faults.push(fault),
                }
            }
        }
        (all, faults)
    }

    fn no_entry(&self, path: &Path) -> Fault {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let names: Vec<&str> = self.files.iter().map(|f| f.path.as_str()).collect();
        let hint = did_you_mean(&name, names.iter().copied());
        file_fault(&path.display().to_string(), format!("is not read by the pack {}; it reads {}{hint}", self.name, names.join(", ")))
    }

    fn missing_file(&self, file: &PackFile) -> Fault {
        let with = if file.columns.is_empty() { String::new() } else { format!(" with the columns {}", file.columns.join(", ")) };
        file_fault(&file.path, format!("the pack {} needs this file{with}; name it, or the folder that it is in", self.name))
    }
}

fn missing_columns(file: &PackFile, source: &SourceFile, headers: &[String]) -> Vec<Fault> {
    let missing = file.columns.iter().filter(|c| !headers.contains(c));
    missing
        .map(|column| {
            let hint = did_you_mean_or_stop(column, headers.iter().map(String::as_str));
            let reason = format!("this column is missing{hint} The file has {}", headers.join(", "));
            Fault { file: source.display.clone(), line: 1, column: Some(column.clone()), reason }
        })
        .collect()
}
