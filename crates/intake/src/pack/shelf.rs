//! Packs by name: those of a home, and those that come with Treaty.
//!
//! A folder `packs/NAME` of a home with a `pack.toml` is a pack of its own and stands before one of the same name that
//! comes with Treaty. Without a `pack.toml` its queries take the place of those of the pack that comes with Treaty, so that
//! one file is enough to change one table.

use super::{MANIFEST, Pack, Texts, pack_names};
use crate::file_fault;
use crate::names::did_you_mean_or_stop;
use std::path::{Path, PathBuf};
use treaty_app::raw::Fault;

include!(concat!(env!("OUT_DIR"), "/packs.rs"));

/// The packs that a home may use.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    own: Option<PathBuf>,
}

impl Shelf {
    /// The packs that come with Treaty, and those in a folder of one's own, if it is there.
    pub fn new(own: Option<&Path>) -> Self {
        Self { own: own.map(Path::to_owned) }
    }

    /// Names of all packs, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names = self.own.as_deref().map(pack_names).unwrap_or_default();
        names.extend(BUILT_IN.iter().map(|(name, _)| (*name).to_owned()));
        names.sort();
        names.dedup();
        names
    }

    /// A pack by its name, or by the path of its folder.
    ///
    /// # Errors
    /// Every fault of the pack, or that there is none.
    pub fn find(&self, name: &str) -> Result<Pack, Vec<Fault>> {
        let path = Path::new(name);
        if path.join(MANIFEST).is_file() || path.components().count() > 1 {
            return Pack::load(path);
        }
        let own = self.own.as_deref().map(|folder| folder.join(name)).filter(|folder| folder.is_dir());
        if let Some(folder) = own.as_deref().filter(|folder| folder.join(MANIFEST).is_file()) {
            return Pack::load(folder);
        }
        if let Some(mut texts) = built_in(name) {
            if let Some(folder) = own {
                texts.files.extend(Texts::read(&folder)?.files);
                texts.origin = format!("{}, changed by {}", texts.origin, folder.display());
            }
            return Pack::build(&texts);
        }
        if path.is_dir() {
            return Pack::load(path);
        }
        let names = self.names();
        let hint = did_you_mean_or_stop(name, names.iter().map(String::as_str));
        Err(vec![file_fault(name, format!("there is no such pack{hint} Packs here: {}", names.join(", ")))])
    }

    /// All packs, by name.
    ///
    /// # Errors
    /// Every fault of every pack.
    pub fn all(&self) -> Result<Vec<Pack>, Vec<Fault>> {
        let (mut packs, mut faults) = (Vec::new(), Vec::new());
        for name in self.names() {
            match self.find(&name) {
                Ok(pack) => packs.push(pack),
                Err(all) => faults.extend(all),
            }
        }
        if faults.is_empty() { Ok(packs) } else { Err(faults) }
    }
}

/// The texts of a pack that comes with Treaty.
fn built_in(name: &str) -> Option<Texts> {
    let (_, files) = BUILT_IN.iter().find(|(n, _)| *n == name)?;
    let display = |file: &str| format!("packs/{name}/{file} of Treaty");
    let files = files.iter().map(|(file, text)| ((*file).to_owned(), (display(file), (*text).to_owned()))).collect();
    Some(Texts { origin: "comes with Treaty".to_owned(), files })
}
