//! From what a user names, files, databases and object stores, to the rows that an import takes.

use std::path::PathBuf;
use treaty_app::import::Progress;
use treaty_app::layout;
use treaty_app::raw::{Fault, Listed, RawTable};
use treaty_engine::record::Incoming;
use treaty_engine::sources::{self, Address, Database, Fetched};
use treaty_intake::names::layout_table;
use treaty_intake::pack::{Found, Offer};
use treaty_intake::{Format, SourceFile, by_layout};

/// Rows named like the tables of the record, and what to note.
pub struct Native {
    /// The rows.
    pub incoming: Vec<Incoming>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Names of things that are listed before the rest is only counted.
const SHOWN: usize = 20;

/// What was named, as it may be shown and kept: without passwords.
pub fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| sources::shown(&p.display().to_string())).collect::<Vec<_>>().join(", ")
}

/// What the user named, opened.
#[derive(Default)]
pub struct Opened {
    named: Vec<PathBuf>,
    files: Vec<PathBuf>,
    databases: Vec<Database>,
    fetched: Vec<Fetched>,
    notes: Vec<String>,
}

impl Opened {
    /// Opens everything.
    ///
    /// # Errors
    /// All faults at once.
    pub async fn new(paths: &[PathBuf], progress: &dyn Progress) -> Result<Self, String> {
        let (mut opened, mut bad) = (Self { named: paths.to_vec(), ..Self::default() }, Vec::new());
        for path in paths {
            let address = match path.to_str().and_then(Address::read) {
                Some(Ok(address)) => address,
                Some(Err(fault)) => {
                    bad.push(fault);
                    continue;
                }
                None if treaty_intake::is_sqlite(path) => Address::sqlite(path),
                None => {
                    opened.files.push(path.clone());
                    continue;
                }
            };
            progress.step(&format!("opening {address}"), None);
            let done = if let Address::Objects { .. } = address {
                opened.fetch(&address, progress).await
            } else {
                opened.connect(&address).await
            };
            bad.extend(done.err());
        }
        if bad.is_empty() { Ok(opened) } else { Err(faults(&bad)) }
    }

    async fn connect(&mut self, address: &Address) -> Result<(), Fault> {
        let database = Database::open(address).await?;
        self.databases.push(database);
        Ok(())
    }

    async fn fetch(&mut self, address: &Address, progress: &dyn Progress) -> Result<(), Fault> {
        let fetched = sources::fetch(address, &crate::home::store_settings(), &std::env::temp_dir(), progress).await?;
        self.files.push(fetched.path.clone());
        if !fetched.left_out.is_empty() {
            self.notes.push(format!("left out: objects that are not data by their names: {}", few(&fetched.left_out)));
        }
        self.fetched.push(fetched);
        Ok(())
    }

    /// A text in which copies of objects are called by their addresses.
    fn called(&self, text: &str) -> String {
        self.fetched.iter().fold(text.to_owned(), |text, f| f.shown(&text))
    }

    fn faults(&self, all: &[Fault]) -> String {
        self.called(&faults(all))
    }

    /// Tables of all databases: the database, the position among its offers, the offer.
    fn offers(&self) -> Vec<(usize, usize, Listed)> {
        let of = |(d, database): (usize, &Database)| database.offers().into_iter().enumerate().map(move |(i, offer)| (d, i, offer)).collect::<Vec<_>>();
        self.databases.iter().enumerate().flat_map(of).collect()
    }

    /// Reads tables of databases, each database in one go, and returns them in the order in which they were asked for.
    async fn tables(&mut self, which: &[(usize, usize)], progress: &dyn Progress) -> Result<Vec<RawTable>, Vec<Fault>> {
        let mut tables: Vec<Option<RawTable>> = which.iter().map(|_| None).collect();
        let mut faults = Vec::new();
        for (d, database) in self.databases.iter_mut().enumerate() {
            let own: Vec<usize> = (0..which.len()).filter(|i| which[*i].0 == d).collect();
            let wanted: Vec<usize> = own.iter().map(|i| which[*i].1).collect();
            match database.read(&wanted, progress).await {
                Ok(read) => own.into_iter().zip(read).for_each(|(i, table)| tables[i] = Some(table)),
                Err(fault) => faults.push(fault),
            }
            self.notes.extend(database.notes().iter().cloned());
        }
        if faults.is_empty() { Ok(tables.into_iter().flatten().collect()) } else { Err(faults) }
    }

