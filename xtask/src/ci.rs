//! `cargo xtask ci`: all that has to hold, cheapest first. Tests come last, so that the output
//! closes with cargo's own test lines.

use crate::{Outcome, complain, say, tidy};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A step that is a cargo command.
struct Step {
    name: &'static str,
    args: &'static [&'static str],
    env: &'static [(&'static str, &'static str)],
}

/// The lints: they read the heavy set, but make no code of it.
const LINTS: &[Step] = &[
    Step {
        name: "clippy",
        args: &["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"],
        env: &[],
    },
    Step { name: "docs", args: &["doc", "--release", "--workspace", "--no-deps"], env: &[("RUSTDOCFLAGS", "-D warnings")] },
];

/// The tests. The release profile throughout: one profile, one compilation of the heavy set.
const TESTS: Step = Step { name: "tests", args: &["test", "--release", "--workspace", "--no-fail-fast"], env: &[] };

/// Clippy and the documentation, warnings denied.
pub(crate) fn lint(root: &Path) -> Outcome {
    steps(root, &LINTS.iter().collect::<Vec<_>>())
}

/// The rules of the source tree, the lints, then every test; stops at the first that fails.
pub(crate) fn run(root: &Path) -> Outcome {
    steps(root, &all())
}

fn all() -> Vec<&'static Step> {
    LINTS.iter().chain([&TESTS]).collect()
}

fn steps(root: &Path, list: &[&Step]) -> Outcome {
    let count = list.len() + 1;
    let mut times: Vec<(&str, Duration)> = Vec::new();
    heading(1, count, "tidy", "cargo xtask tidy");
    let start = Instant::now();
    let code = tidy::run(root)?;
    if code != 0 {
        return failed("tidy", start.elapsed());
    }
    times.push(("tidy", start.elapsed()));
    for (i, step) in list.iter().enumerate() {
        if i + 1 == list.len() {
            let so_far = times.iter().map(|(name, t)| format!("{name} {}", clock(*t))).collect::<Vec<_>>();
            say(&format!("\nso far: {}", so_far.join(", ")));
        }
        heading(i + 2, count, step.name, &format!("cargo {}", step.args.join(" ")));
        let start = Instant::now();
        let status = cargo(root)
            .args(step.args)
            .envs(step.env.iter().copied())
            .status()
            .map_err(|e| format!("cargo cannot be started: {e}"))?;
        if !status.success() {
            return failed(step.name, start.elapsed());
        }
        times.push((step.name, start.elapsed()));
    }
    Ok(0)
}

/// Cargo, without what `cargo run` put into our environment: build scripts that watch those
/// variables would otherwise run again, and the heavy set with them.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_this_package) {
            command.env_remove(name);
        }
    }
    command.current_dir(root).stdin(Stdio::null());
    command
}

fn of_this_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|p| variable.starts_with(p))
        || matches!(variable, "CARGO" | "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "OUT_DIR")
}

fn heading(step: usize, of: usize, name: &str, command: &str) {
    say(&format!("\n==> {step}/{of} {name}: {command}"));
}

fn failed(step: &str, after: Duration) -> Outcome {
    complain(&format!("{step} failed after {}; later steps were not run", clock(after)));
    Ok(1)
}

/// A duration for people: `0.4 s`, `12 s`, `3 min 05 s`.
fn clock(t: Duration) -> String {
    match t.as_secs() {
        0..10 => format!("{:.1} s", t.as_secs_f64()),
        s @ 10..60 => format!("{s} s"),
        s => format!("{} min {:02} s", s / 60, s % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_come_last_and_all_share_the_release_profile() {
        assert_eq!(all().last().map(|s| s.args.first()), Some(Some(&"test")));
        assert!(all().iter().all(|s| s.args.contains(&"--release") && s.args.contains(&"--workspace")));
    }

    #[test]
    fn clocks_are_for_people() {
        assert_eq!(clock(Duration::from_millis(420)), "0.4 s");
        assert_eq!(clock(Duration::from_secs(59)), "59 s");
        assert_eq!(clock(Duration::from_secs(185)), "3 min 05 s");
    }

    #[test]
    fn what_cargo_run_sets_is_not_handed_on() {
        assert!(of_this_package("CARGO_PKG_NAME") && of_this_package("CARGO_MANIFEST_DIR") && of_this_package("CARGO"));
        assert!(!of_this_package("CARGO_TARGET_DIR") && !of_this_package("CARGO_HOME") && !of_this_package("PATH"));
    }
}
