//! The files that the rules look at, in memory.

use super::rust::Source;
use std::collections::BTreeSet;
use std::path::Path;

/// What is read as text; of other files only the name counts.
const TEXT: &[&str] = &["rs", "md", "toml", "sql", "html", "css", "js", "sh", "yml", "yaml", "lock"];

/// A file.
pub(super) struct File {
    /// Path from the root, parted by `/`.
    pub(super) path: String,
    /// Text; empty for what is not read.
    pub(super) text: String,
    /// Of a Rust file: code, comments and literals apart.
    pub(super) rust: Option<Source>,
    /// Tests, examples and benchmarks, which no user runs.
    pub(super) test: bool,
}

impl File {
    /// Ends with the extension.
    pub(super) fn is(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, e)| e == extension)
    }

    /// The crate that it belongs to, by its folder.
    pub(super) fn krate(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }

    /// Lines with their numbers.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(i, l)| (i + 1, l))
    }
}

/// All files.
pub(super) struct Tree {
    files: Vec<File>,
}

impl Tree {
    /// Reads what is below a folder, apart from what is hidden, ignored or built.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let ignored: BTreeSet<String> = std::fs::read_to_string(root.join(".gitignore"))
            .unwrap_or_default()
            .lines()
            .filter_map(|l| l.trim().strip_prefix('/').map(|l| l.trim_end_matches('/').to_owned()))
            .collect();
        let mut found = Vec::new();
        walk(root, "", &ignored, &mut found)?;
        found.sort();
        Ok(Self::with(found))
    }

    /// A tree of given files, for tests of rules.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        Self::with(files.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect())
    }

    fn with(files: Vec<(String, String)>) -> Self {
        let mut files: Vec<File> = files
            .into_iter()
            .map(|(path, text)| {
                let rust = path.ends_with(".rs").then(|| Source::new(&text));
                File { test: is_test(&path), path, text, rust }
            })
            .collect();
        let declared: BTreeSet<String> =
            files.iter().flat_map(|f| f.rust.iter().flat_map(|r| test_modules(&f.path, r))).collect();
        for file in &mut files {
            file.test |= declared.iter().any(|d| file.path == format!("{d}.rs") || file.path.starts_with(&format!("{d}/")));
        }
        Self { files }
    }

    /// The files, by path.
    pub(super) fn files(&self) -> &[File] {
        &self.files
    }

    /// The file of a path.
    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|f| f.path == path)
    }

    /// Is there such a file or folder?
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty() || self.files.iter().any(|f| f.path == path || f.path.starts_with(&folder))
    }

    /// Rust files.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&File, &Source)> {
        self.files.iter().filter_map(|f| f.rust.as_ref().map(|r| (f, r)))
    }
}

fn walk(root: &Path, below: &str, ignored: &BTreeSet<String>, found: &mut Vec<(String, String)>) -> Result<(), String> {
    let dir = root.join(below);
    let entries = std::fs::read_dir(&dir).map_err(|e| format!("{} cannot be read: {e}", dir.display()))?;
    for entry in entries {
        let entry = entry.map_err(|e| format!("{} cannot be read: {e}", dir.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let hidden = name.starts_with('.') && !matches!(name.as_str(), ".ci" | ".cargo" | ".gitignore");
        if hidden || ignored.contains(&path) || matches!(name.as_str(), "target" | "node_modules") {
            continue;
        }
        let kind = entry.file_type().map_err(|e| format!("{path} cannot be read: {e}"))?;
        if kind.is_dir() {
            // A build folder under another name says what it is.
            if !entry.path().join("CACHEDIR.TAG").exists() {
                walk(root, &path, ignored, found)?;
            }
            continue;
        }
        let text = path.rsplit_once('.').is_some_and(|(_, e)| TEXT.contains(&e)) || path.starts_with(".ci/");
        let bytes = if text && kind.is_file() {
            match std::fs::read(entry.path()) {
                // Somebody may be at work here: what was just removed is no fault.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                other => other.map_err(|e| format!("{path} cannot be read: {e}"))?,
            }
        } else {
            Vec::new()
        };
        found.push((path, String::from_utf8_lossy(&bytes).into_owned()));
    }
    Ok(())
}

fn is_test(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    folders.split('/').any(|f| matches!(f, "tests" | "examples" | "benches" | "fixtures"))
        || name.strip_suffix(".rs").is_some_and(|stem| stem == "tests" || stem.ends_with("_tests"))
}

/// Modules that a file declares for tests only, as paths without `.rs`.
fn test_modules(path: &str, source: &Source) -> Vec<String> {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.trim_end_matches(".rs");
    let own = if matches!(stem, "lib" | "main" | "mod") { dir.to_owned() } else { format!("{dir}/{stem}") };
    let named = |item: String| {
        let item = item.trim_end().strip_suffix(';')?;
        let (before, name) = item.rsplit_once(char::is_whitespace)?;
        before.trim_end().ends_with("mod").then(|| format!("{own}/{name}"))
    };
    source.test_items().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_told_from_what_runs() {
        let tree = Tree::of(&[
            ("crates/app/src/lib.rs", "//! x\n#[cfg(test)]\npub(crate) mod fixture;\nmod real;\n#[cfg(test)]\nmod inner { fn f() {} }\n"),
            ("crates/app/src/fixture.rs", ""),
            ("crates/app/src/fixture/more.rs", ""),
            ("crates/app/src/real.rs", ""),
            ("crates/app/src/real/tests.rs", ""),
            ("crates/app/src/real/hours_tests.rs", ""),
            ("crates/app/tests/it/main.rs", ""),
        ]);
        let tests: Vec<&str> = tree.files().iter().filter(|f| f.test).map(|f| f.path.as_str()).collect();
        assert_eq!(
            tests,
            [
                "crates/app/src/fixture.rs",
                "crates/app/src/fixture/more.rs",
                "crates/app/src/real/tests.rs",
                "crates/app/src/real/hours_tests.rs",
                "crates/app/tests/it/main.rs"
            ]
        );
    }

    #[test]
    fn files_and_folders_are_found() {
        let tree = Tree::of(&[("docs/adr/0001-x.md", "")]);
        assert!(tree.has("docs") && tree.has("docs/adr") && tree.has("docs/adr/0001-x.md") && tree.has(""));
        assert!(!tree.has("docs/ad") && !tree.has("doc"));
        assert_eq!(tree.files()[0].krate(), None);
    }
}