    /// The folders in the folders that were named, in the order of their names.
    pub fn folders(&self) -> Vec<PathBuf> {
        let mut inner: Vec<PathBuf> = self.files.iter().flat_map(|p| std::fs::read_dir(p).into_iter().flatten().flatten()).map(|e| e.path()).collect();
        inner.retain(|p| p.is_dir());
        inner.sort();
        inner
    }

    /// What is on offer: files, sheets, tables.
    ///
    /// # Errors
    /// All faults of paths.
    pub async fn found(&self) -> Result<Vec<Found>, String> {
        let mut found = treaty_intake::pack::offers(&self.files).map_err(|all| self.faults(&all))?;
        for one in &mut found {
            one.offer.display = self.called(&one.offer.display);
            match &mut one.file {
                Ok(file) => {
                    file.display = self.called(&file.display);
                    let columns = match file.format {
                        Format::Parquet => sources::parquet_columns(&file.path, &file.display),
                        Format::Delta => sources::delta_columns(&file.path, &file.display).await,
                        _ => continue,
                    };
                    match columns {
                        Ok(columns) => one.offer.columns = columns,
                        Err(fault) => one.file = Err(fault),
                    }
                }
                Err(fault) => fault.file = self.called(&fault.file),
            }
        }
        for (_, _, table) in self.offers() {
            let file = SourceFile::of_database(&table.name, &table.display);
            let offer = Offer { names: vec![table.name], path: None, columns: table.columns, display: table.display, nested: false };
            found.push(Found { offer, file: Ok(file), named: false });
        }
        Ok(found)
    }

    /// Reads files and tables for a pack: each with the place of its entry.
    ///
    /// # Errors
    /// All faults of what is read.
    pub async fn read(&mut self, files: Vec<(usize, SourceFile)>, progress: &dyn Progress) -> Result<(Vec<(usize, RawTable)>, Vec<String>), String> {
        let (mut tables, mut notes, mut bad) = (Vec::new(), Vec::new(), Vec::new());
        let (of_databases, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|(_, file)| file.format == Format::Table);
        for (entry, file) in files {
            let read = match file.format {
                Format::Parquet => sources::read_parquet(&file.path, &file.display, progress),
                Format::Delta => sources::read_delta(&file.path, &file.display, progress).await,
                _ => treaty_intake::read(&file, progress).map(|mut reading| {
                    notes.append(&mut reading.notes);
                    reading.table
                }),
            };
            match read {
                Ok(table) => tables.push((entry, table)),
                Err(fault) => bad.push(fault),
            }
        }
        let offers = self.offers();
        let place = |file: &SourceFile| offers.iter().find(|(_, _, o)| o.display == file.display).map(|(d, i, _)| (*d, *i));
        let (entries, which): (Vec<usize>, Vec<(usize, usize)>) = of_databases.iter().filter_map(|(entry, file)| Some((*entry, place(file)?))).unzip();
        match self.tables(&which, progress).await {
            Ok(read) => tables.extend(entries.into_iter().zip(read)),
            Err(all) => bad.extend(all),
        }
        tables.sort_by_key(|(entry, _)| *entry);
        if bad.is_empty() { Ok((tables, notes)) } else { Err(self.faults(&bad)) }
    }

    /// Ends all transactions, and says what is to be noted.
    pub async fn close(self) -> Vec<String> {
        for database in self.databases {
            database.close().await;
        }
        self.notes
    }
}

fn faults(all: &[Fault]) -> String {
    let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
    format!("nothing was imported\n{}", lines.join("\n"))
}

fn few(names: &[String]) -> String {
    let more = names.len().saturating_sub(SHOWN);
    let listed = names[..names.len() - more].join(", ");
    if more > 0 { format!("{listed} and {more} more") } else { listed }
}

