//! `cargo xtask`: what the project does to itself. Checks, benchmark, comparison with the peer.

mod args;
mod bench;
mod bench_csv;
mod bench_more;
mod ci;
mod compare;
mod lab;
mod measure;
mod table;
mod tidy;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask ci                  the rules of the source tree and all tests
cargo xtask lint                clippy and the documentation, warnings denied
cargo xtask tidy                the rules of the source tree alone; takes a second
cargo xtask bench               time and memory beside the same review as SQL in DuckDB
    --leads N                   size of the generated company (default 1000000)
    --runs R                    runs of each; the median counts (default 3)
    --data DIR                  a company that is there already, as Parquet in the native layout
    --growth A,B,C              instead: import and review of companies of A, B, ... leads
cargo xtask compare             every report beside the same report as SQL in DuckDB
    --leads N                   size of the generated companies (default 20000)
    --seeds A,B,C               one company a seed (default 1,2,3)

Exit codes: 0 fine, 1 something was found, 2 could not run.
CARGO_TARGET_DIR is heeded. TREATY_BENCH names the folder of gen.py, peer_duckdb.py and
compare.py (default: ../shared/bench beside the repository).
";

/// Exit code of a task, or why it could not run.
type Outcome = Result<u8, String>;

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            complain(&message);
            ExitCode::from(2)
        }
    }
}

fn run(args: Vec<String>) -> Outcome {
    let Some((task, rest)) = args.split_first() else {
        say(HELP.trim_end());
        return Ok(2);
    };
    if matches!(task.as_str(), "help" | "-h" | "--help") || rest.iter().any(|a| a == "-h" || a == "--help") {
        say(HELP.trim_end());
        return Ok(0);
    }
    match task.as_str() {
        "ci" => {
            args::Options::read(rest, &[])?;
            ci::run(&root())
        }
        "lint" => {
            args::Options::read(rest, &[])?;
            ci::lint(&root())
        }
        "tidy" => {
            args::Options::read(rest, &[])?;
            tidy::run(&root())
        }
        "bench" => bench::run(&root(), &bench::Wanted::read(rest)?),
        "compare" => compare::run(&root(), &compare::Wanted::read(rest)?),
        other => Err(format!("there is no task `{other}`; `cargo xtask help` lists them")),
    }
}

/// The repository: one folder above this package.
fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.parent().map_or_else(|| own.clone(), PathBuf::from)
}

/// Prints a line at once. A closed pipe is not our problem.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Prints a line for what went wrong.
fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "xtask: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn unknown_tasks_and_options_are_refused() {
        assert!(run(words("frobnicate")).is_err_and(|e| e.contains("no task `frobnicate`")));
        assert!(run(words("tidy --loud")).is_err_and(|e| e.contains("`--loud`")));
        assert!(run(words("ci now")).is_err_and(|e| e.contains("`now`")));
        assert!(run(words("bench --leads few")).is_err_and(|e| e.contains("`few`")));
    }

    #[test]
    fn the_root_is_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
        assert!(root().join("xtask/src/main.rs").is_file());
    }
}
