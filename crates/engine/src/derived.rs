//! Folders of what is derived and kept: the newest stay, older ones and what was cut short give way.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Begins the name of a folder that is not complete yet.
const UNFINISHED: &str = ".unfinished-";
/// Written last: a folder without it was cut short.
pub(crate) const CONTENTS: &str = "contents.json";
/// So long nobody works on a folder.
const ABANDONED: Duration = Duration::from_secs(3_600);

/// Whether a folder is complete.
pub(crate) fn is_kept(folder: &Path) -> bool {
    folder.join(CONTENTS).is_file()
}

/// Where what will be in a folder is made; what a process of the same number left there is removed.
pub(crate) fn unfinished(folder: &Path) -> PathBuf {
    let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let unfinished = folder.with_file_name(format!("{UNFINISHED}{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&unfinished);
    unfinished
}

/// Gives a complete folder its name, unless somebody else was quicker, who made the same; the newest `keep` stay.
///
/// # Errors
/// When it cannot have it.
pub(crate) fn settle(unfinished: &Path, folder: &Path, keep: usize) -> std::io::Result<()> {
    std::fs::rename(unfinished, folder).or_else(|e| if is_kept(folder) { Ok(()) } else { Err(e) })?;
    if let Some(parent) = folder.parent() {
        tidy(parent, folder, keep);
    }
    Ok(())
}

/// Removes all but the newest `keep` folders beside a new one, and what other runs left unfinished
/// long before it. What cannot be removed stays.
fn tidy(parent: &Path, own: &Path, keep: usize) {
    let modified = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified());
    let Ok(now) = modified(own) else { return };
    let (mut complete, mut gone): (Vec<(SystemTime, PathBuf)>, Vec<PathBuf>) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let Ok(at) = modified(&path) else { continue };
        if name.starts_with('v') && path != own {
            complete.push((at, path));
        } else if name.starts_with(UNFINISHED) && now.duration_since(at).is_ok_and(|age| age > ABANDONED) {
            gone.push(path);
        }
    }
    complete.sort();
    let surplus = (complete.len() + 1).saturating_sub(keep);
    gone.extend(complete.into_iter().take(surplus).map(|(_, path)| path));
    gone.iter().for_each(|path| _ = std::fs::remove_dir_all(path));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_only_what_is_long_abandoned_goes() {
        let parent = tempfile::tempdir().expect("a folder");
        let now = std::fs::metadata(parent.path()).and_then(|m| m.modified()).expect("a time");
        let folder = |name: &str, hours: u64| {
            let path = parent.path().join(name);
            std::fs::create_dir(&path).expect("a folder");
            let file = std::fs::File::open(&path).expect("the folder");
            file.set_modified(now - Duration::from_secs(hours * 3_600)).expect("a time");
            path
        };
        let (oldest, older, own) = (folder("v1", 5), folder("v2", 4), folder("v3", 0));
        let (left, working) = (folder(".unfinished-1", 3), folder(".unfinished-2", 0));
        tidy(parent.path(), &own, 2);
        assert!(own.is_dir() && older.is_dir() && working.is_dir());
        assert!(!oldest.exists() && !left.exists());
    }
}
