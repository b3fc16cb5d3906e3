//! Which of the tables on offer belong to which entry of a pack, and what is missing.

use super::{DayFirstRule, Pack, PackFile, fit};
use crate::messy::{DayFirst, day_first_evidence};
use crate::names::{did_you_mean, natural_order, without_part};
use crate::scan::{SourceFile, entries, is_delta, open};
use crate::{file_fault, io_fault, pattern, stem_of};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use treaty_app::import::Progress;
use treaty_app::raw::{Fault, RawTable};

/// A table that a source offers: a file, a sheet, a table of a database, a stream of a tap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its names, the best first: of a file its stem and then its folder.
    pub names: Vec<String>,
    /// Where it is, if it is a file.
    pub path: Option<PathBuf>,
    /// Its columns.
    pub columns: Vec<String>,
    /// What people call it.
    pub display: String,
    /// A file in a folder of the folder that the user named: it is known by that folder alone.
    pub nested: bool,
}

impl Offer {
    /// A table by name.
    pub fn new(name: &str, columns: Vec<String>) -> Self {
        Self { names: vec![name.to_owned()], path: None, columns, display: name.to_owned(), nested: false }
    }

    /// The file, or the folder by which it is known.
    fn place(&self) -> String {
        let folder = self.path.as_deref().filter(|_| self.nested).and_then(Path::parent);
        folder.map_or_else(|| self.display.clone(), |f| f.display().to_string())
    }
}

/// A file that was found, and what it offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its names and columns. The columns of a Parquet file are for the engine to say, and empty here.
    pub offer: Offer,
    /// The file, or why it cannot be read.
    pub file: Result<SourceFile, Fault>,
    /// The user named the file itself, not a folder that it is in.
    pub named: bool,
}

/// Which offers a pack reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sorting {
    /// Place of an offer, and place of the entry that it belongs to, in the order of the entries.
    pub taken: Vec<(usize, usize)>,
    /// Offers that are not the business of the pack, in words.
    pub left_out: Vec<String>,
    /// What is wrong, such as a table that must be there and is not.
    pub faults: Vec<Fault>,
}

/// A table or column that a pack could use and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Raw table of the pack.
    pub table: String,
    /// The column; `None` when the whole table is missing.
    pub column: Option<String>,
    /// What is lost, if the pack says so.
    pub text: Option<String>,
}

/// What the SQL of a pack reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackInput {
    /// Raw tables under the names and with the columns of their entries; several of one entry stand one after another.
    /// Entries that need not be there and are not are tables without rows. The settings are a table, too.
    pub tables: Vec<RawTable>,
    /// Order of day and month, by which `messy_date` and `messy_timestamp` read.
    pub day_first: DayFirst,
    /// Tables and columns that are not there.
    pub missing: Vec<Missing>,
    /// What the user should know but need not mend.
    pub notes: Vec<String>,
}

/// Files with the places of their entries in the pack, and what is left out.
pub type Matched = (Vec<(usize, SourceFile)>, Vec<String>);

impl PackFile {
    /// The offer has a name of this entry, or its path fits.
    pub(super) fn means(&self, offer: &Offer) -> bool {
        // A name counts without its ending: `deals*.csv` is also `deals.xlsx` and `deals.csv.gz`.
        let same = |pattern: &String, path: &Path| {
            let plain = |path: &Path| path.with_file_name(stem_of(path));
            pattern::matches_end(pattern, path) || pattern::matches_end(&plain(Path::new(pattern)).to_string_lossy(), &plain(path))
        };
        let fits = |pattern: &String, path: &Path| (!offer.nested || pattern.contains('/')) && same(pattern, path);
        let by_path = || offer.path.as_deref().is_some_and(|path| self.paths.iter().any(|p| fits(p, path)));
        let by_name = |name: &String| {
            let folded = [fit::fold(name), fit::fold(without_part(name))];
            self.names.iter().map(|n| fit::fold(n)).any(|n| !n.is_empty() && folded.contains(&n))
        };
        by_path() || offer.names.iter().any(by_name)
    }
}

impl Pack {
    /// The entry that a table belongs to, by its name and its columns.
    pub fn accept(&self, name: &str, columns: &[String]) -> Option<&PackFile> {
        let offer = Offer::new(name, columns.to_vec());
        self.choose(&offer).ok().flatten().map(|i| &self.files[i])
    }

