//! Facts beside a record that several homes share: derived once, and taken by whoever comes later.

use crate::cluster::REVIEW;
use crate::home::{Home, Run, run, treaty};
use crate::objects::{Machine, data, objects};
use crate::s3::Server;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Files of a folder and of those in it, by their paths.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { [path].into() }).collect()
}

fn lists(place: &Path) -> usize {
    files(&place.join("_facts")).iter().filter(|f| f.extension().is_some_and(|x| x == "json")).count()
}

/// The one folder of facts of a version that a home keeps.
fn kept(home: &Home, version: usize) -> PathBuf {
    let begins = format!("v{version:08}-");
    let folders = std::fs::read_dir(home.path().join("facts")).expect("facts").flatten().map(|e| e.path());
    let mut those = folders.filter(|f| f.file_name().is_some_and(|n| n.to_string_lossy().starts_with(&begins)));
    those.next().expect("kept facts")
}

/// A home that has a folder as its record.
pub fn over(place: &Path) -> Home {
    let home = Home { dir: tempfile::tempdir().expect("a temporary folder") };
    let init = run(treaty().arg("init").arg(home.path()).arg("--record").arg(place));
    assert_eq!(init.code, 0, "{}", init.err);
    home
}

/// Has a home share no facts.
pub fn keeps_to_itself(home: &Home) {
    let settings = home.path().join("treaty.toml");
    let text = std::fs::read_to_string(&settings).expect("settings");
    let at = text.lines().find(|l| l.starts_with("at = ")).expect("a place");
    std::fs::write(&settings, text.replace(at, &format!("{at}\nshare_facts = false"))).expect("settings");
}

/// As if long ago.
fn age(files: &BTreeSet<PathBuf>) {
    for file in files {
        let file = std::fs::File::options().append(true).open(file).expect("a file");
        file.set_modified(SystemTime::now() - Duration::from_secs(3 * 86_400)).expect("a time");
    }
}

#[test]
fn facts_on_an_object_store_are_derived_once() {
    let Some(server) = Server::start() else { return };
    let ada = Machine::over(&server, "ada");
    assert_eq!(ada.import(&data(&ada.home, 'P', 300)).code, 0);
    let place = objects(&server);
    assert_eq!(lists(&place), 0);
    let review = ada.ok(&REVIEW);
    assert_eq!(lists(&place), 1);

    // Bo's machine reads none of the events: they are not even there, nor is a scheduler to be asked.
    let aside = place.with_file_name("aside");
    std::fs::rename(place.join("touchpoints"), &aside).expect("a folder");
    std::fs::create_dir(place.join("touchpoints")).expect("a folder");
    let log = |from: &Path, to: &Path| run(std::process::Command::new("cp").arg("-r").arg(from.join("_delta_log")).arg(to)).code;
    assert_eq!(log(&aside, &place.join("touchpoints")), 0);
    let bo = Machine::over(&server, "bo");
    let asked = [&REVIEW[..], &["--cluster", "http://127.0.0.1:1"]].concat();
    assert_eq!(bo.ok(&asked), review);
    assert!(!bo.home.path().join("timelines").exists(), "the record was read");
    std::fs::remove_dir_all(place.join("touchpoints")).expect("a folder");
    std::fs::rename(&aside, place.join("touchpoints")).expect("a folder");

    // A small import brings its facts along; who has those before needs only what differs.
    let parts = files(&place.join("_facts/parts"));
    let more = ada.home.file("touchpoints.csv", "touchpoint_id,person_id,occurred_at,channel\nZ1,P7,2025-03-01T10:00:00Z,search\n");
    assert_eq!(ada.import(&more).code, 0);
    assert_eq!(lists(&place), 2);
    assert!(files(&place.join("_facts/parts")).is_superset(&parts));
    let newer = ada.ok(&REVIEW);
    assert_ne!(newer, review);
    assert_eq!(bo.ok(&REVIEW), newer);
    assert!(!bo.home.path().join("timelines").exists(), "the record was read");
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let inode = |file: PathBuf| std::fs::metadata(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display())).ino();
        let (old, new) = (kept(&bo.home, 1), kept(&bo.home, 2));
        assert_eq!(inode(old.join("pass/leads.arrow")), inode(new.join("whole/pass/leads.arrow")), "taken twice");
    }

    // Another day has other facts.
    let cy = Machine::over(&server, "cy");
    let other_day = ["review", "--as-of", "2025-05-31", "--format", "json"];
    cy.ok(&other_day);
    assert!(cy.home.path().join("timelines").is_dir(), "there was nothing to take");
    assert_eq!(lists(&place), 3);
    // Who keeps timelines derives sooner than anything comes over a network, to the same bytes.
    assert_eq!(cy.ok(&REVIEW), newer);
    assert_eq!(lists(&place), 3, "the same facts have the same name, whoever derived them");

    // Damage is found out, done without, and mended.
    for part in files(&place.join("_facts/parts")) {
        std::fs::write(part, "junk").expect("a part");
    }
    let di = Machine::over(&server, "di");
    assert_eq!(di.ok(&REVIEW), newer);
    assert!(di.home.path().join("timelines").is_dir() && files(&di.home.path().join("facts")).iter().all(|f| !f.to_string_lossy().contains(".unfinished")));
    let ed = Machine::over(&server, "ed");
    assert_eq!(ed.ok(&REVIEW), newer);
    assert!(!ed.home.path().join("timelines").exists(), "the parts are still damaged");
}

