//! Object stores: what lies below a key is copied to this machine and read there, so that every
//! format works that works for files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig};
use tokio::io::AsyncWriteExt;
use treaty_app::import::Progress;
use treaty_app::raw::Fault;

use super::address::Address;
use super::{fault, sentence};

/// Objects that were copied to this machine; they go when this does.
#[derive(Debug)]
pub struct Fetched {
    folder: PathBuf,
    /// The path that stands for the address.
    pub path: PathBuf,
    /// The address.
    shown: String,
    /// Objects that were passed over.
    pub left_out: Vec<String>,
}

impl Fetched {
    /// A text with the paths of copies put back into the addresses they stand for.
    pub fn shown(&self, text: &str) -> String {
        text.replace(&self.folder.display().to_string(), &self.shown)
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        // A copy that cannot be removed is left to the system, which cleans that folder.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Endings of objects that are read.
const ENDINGS: &[&str] = &[
    "csv", "tsv", "tab", "txt", "json", "jsonl", "ndjson", "parquet", "pq", "xlsx", "xlsm", "xlsb", "xls", "ods", "gz", "zst", "zip",
];

/// Copies the objects at an address into a new folder below `scratch`. `settings` are the
/// variables that begin with `AWS_`.
///
/// # Errors
/// When the store cannot be reached or has nothing there.
pub async fn fetch(address: &Address, settings: &[(String, String)], scratch: &Path, progress: &dyn Progress) -> Result<Fetched, Fault> {
    let shown = address.to_string();
    let Address::Objects { bucket, key } = address else {
        return Err(fault(&shown, "is no object store"));
    };
    let failed = |e: &(dyn std::error::Error + 'static)| fault(&shown, format!("cannot be read: {}", told(e, settings)));
    let store = store(bucket, settings).map_err(|e| failed(&e))?;
    let wildcard = key.find(['*', '?']).unwrap_or(key.len());
    let literal = &key[..wildcard];
    // A prefix ends where a name does: `data/2026*` lies below `data`.
    let folder = if wildcard < key.len() { literal.rsplit_once('/').map_or("", |(f, _)| f) } else { literal.trim_end_matches('/') };
    let ending = Path::new(key).extension().and_then(|e| e.to_str()).filter(|e| wildcard < key.len() && !e.contains(['*', '?']));
    let mut fetched = Fetched {
        folder: scratch.join(format!("treaty-{}", uuid::Uuid::new_v4())),
        path: PathBuf::new(),
        shown: format!("s3://{bucket}"),
        left_out: Vec::new(),
    };
    fetched.path = fetched.folder.join(key.trim_matches('/'));
    let prefix = Key::from(folder);
    let mut keys: Vec<Key> = Vec::new();
    if !folder.is_empty() && store.head(&prefix).await.is_ok() {
        keys.push(prefix);
    } else {
        let mut list = store.list(Some(&prefix).filter(|p| !p.as_ref().is_empty()));
        while let Some(object) = list.next().await {
            let object = object.map_err(|e| failed(&e))?;
            if wanted(object.location.as_ref(), ending) {
                keys.push(object.location);
            } else {
                fetched.left_out.push(format!("s3://{bucket}/{}", object.location));
            }
        }
    }
    if keys.is_empty() {
        return Err(fault(&shown, "holds nothing that is read; is the bucket and the folder spelt right?"));
    }
    progress.step(&format!("copying {shown}"), Some(keys.len() as u64));
    for key in keys {
        copy(store.as_ref(), &key, &fetched.folder).await.map_err(|e| failed(e.as_ref()))?;
        progress.advance(1);
    }
    Ok(fetched)
}

/// What a store says, in a sentence that gives away no secret and says what to do.
pub(crate) fn told(error: &(dyn std::error::Error + 'static), settings: &[(String, String)]) -> String {
    let secrets = settings.iter().filter(|(name, value)| !value.is_empty() && (name.contains("SECRET") || name.contains("TOKEN")));
    let text = secrets.fold(sentence(error, ""), |text, (_, secret)| text.replace(secret.as_str(), "***"));
    let code = element(&text, "Code").unwrap_or_default();
    let words = match element(&text, "Message") {
        _ if code.is_empty() => text.as_str().to_owned(),
        message => format!("the store answers {code}{}", message.map(|m| format!(", {m}")).unwrap_or_default()),
    };
    let advice = match code {
        "NoSuchBucket" => "is the bucket spelt right, and, if it is not Amazon's, AWS_ENDPOINT set?",
        _ => "are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and, if it is not Amazon's, AWS_ENDPOINT set and right?",
    };
    format!("{words}; {advice}")
}

/// The store of a bucket. `settings` are the variables that begin with `AWS_`.
///
/// # Errors
/// When the settings do not fit together.
pub(crate) fn store(bucket: &str, settings: &[(String, String)]) -> object_store::Result<Arc<dyn ObjectStore>> {
    let retry = RetryConfig { max_retries: 3, ..RetryConfig::default() };
    // A large file over a narrow line takes its time.
    let client = ClientOptions::new().with_timeout(Duration::from_secs(300));
    let mut builder = AmazonS3Builder::new().with_bucket_name(bucket).with_retry(retry).with_client_options(client);
    for (name, value) in settings.iter().filter(|(_, value)| !value.is_empty()) {
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            if matches!(key, AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint) {
                let url = url::Url::parse(value).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
                let url = url.ok_or_else(|| object_store::Error::Generic {
                    store: "S3",
                    source: format!("{name} is `{value}`, which is no address such as http://10.0.0.1:9000").into(),
                })?;
                builder = builder.with_allow_http(url.scheme() == "http");
            }
            builder = builder.with_config(key, value);
        }
    }
    Ok(Arc::new(builder.build()?))
}

/// What stands in an element of an answer of the store.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner)
}

/// The object may be data, or belongs to a Delta table.
fn wanted(key: &str, ending: Option<&str>) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    if key.split('/').any(|part| part == "_delta_log") {
        return true;
    }
    if name.starts_with(['.', '_']) {
        return false;
    }
    let own = Path::new(name).extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending {
        Some(ending) => own.eq_ignore_ascii_case(ending),
        None => ENDINGS.contains(&own.as_str()),
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn copy(store: &dyn ObjectStore, key: &Key, folder: &Path) -> Result<(), Failure> {
    // A part of a key that leads upwards is no place on this machine.
    let parts: Vec<&str> = key.as_ref().split('/').filter(|p| !p.is_empty() && *p != "..").collect();
    let path = folder.join(parts.join("/"));
    if let Some(parent) = path.parent() {
        tokio::fs::create_dir_all(parent).await?;
    }
    let mut file = tokio::fs::File::create(&path).await?;
    let mut bytes = store.get(key).await?.into_stream();
    while let Some(part) = bytes.next().await {
        file.write_all(&part?).await?;
    }
    file.flush().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_delta_logs_are_wanted() {
        for (key, ending, expected) in [
            ("a/people.csv", None, true),
            ("a/people.csv.gz", None, true),
            ("a/people/_delta_log/0.json", None, true),
            ("a/_SUCCESS", None, false),
            ("a/logo.png", None, false),
            ("a/people.csv", Some("parquet"), false),
        ] {
            assert_eq!(wanted(key, ending), expected, "{key}");
        }
    }
}