    /// A stream of a tap has a name of an entry.
    pub fn reads_stream(&self, stream: &str) -> bool {
        let offer = Offer::new(stream, Vec::new());
        self.files.iter().any(|f| f.means(&offer))
    }

    /// A stream of a tap was asked for and has no rows: its table is not missing, but empty.
    pub fn excuse(&mut self, stream: &str) {
        let offer = Offer::new(stream, Vec::new());
        self.files.iter_mut().filter(|f| f.means(&offer)).for_each(|f| f.required = false);
    }

    /// Place of the entry that an offer belongs to. Of several with its name, the first whose columns it has.
    ///
    /// # Errors
    /// The columns that it lacks, when it has the name of an entry but the columns of none.
    pub(super) fn choose(&self, offer: &Offer) -> Result<Option<usize>, Vec<Fault>> {
        let meant: Vec<usize> = (0..self.files.len()).filter(|i| self.files[*i].means(offer)).collect();
        // A Parquet file whose columns are not known yet is taken by its name.
        match meant.iter().find(|i| offer.columns.is_empty() || self.files[**i].fits(&offer.columns)) {
            Some(i) => Ok(Some(*i)),
            None => match meant.first() {
                Some(i) => Err(self.files[*i].column_faults(&offer.display, &offer.columns)),
                None => Ok(None),
            },
        }
    }

    /// Says which offers are read and as what. All faults at once.
    pub fn sort(&self, offers: &[Offer]) -> Sorting {
        let mut sorting = Sorting::default();
        for (i, offer) in offers.iter().enumerate() {
            match self.choose(offer) {
                Ok(Some(entry)) => sorting.taken.push((i, entry)),
                Ok(None) => sorting.left_out.push(offer.place()),
                Err(faults) => sorting.faults.extend(faults),
            }
        }
        let seen: BTreeSet<usize> = sorting.taken.iter().map(|(_, entry)| *entry).collect();
        let lacking = (0..self.files.len()).filter(|i| {
            let file = &self.files[*i];
            // A table that is there but faulty is not missing as well.
            !seen.contains(i) && file.required && !offers.iter().any(|o| file.means(o))
        });
        sorting.faults.extend(lacking.map(|i| self.missing_file(&self.files[i])));
        sorting.taken.sort_by(|a, b| a.1.cmp(&b.1).then_with(|| natural_order(&offers[a.0].display, &offers[b.0].display)));
        sorting
    }

    /// Finds the files of a pack and checks that none and no column is missing. All faults at once. Columns of Parquet
    /// files are left to the engine.
    ///
    /// # Errors
    /// Every file that cannot be read, every missing file and every missing column.
    pub fn match_files(&self, paths: &[PathBuf]) -> Result<Matched, Vec<Fault>> {
        self.match_found(offers(paths)?)
    }

    /// The same of files that were found already: the place of its entry with each file, and what is left out.
    ///
    /// # Errors
    /// Every file that cannot be read, every missing file and every missing column.
    pub fn match_found(&self, found: Vec<Found>) -> Result<Matched, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut left_out = Vec::new();
        let mut files = Vec::new();
        for found in found {
            let ours = self.files.iter().any(|f| f.means(&found.offer));
            match found.file {
                Ok(file) if ours || !found.named => files.push((found.offer, file)),
                Ok(_) => faults.push(self.no_entry(&found.offer.display)),
                Err(fault) if ours || found.named => faults.push(fault),
                Err(_) => left_out.push(found.offer.place()),
            }
        }
        let (offers, mut files): (Vec<Offer>, Vec<Option<SourceFile>>) = files.into_iter().map(|(o, f)| (o, Some(f))).unzip();
        let sorting = self.sort(&offers);
        left_out.extend(sorting.left_out);
        left_out.sort_by(|a, b| natural_order(a, b));
        left_out.dedup();
        // A file that cannot be read explains a missing table better than the pack can.
        faults.extend(sorting.faults.into_iter().filter(|f| f.line > 0 || !faults_of_files(&faults)).collect::<Vec<_>>());
        if faults.is_empty() && sorting.taken.is_empty() {
            let reads = self.reads().join(", ");
            faults.push(file_fault(&self.name, format!("none of these files is read by this pack; it reads {reads}. Without --pack the pack that knows them is found")));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let taken = sorting.taken.iter().filter_map(|(offer, entry)| Some((*entry, files[*offer].take()?))).collect();
        Ok((taken, left_out))
    }

