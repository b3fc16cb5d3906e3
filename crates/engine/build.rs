//! Embeds the metric files of the repository: lists `metrics/*.toml` and writes a table of their texts. And tells what
//! facts follow from: a digest of the sources that derive them, because other sources may derive other facts.
//!
//! It reads these folders and the lock file and nothing else; there is no network.

use std::error::Error;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What facts follow from: these crates, and what the lock file pins.
const SOURCES: [&str; 5] = ["../app/src", "../domain/src", "../stats/src", "src", "../../Cargo.lock"];

fn main() -> Result<(), Box<dyn Error>> {
    metrics()?;
    let mut hasher = DefaultHasher::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
        for file in files(Path::new(source))? {
            hasher.write(file.to_string_lossy().as_bytes());
            hasher.write(&fs::read(&file)?);
        }
    }
    println!("cargo::rustc-env=TREATY_SOURCES={:016x}", hasher.finish());
    Ok(())
}

/// The files of a folder and of those in it, or the file itself; in order.
fn files(path: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    entries.sort();
    let all: Vec<Vec<PathBuf>> = entries.iter().map(|entry| files(entry)).collect::<Result<_, _>>()?;
    Ok(all.concat())
}

fn metrics() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../metrics");
    let folder = folder.canonicalize().map_err(|e| format!("{}: {e}; the metric files belong there", folder.display()))?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut table = String::from("/// Name and text of every metric file of the repository, by name.\nconst FILES: &[(&str, &str)] = &[\n");
    for file in files(&folder)?.into_iter().filter(|f| f.extension().is_some_and(|e| e == "toml")) {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.file_name().and_then(|n| n.to_str()).ok_or("a metric file has a name that is not UTF-8")?;
        writeln!(table, "    ({:?}, include_str!({:?})),", format!("metrics/{name}"), file)?;
    }
    table.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("metric_files.rs"), table)?;
    Ok(())
}