/// Everything that is named like a table of the record.
///
/// # Errors
/// All faults of what was named.
pub async fn native(mut opened: Opened, progress: &dyn Progress) -> Result<Native, String> {
    let found = if opened.files.is_empty() && !opened.named.is_empty() {
        treaty_intake::Found::default()
    } else {
        treaty_intake::find(&opened.files).map_err(|e| opened.faults(&e.faults))?
    };
    let sorted = by_layout(found.files);
    let offers = opened.offers();
    let (wanted, others): (Vec<_>, Vec<_>) = offers.into_iter().partition(|(_, _, offer)| layout_table(&offer.name).is_some());
    if sorted.known.is_empty() && wanted.is_empty() {
        let mut all: Vec<Fault> = sorted.unknown.iter().take(SHOWN).map(treaty_intake::UnknownFile::fault).collect();
        if sorted.unknown.len() > SHOWN {
            let reason = format!("and {} more files that are no table of the record", sorted.unknown.len() - SHOWN);
            all.push(Fault { file: shown(&opened.named), line: 0, column: None, reason });
        }
        let names: Vec<String> = others.iter().map(|(_, _, offer)| offer.name.clone()).collect();
        if !names.is_empty() {
            let reason = format!("no table of the record is there; import it with a pack (--pack); its tables are {}", few(&names));
            all.push(Fault { file: shown(&opened.named), line: 0, column: None, reason });
        }
        return Err(opened.faults(&all));
    }
    let mut notes: Vec<String> = found.left_out.iter().map(|text| format!("left out: {}", opened.called(text))).collect();
    let unknown: Vec<String> = sorted.unknown.iter().map(|u| format!("left out: {}", opened.called(&u.fault().to_string()))).collect();
    notes.extend(unknown.iter().take(SHOWN).cloned());
    if unknown.len() > SHOWN {
        notes.push(format!("left out: {} more files that are no table of the record", unknown.len() - SHOWN));
    }
    if !others.is_empty() {
        let names: Vec<String> = others.into_iter().map(|(_, _, offer)| offer.display).collect();
        notes.push(format!("left out: no tables of the record: {}", few(&names)));
    }
    let (mut incoming, mut bad) = (Vec::new(), Vec::new());
    for file in sorted.known {
        let file = SourceFile { display: opened.called(&file.display), ..file };
        match one(file, !opened.fetched.is_empty(), progress).await {
            Ok(Some((rows, more))) => {
                incoming.push(rows);
                notes.extend(more);
            }
            Ok(None) => {}
            Err(fault) => bad.push(fault),
        }
    }
    let which: Vec<(usize, usize)> = wanted.iter().map(|(d, i, _)| (*d, *i)).collect();
    match opened.tables(&which, progress).await {
        Ok(tables) => {
            for ((_, _, offer), raw) in wanted.iter().zip(tables) {
                if let Some(table) = layout_table(&offer.name).and_then(layout::table) {
                    incoming.push(Incoming::Text { table, raw });
                }
            }
        }
        Err(all) => bad.extend(all),
    }
    if !bad.is_empty() {
        return Err(opened.faults(&bad));
    }
    notes.extend(opened.close().await);
    Ok(Native { incoming, notes })
}

/// Reads one file. Parquet is left to the import, unless it may be a copy that goes before.
async fn one(file: SourceFile, copied: bool, progress: &dyn Progress) -> Result<Option<(Incoming, Vec<String>)>, Fault> {
    let Some(table) = layout::table(&file.table) else { return Ok(None) };
    Ok(Some(match file.format {
        Format::Parquet if copied => {
            let raw = sources::read_parquet(&file.path, &file.display, progress)?;
            (Incoming::Text { table, raw }, Vec::new())
        }
        Format::Parquet => (Incoming::Parquet { table, path: file.path, display: file.display }, Vec::new()),
        Format::Delta => {
            let batches = sources::delta_batches(&file.path, &file.display).await?;
            (Incoming::Arrow { table, file: file.display, batches }, Vec::new())
        }
        _ => {
            let reading = treaty_intake::read(&file, progress)?;
            (Incoming::Text { table, raw: reading.table }, reading.notes)
        }
    }))
}