    /// Finds and reads the files of a pack. All faults of files at once; faulty rows are kept in their table.
    ///
    /// # Errors
    /// Every file that cannot be read, every missing file and every missing column.
    pub fn read(&self, paths: &[PathBuf], progress: &dyn Progress) -> Result<PackInput, Vec<Fault>> {
        let (files, left_out) = self.match_files(paths)?;
        let (mut tables, mut notes, mut faults) = (Vec::new(), left_out_note(&left_out, &self.name), Vec::new());
        for (entry, file) in files {
            match crate::read(&file, progress) {
                Ok(mut reading) => {
                    notes.append(&mut reading.notes);
                    tables.push((entry, reading.table));
                }
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut input = self.fit(tables)?;
        input.notes.splice(0..0, notes);
        Ok(input)
    }

    /// Gives raw tables the names that the SQL knows, adds what is missing as empty, and says so.
    ///
    /// # Errors
    /// Missing columns, and dates that contradict each other.
    pub fn fit(&self, tables: Vec<(usize, RawTable)>) -> Result<PackInput, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut input = PackInput { tables: Vec::new(), day_first: DayFirst::No, missing: Vec::new(), notes: Vec::new() };
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        for (entry, mut raw) in tables {
            let Some(file) = self.files.get(entry) else { continue };
            let headers: Vec<String> = raw.chunks.first().map_or_else(Vec::new, |c| c.columns.iter().map(|c| c.name.clone()).collect());
            faults.extend(file.column_faults(&raw.file, &headers));
            let lacking = file.complete(&mut raw);
            for column in lacking {
                let text = file.without_column.iter().find(|(name, _)| *name == column).map(|(_, text)| text.clone());
                let missing = Missing { table: file.table.clone(), column: Some(column), text };
                if !input.missing.contains(&missing) {
                    input.missing.push(missing);
                }
            }
            input.tables.extend(file.unpivot.iter().map(|u| u.rows(&raw)));
            if raw.chunks.is_empty() {
                input.tables.push(file.empty());
            }
            input.tables.push(raw);
            seen.insert(entry);
        }
        for (_, file) in self.files.iter().enumerate().filter(|(i, f)| !f.required && !seen.contains(i)) {
            let empty = file.empty();
            input.tables.extend(file.unpivot.iter().map(|u| u.empty(&empty.file)));
            input.tables.push(empty);
            input.missing.push(Missing { table: file.table.clone(), column: None, text: file.without.clone() });
        }
        match self.order_of_days(&input.tables) {
            Ok((day_first, note)) => {
                input.day_first = day_first;
                input.notes.extend(note);
            }
            Err(fault) => faults.push(fault),
        }
        input.notes.extend(missing_notes(&input.missing));
        input.tables.push(self.settings_table());
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

    /// What the pack reads, in words.
    fn reads(&self) -> Vec<&str> {
        self.files.iter().flat_map(|f| if f.paths.is_empty() { &f.names } else { &f.paths }).map(String::as_str).collect()
    }

    fn no_entry(&self, display: &str) -> Fault {
        let name = Path::new(display).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let reads = self.reads();
        let hint = did_you_mean(&name, reads.iter().copied());
        file_fault(display, format!("is not read by the pack {}; it reads {}{hint}", self.name, reads.join(", ")))
    }

    fn missing_file(&self, file: &PackFile) -> Fault {
        let with = if file.columns.is_empty() { String::new() } else { format!(" with the columns {}", file.columns.join(", ")) };
        let name = file.paths.first().or(file.names.first()).unwrap_or(&file.table);
        file_fault(name, format!("the pack {} needs this table{with}; name the file, or the folder that it is in", self.name))
    }
}

/// Some fault is of a file as a whole.
fn faults_of_files(faults: &[Fault]) -> bool {
    faults.iter().any(|f| f.line == 0)
}

/// A note on what is not the business of a pack.
pub fn left_out_note(left_out: &[String], pack: &str) -> Vec<String> {
    const SHOWN: usize = 1_000;
    if left_out.is_empty() {
        return Vec::new();
    }
    let more = left_out.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown: Vec<&str> = left_out.iter().take(SHOWN).map(String::as_str).collect();
    vec![format!("left out, as the pack {pack} does not read them: {}{more}", shown.join(", "))]
}

/// Notes on what is not there: one for each with a text, one for all the others. Columns of loaders, such as
/// `_fivetran_deleted`, are nobody's loss.
fn missing_notes(missing: &[Missing]) -> Vec<String> {
    let name = |m: &Missing| m.column.as_ref().map_or_else(|| m.table.clone(), |c| format!("{}.{c}", m.table));
    let mut notes: Vec<String> =
        missing.iter().filter_map(|m| m.text.as_ref().map(|text| format!("not there: {}: {text}", name(m)))).collect();
    let ours = |m: &&Missing| m.text.is_none() && !m.column.as_ref().is_some_and(|c| c.starts_with('_'));
    let others: Vec<String> = missing.iter().filter(ours).map(name).collect();
    if !others.is_empty() {
        notes.push(format!("not there, and empty: {}", others.join(", ")));
    }
    notes
}

/// Finds the files behind paths and what they offer: a workbook its sheets, an archive its files, a folder its files and
/// those of folders in it, which are parts of a table that is named like the folder.
///
/// # Errors
/// Paths that do not exist.
pub fn offers(paths: &[PathBuf]) -> Result<Vec<Found>, Vec<Fault>> {
    let mut finder = Finder::default();
    for path in paths {
        let display = path.display().to_string();
        let named: Vec<PathBuf> = match std::fs::metadata(path) {
            Ok(_) => vec![path.clone()],
            Err(_) if pattern::is_pattern(&display) => pattern::expand(path),
            Err(error) => {
                finder.faults.push(io_fault(&display, &error));
                continue;
            }
        };
        if named.is_empty() {
            finder.faults.push(file_fault(&display, "no file fits this pattern"));
        }
        for path in named {
            if path.is_dir() && !is_delta(&path) { finder.folder(&path, 0) } else { finder.file(&path, true, false) }
        }
    }
    if finder.faults.is_empty() { Ok(finder.found) } else { Err(finder.faults) }
}

#[derive(Default)]
struct Finder {
    found: Vec<Found>,
    faults: Vec<Fault>,
    seen: BTreeSet<PathBuf>,
}

/// Folders in folders that are followed.
const MAX_DEPTH: usize = 16;

impl Finder {
    /// Offers the files of a folder and of the folders in it.
    fn folder(&mut self, folder: &Path, depth: usize) {
        let listed = match entries(folder) {
            Ok(listed) => listed,
            Err(error) => return self.faults.push(io_fault(&folder.display().to_string(), &error)),
        };
        for (_, path) in listed {
            if !path.is_dir() || is_delta(&path) {
                self.file(&path, false, depth > 0 && !is_delta(&path));
            } else if depth < MAX_DEPTH {
                self.folder(&path, depth + 1);
            }
        }
    }

    fn file(&mut self, path: &Path, named: bool, nested: bool) {
        if !self.seen.insert(std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())) {
            return;
        }
        let display = path.display().to_string();
        let folder = path.parent().and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned());
        let names: Vec<String> = Some(stem_of(path)).filter(|_| !nested).into_iter().chain(folder).collect();
        let files = match open(path, &display, names.first().map_or("", String::as_str)) {
            Ok(files) => files,
            Err(fault) => {
                let offer = Offer { names, path: Some(path.to_owned()), columns: Vec::new(), display, nested };
                return self.found.push(Found { offer, file: Err(fault), named });
            }
        };
        let single = files.len() == 1;
        for file in files {
            let member = file.member.as_ref().map(|m| PathBuf::from(&m.name));
            // What lies in a workbook or an archive is known by its own name; by that of the file only if it is alone.
            let own = file.sheet.iter().cloned().chain(member.iter().map(|m| stem_of(m)));
            let names: Vec<String> = if single { own.chain(names.iter().cloned()).collect() } else { own.collect() };
            let place = match &member {
                Some(member) if !single => Some(path.join(member)),
                _ => Some(path.to_owned()).filter(|_| single),
            };
            let nested = nested && single;
            let (file, columns) = match file.headers() {
                Ok(columns) => (Ok(file), columns),
                Err(fault) => (Err(fault), Vec::new()),
            };
            let display = file.as_ref().map_or_else(|fault: &Fault| fault.file.clone(), |file| file.display.clone());
            self.found.push(Found { offer: Offer { names, path: place, columns, display, nested }, file, named: named && single });
        }
    }
}
