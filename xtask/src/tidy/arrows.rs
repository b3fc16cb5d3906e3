//! Rules about dependencies, read from the manifests and the lock file.

use super::tree::Tree;

/// Crates of ours that a crate may name, without the prefix; of those not listed, `OTHERS` holds.
const ARROWS: &[(&str, &[&str])] = &[
    ("stats", &[]),
    ("domain", &["stats"]),
    ("app", &["domain", "stats"]),
    ("cluster", &["domain", "engine"]),
    ("treaty", &["app", "cluster", "domain", "engine", "intake", "stats", "store", "web"]),
];

/// What an adapter may name: never another adapter.
const OTHERS: &[&str] = &["app", "domain", "stats"];

/// Families, and the crates that may name them.
const HEAVY: &[(&str, &[&str])] = &[
    ("arrow-flight", &["cluster"]),
    ("arrow", &["engine"]),
    ("ballista", &["cluster"]),
    ("datafusion", &["engine", "cluster"]),
    ("deltalake", &["engine"]),
    ("parquet", &["engine"]),
];

/// Packages that are in the lock file once.
const ONCE: &[&str] = &["arrow", "datafusion", "deltalake-core", "parquet"];

/// Dependencies point down: adapters to app, app to domain, domain to stats; the heavy set is the engine's, Ballista the cluster's.
pub(super) fn arrows(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for file in tree.files() {
        let Some(krate) = file.krate().filter(|k| file.path == format!("crates/{k}/Cargo.toml")) else { continue };
        let allowed = ARROWS.iter().find(|(name, _)| *name == krate).map_or(OTHERS, |(_, allowed)| *allowed);
        for (line, name) in dependencies(&file.text) {
            let family = HEAVY.iter().find(|(h, _)| name.strip_prefix(h).is_some_and(|r| r.is_empty() || r.starts_with('-')));
            if let Some((_, may)) = family.filter(|(_, may)| !may.contains(&krate)) {
                faults.push(format!("{}:{line}: {krate} names {name}; only {} may", file.path, may.join(" and ")));
            }
            let ours = if name == "treaty" { Some("treaty") } else { name.strip_prefix("treaty-") };
            if ours.is_some_and(|o| !allowed.contains(&o)) {
                faults.push(format!("{}:{line}: {krate} may not depend on {name}", file.path));
            }
        }
    }
    faults
}

/// What checks the workspace is built in seconds.
pub(super) fn light_xtask(tree: &Tree) -> Vec<String> {
    let Some(file) = tree.file("xtask/Cargo.toml") else { return Vec::new() };
    let found = dependencies(&file.text).into_iter();
    found.map(|(line, name)| format!("{}:{line}: xtask depends on {name}", file.path)).collect()
}

/// One DataFusion, one Arrow, one Parquet, one Delta in the lock file.
pub(super) fn one_heavy_set(tree: &Tree) -> Vec<String> {
    let Some(lock) = tree.file("Cargo.lock") else { return vec!["Cargo.lock: is missing".to_owned()] };
    let count = |name: &str| lock.text.lines().filter(|l| *l == format!("name = \"{name}\"")).count();
    let wrong = ONCE.iter().map(|name| (name, count(name))).filter(|(_, n)| *n != 1);
    wrong.map(|(name, n)| format!("Cargo.lock: {n} versions of {name}, one is wanted")).collect()
}

