//! Embeds the metric files of the repository: lists `metrics/*.toml` and writes a table of their texts.
//!
//! It reads that one folder and nothing else; there is no network.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../metrics");
    let folder = folder.canonicalize().map_err(|e| format!("{}: {e}; the metric files belong there", folder.display()))?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
    files.sort();
    let mut table = String::from("/// Name and text of every metric file of the repository, by name.\nconst FILES: &[(&str, &str)] = &[\n");
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.file_name().and_then(|n| n.to_str()).ok_or("a metric file has a name that is not UTF-8")?;
        writeln!(table, "    ({:?}, include_str!({:?})),", format!("metrics/{name}"), file)?;
    }
    table.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("metric_files.rs"), table)?;
    Ok(())
}
