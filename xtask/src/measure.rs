//! Runs a command and says how long it took and how much memory it held at most.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a run cost.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// Seconds from start to end.
    pub(crate) seconds: f64,
    /// Peak resident memory in KiB, as Linux counts it; 0 where there is no `/proc`.
    pub(crate) peak_kib: u64,
    /// What it printed.
    pub(crate) stdout: String,
}

/// How often the peak is read. It only ever grows, so the last reading counts.
const EVERY: Duration = Duration::from_millis(2);

/// Runs the command to its end. One that fails is an error with the end of what it said.
pub(crate) fn run(command: &mut Command) -> Result<Run, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let start = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{name} cannot be started: {e}"))?;
    let status_file = format!("/proc/{}/status", child.id());
    let (over, peak) = (AtomicBool::new(false), AtomicU64::new(0));
    let (output, seconds) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if let Some(kib) = std::fs::read_to_string(&status_file).ok().and_then(|t| high_water(&t)) {
                    peak.fetch_max(kib, Ordering::Relaxed);
                }
                std::thread::sleep(EVERY);
            }
        });
        let output = child.wait_with_output();
        let seconds = start.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        (output, seconds)
    });
    let output = output.map_err(|e| format!("{name} was lost: {e}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(Run { seconds, peak_kib: peak.into_inner(), stdout });
    }
    let said = format!("{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    Err(format!("{name} ended with {}:\n{}", output.status, tail(&said, 20)))
}

/// `VmHWM` of a `/proc/PID/status`, in KiB.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_timed_and_weighed() {
        let run = run(Command::new("sh").args(["-c", "sleep 0.05; echo done"])).expect("a shell");
        assert_eq!(run.stdout, "done\n");
        assert!(run.seconds >= 0.05);
        assert!(run.peak_kib > 0 || !cfg!(target_os = "linux"));
    }

    #[test]
    fn a_failure_says_what_the_command_said() {
        let e = run(Command::new("sh").args(["-c", "echo half; echo no room >&2; exit 3"])).expect_err("it fails");
        assert!(e.contains("half\nno room") && e.contains('3'), "{e}");
        assert!(run(&mut Command::new("no-such-program-here")).is_err_and(|e| e.contains("cannot be started")));
    }

    #[test]
    fn the_peak_is_found() {
        assert_eq!(high_water("Name:\tx\nVmHWM:\t    1692 kB\nVmRSS:\t 4 kB\n"), Some(1692));
        assert_eq!(high_water("Name:\tx\n"), None);
    }
}
