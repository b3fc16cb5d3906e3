//! Storage that fails at the n-th write: everything is as before or as after, and it heals.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use futures::stream::BoxStream;
use tempfile::TempDir;
use treaty_engine::record::{Record, RecordError};

use super::help::{all, at, csv, import, land};

/// Lets so many writes through and then fails them all, some only after they were done.
#[derive(Debug)]
struct Failing {
    inner: LocalFileSystem,
    left: AtomicI64,
    /// The write that fails is done all the same.
    late: bool,
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failing")
    }
}

fn full() -> Error {
    Error::Generic {
        store: "test",
        source: "no space left on device".into(),
    }
}

type Future<'a, T> = Pin<Box<dyn std::future::Future<Output = Result<T, Error>> + Send + 'a>>;

impl ObjectStore for Failing {
    fn put_opts<'s, 'p, 'a>(
        &'s self,
        location: &'p Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Future<'a, PutResult>
    where
        's: 'a,
        'p: 'a,
        Self: 'a,
    {
        Box::pin(async move {
            match self.left.fetch_sub(1, Ordering::SeqCst) {
                ..=0 if self.left.load(Ordering::SeqCst) == -1 && self.late => {
                    self.inner.put_opts(location, payload, opts).await?;
                    Err(full())
                }
                ..=0 => Err(full()),
                _ => self.inner.put_opts(location, payload, opts).await,
            }
        })
    }

    fn put_multipart_opts<'s, 'p, 'a>(
        &'s self,
        _: &'p Path,
        _: PutMultipartOptions,
    ) -> Future<'a, Box<dyn MultipartUpload>>
    where
        's: 'a,
        'p: 'a,
        Self: 'a,
    {
        Box::pin(async move { Err(full()) })
    }

    fn get_opts<'s, 'p, 'a>(
        &'s self,
        location: &'p Path,
        options: GetOptions,
    ) -> Future<'a, GetResult>
    where
        's: 'a,
        'p: 'a,
        Self: 'a,
    {
        Box::pin(async move { self.inner.get_opts(location, options).await })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path, Error>>,
    ) -> BoxStream<'static, Result<Path, Error>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta, Error>> {
        self.inner.list(prefix)
    }

    fn list_with_delimiter<'s, 'p, 'a>(&'s self, prefix: Option<&'p Path>) -> Future<'a, ListResult>
    where
        's: 'a,
        'p: 'a,
        Self: 'a,
    {
        Box::pin(async move { self.inner.list_with_delimiter(prefix).await })
    }

    fn copy_opts<'s, 'f, 't, 'a>(
        &'s self,
        from: &'f Path,
        to: &'t Path,
        options: CopyOptions,
    ) -> Future<'a, ()>
    where
        's: 'a,
        'f: 'a,
        't: 'a,
        Self: 'a,
    {
        Box::pin(async move { self.inner.copy_opts(from, to, options).await })
    }
}

fn failing(after: i64, late: bool) -> Arc<Failing> {
    Arc::new(Failing {
        inner: LocalFileSystem::new(),
        left: AtomicI64::new(after),
        late,
    })
}

fn first() -> Vec<treaty_engine::record::Incoming> {
    vec![
        csv("accounts", &["account_id,name", "A1,one", "A2,two"]),
        csv(
            "people",
            &["person_id,created_at", "P1,2026-01-01", "P2,2026-01-01"],
        ),
    ]
}

fn second() -> Vec<treaty_engine::record::Incoming> {
    vec![
        csv("accounts", &["account_id,name", "A2,changed", "A3,three"]),
        csv(
            "people",
            &["person_id,created_at,offer", "P2,2026-01-01,trial"],
        ),
        csv("users", &["user_id", "U1"]),
    ]
}

