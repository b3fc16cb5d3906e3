//! Where a record is: in a folder, or below a key of an object store.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use datafusion::object_store::ObjectStore;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path as Key;
use datafusion::object_store::prefix::PrefixStore;
use deltalake::DeltaResult;
use deltalake::logstore::{LogStore, LogStoreFactory, ObjectStoreRef, StorageConfig, default_logstore, logstore_factories};
use futures::StreamExt;
use url::Url;

use super::error::{RecordError, Result};
use super::ledger::LEDGER;
use crate::sources::{self, Address};

/// Where a record is, and who it is that comes to it.
#[derive(Clone)]
pub struct Place {
    at: At,
    /// Who writes, in words for others who want to.
    pub(super) who: String,
}

#[derive(Clone)]
enum At {
    /// A folder; `own` if it belongs to one home.
    Folder { path: PathBuf, own: bool },
    Objects(Arc<Objects>),
}

/// A key of an object store below which a record is.
pub(super) struct Objects {
    /// Bucket and key.
    url: Url,
    key: Key,
    pub store: Arc<dyn ObjectStore>,
    /// Variables that begin with `AWS_`.
    settings: Vec<(String, String)>,
}

impl Place {
    /// The folder `record/` of a home.
    pub fn own(home: &Path) -> Self {
        Self { at: At::Folder { path: home.join("record"), own: true }, who: String::new() }
    }

    /// A place as a home or a command line names it: `s3://bucket/folder`, or a folder. `settings`
    /// are the variables that begin with `AWS_`; `who` is what others are told about this process
    /// while it writes.
    ///
    /// # Errors
    /// When it is neither: what is wrong and what to write.
    pub fn read(text: &str, home: &Path, settings: Vec<(String, String)>, who: String) -> Result<Self, String> {
        let help = "write a folder, or s3://bucket/folder";
        match Address::read(text) {
            None if text.trim().is_empty() => Err(format!("names no place; {help}")),
            None => Ok(Self { at: At::Folder { path: home.join(text), own: false }, who }),
            Some(Ok(Address::Objects { bucket, key })) => {
                let store = sources::store(&bucket, &settings).map_err(|e| format!("{text}: {}", sources::told(&e, &settings)))?;
                Self::of_store(&bucket, &key, store, settings, who).ok_or_else(|| {
                    format!("{text} cannot be the place of a record: a folder in a bucket has letters, digits and - _ . / in its name")
                })
            }
            Some(Ok(other)) => Err(format!("a record cannot be kept in {other}; {help}")),
            Some(Err(fault)) => Err(format!("{fault}; {help}")),
        }
    }

    /// A key of a store; `None` where its name would need escapes.
    fn of_store(bucket: &str, key: &str, store: Arc<dyn ObjectStore>, settings: Vec<(String, String)>, who: String) -> Option<Self> {
        let key = key.trim_matches('/');
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let odd = |part: &str| part.is_empty() || part == "." || part == "..";
        if !key.chars().all(plain) || (!key.is_empty() && key.split('/').any(odd)) {
            return None;
        }
        let url = Url::parse(&format!("s3://{bucket}/{key}")).ok()?;
        let objects = Objects { url, key: Key::from(key), store, settings };
        Some(Self { at: At::Objects(Arc::new(objects)), who })
    }

    /// A place in an object store of the caller. For tests that break the storage.
    #[doc(hidden)]
    pub fn in_store(store: Arc<dyn ObjectStore>, who: &str) -> Option<Self> {
        Self::of_store("test", "record", store, Vec::new(), who.to_owned())
    }

    /// The folder, if it is one.
    pub fn as_folder(&self) -> Option<&Path> {
        match &self.at {
            At::Folder { path, .. } => Some(path),
            At::Objects(_) => None,
        }
    }

    /// Whether other homes may have their record here, too.
    pub fn is_shared(&self) -> bool {
        !matches!(self.at, At::Folder { own: true, .. })
    }

    /// Tells records of different places apart; the own folder of a home may be moved with it.
    pub(crate) fn mark(&self) -> String {
        match &self.at {
            At::Folder { own: true, .. } => String::new(),
            At::Folder { path, .. } => path.display().to_string(),
            At::Objects(objects) => {
                let endpoints = objects.settings.iter().filter(|(name, _)| name.starts_with("AWS_ENDPOINT"));
                endpoints.fold(objects.url.to_string(), |mark, (_, endpoint)| format!("{mark} {endpoint}"))
            }
        }
    }

    /// A folder beside the tables, if several homes share the place.
    pub(crate) fn beside(&self, folder: &str) -> Option<Arc<dyn ObjectStore>> {
        match &self.at {
            At::Folder { own: true, .. } => None,
            At::Folder { path, .. } => Some(Arc::new(PrefixStore::new(LocalFileSystem::new_with_prefix(path).ok()?, folder))),
            At::Objects(objects) => Some(Arc::new(PrefixStore::new(Arc::clone(&objects.store), objects.key_of(folder)))),
        }
    }

