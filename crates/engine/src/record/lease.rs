//! One writer at a time: a locked file in a folder, a lease on an object store.
//!
//! A lease is an object that says who writes. It is only ever written under a condition: that it is
//! not there, or that it is as it was last seen. Its holder writes it anew every [`BEAT`]. Whoever
//! wants it watches it: when it changes, its holder lives; when it has not changed for
//! [`PATIENCE`] looks, its holder is gone and it may be taken. No clock is compared with another one.
//!
//! **The lease keeps writers from working in vain; the record does not rest on it.** A writer that was
//! stopped for long and goes on fails at the commit of the ledger, which names the version that it
//! follows (ADR 13).

use std::fs::{File, TryLockError};
use std::sync::Arc;
use std::time::Duration;

use datafusion::object_store::{Error, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use treaty_app::import::Progress;

use super::Record;
use super::error::{RecordError, Result};
use super::place::Objects;

/// Name of the lease below the record.
const NAME: &str = "_writer.json";
/// How often a holder says that it lives.
const BEAT: Duration = Duration::from_secs(1);
/// How long its answer is waited for.
const ANSWER: Duration = Duration::from_secs(4);
/// How often a lease is looked at, and after how many looks without a change it is taken over.
const LOOK: Duration = Duration::from_millis(500);
const PATIENCE: u32 = 30;
/// How often others may be quicker, before something else must be wrong.
const TRIES: u32 = 20;

/// What stands in the object. Its text is never the same twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    /// Who writes; none: nobody does.
    who: Option<String>,
    /// The instant of what is written.
    since: i64,
    /// Tells one holding from all others.
    holding: String,
    /// How often it was written.
    beat: u64,
}

impl Lease {
    fn next(&self) -> Self {
        Self { beat: self.beat + 1, ..self.clone() }
    }
}

/// The right to write.
pub(crate) enum Writer {
    /// Given back when it is dropped, and by the system when the process dies.
    File { _lock: File },
    /// Given back by [`Writer::release`]; others wait for it when the process dies.
    Lease(Held),
}

/// A lease that is held.
pub(crate) struct Held {
    objects: Arc<Objects>,
    stop: oneshot::Sender<()>,
    beating: JoinHandle<(Lease, UpdateVersion)>,
}

impl Record {
    /// The right to write, or an error that says who has it. `at` is the instant of what is written.
    pub(super) async fn lock(&self, at: i64, progress: &dyn Progress) -> Result<Writer> {
        let place = self.place();
        match place.objects() {
            Some(objects) => Held::take(objects, &place.who, at, progress).await.map(Writer::Lease),
            None => self.lock_file(),
        }
    }

    fn lock_file(&self) -> Result<Writer> {
        let Some(folder) = self.place().as_folder() else { return Err(RecordError::read("locking", "the record is in no folder")) };
        let path = folder.join(".lock");
        let failed = |e: std::io::Error| RecordError::read(format!("locking {}", path.display()), e);
        std::fs::create_dir_all(folder).map_err(failed)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Writer::File { _lock: file }),
            Err(TryLockError::WouldBlock) => {
                let at = if self.place().is_shared() { folder } else { self.home() };
                Err(RecordError::Busy { home: at.to_owned() })
            }
            Err(TryLockError::Error(e)) => Err(failed(e)),
        }
    }
}

impl Writer {
    /// Gives the right back.
    pub(super) async fn release(self) {
        if let Self::Lease(held) = self {
            let _ = held.stop.send(());
            if let Ok((lease, version)) = held.beating.await {
                // Whoever took it over keeps it; what cannot be given back runs out.
                let _ = held.objects.write(&Lease { who: None, ..lease.next() }, PutMode::Update(version)).await;
            }
        }
    }
}

