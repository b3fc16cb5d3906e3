//! Several writers of one record on an object store: whatever the one does between any two writes of the other, one of
//! them wins, the other is told, and nothing of it counts.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::object_store::memory::InMemory;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result,
};
use futures::TryStreamExt;
use futures::future::LocalBoxFuture;
use futures::stream::BoxStream;
use tempfile::TempDir;
use treaty_engine::record::{Incoming, Place, Record, RecordError};

use super::help::{all, at, csv, import, land, lines};

type Deed = Box<dyn FnOnce() + Send>;

/// Does something before the n-th write.
#[derive(Default)]
struct Meddling {
    inner: Arc<InMemory>,
    next: Mutex<Option<(u32, Deed)>>,
    /// Writes whatever the condition.
    careless: bool,
    /// Writes nothing any more.
    full: Arc<AtomicBool>,
}

impl Meddling {
    fn left(&self) -> bool {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl fmt::Debug for Meddling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("meddling")
    }
}

impl fmt::Display for Meddling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("meddling")
    }
}

#[async_trait]
impl ObjectStore for Meddling {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let deed = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            match next.take() {
                Some((0, deed)) => Some(deed),
                Some((n, deed)) => {
                    *next = Some((n - 1, deed));
                    None
                }
                None => None,
            }
        };
        if let Some(deed) = deed {
            deed();
        }
        if self.full.load(Ordering::SeqCst) {
            return Err(Error::Generic { store: "test", source: "no space left".into() });
        }
        let options = if self.careless { PutOptions::default() } else { options };
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(&self, location: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn first() -> Vec<Incoming> {
    vec![csv("accounts", &["account_id,name", "A1,one", "A2,two"]), csv("people", &["person_id,created_at", "P1,2026-01-01"])]
}

fn second() -> Vec<Incoming> {
    vec![csv("accounts", &["account_id,name", "A2,changed", "A3,three"]), csv("people", &["person_id,created_at", "P2,2026-01-01"])]
}

fn third() -> Vec<Incoming> {
    vec![csv("accounts", &["account_id,name", "A1,other", "A4,four"]), csv("users", &["user_id", "U1"])]
}

async fn begun(store: Arc<dyn ObjectStore>, home: &TempDir, who: &str) -> Record {
    Record::init_at(home.path(), Place::in_store(store, who).expect("a place")).await.expect("a record")
}

/// Does something as another machine would: on a thread with a runtime of its own.
fn elsewhere<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send + 'static) {
    let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work());
    std::thread::spawn(run).join().expect("it is done");
}

/// Everything that another writer may do, before each write of this one, as if this one's lease had run out.
async fn between_any_two_writes(deed: fn(Record) -> LocalBoxFuture<'static, ()>, wanted: &[String], both: &[String]) {
    let mut told = 0;
    for n in 0.. {
        let home = TempDir::new().expect("a folder");
        let meddling = Arc::new(Meddling::default());
        let record = begun(meddling.clone(), &home, "ada").await;
        land(&record, 1, first()).await;
        let inner = Arc::clone(&meddling.inner);
        let run = move || {
            elsewhere(move || async move {
                let home = TempDir::new().expect("a folder");
                let _ = inner.delete(&Path::from("record/_writer.json")).await;
                deed(begun(inner, &home, "bo").await).await;
            });
        };
        *meddling.next.lock().expect("a lock") = Some((n, Box::new(run)));
        let result = import(&record, 3, second()).await;
        let done = meddling.left();
        let seen = begun(meddling.inner.clone(), &home, "cy").await;
        match &result {
            Ok(_) if done => assert_eq!(seen.version(), 2, "write {n}"),
            // The other one came before this one had looked, or after it was through.
            Ok(_) => assert_eq!(all(&seen).await, both, "write {n}"),
            Err(error) => {
                assert!(matches!(error, RecordError::Overtaken { .. }), "write {n}: {error:?}");
                assert!(error.to_string().contains("another import into s3://test/record happened meanwhile"), "{error}");
                assert_eq!(all(&seen).await, wanted, "write {n}");
                told += 1;
            }
        }
        if done {
            break;
        }
        // Again, and all of both is there, with every version before as it was.
        land(&seen, 4, second()).await;
        assert_eq!(all(&seen).await, both, "write {n}");
        seen.maintain(at(5), i64::MIN, false).await.expect("upkeep");
        assert_eq!(all(&seen).await, both, "write {n}");
    }
    assert!(told > 5, "{told} were told");
}

