//! Real taps from PyPI, each in its own virtual environment, and a stand-in for the servers that they ask.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/taps");

/// One installation at a time: they share the network and the cache of pip.
static INSTALLING: Mutex<()> = Mutex::new(());

/// The `bin` folder of a virtual environment with packages of PyPI, made when it is first asked for and kept under the
/// target folder. `None`, and said so, where Python or PyPI is missing.
pub fn venv(name: &str, packages: &[&str]) -> Option<PathBuf> {
    let _one = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("venvs").join(name);
    let done = dir.join("installed");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&done).is_ok_and(|found| found == wanted) {
        return Some(dir.join("bin"));
    }
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a folder for virtual environments");
    let run = |command: &mut Command| -> Result<(), String> {
        let out = command.stdin(Stdio::null()).output().map_err(|e| e.to_string())?;
        let said = String::from_utf8_lossy(&out.stderr);
        if out.status.success() { Ok(()) } else { Err(said.lines().last().unwrap_or_default().to_owned()) }
    };
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(&dir));
    let pip = |()| {
        let mut command = Command::new(dir.join("bin/pip"));
        command.args(["install", "--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"]);
        run(command.args(packages))
    };
    if let Err(reason) = made.and_then(pip) {
        eprintln!("skipped: {} cannot be installed here: {reason}", packages.join(" "));
        return None;
    }
    std::fs::write(&done, wanted).expect("the mark is written");
    Some(dir.join("bin"))
}

/// A script of this folder.
pub fn script(name: &str) -> String {
    format!("{HERE}/{name}")
}

/// The stand-in of Salesforce and HubSpot.
pub struct StandIn {
    child: Child,
    dir: tempfile::TempDir,
    /// Where it answers.
    pub url: String,
}

impl StandIn {
    /// Starts it on a free port.
    pub fn start(data: &serde_json::Value) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(dir.path().join("data.json"), data.to_string()).expect("the data");
        let mut child = Command::new("python3")
            .arg(script("stand_in.py"))
            .arg(dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the stand-in starts");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut port).expect("its port");
        Self { child, dir, url: format!("http://127.0.0.1:{}", port.trim()) }
    }

    /// Changes what the servers know.
    pub fn set(&self, data: &serde_json::Value) {
        let fresh = self.dir.path().join("data.new");
        std::fs::write(&fresh, data.to_string()).expect("the data");
        std::fs::rename(fresh, self.dir.path().join("data.json")).expect("the data");
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