impl Held {
    async fn take(objects: &Arc<Objects>, who: &str, since: i64, progress: &dyn Progress) -> Result<Self> {
        let own = Lease { who: Some(who.to_owned()), since, holding: uuid::Uuid::new_v4().to_string(), beat: 0 };
        let mut seen: Option<Lease> = None;
        let (mut looks, mut tries) = (0, 0);
        loop {
            let mode = match objects.lease().await? {
                None => PutMode::Create,
                Some((Lease { who: None, .. }, version)) => PutMode::Update(version),
                Some((lease, version)) if seen.as_ref() == Some(&lease) => {
                    looks += 1;
                    if looks < PATIENCE {
                        tokio::time::sleep(LOOK).await;
                        continue;
                    }
                    PutMode::Update(version)
                }
                Some((Lease { who: Some(who), since, .. }, _)) if seen.is_some() => {
                    return Err(RecordError::Taken { place: objects.shown(), who, since: told(since) });
                }
                Some((lease, _)) => {
                    let who = lease.who.as_deref().unwrap_or_default();
                    progress.step(&format!("is {who} still there?"), None);
                    (seen, looks) = (Some(lease), 0);
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
            };
            tries += 1;
            match objects.write(&own, mode).await {
                Ok(version) => return Ok(Self::begin(Arc::clone(objects), own, version)),
                // Somebody else was quicker: look again at who.
                Err(e) if refused(&e) && tries < TRIES => seen = None,
                Err(e) => return Err(objects.unreachable(&e)),
            }
        }
    }

    fn begin(objects: Arc<Objects>, mut lease: Lease, mut version: UpdateVersion) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let beats = Arc::clone(&objects);
        let beating = tokio::spawn(async move {
            while tokio::time::timeout(BEAT, &mut stopped).await.is_err() {
                let next = lease.next();
                let written = beats.write(&next, PutMode::Update(version.clone()));
                match tokio::time::timeout(ANSWER, written).await {
                    Ok(Ok(new)) => (lease, version) = (next, new),
                    // It was taken over. The commit of the ledger will tell.
                    Ok(Err(e)) if refused(&e) => break,
                    // A store that is away for a while may be back in time.
                    Ok(Err(_)) | Err(_) => {}
                }
            }
            (lease, version)
        });
        Self { objects, stop, beating }
    }
}

/// An instant for people.
fn told(at: i64) -> String {
    jiff::Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |t| t.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A condition did not hold.
fn refused(error: &Error) -> bool {
    matches!(error, Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. })
}

impl Objects {
    /// Makes sure that the store keeps the conditions on which writers rely: some ignore them.
    pub(super) async fn keeps_conditions(&self) -> Result<()> {
        let key = self.key_of(&format!("_probe-{}", uuid::Uuid::new_v4()));
        let wrong = UpdateVersion { e_tag: Some(format!("\"{}\"", "0".repeat(32))), version: None };
        let put = async |mode| self.store.put_opts(&key, PutPayload::default(), PutOptions { mode, ..PutOptions::default() }).await;
        put(PutMode::Create).await.map_err(|e| self.unreachable(&e))?;
        let ignored = [put(PutMode::Create).await, put(PutMode::Update(wrong)).await].iter().any(|done| !matches!(done, Err(e) if refused(e)));
        let removed = self.store.delete(&key).await;
        if ignored {
            return Err(RecordError::Careless { place: self.shown() });
        }
        removed.map_err(|e| self.unreachable(&e))
    }

    /// The lease as it is now.
    async fn lease(&self) -> Result<Option<(Lease, UpdateVersion)>> {
        let got = match self.store.get_opts(&self.key_of(NAME), GetOptions::default()).await {
            Ok(got) => got,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(self.unreachable(&e)),
        };
        let version = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        let bytes = got.bytes().await.map_err(|e| self.unreachable(&e))?;
        let broken = |e| RecordError::read(format!("reading {}/{NAME}", self.shown()), e);
        Ok(Some((serde_json::from_slice(&bytes).map_err(broken)?, version)))
    }

    /// Writes the lease if a condition holds.
    async fn write(&self, lease: &Lease, mut mode: PutMode) -> Result<UpdateVersion, Error> {
        let bytes = serde_json::to_vec(lease).map_err(|e| Error::Generic { store: "lease", source: Box::new(e) })?;
        let key = self.key_of(NAME);
        loop {
            let options = PutOptions { mode, ..PutOptions::default() };
            let error = match self.store.put_opts(&key, PutPayload::from(bytes.clone()), options).await {
                Ok(done) => return Ok(UpdateVersion { e_tag: done.e_tag, version: done.version }),
                Err(error) => error,
            };
            match self.lease().await {
                // It was written after all, and only the answer was lost.
                Ok(Some((there, version))) if there == *lease => return Ok(version),
                // Or that of the time before.
                Ok(Some((there, version))) if there.holding == lease.holding && refused(&error) => mode = PutMode::Update(version),
                _ => return Err(error),
            }
        }
    }
}
