//! Embeds the packs of the repository: lists the folders of `packs/` and writes a table of their manifests and queries.
//!
//! It reads that one folder and nothing else; there is no network.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../packs");
    let folder = folder.canonicalize().map_err(|e| format!("{}: {e}; the packs belong there", folder.display()))?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut table = String::from(
        "/// Every pack of the repository: its name, and the names and texts of its files.\n\
         const BUILT_IN: &[(&str, &[(&str, &str)])] = &[\n",
    );
    for pack in listed(&folder)?.into_iter().filter(|p| p.join("pack.toml").is_file()) {
        println!("cargo::rerun-if-changed={}", pack.display());
        writeln!(table, "    ({:?}, &[", name(&pack)?)?;
        for file in listed(&pack)?.into_iter().filter(|f| f.extension().is_some_and(|e| e == "sql" || e == "toml")) {
            println!("cargo::rerun-if-changed={}", file.display());
            writeln!(table, "        ({:?}, include_str!({:?})),", name(&file)?, file)?;
        }
        table.push_str("    ]),\n");
    }
    table.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("packs.rs"), table)?;
    Ok(())
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> Result<&str, Box<dyn Error>> {
    Ok(path.file_name().and_then(|n| n.to_str()).ok_or("a pack has a file whose name is not UTF-8")?)
}