/// The record after some imports, one after the other.
async fn after(imports: Vec<Vec<Incoming>>) -> Vec<String> {
    let home = TempDir::new().expect("a folder");
    let record = begun(Arc::new(InMemory::new()), &home, "ada").await;
    for (n, source) in (1..).zip(imports) {
        land(&record, n, source).await;
    }
    all(&record).await
}

#[tokio::test]
async fn an_import_between_any_two_writes_of_another_wins_or_comes_after() {
    let wanted = after(vec![first(), third()]).await;
    let both = after(vec![first(), third(), second()]).await;
    assert_eq!(both, after(vec![first(), second(), third()]).await, "the order does not matter for these");
    between_any_two_writes(|record| Box::pin(async move { _ = land(&record, 2, third()).await }), &wanted, &both).await;
}

#[tokio::test]
async fn the_same_import_at_the_same_time_lands_once() {
    let both = after(vec![first(), second()]).await;
    between_any_two_writes(|record| Box::pin(async move { _ = land(&record, 2, second()).await }), &both, &both).await;
}

#[tokio::test]
async fn a_writer_that_fails_takes_no_file_from_another_with_the_same_rows() {
    let both = after(vec![first(), second()]).await;
    let home = TempDir::new().expect("a folder");
    let meddling = Arc::new(Meddling::default());
    let record = begun(meddling.clone(), &home, "ada").await;
    land(&record, 1, first()).await;
    let (inner, full) = (Arc::clone(&meddling.inner), Arc::clone(&meddling.full));
    let run = move || {
        elsewhere(move || async move {
            let home = TempDir::new().expect("a folder");
            let _ = inner.delete(&Path::from("record/_writer.json")).await;
            land(&begun(inner, &home, "bo").await, 2, second()).await;
        });
        full.store(true, Ordering::SeqCst);
    };
    // Two files are written, the third one fails.
    *meddling.next.lock().expect("a lock") = Some((3, Box::new(run)));
    let error = import(&record, 3, second()).await.expect_err("a full store");
    assert!(matches!(error, RecordError::Write { version: 1, .. }), "{error:?}");
    assert_eq!(all(&begun(meddling.inner.clone(), &home, "cy").await).await, both);
}

