//! An object store: a real server of its protocol, of a crate of its own in `tools/s3-server`, compiled when first needed.

use crate::home::{Home, Run, run, treaty};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tools/s3-server/Cargo.toml");
pub const KEY: &str = "reader";
pub const SECRET: &str = "s3cret-key";

/// A server that runs while this lives; the folders of `dir` are its buckets.
pub struct Server {
    child: Child,
    pub dir: tempfile::TempDir,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, or nothing and a word on the test's output where its libraries cannot be had.
fn program() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("s3-server");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--locked", "--quiet", "--manifest-path", MANIFEST, "--target-dir"]).arg(&target);
    let built = cargo.stdin(Stdio::null()).output();
    let reason = match built {
        Ok(out) if out.status.success() => return Some(target.join("release/treaty-s3-server")),
        Ok(out) => String::from_utf8_lossy(&out.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    // What does not compile is a fault; that the registry cannot be reached is none.
    assert!(!reason.contains("error[E"), "{reason}");
    eprintln!("skipped: the S3 server cannot be built here: {}", reason.lines().next_back().unwrap_or_default());
    None
}

impl Server {
    /// Starts one with an empty bucket `crm`, where the program can be had.
    pub fn start() -> Option<Self> {
        let program = program()?;
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(dir.path().join("crm")).expect("a bucket");
        let mut child = Command::new(program)
            .arg(dir.path())
            .args([KEY, SECRET])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut url).expect("its address");
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        Some(Self { child, dir, url: url.trim().to_owned() })
    }

    fn put(&self, key: &str, bytes: &[u8]) {
        let path = self.dir.path().join("crm").join(key);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("an object");
    }

    /// Imports from an address, with the variables that the documentation names.
    fn import(&self, home: &Home, address: &str, (key, secret): (&str, &str), more: &[&str]) -> Run {
        let mut command = treaty();
        command.arg("-C").arg(home.path()).args(["import", address]).args(more);
        run(self.reached(&mut command, (key, secret)))
    }

    /// A command with the variables that say how to reach it.
    pub fn reached<'c>(&self, command: &'c mut Command, (key, secret): (&str, &str)) -> &'c mut Command {
        command
            .env("AWS_ENDPOINT", &self.url)
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .env("AWS_REGION", "eu-central-1")
    }
}

/// A Delta table of one file, all of whose columns are text.
fn delta(server: &Server, key: &str, parquet: &[u8], columns: &[&str]) {
    let fields: Vec<String> = columns.iter().map(|c| format!(r#"{{\"name\":\"{c}\",\"type\":\"string\",\"nullable\":true,\"metadata\":{{}}}}"#)).collect();
    let schema = format!(r#"{{\"type\":\"struct\",\"fields\":[{}]}}"#, fields.join(","));
    let log = format!(
        "{{\"protocol\":{{\"minReaderVersion\":1,\"minWriterVersion\":2}}}}\n\
         {{\"metaData\":{{\"id\":\"22391ae0-ec33-4d5d-a02e-3a04534575ee\",\"format\":{{\"provider\":\"parquet\",\"options\":{{}}}},\
         \"schemaString\":\"{schema}\",\"partitionColumns\":[],\"createdTime\":1795535973050,\"configuration\":{{}}}}}}\n\
         {{\"add\":{{\"path\":\"part-0.parquet\",\"partitionValues\":{{}},\"size\":{},\"modificationTime\":1795535973059,\"dataChange\":true}}}}\n",
        parquet.len()
    );
    server.put(&format!("{key}/part-0.parquet"), parquet);
    server.put(&format!("{key}/_delta_log/00000000000000000000.json"), log.as_bytes());
}

#[test]
fn csv_parquet_and_delta_come_from_an_object_store() {
    let Some(server) = Server::start() else { return };
    let people = "person_id,created_at,email\nP1,2026-01-05T10:00:00Z,ada@x.example\nP2,2026-01-06T10:00:00Z,bo@x.example\n";
    server.put("export/people.csv", people.as_bytes());
    server.put("export/logo.png", b"x");
    let home = Home::new(None);
    let good = (KEY, SECRET);
    let csv = server.import(&home, "s3://crm/export/", good, &[]);
    assert_eq!(csv.code, 0, "{}\n{}", csv.out, csv.err);
    assert!(csv.out.contains("left out: objects that are not data by their names: s3://crm/export/logo.png"), "{}", csv.out);
    let all = "SELECT person_id, email, CAST(created_at AS VARCHAR) AS created_at FROM record_people ORDER BY 1";
    let wanted = home.ok(&["query", all, "--format", "csv"]);
    assert!(wanted.lines().count() == 3 && wanted.contains("ada@x.example"), "{wanted}");

    let file = home.dir.path().join("people.parquet");
    home.ok(&["query", all, "--format", "parquet", "--output", file.to_str().expect("a path")]);
    let parquet = std::fs::read(&file).expect("a Parquet file");
    server.put("lake/people/part-0.parquet", &parquet);
    delta(&server, "delta/people", &parquet, &["person_id", "email", "created_at"]);
    for address in ["s3://crm/export/peo*.csv", "s3://crm/lake", "s3://crm/lake/people/part-0.parquet", "s3://crm/delta", "s3://crm/delta/people"] {
        let again = Home::new(None);
        let r = server.import(&again, address, good, &[]);
        assert_eq!(r.code, 0, "{address}: {}\n{}", r.out, r.err);
        assert_eq!(again.ok(&["query", all, "--format", "csv"]), wanted, "{address}");
    }

    // A row that is refused is told by its address.
    server.put("export/people.csv", format!("{people}P3,soon,\n").as_bytes());
    let r = server.import(&home, "s3://crm/export/people.csv", good, &[]);
    assert!(r.code == 1 && r.out.contains("rejected s3://crm/export/people.csv:4: created_at"), "{}\n{}", r.out, r.err);
}

#[test]
fn a_wrong_key_and_a_bucket_that_is_not_there_are_told() {
    let Some(server) = Server::start() else { return };
    server.put("export/people.csv", b"person_id,created_at\nP1,2026-01-05\n");
    let home = Home::new(None);
    for (address, user, words) in [
        ("s3://crm/export", ("nobody", SECRET), "AWS_ACCESS_KEY_ID"),
        ("s3://crm/export/people.csv", (KEY, "wr0ng"), "AWS_SECRET_ACCESS_KEY"),
        ("s3://nothing/export", (KEY, SECRET), "the bucket"),
        ("s3://crm/nothing", (KEY, SECRET), "holds nothing that is read"),
        ("s3://crm/nothing/people.csv", (KEY, SECRET), "holds nothing that is read"),
    ] {
        let r = server.import(&home, address, user, &[]);
        assert_eq!(r.code, 2, "{address}: {}\n{}", r.out, r.err);
        assert!(r.err.contains(&format!("{address}: ")) && r.err.contains(words), "{address}: {}", r.err);
        assert!(!r.err.contains(SECRET) && !r.err.contains("wr0ng") && !r.err.contains("<?xml"), "{address}: {}", r.err);
        assert_eq!(home.ok(&["log"]).lines().count(), 1, "{address}: nothing was imported");
    }
}