    /// What is amiss there, in words that give away no secret.
    pub(crate) fn told(&self, error: &(dyn std::error::Error + 'static)) -> String {
        match &self.at {
            At::Folder { .. } => error.to_string(),
            At::Objects(objects) => sources::told(error, &objects.settings),
        }
    }

    pub(super) fn objects(&self) -> Option<&Arc<Objects>> {
        match &self.at {
            At::Folder { .. } => None,
            At::Objects(objects) => Some(objects),
        }
    }

    /// Where a table is, as its log names it.
    pub(super) fn url(&self, table: &str) -> Result<Url> {
        let unusable = |reason: String| RecordError::read("finding the record", reason);
        match &self.at {
            At::Folder { path, .. } => {
                let folder = std::path::absolute(path.join(table)).map_err(|e| unusable(format!("{}: {e}", path.display())))?;
                Url::from_directory_path(&folder).map_err(|()| unusable(format!("{} is no usable path", folder.display())))
            }
            At::Objects(objects) => {
                register();
                let url = format!("{}/{table}/", objects.url.as_str().trim_end_matches('/'));
                Url::parse(&url).map_err(|e| unusable(format!("{url}: {e}")))
            }
        }
    }

    /// Where a table is, for people.
    pub(super) fn path(&self, table: &str) -> PathBuf {
        match &self.at {
            At::Folder { path, .. } => path.join(table),
            At::Objects(objects) => PathBuf::from(format!("{}/{table}", objects.url.as_str().trim_end_matches('/'))),
        }
    }

    /// Whether a record is there.
    pub(super) async fn has_record(&self) -> Result<bool> {
        match &self.at {
            At::Folder { path, .. } => Ok(path.join(LEDGER).join("_delta_log").is_dir()),
            At::Objects(objects) => {
                let first = objects.store.list(Some(&objects.key_of(&format!("{LEDGER}/_delta_log")))).next().await;
                first.transpose().map(|found| found.is_some()).map_err(|e| objects.unreachable(&e))
            }
        }
    }
}

impl Objects {
    /// The key of an object of the record.
    pub fn key_of(&self, name: &str) -> Key {
        Key::from(format!("{}/{name}", self.key))
    }

    /// The address, as it is shown.
    pub fn shown(&self) -> String {
        self.url.to_string()
    }

    /// What the store says when it does not do what it is asked.
    pub fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> RecordError {
        RecordError::Unreachable { place: self.url.to_string(), reason: sources::told(error, &self.settings) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            At::Folder { path, .. } => write!(f, "{}", path.display()),
            At::Objects(objects) => write!(f, "{}", objects.url),
        }
    }
}

/// As it is shown: a store knows secrets.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Logs on an object store whose puts can be told to create only: nothing else is needed.
struct Logs;

impl LogStoreFactory for Logs {
    fn with_options(
        &self,
        prefixed_store: ObjectStoreRef,
        root_store: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(prefixed_store, root_store, location, options))
    }
}

/// Makes such logs known to Delta, once.
fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Ok(scheme) = Url::parse("s3://") {
            logstore_factories().insert(scheme, Arc::new(Logs));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Place, String> {
        let settings = [("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "s3cret")];
        let settings = settings.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        Place::read(text, Path::new("/homes/acme"), settings, "ada".to_owned())
    }

    #[test]
    fn places_are_folders_or_keys_of_a_store() {
        for (text, shown, table) in [
            ("s3://bucket/acme/record/", "s3://bucket/acme/record", "s3://bucket/acme/record/people/"),
            ("s3://bucket", "s3://bucket/", "s3://bucket/people/"),
            ("/mnt/acme", "/mnt/acme", "file:///mnt/acme/people/"),
            ("../all", "/homes/acme/../all", "file:///homes/acme/../all/people/"),
        ] {
            let place = read(text).expect(text);
            assert_eq!((place.to_string(), place.is_shared()), (shown.to_owned(), true), "{text}");
            let url = place.url("people").expect(text);
            assert!(url.as_str() == table || text.starts_with(".."), "{url}");
            assert!(!format!("{place:?}").contains("s3cret"));
        }
        let elsewhere = Place::read("s3://bucket", Path::new("/"), vec![("AWS_ENDPOINT".to_owned(), "http://10.0.0.1:9000".to_owned())], String::new());
        let marks = [read("s3://bucket"), read("s3://bucket/a"), elsewhere].map(|place| place.expect("a place").mark());
        assert_eq!(std::collections::BTreeSet::from(marks).len(), 3, "facts of one are not taken for those of another");
        let own = Place::own(Path::new("/homes/acme"));
        assert_eq!((own.to_string().as_str(), own.is_shared(), own.mark().as_str()), ("/homes/acme/record", false, ""));
    }

    #[test]
    fn what_is_no_place_is_told() {
        for (text, words) in [
            ("", "names no place"),
            ("s3://", "names no bucket"),
            ("gs://bucket/x", "are not read"),
            ("postgres://u:p@h/db", "cannot be kept in postgres://u@h/db"),
            ("s3://bucket/a b", "letters, digits"),
            ("s3://bucket/a/../b", "letters, digits"),
            ("s3://bucket/year=*", "letters, digits"),
        ] {
            let told = read(text).expect_err(text);
            assert!(told.contains(words), "{text}: {told}");
        }
    }
}