async fn broken_at_every_write(late: bool) {
    let after = {
        let dir = TempDir::new().expect("a folder");
        let record = Record::init(dir.path()).await.expect("a record");
        land(&record, 1, first()).await;
        land(&record, 2, second()).await;
        all(&record).await
    };
    let mut kinds = [0, 0];
    for n in 0.. {
        let dir = TempDir::new().expect("a folder");
        let record = Record::init(dir.path()).await.expect("a record");
        land(&record, 1, first()).await;
        let before = all(&record).await;
        let store = failing(n, late);
        let broken = Record::open_with_store(dir.path(), store.clone())
            .await
            .expect("a record");
        let result = import(&broken, 2, second()).await;
        let untouched = store.left.load(Ordering::SeqCst) >= 0;
        // Another process sees all of it or nothing.
        let seen = Record::open(dir.path()).await.expect("a record");
        let got = all(&seen).await;
        match &result {
            Ok(done) => {
                assert_eq!((done.committed, seen.version()), (true, 2), "write {n}");
                assert_eq!(got, after, "write {n}");
                kinds[1] += 1;
            }
            Err(error) => {
                assert!(
                    matches!(error, RecordError::Write { version: 1, .. }),
                    "{error:?}"
                );
                let text = error.to_string();
                assert!(
                    text.contains("no space left on device")
                        && text.contains("as it was before, version 1"),
                    "{text}"
                );
                assert_eq!((seen.version(), &got), (1, &before), "write {n}");
                assert_eq!(broken.version(), 1);
                kinds[0] += 1;
            }
        }
        // And the next import works, whatever was left behind.
        let again = land(&seen, 3, second()).await;
        assert_eq!(again.committed, result.is_err());
        assert_eq!(
            (seen.version(), all(&seen).await),
            (2, after.clone()),
            "write {n}"
        );
        // Undo meets the same remains.
        assert_eq!(seen.undo(at(4)).await.expect("an undo"), (2, 3));
        assert_eq!(all(&seen).await, before, "write {n}");
        if untouched {
            break;
        }
    }
    assert!(kinds[0] > 5 && kinds[1] > 0, "{kinds:?}");
}

#[tokio::test]
async fn a_write_that_fails_leaves_the_record_as_it_was() {
    broken_at_every_write(false).await;
}

#[tokio::test]
async fn a_write_that_is_done_but_reported_as_failed_does_no_harm() {
    broken_at_every_write(true).await;
}

#[tokio::test]
async fn undo_that_fails_leaves_the_record_as_it_was() {
    for n in 0.. {
        let dir = TempDir::new().expect("a folder");
        let record = Record::init(dir.path()).await.expect("a record");
        land(&record, 1, first()).await;
        let old = all(&record).await;
        land(&record, 2, second()).await;
        let new = all(&record).await;
        let broken = Record::open_with_store(dir.path(), failing(n, false))
            .await
            .expect("a record");
        let result = broken.undo(at(3)).await;
        let seen = Record::open(dir.path()).await.expect("a record");
        assert_eq!(
            all(&seen).await,
            if result.is_ok() { old.clone() } else { new },
            "write {n}"
        );
        if result.is_ok() {
            break;
        }
        assert_eq!(seen.undo(at(4)).await.expect("an undo"), (2, 3));
        assert_eq!(all(&seen).await, old);
    }
}

#[tokio::test]
async fn what_a_crash_committed_to_single_tables_is_invisible_and_healed() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    land(&record, 1, first()).await;
    let before = all(&record).await;
    let ledger = dir.path().join("record/_ledger");
    let saved = dir.path().join("saved");
    copy(&ledger, &saved);
    land(&record, 2, second()).await;
    // As if the process had died just before the ledger's commit.
    std::fs::remove_dir_all(&ledger).expect("removed");
    copy(&saved, &ledger);
    let record = Record::open(dir.path()).await.expect("a record");
    assert_eq!((record.version(), all(&record).await), (1, before.clone()));
    land(&record, 3, vec![csv("users", &["user_id", "U9"])]).await;
    assert_eq!(record.version(), 2);
    let mut want = before;
    want.extend(all(&record).await.into_iter().filter(|r| r.contains("U9")));
    assert_eq!(all(&record).await, want);
    // Healed for those, too, who open the Delta table itself.
    let url = url::Url::from_directory_path(dir.path().join("record/accounts")).expect("a url");
    let table = deltalake::open_table(url).await.expect("a table");
    let names: Vec<String> = table.get_file_uris().expect("files").collect();
    assert_eq!(names.len(), 1);
    assert!(names[0].contains("v00000001-"), "{names:?}");
}

pub fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
