//! A cluster whose wire is encrypted: certificates of one authority, made here, and everybody who has none of it.

use crate::cluster::{of_one, review, scheduler, scheduler_with, worker_of, write_company};
use crate::home::treaty;
use crate::shared_facts::{keeps_to_itself, over};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// An authority that signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A folder of certificates for a machine of some name.
    fn folder(&self, dir: &Path, folder: &str, name: &str) -> PathBuf {
        self.folder_until(dir, folder, name, 2050)
    }

    /// The same; they have run out when a year begins.
    fn folder_until(&self, dir: &Path, folder: &str, name: &str, year: i32) -> PathBuf {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let folder = dir.join(folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        for (file, text) in [("ca.pem", &self.certificate), ("cert.pem", &certificate.pem()), ("key.pem", &key.serialize_pem())] {
            std::fs::write(folder.join(file), text).expect("a file");
        }
        folder
    }
}

fn with(tls: &Path) -> Command {
    let mut command = treaty();
    command.env("TREATY_TLS", tls);
    command
}

#[test]
fn a_cluster_with_certificates_lets_in_only_its_own() {
    let shared = tempfile::tempdir().expect("a folder");
    let place = shared.path().join("record");
    let (home, away) = (over(&place), over(&place));
    keeps_to_itself(&home);
    write_company(&home);
    home.import();
    let alone = review(&home, &[]);
    assert_eq!(alone.code, 0, "{}", alone.err);
    let (ours, theirs) = (Authority::new(), Authority::new());
    let dir = home.dir.path();
    let own = ours.folder(dir, "tls", "127.0.0.1");
    let own = own.to_str().expect("a path");
    let (_scheduler, address) = scheduler_with(&mut with(Path::new(own)));
    let first = worker_of(&mut with(Path::new(own)), &home.path(), &address);
    let url = format!("https://{address}");
    let ask = |more: &[&str]| review(&home, &[&["--cluster", &url], more].concat());
    // Who only asks may have any name.
    let desk = ours.folder(dir, "desk", "desk-3");
    let one = ask(&["--tls", desk.to_str().expect("a path")]);
    assert_eq!((one.code, one.out == alone.out), (0, true), "with one worker: {}", one.err);

    // Who comes without a certificate, with one of another authority, with one that has run out, or to a scheduler of another authority.
    for (cluster, tls) in [
        (format!("http://{address}"), None),
        (url.clone(), Some(theirs.folder(dir, "theirs", "127.0.0.1"))),
        (url.clone(), Some(ours.folder_until(dir, "old", "127.0.0.1", 2020))),
        (url.clone(), Some(ours.folder(dir, "mixed", "127.0.0.1")).inspect(|folder: &PathBuf| {
            std::fs::write(folder.join("ca.pem"), &theirs.certificate).expect("a file");
        })),
    ] {
        let tls: Vec<&str> = tls.as_deref().and_then(Path::to_str).into_iter().flat_map(|folder| ["--tls", folder]).collect();
        let refused = review(&home, &[&["--cluster", &cluster], &tls[..]].concat());
        assert_eq!(refused.code, 2, "{cluster} {tls:?}: {}", refused.out);
        assert!(refused.err.contains("do both of you have certificates of one authority"), "{}", refused.err);
    }
    // A scheduler whose certificate names another host.
    let (_elsewhere, other) = scheduler_with(&mut with(&ours.folder(dir, "elsewhere", "10.9.9.9")));
    let refused = review(&home, &["--cluster", &other, "--tls", own]);
    assert!(refused.code == 2 && refused.err.contains("for these addresses (--tls)"), "{}", refused.err);
    // A worker without any.
    let plain = home.run(&["worker", "--scheduler", &address, "--bind", "127.0.0.1:50987"]);
    assert!(plain.code == 2 && plain.err.contains("do both of you have certificates"), "{}", plain.err);

    // A worker that fetches its share, begins, and dies with it. Its home keeps no timelines: that it makes them is seen.
    let second = worker_of(&mut with(Path::new(own)), &away.path(), &address);
    let has_begun = || std::fs::read_dir(away.path().join("timelines")).is_ok_and(|entries| entries.count() > 0);
    let begun = Instant::now();
    let asked = std::thread::scope(|scope| {
        let asked = scope.spawn(|| ask(&["--tls", own]));
        while !has_begun() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the second worker fetches nothing");
            std::thread::sleep(Duration::from_millis(1));
        }
        second.signal("-KILL");
        asked.join().expect("the review ends")
    });
    assert_eq!((asked.code, asked.out == alone.out), (0, true), "with a killed worker: {}", asked.err);
    assert!(begun.elapsed() > Duration::from_secs(6), "its share was not lost");
    drop(first);
}

#[test]
fn what_is_wrong_with_certificates_is_told_at_once() {
    let home = of_one("P1");
    let (_scheduler, address) = scheduler();
    let authority = Authority::new();
    let folder = authority.folder(home.dir.path(), "tls", "127.0.0.1");
    let tls = folder.to_str().expect("a path");
    let told = |cluster: &str, tls: &[&str]| {
        let r = review(&home, &[&["--cluster", cluster], tls].concat());
        assert_eq!(r.code, 2, "{}", r.out);
        r.err
    };
    let (plain, secure) = (format!("http://{address}"), format!("https://{address}"));
    assert!(told(&secure, &[]).contains("with --tls DIR: ca.pem, cert.pem and key.pem"));
    assert!(told(&plain, &["--tls", tls]).contains(&format!("with --tls, write {secure}")));
    assert!(told(&secure, &["--tls", tls]).contains("do both of you have certificates"), "a scheduler without certificates");
    let nowhere = told(&secure, &["--tls", "/nowhere"]);
    assert!(["ca.pem", "cert.pem", "key.pem"].iter().all(|file| nowhere.contains(file)), "{nowhere}");
    std::fs::write(folder.join("key.pem"), "secret").expect("a file");
    let wrong = told(&secure, &["--tls", tls]);
    assert!(wrong.contains("key.pem does not hold the private key of this machine's certificate (PEM)") && !wrong.contains("secret"), "{wrong}");
    std::fs::remove_file(folder.join("cert.pem")).expect("a file");
    let both = told(&secure, &["--tls", tls]);
    assert!(both.contains("cert.pem, the certificate of this machine, cannot be read") && both.contains("key.pem"), "{both}");
    // A key that belongs to another certificate.
    authority.folder(home.dir.path(), "tls", "127.0.0.1");
    let other = authority.folder(home.dir.path(), "other", "127.0.0.1");
    std::fs::copy(other.join("key.pem"), folder.join("key.pem")).expect("a copy");
    let r = home.run(&["worker", "--scheduler", &address, "--tls", tls]);
    assert!(r.code == 2 && r.err.contains(&format!("the certificates in {tls} cannot be used: ")), "{}", r.err);
}
