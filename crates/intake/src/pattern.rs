//! Simple file patterns: `*` for any run of characters, `?` for one, `**` for folders in folders, without regard to case.

use crate::names::natural_order;
use std::path::{Component, Path, PathBuf};

/// The text holds a wildcard.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// A name fits a pattern.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(&c) if c == '?' || c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// The last parts of a path fit a pattern, part by part: `data/x.csv` fits `*.csv` and `data/*.csv`.
pub(crate) fn matches_end(pattern: &str, path: &Path) -> bool {
    let wanted: Vec<&str> = pattern.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    let parts: Vec<String> = path
        .components()
        .filter_map(|c| if let Component::Normal(part) = c { Some(part.to_string_lossy().into_owned()) } else { None })
        .collect();
    wanted.len() <= parts.len() && parts[parts.len() - wanted.len()..].iter().zip(&wanted).all(|(part, want)| matches(want, part))
}

/// Files and folders that fit a pattern, in natural order. Hidden names need a pattern that starts with a dot.
pub(crate) fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = vec![PathBuf::new()];
    for component in pattern.components() {
        let Component::Normal(part) = component else {
            found.iter_mut().for_each(|base| base.push(component));
            continue;
        };
        let text = part.to_string_lossy();
        let mut next = Vec::new();
        for base in &found {
            if text == "**" {
                below(base, MAX_DEPTH, &mut next);
                continue;
            }
            let literal = base.join(part);
            if literal.exists() {
                next.push(literal);
                continue;
            }
            let folder = if base.as_os_str().is_empty() { Path::new(".") } else { base.as_path() };
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let shown = name.to_string_lossy();
                if matches(&text, &shown) && (text.starts_with('.') || !shown.starts_with('.')) {
                    next.push(base.join(&name));
                }
            }
        }
        found = next;
    }
    found.retain(|p| !p.as_os_str().is_empty());
    found.sort_by(|a, b| natural_order(&a.to_string_lossy(), &b.to_string_lossy()));
    found
}

/// Folders that `**` goes down.
const MAX_DEPTH: usize = 16;

/// A folder and all folders in it, without hidden ones.
fn below(base: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    found.push(base.to_owned());
    let folder = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|_| depth > 0) {
        let name = entry.file_name();
        if entry.path().is_dir() && !name.to_string_lossy().starts_with('.') {
            below(&base.join(name), depth - 1, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name, fits) in [
            ("*.csv", "People.CSV", true),
            ("people*.csv", "people.csv", true),
            ("people-?.csv", "people-2.csv", true),
            ("people-?.csv", "people-22.csv", false),
            ("*a*b", "xaxxab", true),
            ("*a*b", "xaxxa", false),
            ("**", "", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
        assert!(matches_end("*.csv", Path::new("/data/x/people.csv")));
        assert!(matches_end("x/*.csv", Path::new("/data/x/people.csv")));
        assert!(!matches_end("y/*.csv", Path::new("/data/x/people.csv")));
        assert!(!matches_end("a/b/c.csv", Path::new("c.csv")));
    }
}
