//! Rules about Rust source.

use super::rust::{Source, in_name};
use super::tree::Tree;

/// Most lines of a file.
const LINES: usize = 600;

/// Files that people have to read have at most 600 lines.
pub(super) fn short_files(tree: &Tree) -> Vec<String> {
    let written = |path: &str| [".rs", ".html", ".css", ".js"].iter().any(|e| path.ends_with(e));
    let files = tree.files().iter().filter(|f| written(&f.path));
    files
        .filter_map(|f| {
            let lines = f.text.lines().count();
            (lines > LINES).then(|| format!("{}: {lines} lines, {LINES} are allowed; part it by subject", f.path))
        })
        .collect()
}

/// The first line of a Rust file that is not empty begins with `//!`.
pub(super) fn module_docs(tree: &Tree) -> Vec<String> {
    let silent = |text: &str| !text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or_default().starts_with("//!");
    let files = tree.rust().filter(|(f, _)| silent(&f.text));
    files.map(|(f, _)| format!("{}:1: does not begin with `//!` and what it is", f.path)).collect()
}

/// Names of the outside world.
const WORLD: &[&str] =
    &["std::fs", "std::net", "std::process", "std::env", "async fn", "async move", "tokio", "SystemTime", "Instant::now"];

/// Modules of the outside world in a grouped `use std::{...}`.
const WORLD_MODULES: &[&str] = &["fs", "net", "process", "env"];

/// Names of clocks. Reading when a file was changed is no clock, so `SystemTime` alone is not here.
const CLOCKS: &[&str] =
    &["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "Utc::now", "Local::now", "OffsetDateTime::now"];

/// Domain and stats do no I/O, know no clock and no async; their tests neither.
pub(super) fn pure_core(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, source) in tree.rust().filter(|(f, _)| matches!(f.krate(), Some("domain" | "stats"))) {
        let clocks = CLOCKS.iter().filter(|c| !WORLD.iter().any(|w| c.starts_with(w)));
        for word in WORLD.iter().chain(clocks) {
            let places = source.places(word);
            faults.extend(places.iter().map(|p| format!("{}:{}: `{word}` in a pure crate", file.path, p.line)));
        }
        for place in source.places("std::") {
            let rest = source.until(place.at, |c| c == ';');
            let Some(group) = rest.strip_prefix("std::{") else { continue };
            let names = group.split(|c: char| !in_name(c));
            let found = names.filter(|n| WORLD_MODULES.contains(n));
            faults.extend(found.map(|n| format!("{}:{}: `std::{n}` in a pure crate", file.path, place.line)));
        }
    }
    faults
}

/// The clock is read in the binary; everything else is told what time it is.
pub(super) fn one_clock(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    let elsewhere = |krate: Option<&str>| krate.is_some_and(|k| k != "treaty");
    for (file, source) in tree.rust().filter(|(f, _)| elsewhere(f.krate()) && !f.test) {
        for clock in CLOCKS {
            let places = source.places(clock).into_iter().filter(|p| !p.test);
            faults.extend(places.map(|p| format!("{}:{}: `{clock}` outside of crates/treaty", file.path, p.line)));
        }
    }
    faults
}

/// Nothing is left for later, no test is switched off without a reason.
pub(super) fn finished(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, source) in tree.rust() {
        let mut fault = |line: usize, what: &str| faults.push(format!("{}:{line}: {what}", file.path));
        for call in ["todo!", "unimplemented!", "dbg!"] {
            source.places(call).iter().for_each(|p| fault(p.line, &format!("`{call}`")));
        }
        for remark in &source.comments {
            for mark in ["FIXME", "XXX"] {
                if words(&remark.text).any(|w| w == mark) {
                    fault(remark.line, &format!("`{mark}`: mend it, or write an issue"));
                }
            }
        }
        for place in source.places("ignore") {
            if switched_off(source, place.at) && !has_reason(&file.text, place.line) {
                fault(place.line, "`#[ignore]` without a reason: `#[ignore = \"why\"]`");
            }
        }
    }
    for file in tree.files().iter().filter(|f| f.rust.is_none() && !f.is("lock")) {
        for (line, text) in file.lines() {
            if words(text).any(|w| w == "FIXME") {
                faults.push(format!("{}:{line}: `FIXME`: mend it, or write an issue", file.path));
            }
        }
    }
    faults
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !in_name(c))
}

/// Is `ignore` here an attribute of a test?
fn switched_off(source: &Source, at: usize) -> bool {
    let before = source.before(at, 200);
    let before = before.trim_end();
    let conditional = before.ends_with(',') && before.rsplit_once("#[").is_some_and(|(_, a)| a.starts_with("cfg_attr("));
    before.ends_with("#[") || conditional
}

fn has_reason(text: &str, line: usize) -> bool {
    let line = text.lines().nth(line - 1).unwrap_or_default();
    let reason = line.rsplit_once("ignore").and_then(|(_, r)| r.trim_start().strip_prefix('='));
    reason.and_then(|r| r.trim_start().strip_prefix('"')).is_some_and(|r| !r.starts_with('"'))
}

/// In the domain nothing that is named an amount, or counted in minor units, is a float.
pub(super) fn integer_money(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, source) in tree.rust().filter(|(f, _)| f.krate() == Some("domain")) {
        for (place, name) in source.names() {
            let money = name.to_lowercase().contains("amount") || name.ends_with("_minor") || name == "minor";
            if money && is_float(source, place.at, name.chars().count()) {
                faults.push(format!("{}:{}: `{name}` is a float; money is integer minor units", file.path, place.line));
            }
        }
    }
    faults
}

