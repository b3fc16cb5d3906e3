//! Addresses of sources: `postgres://`, `mysql://`, `sqlite:` and `s3://`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use treaty_app::raw::Fault;
use url::Url;

use super::fault;

/// Where a source is.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// A PostgreSQL server.
    Postgres(Server),
    /// A MySQL or MariaDB server.
    MySql(Server),
    /// An SQLite file.
    Sqlite(PathBuf),
    /// Objects in an S3 bucket, below a key or fitting a pattern.
    Objects {
        /// Bucket.
        bucket: String,
        /// Key, prefix or pattern.
        key: String,
    },
}

/// A database on a server.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Scheme as it was written.
    pub(super) scheme: String,
    /// Name or number of the machine, or the folder of its socket.
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) database: String,
    /// What stands behind `?`.
    pub(super) options: BTreeMap<String, String>,
}

/// Options that may stand behind `?`.
const OPTIONS: [&str; 4] = ["schema", "sslmode", "sslrootcert", "host"];

impl Address {
    /// Reads an address; `None` for anything that is a plain path.
    pub fn read(text: &str) -> Option<Result<Self, Fault>> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return Some(Ok(Self::Sqlite(PathBuf::from(path))));
        }
        let (scheme, _) = text.split_once("://")?;
        let known = scheme.to_ascii_lowercase();
        Some(match known.as_str() {
            "postgres" | "postgresql" => Server::read(text).map(Self::Postgres),
            "mysql" | "mariadb" => Server::read(text).map(Self::MySql),
            "s3" | "s3a" => objects(text),
            _ => Err(fault(
                &shown(text),
                format!("addresses with {scheme}:// are not read; known are postgres://, mysql://, sqlite: and s3://"),
            )),
        })
    }

    /// An SQLite file that was named as a plain path.
    pub fn sqlite(path: &Path) -> Self {
        Self::Sqlite(path.to_owned())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(server) | Self::MySql(server) => write!(f, "{server}"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Objects { bucket, key } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text of an address as it may be shown and stored: without a password.
pub fn shown(text: &str) -> String {
    if let Some(Ok(address)) = known_server(text) {
        return address.to_string();
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    // An address that cannot be read: all that could be a password goes.
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let rest = rest.split_once('?').map_or(rest, |(before, _)| before);
    format!("{scheme}://{rest}")
}

fn known_server(text: &str) -> Option<Result<Server, Fault>> {
    let (scheme, _) = text.split_once("://")?;
    let servers = ["postgres", "postgresql", "mysql", "mariadb"];
    servers
        .iter()
        .any(|s| s.eq_ignore_ascii_case(scheme))
        .then(|| Server::read(text))
}

fn objects(text: &str) -> Result<Address, Fault> {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(fault(text, "names no bucket; write s3://bucket/folder"));
    }
    Ok(Address::Objects {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
    })
}

impl Server {
    fn read(text: &str) -> Result<Self, Fault> {
        let hidden = || {
            let host = text.rsplit_once('@').map_or("", |(_, host)| host);
            // A password may stand among the options, too.
            let host = host.split_once('?').map_or(host, |(before, _)| before);
            format!(
                "{}://{host}",
                text.split_once("://").map_or("", |(scheme, _)| scheme)
            )
        };
        let url = Url::parse(text).map_err(|e| {
            let advice = "write scheme://user:password@host:port/database, with signs such as @ and / of a password as %40 and %2F";
            fault(&hidden(), format!("cannot be read: {e}; {advice}"))
        })?;
        let mut options = BTreeMap::new();
        for (name, value) in url.query_pairs() {
            if !OPTIONS.contains(&name.as_ref()) {
                return Err(fault(
                    &hidden(),
                    format!("{name} is no option; known are {}", OPTIONS.join(", ")),
                ));
            }
            options.insert(name.into_owned(), value.into_owned());
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let server = Self {
            scheme: url.scheme().to_owned(),
            host: match options.get("host") {
                Some(host) => host.clone(),
                None if host.is_empty() => "localhost".to_owned(),
                None => decoded(host),
            },
            port: url.port(),
            user: decoded(url.username()),
            password: decoded(url.password().unwrap_or_default()),
            database: decoded(url.path().trim_matches('/')),
            options,
        };
        if server.database.is_empty() {
            return Err(fault(
                &server.to_string(),
                "names no database; write scheme://user:password@host/database",
            ));
        }
        Ok(server)
    }

    /// An option behind `?`.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if !self.user.is_empty() {
            write!(f, "{}@", self.user)?;
        }
        write!(f, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", self.database)?;
        match self.option("schema") {
            Some(schema) => write!(f, "?schema={schema}"),
            None => Ok(()),
        }
    }
}

/// Text with `%40` and the like as the signs they stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for text in [
            "postgres://reader:s%40cret@db.example:5433/crm?schema=sales&sslmode=require",
            "mysql://reader:s%40cret@db.example/crm",
            "postgres://reader:s%40cret@db.example:x/crm",
            "postgres://reader:s@cret/x@db.example/crm?nonsense=s%40cret",
            "ftp://reader:s%40cret@db.example/crm?password=s%40cret",
        ] {
            let both = match Address::read(text) {
                Some(Ok(address)) => format!("{address} {address:?} {}", shown(text)),
                Some(Err(fault)) => format!("{fault} {}", shown(text)),
                None => String::new(),
            };
            assert!(both.contains("db.example") && !both.contains("cret"), "{text}: {both}");
        }
    }

    #[test]
    fn addresses_have_parts() {
        let Some(Ok(Address::Postgres(s))) =
            Address::read("postgresql://re%20ader:p%2Fw@h:5433/my%20db?schema=a")
        else {
            panic!("an address");
        };
        assert_eq!(
            (s.user.as_str(), s.password.as_str(), s.host.as_str(), s.port, s.database.as_str(), s.option("schema")),
            ("re ader", "p/w", "h", Some(5433), "my db", Some("a"))
        );
        assert_eq!(s.to_string(), "postgresql://re ader@h:5433/my db?schema=a");
        assert_eq!(Address::read("sqlite:a/b.db"), Some(Ok(Address::Sqlite("a/b.db".into()))));
        assert_eq!(Address::read("data/people.csv"), None);
        assert_eq!(shown("data/people.csv"), "data/people.csv");
        let Some(Ok(Address::Objects { bucket, key })) = Address::read("s3://b/x/y*.csv") else {
            panic!("an address");
        };
        assert_eq!((bucket.as_str(), key.as_str()), ("b", "x/y*.csv"));
        for bad in ["postgres://h", "s3://", "gs://b/x", "mysql://h/db?colour=red"] {
            assert!(matches!(Address::read(bad), Some(Err(_))), "{bad}");
        }
    }
}