/// Packages that a manifest names as dependencies of any kind, with their lines.
fn dependencies(manifest: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut within = false;
    for (i, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or_default();
            let mut parts = header.rsplitn(2, "dependencies");
            let (last, first) = (parts.next().unwrap_or_default(), parts.next());
            // `[dependencies]`, `[target.'cfg(unix)'.dev-dependencies]`, or `[dependencies.name]`.
            let kind = first.is_some_and(|f| f.is_empty() || f.ends_with(['-', '.']));
            within = kind && last.is_empty();
            if let Some(name) = last.strip_prefix('.').filter(|_| kind) {
                found.push((i + 1, name.trim_matches('"').to_owned()));
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=').filter(|_| within && !line.starts_with('#')) else { continue };
        let key = key.trim().split('.').next().unwrap_or_default().trim_matches('"');
        found.push((i + 1, renamed(value).unwrap_or(key).to_owned()));
    }
    found
}

/// `package = "x"` of an inline table.
fn renamed(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("package")?;
    rest.trim_start().strip_prefix('=')?.trim_start().strip_prefix('"')?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(krate: &str, manifest: &str) -> Vec<String> {
        arrows(&Tree::of(&[(&format!("crates/{krate}/Cargo.toml"), manifest)]))
    }

    #[test]
    fn every_way_to_name_a_dependency_is_read() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\n# b = 1\nc = { package = \"d\", version = \"1\" }\n\
                        [dev-dependencies]\n\"e\" = \"1\"\n[target.'cfg(unix)'.build-dependencies]\nf = \"1\"\n\
                        [dependencies.g]\nversion = \"1\"\n[lints]\nworkspace = true\n";
        let names: Vec<String> = dependencies(manifest).into_iter().map(|(_, n)| n).collect();
        assert_eq!(names, ["a", "d", "e", "f", "g"]);
    }

    #[test]
    fn arrows_that_point_up_are_found() {
        for (krate, name) in [
            ("stats", "treaty-domain"),
            ("domain", "treaty-app"),
            ("app", "treaty-engine"),
            ("app", "treaty-intake"),
            ("web", "treaty-engine"),
            ("intake", "treaty-engine"),
            ("engine", "treaty-web"),
            ("engine", "treaty-intake"),
            ("store", "treaty-engine"),
            ("web", "treaty"),
        ] {
            for section in ["dependencies", "dev-dependencies"] {
                let found = found(krate, &format!("[{section}]\n{name}.workspace = true\n"));
                assert_eq!(found, [format!("crates/{krate}/Cargo.toml:2: {krate} may not depend on {name}")]);
            }
        }
        for (krate, name) in [("domain", "treaty-stats"), ("app", "treaty-domain"), ("treaty", "treaty-web"), ("engine", "treaty-app")] {
            assert!(found(krate, &format!("[dependencies]\n{name}.workspace = true\n")).is_empty());
        }
    }

    #[test]
    fn the_heavy_set_is_the_engines() {
        for name in ["datafusion", "datafusion-common", "deltalake", "arrow", "arrow-schema", "parquet", "ballista-core"] {
            for krate in ["web", "app", "intake", "domain", "stats", "treaty"] {
                assert_eq!(found(krate, &format!("[dependencies]\n{name} = \"1\"\n")).len(), 1, "{krate} {name}");
            }
            let owner = if name == "ballista-core" { "cluster" } else { "engine" };
            assert!(found(owner, &format!("[dependencies]\n{name} = \"1\"\n")).is_empty());
        }
        assert!(found("web", "[dependencies]\narrows = \"1\"\n").is_empty());
    }

    #[test]
    fn a_second_version_is_found() {
        let once = "name = \"arrow\"\nname = \"datafusion\"\nname = \"deltalake-core\"\nname = \"parquet\"\n";
        assert!(one_heavy_set(&Tree::of(&[("Cargo.lock", once)])).is_empty());
        let twice = format!("{once}name = \"arrow\"\n");
        assert_eq!(one_heavy_set(&Tree::of(&[("Cargo.lock", &twice)])), ["Cargo.lock: 2 versions of arrow, one is wanted"]);
        assert_eq!(one_heavy_set(&Tree::of(&[])).len(), 1);
    }

    #[test]
    fn a_heavy_xtask_is_found() {
        assert!(light_xtask(&Tree::of(&[("xtask/Cargo.toml", "[dependencies]\n")])).is_empty());
        assert_eq!(light_xtask(&Tree::of(&[("xtask/Cargo.toml", "[dependencies]\nserde = \"1\"\n")])).len(), 1);
    }
}