#[tokio::test]
async fn upkeep_between_any_two_writes_of_an_import_takes_nothing_from_it() {
    let wanted = after(vec![first(), second()]).await;
    for n in 0.. {
        let home = TempDir::new().expect("a folder");
        let meddling = Arc::new(Meddling::default());
        let record = begun(meddling.clone(), &home, "ada").await;
        land(&record, 1, first()).await;
        let inner = Arc::clone(&meddling.inner);
        let run = move || {
            elsewhere(move || async move {
                let home = TempDir::new().expect("a folder");
                let _ = inner.delete(&Path::from("record/_writer.json")).await;
                let other = begun(inner, &home, "bo").await;
                other.maintain(at(2), i64::MIN, false).await.expect("upkeep");
            });
        };
        *meddling.next.lock().expect("a lock") = Some((n, Box::new(run)));
        // Upkeep of a record with nothing to join writes no version, so it is in nobody's way.
        import(&record, 3, second()).await.expect("an import");
        let seen = begun(meddling.inner.clone(), &home, "cy").await;
        assert_eq!(all(&seen).await, wanted, "write {n}");
        if meddling.left() {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_lives_is_waited_for_by_name() {
    let home = TempDir::new().expect("a folder");
    let store = Arc::new(Meddling::default());
    let record = begun(store.clone(), &home, "ada on desk-3").await;
    land(&record, 1, first()).await;
    let inner = Arc::clone(&store.inner);
    let run = move || {
        elsewhere(move || async move {
            let home = TempDir::new().expect("a folder");
            let other = begun(inner, &home, "bo").await;
            let told = import(&other, 2, third()).await.expect_err("somebody writes");
            assert!(matches!(told, RecordError::Taken { .. }), "{told:?}");
            let text = told.to_string();
            assert!(text.contains("ada on desk-3 is importing into s3://test/record since 2026-05-2"), "{text}");
            assert!(text.contains("wait until it is done"), "{text}");
        });
    };
    // The first write of an import is its lease; the second one waits until the other has been told.
    *store.next.lock().expect("a lock") = Some((1, Box::new(run)));
    assert!(land(&record, 3, second()).await.committed);
    // It was given back.
    let other = begun(store.inner.clone(), &home, "bo").await;
    assert!(land(&other, 4, third()).await.committed);
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_refused() {
    let home = TempDir::new().expect("a folder");
    let store = Arc::new(Meddling { careless: true, ..Meddling::default() });
    let told = Record::init_at(home.path(), Place::in_store(store.clone(), "ada").expect("a place")).await.expect_err("it is careless");
    assert!(matches!(told, RecordError::Careless { .. }), "{told:?}");
    assert_eq!(store.inner.list(None).try_collect::<Vec<_>>().await.expect("a list"), [], "nothing is left there");
}

#[tokio::test]
async fn many_imports_into_a_store_stay_readable() {
    let home = TempDir::new().expect("a folder");
    let store = Arc::new(InMemory::new());
    let record = begun(store.clone(), &home, "ada").await;
    for n in 1..=70 {
        land(&record, n, vec![csv("accounts", &["account_id,name", &format!("A{},v{n}", n % 3)])]).await;
    }
    let again = begun(store, &home, "bo").await;
    assert_eq!((again.version(), all(&again).await), (70, all(&record).await));
    for n in [1, 31, 32, 33, 64, 70] {
        let names = lines(&again, "accounts", n, &["name"]).await;
        assert_eq!((names.len() as u64, names.contains(&format!("v{n}"))), (n.min(3), true), "version {n}");
    }
}

#[tokio::test]
async fn a_shared_folder_holds_the_record_of_two_homes() {
    let (one, two, place) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let at_folder = |home: &TempDir| {
        let text = place.path().join("record").display().to_string();
        Place::read(&text, home.path(), Vec::new(), "ada".to_owned()).expect("a place")
    };
    let missing = Record::open_at(one.path(), at_folder(&one)).await.expect_err("no record");
    assert!(missing.to_string().contains("there is no record at") && missing.to_string().contains("--record"), "{missing}");
    let first_home = Record::init_at(one.path(), at_folder(&one)).await.expect("a record");
    let second_home = Record::init_at(two.path(), at_folder(&two)).await.expect("the same record");
    land(&first_home, 1, first()).await;
    land(&second_home, 2, second()).await;
    first_home.refresh().await.expect("a look");
    assert_eq!(all(&first_home).await, all(&second_home).await);
    assert!(!one.path().join("record").exists());
    let lock = std::fs::File::options().write(true).open(place.path().join("record/.lock")).expect("a file");
    lock.lock().expect("the lock");
    let busy = import(&second_home, 3, third()).await.expect_err("busy");
    assert!(matches!(busy, RecordError::Busy { .. }), "{busy}");
}

#[tokio::test]
async fn nothing_of_a_loser_is_left_after_upkeep() {
    let home = TempDir::new().expect("a folder");
    let meddling = Arc::new(Meddling::default());
    let record = begun(meddling.clone(), &home, "ada").await;
    land(&record, 1, first()).await;
    let inner = Arc::clone(&meddling.inner);
    let run = move || {
        elsewhere(move || async move {
            let home = TempDir::new().expect("a folder");
            let _ = inner.delete(&Path::from("record/_writer.json")).await;
            land(&begun(inner, &home, "bo").await, 2, third()).await;
        });
    };
    // After the files of the tables, before their commits.
    *meddling.next.lock().expect("a lock") = Some((4, Box::new(run)));
    import(&record, 3, second()).await.expect_err("overtaken");
    let count = async || {
        let all: Vec<ObjectMeta> = meddling.inner.list(Some(&Path::from("record"))).try_collect().await.expect("a list");
        all.iter().filter(|o| o.location.as_ref().ends_with(".parquet") && !o.location.as_ref().contains("_ledger")).count()
    };
    let before = count().await;
    let seen = begun(meddling.inner.clone(), &home, "cy").await;
    let done = seen.maintain(at(5), i64::MIN, false).await.expect("upkeep");
    assert!(done.deleted > 0, "{done:?}");
    assert!(count().await < before);
}
