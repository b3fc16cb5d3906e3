//! An object store: what of S3's protocol a reader needs, served by this process from a map of keys.

use crate::address;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use treaty_app::import::Silent;
use treaty_engine::sources::fetch;

type Objects = Arc<BTreeMap<&'static str, &'static str>>;

/// Serves one bucket, `crm`, to the user `reader`, and gives the address.
fn serve(objects: Objects) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let objects = Arc::clone(&objects);
            std::thread::spawn(move || answer(socket, &objects));
        }
    });
    at
}

fn answer(mut socket: TcpStream, objects: &Objects) -> Option<()> {
    let mut reader = BufReader::new(socket.try_clone().ok()?);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).ok()? == 0 {
            return None;
        }
        let mut known = false;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            known |= header.to_lowercase().starts_with("authorization:") && header.contains("Credential=reader/");
            if header.trim().is_empty() {
                break;
            }
        }
        let mut words = request.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (status, body) = match path.strip_prefix("/crm") {
            _ if !known => ("403 Forbidden", "<Error><Code>InvalidAccessKeyId</Code><Message>No such key</Message></Error>".to_owned()),
            None => ("404 Not Found", "<Error><Code>NoSuchBucket</Code><Message>No such bucket</Message></Error>".to_owned()),
            Some("" | "/") => ("200 OK", list(objects, query)),
            Some(key) => match objects.get(key.trim_start_matches('/')) {
                Some(text) => ("200 OK", (*text).to_owned()),
                None => ("404 Not Found", "<Error><Code>NoSuchKey</Code><Message>No such key</Message></Error>".to_owned()),
            },
        };
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"1\"\r\nLast-Modified: Sun, 01 Mar 2026 09:30:00 GMT\r\n\r\n", body.len());
        socket.write_all(head.as_bytes()).ok()?;
        if method != "HEAD" {
            socket.write_all(body.as_bytes()).ok()?;
        }
    }
}

fn list(objects: &Objects, query: &str) -> String {
    let prefix = query.split('&').find_map(|p| p.strip_prefix("prefix=")).unwrap_or_default().replace("%2F", "/");
    let item = |(key, text): (&&str, &&str)| {
        let size = text.len();
        format!("<Contents><Key>{key}</Key><LastModified>2026-03-01T09:30:00.000Z</LastModified><ETag>\"1\"</ETag><Size>{size}</Size></Contents>")
    };
    let found: String = objects.iter().filter(|(key, _)| key.starts_with(&prefix)).map(item).collect();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult><Name>crm</Name><IsTruncated>false</IsTruncated>{found}</ListBucketResult>")
}

fn settings(endpoint: &str, user: &str) -> Vec<(String, String)> {
    [("AWS_ENDPOINT", endpoint), ("AWS_ACCESS_KEY_ID", user), ("AWS_SECRET_ACCESS_KEY", "s3cret-key"), ("AWS_REGION", "eu-central-1")]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_copied_by_folder_name_and_pattern() {
    let scratch = tempfile::tempdir().unwrap();
    let at = serve(Arc::new(BTreeMap::from([
        ("export/people.csv", "person_id\n1\n"),
        ("export/2026/accounts.csv", "account_id\n1\n"),
        ("export/logo.png", "x"),
        ("export/lake/_delta_log/0.json", "{}"),
        ("elsewhere/users.csv", "user_id\n1\n"),
    ])));
    let good = settings(&at, "reader");
    let fetched = fetch(&address("s3://crm/export/"), &good, scratch.path(), &Silent).await.unwrap();
    assert_eq!(std::fs::read_to_string(fetched.path.join("people.csv")).unwrap(), "person_id\n1\n");
    assert!(fetched.path.join("2026/accounts.csv").is_file() && fetched.path.join("lake/_delta_log/0.json").is_file());
    assert!(!fetched.path.join("logo.png").exists() && !fetched.path.join("../elsewhere").exists());
    assert_eq!(fetched.left_out, ["s3://crm/export/logo.png"]);
    assert_eq!(fetched.shown(&format!("{}/people.csv:3", fetched.path.display())), "s3://crm/export/people.csv:3");
    let gone = fetched.path.clone();
    drop(fetched);
    assert!(!gone.exists());

    let one = fetch(&address("s3://crm/export/people.csv"), &good, scratch.path(), &Silent).await.unwrap();
    assert!(one.path.is_file());
    let some = fetch(&address("s3://crm/export/peo*.csv"), &good, scratch.path(), &Silent).await.unwrap();
    assert!(some.path.with_file_name("people.csv").is_file());
    drop((one, some));

    let wrong = fetch(&address("s3://crm/export"), &settings(&at, "nobody"), scratch.path(), &Silent).await.unwrap_err().to_string();
    assert!(wrong.starts_with("s3://crm/export: cannot be read: ") && wrong.contains("AWS_ACCESS_KEY_ID") && !wrong.contains("s3cret-key"), "{wrong}");
    for (text, words) in [("s3://nothing/x", "cannot be read"), ("s3://crm/nothing", "holds nothing that is read")] {
        let fault = fetch(&address(text), &good, scratch.path(), &Silent).await.unwrap_err().to_string();
        assert!(fault.contains(words), "{fault}");
    }
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "copies are gone");
}