/// Does the code say that the name at a place is of a float type?
fn is_float(source: &Source, at: usize, length: usize) -> bool {
    let float = |text: &str| words(text).any(|w| w == "f64" || w == "f32");
    let rest = source.until(at + length, |c| matches!(c, ';' | '{' | '}'));
    let rest = rest.trim_start();
    let before = source.before(at, 12);
    let before = before.trim_end();
    if before.ends_with("fn") {
        return rest.rsplit_once("->").is_some_and(|(_, returned)| float(returned));
    }
    if let Some(kind) = rest.strip_prefix(':').filter(|k| !k.starts_with(':')) {
        return float(kind.split([',', '=', ')', '|']).next().unwrap_or_default());
    }
    let bound = before.ends_with("let") || before.ends_with("let mut");
    bound && rest.starts_with('=') && ["as f64", "as f32"].iter().any(|end| rest.trim_end().ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(rule: fn(&Tree) -> Vec<String>, path: &str, text: &str) -> Vec<String> {
        rule(&Tree::of(&[(path, text)]))
    }

    #[test]
    fn long_files_are_found() {
        let lines = |n: usize| "//! x\n".repeat(n);
        assert!(faults(short_files, "crates/app/src/lib.rs", &lines(600)).is_empty());
        let found = faults(short_files, "crates/web/templates/x.html", &lines(601));
        assert_eq!(found, ["crates/web/templates/x.html: 601 lines, 600 are allowed; part it by subject"]);
        assert!(faults(short_files, "docs/long.md", &lines(601)).is_empty());
    }

    #[test]
    fn silent_files_are_found() {
        assert!(faults(module_docs, "crates/app/src/lib.rs", "\n//! App.\n").is_empty());
        for bad in ["", "use x;\n//! late", "// no\n"] {
            assert_eq!(faults(module_docs, "crates/app/src/lib.rs", bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn the_outside_world_is_found_in_pure_crates() {
        for bad in [
            "use std::fs;",
            "std::net::TcpStream::connect(x)",
            "std::process::exit(1)",
            "std::env::var(x)",
            "async fn f() {}",
            "use tokio::spawn;",
            "use std::time::SystemTime;",
            "let t = Instant::now();",
            "let t = Timestamp::now();",
            "let t = jiff::Zoned::now();",
            "use std::{collections::BTreeMap, fs::File};",
        ] {
            assert_eq!(faults(pure_core, "crates/domain/src/x.rs", bad).len(), 1, "{bad}");
            assert_eq!(faults(pure_core, "crates/stats/tests/x.rs", bad).len(), 1, "{bad}");
            assert!(faults(pure_core, "crates/engine/src/x.rs", bad).is_empty(), "{bad}");
        }
        for good in ["// std::fs\nlet s = \"tokio\";", "use std::{fmt, str};", "cx.now(); self.process(); std::fmt::Display"] {
            assert!(faults(pure_core, "crates/domain/src/x.rs", good).is_empty(), "{good}");
        }
    }

    #[test]
    fn clocks_are_found_outside_of_the_binary() {
        for bad in ["jiff::Timestamp::now()", "SystemTime::now()", "std::time::Instant::now()", "chrono::Utc::now"] {
            assert_eq!(faults(one_clock, "crates/engine/src/x.rs", bad).len(), 1, "{bad}");
            assert!(faults(one_clock, "crates/treaty/src/x.rs", bad).is_empty());
            assert!(faults(one_clock, "crates/engine/tests/x.rs", bad).is_empty());
            assert!(faults(one_clock, "crates/engine/src/x.rs", &format!("#[cfg(test)]\nmod t {{ {bad}; }}")).is_empty());
        }
        assert!(faults(one_clock, "crates/engine/src/x.rs", "world.context.now(); file_time: SystemTime").is_empty());
    }

    #[test]
    fn unfinished_work_is_found() {
        let path = "crates/app/src/x.rs";
        for bad in [
            "todo!()",
            "unimplemented!(\"x\")",
            "dbg!(x)",
            "// FIXME: later",
            "/* XXX */",
            "#[ignore]\nfn f() {}",
            "#[ignore = \"\"]",
            "#[cfg_attr(windows, ignore)]",
        ] {
            assert_eq!(faults(finished, path, bad).len(), 1, "{bad}");
        }
        for good in ["#[ignore = \"needs a disk\"]", "let s = \"todo!\"; // unimplemented", "ignore(x); my_todo!()", "// XXXL"] {
            assert!(faults(finished, path, good).is_empty(), "{good}");
        }
        assert_eq!(faults(finished, "docs/a.md", "a\nFIXME b\n"), ["docs/a.md:2: `FIXME`: mend it, or write an issue"]);
    }

    #[test]
    fn floating_money_is_found() {
        let path = "crates/domain/src/x.rs";
        for bad in [
            "struct S { amount: f64 }",
            "fn f(won_amount: Option<f32>) {}",
            "fn f(total_minor: &[f64], n: i64) {}",
            "let amount: f64 = 1.0;",
            "fn amount(&self) -> f64 { 1.0 }",
            "let mut amount = x as f64;",
        ] {
            assert_eq!(faults(integer_money, path, bad).len(), 1, "{bad}");
            assert!(faults(integer_money, "crates/stats/src/x.rs", bad).is_empty());
        }
        for good in [
            "struct S { amount: i64, share: f64 }",
            "fn f(amount: i64, share: f64) -> f64 {}",
            "fn amount(share: f64) -> i64 {}",
            "let amount = apportion(x as f64);",
            "match x { Amount::Minor => 1.0f64 }",
        ] {
            assert!(faults(integer_money, path, good).is_empty(), "{good}");
        }
    }
}
