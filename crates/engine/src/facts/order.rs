//! Orders: the pass over a view of the record, put into words that another process can carry out. An
//! order names the version of the record and carries the texts of the agreement, so that whoever
//! carries it out cannot disagree about either.

use crate::error::EngineError;
use super::pass::{Ready, output};
use crate::load::View;
use crate::record::{Record, digest};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;
use treaty_app::trust::Truth;
use treaty_domain::agreement::{self, AgreementSet};
use treaty_domain::zone::LocalDay;

/// What a partition of the pass must know, wherever it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Brief {
    /// Version of Treaty and form of its facts.
    treaty: String,
    /// Versions of the agreement as they are written.
    agreements: Vec<String>,
    truth: Truth,
    /// Version of the record, and which import made it.
    version: u64,
    import: String,
    as_of: i32,
    as_corrected: bool,
    without_merges_since: Option<u64>,
    partitions: usize,
}

/// An order to run the pass over a view of the record.
#[derive(Debug)]
pub struct Order {
    brief: Brief,
    /// Partitions of the pass.
    pub partitions: usize,
    depot: Arc<Depot>,
}

/// What a process keeps loaded between partitions: the view of the last order.
#[derive(Debug, Default)]
pub struct Depot {
    record: Option<Record>,
    last: Mutex<Option<(String, Loading)>>,
}

/// A view that is loaded once, however many partitions wait for it.
type Loading = Arc<OnceCell<Arc<Ready>>>;

impl Depot {
    /// Of a process that can read a record; none: of one that only passes orders on.
    pub fn new(record: Option<&Record>) -> Arc<Self> {
        Arc::new(Self { record: record.cloned(), last: Mutex::default() })
    }
}

/// Version of Treaty and form of its facts: only the same two work together.
fn build() -> String {
    let form = format!("{:?}", output());
    format!("{} ({})", env!("CARGO_PKG_VERSION"), &digest(form.as_bytes())[..8])
}

/// Which import made a version of the record.
fn import(record: &Record, version: u64) -> Option<String> {
    let entry = record.log().into_iter().find(|e| e.version == version)?;
    Some(digest(format!("{} {} {} {}", entry.version, entry.at, entry.kind, entry.what).as_bytes()))
}

impl Order {
    /// For a view under an agreement.
    ///
    /// # Errors
    /// When the record has no such version.
    pub fn new(record: &Record, set: &AgreementSet, view: View, partitions: usize) -> Result<Self, EngineError> {
        let import = import(record, view.version)
            .ok_or_else(|| EngineError::Ask(format!("the record has no version {}", view.version)))?;
        let brief = Brief {
            treaty: build(),
            agreements: set.versions().iter().map(|a| a.text.clone()).collect(),
            truth: record.truth().clone(),
            version: view.version,
            import,
            as_of: view.as_of.0,
            as_corrected: view.as_corrected,
            without_merges_since: view.without_merges_since,
            partitions,
        };
        Ok(Self { brief, partitions, depot: Depot::new(Some(record)) })
    }

    /// The order in words.
    ///
    /// # Errors
    /// Never, but for defects.
    pub fn words(&self) -> Result<Vec<u8>, EngineError> {
        serde_json::to_vec(&self.brief).map_err(|e| EngineError::Ask(e.to_string()))
    }

    /// An order from its words, to be carried out with what a depot keeps.
    ///
    /// # Errors
    /// When another version of Treaty wrote it.
    pub fn read(words: &[u8], depot: &Arc<Depot>) -> Result<Self, EngineError> {
        let brief: Brief = serde_json::from_slice(words)
            .map_err(|e| EngineError::Ask(format!("the order comes from another version of Treaty than {}: {e}", build())))?;
        Ok(Self { partitions: brief.partitions, brief, depot: Arc::clone(depot) })
    }

    fn view(&self) -> View {
        let Brief { version, as_of, as_corrected, without_merges_since, .. } = self.brief;
        View { version, as_of: LocalDay(as_of), as_corrected, without_merges_since }
    }

    /// The view, loaded; once for all partitions of an order in a process.
    ///
    /// # Errors
    /// When this process is another Treaty, or sees another record, or cannot read it.
    pub async fn ready(&self) -> Result<Arc<Ready>, EngineError> {
        let key = serde_json::to_string(&self.brief).map_err(|e| EngineError::Ask(e.to_string()))?;
        let loading = {
            let mut last = self.depot.last.lock().unwrap_or_else(PoisonError::into_inner);
            match last.as_ref().filter(|(known, _)| *known == key) {
                Some((_, loading)) => Arc::clone(loading),
                None => Arc::clone(&last.insert((key, Loading::default())).1),
            }
        };
        loading.get_or_try_init(|| self.load()).await.map(Arc::clone)
    }

    async fn load(&self) -> Result<Arc<Ready>, EngineError> {
        let b = &self.brief;
        if b.treaty != build() {
            let text = format!("this worker runs Treaty {}, the order comes from {}; start workers of that version", build(), b.treaty);
            return Err(EngineError::Ask(text));
        }
        let record = self.depot.record.as_ref().ok_or_else(|| EngineError::Ask("a scheduler folds nothing itself".to_owned()))?;
        let record = record.reopened().await?.with_truth(b.truth.clone());
        if import(&record, b.version).as_ref() != Some(&b.import) {
            return Err(EngineError::Ask(format!(
                "the record in {} has no version {} that is the one asked for; workers must see the record of the one who asks (-C)",
                record.place(),
                b.version
            )));
        }
        let mut versions = Vec::with_capacity(b.agreements.len());
        for text in &b.agreements {
            let (version, _) = agreement::parse(text, "agreement.toml").map_err(|faults| {
                EngineError::Agreement(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            })?;
            versions.push(version);
        }
        let set = AgreementSet::new(versions).map_err(EngineError::Agreement)?;
        // Shares of one order are folded in several processes, so all must number alike.
        Ok(Arc::new(Ready::load(&record, &set, self.view(), true).await?))
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let view = self.view();
        write!(f, "record={}, as_of={}", view.version, view.day())
    }
}