#[test]
fn facts_in_a_shared_folder_are_swept_with_the_record() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = dir.path().join("record");
    let (ada, bo) = (over(&place), over(&place));
    let import = |home: &Home, files: &Path| home.ok(&["import", files.to_str().expect("a path")]);
    import(&ada, &data(&ada, 'P', 300));
    let review = ada.ok(&REVIEW);
    assert_eq!(bo.ok(&REVIEW), review);
    assert!(lists(&place) == 1 && !bo.path().join("timelines").exists());
    // A list that names files outside of its folder is none.
    let list = files(&place.join("_facts")).into_iter().find(|f| f.extension().is_some_and(|x| x == "json")).expect("a list");
    let text = std::fs::read_to_string(&list).expect("a list");
    std::fs::write(&list, text.replace("contents.json", "../../contents.json")).expect("a list");
    let cy = over(&place);
    assert_eq!(cy.ok(&REVIEW), review);
    assert!(cy.path().join("timelines").is_dir() && !cy.dir.path().join("contents.json").exists());
    std::fs::write(&list, text).expect("a list");

    import(&bo, &data(&bo, 'Q', 300));
    bo.ok(&REVIEW);
    let all = files(&place.join("_facts"));
    assert_eq!(lists(&place), 2);
    let maintain = |more: &[&str]| ada.ok(&[&["maintain", "--keep-days", "0"], more].concat());
    // What has just come may be somebody's who has not put the list yet.
    assert!(maintain(&["--dry-run"]).contains("Old shared facts would be deleted: 1 file, "));
    age(&files(&place.join("_facts/parts")));
    let told = maintain(&["--dry-run"]);
    assert!(told.contains("Old shared facts would be deleted: ") && files(&place.join("_facts")) == all, "{told}");
    let told = maintain(&[]);
    assert!(told.contains("Old shared facts were deleted: "), "{told}");
    let left = files(&place.join("_facts"));
    assert!(lists(&place) == 1 && left.len() < all.len() && left.is_subset(&all), "{left:?}");
    // What is left is whole, and goes on: upkeep has made a version that says the same.
    bo.ok(&REVIEW);
    assert_eq!(lists(&place), 2);
    let di = over(&place);
    di.ok(&REVIEW);
    assert!(!di.path().join("timelines").exists());
    // Of many days, the sixteen that came last stay.
    for day in 1..=17 {
        bo.ok(&["review", "--as-of", &format!("2025-05-{day:02}"), "--format", "json"]);
    }
    assert_eq!(lists(&place), 19);
    maintain(&[]);
    assert_eq!(lists(&place), 16);
}

#[test]
fn who_cannot_or_will_not_share_is_answered_all_the_same() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = dir.path().join("record");
    let ada = over(&place);
    ada.ok(&["import", data(&ada, 'P', 30).to_str().expect("a path")]);
    // A file stands where the folder would be.
    std::fs::write(place.join("_facts"), "").expect("a file");
    let Run { code, out, err } = ada.run(&REVIEW);
    assert!(code == 0 && out.starts_with('{'), "{err}");
    assert!(err.contains("note: these facts are not shared with other homes: ") && err.contains("share_facts = false under [record]"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    keeps_to_itself(&ada);
    let Run { code, out: again, err } = ada.run(&REVIEW);
    assert!(code == 0 && err.is_empty() && again == out, "{err}");
    std::fs::remove_file(place.join("_facts")).expect("a file");
    ada.ok(&REVIEW);
    assert_eq!(lists(&place), 0);
    // Facts of a record of one's own stay where they are.
    let own = Home::new(None);
    own.ok(&["import", data(&own, 'P', 30).to_str().expect("a path")]);
    own.ok(&REVIEW);
    assert!(files(&own.path()).iter().all(|f| !f.to_string_lossy().contains("_facts") && !f.ends_with("shared.json")));
}
