//! What bench and compare share: the scripts, their Python, generated companies, our binary, homes.

use crate::{ci, measure, say};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The day both sides report about.
pub(crate) const AS_OF: &str = "2026-06-30";

/// What the scripts import.
const PACKAGES: &[&str] = &["duckdb", "pytz", "numpy", "pyarrow", "pandas"];

/// Scripts and a Python that can run them.
pub(crate) struct Peer {
    scripts: PathBuf,
    python: PathBuf,
}

/// The place where everything is put: `bench` in the target folder.
pub(crate) struct Lab {
    root: PathBuf,
    dir: PathBuf,
}

impl Lab {
    /// Opens the place, creating it when needed.
    pub(crate) fn open(root: &Path) -> Result<Self, String> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        // What is relative, cargo takes from where it was called; so do we.
        let target = match std::env::current_dir() {
            Ok(here) if std::env::var_os("CARGO_TARGET_DIR").is_some() => here.join(target),
            _ => root.join(target),
        };
        let dir = target.join("bench");
        std::fs::create_dir_all(&dir).map_err(|e| format!("{} cannot be created: {e}", dir.display()))?;
        Ok(Self { root: root.to_owned(), dir })
    }

    /// A folder in the place, emptied.
    pub(crate) fn empty(&self, name: &str) -> Result<PathBuf, String> {
        let dir = self.dir.join(name);
        if dir.exists() {
            std::fs::remove_dir_all(&dir).map_err(|e| format!("{} cannot be removed: {e}", dir.display()))?;
        }
        std::fs::create_dir_all(&dir).map_err(|e| format!("{} cannot be created: {e}", dir.display()))?;
        Ok(dir)
    }

    /// The scripts, with a Python of our own; `None` when this machine does not have them.
    pub(crate) fn peer(&self) -> Result<Option<Peer>, String> {
        let scripts = std::env::var_os("TREATY_BENCH").map_or_else(|| self.root.join("../shared/bench"), PathBuf::from);
        if !["gen.py", "peer_duckdb.py", "compare.py"].iter().all(|f| scripts.join(f).is_file()) {
            say(&format!("skipped: {} has no gen.py, peer_duckdb.py and compare.py", scripts.display()));
            return Ok(None);
        }
        let venv = self.dir.join("python");
        let (python, ready) = (venv.join("bin/python"), venv.join("ready"));
        if std::fs::read_to_string(&ready).ok().as_deref() != Some(&PACKAGES.join(" ")) {
            say(&format!("prepare {} with {}", venv.display(), PACKAGES.join(", ")));
            measure::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
            measure::run(
                Command::new(&python)
                    .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"])
                    .args(PACKAGES),
            )?;
            std::fs::write(&ready, PACKAGES.join(" ")).map_err(|e| format!("{} cannot be written: {e}", ready.display()))?;
        }
        Ok(Some(Peer { scripts, python }))
    }

    /// A generated company; made once a size and seed.
    pub(crate) fn company(&self, peer: &Peer, leads: u64, seed: u64) -> Result<PathBuf, String> {
        let dir = self.dir.join(format!("company-{leads}-{seed}"));
        if dir.is_dir() {
            return Ok(dir);
        }
        say(&format!("generate {leads} leads, seed {seed}, into {}", dir.display()));
        let part = self.empty("company-unfinished")?;
        measure::run(peer.script("gen.py").arg(&part).args([leads.to_string(), seed.to_string()]))?;
        std::fs::rename(&part, &dir).map_err(|e| format!("{} cannot be renamed: {e}", part.display()))?;
        Ok(dir)
    }

    /// Our program, built.
    pub(crate) fn treaty(&self) -> Result<PathBuf, String> {
        say("build treaty");
        let status = ci::cargo(&self.root)
            .args(["build", "--release", "--quiet", "--package", "treaty"])
            .env("CARGO_TARGET_DIR", self.target())
            .status()
            .map_err(|e| format!("cargo cannot be started: {e}"))?;
        if !status.success() {
            return Err("treaty could not be built".to_owned());
        }
        Ok(self.target().join("release/treaty"))
    }

    /// A fresh home under the benchmark's agreement.
    pub(crate) fn home(&self, treaty: &Path, name: &str) -> Result<PathBuf, String> {
        let home = self.empty(name)?;
        measure::run(Command::new(treaty).arg("init").arg(&home))?;
        let (from, to) = (self.root.join("bench/agreement.toml"), home.join("agreement.toml"));
        std::fs::copy(&from, &to).map_err(|e| format!("{} cannot be copied: {e}", from.display()))?;
        Ok(home)
    }

    /// The place itself.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The root of the workspace.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The target folder.
    pub(crate) fn target(&self) -> &Path {
        self.dir.parent().unwrap_or(&self.dir)
    }
}

impl Peer {
    /// One of the scripts, ready for its arguments.
    pub(crate) fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.scripts.join(name));
        command
    }

    /// A few lines of Python, ready for their arguments.
    pub(crate) fn inline(&self, lines: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.args(["-c", lines]);
        command
    }
}

/// Our program in a home.
pub(crate) fn treaty_in(treaty: &Path, home: &Path) -> Command {
    let mut command = Command::new(treaty);
    command.arg("-C").arg(home).env("NO_COLOR", "1");
    command
}
