//! Rules about what is written for people: documents, metric files, words.

use super::tree::{File, Tree};
use std::collections::BTreeMap;

/// Most lines of a decision record.
const DECISION_LINES: usize = 80;

/// A metric is found under its name.
pub(super) fn metric_ids(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for file in tree.files() {
        let stem = file.path.strip_prefix("metrics/").and_then(|n| n.strip_suffix(".toml"));
        let Some(stem) = stem.filter(|s| !s.contains('/')) else { continue };
        let id = file
            .text
            .lines()
            .skip_while(|l| l.trim() != "[metric]")
            .skip(1)
            .take_while(|l| !l.trim_start().starts_with('['))
            .find_map(|l| l.trim().strip_prefix("id")?.trim_start().strip_prefix('=')?.trim().split('"').nth(1));
        match id {
            Some(id) if id == stem => {}
            Some(id) => faults.push(format!("{}: the id is `{id}`, the file is named `{stem}`", file.path)),
            None => faults.push(format!("{}: [metric] has no id", file.path)),
        }
    }
    faults
}

/// Folders of a machine; a path that begins with one works on that machine only.
const MACHINE: &[&str] = &["root", "home", "work", "tmp"];

/// Source and documents name no folders of the machine that they were written on.
pub(super) fn machine_paths(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for file in tree.files().iter().filter(|f| !f.test && !f.is("lock")) {
        for (line, text) in file.lines() {
            if file.rust.as_ref().is_some_and(|r| r.test_line(line)) {
                continue;
            }
            if let Some(name) = MACHINE.iter().find(|name| begins_path(text, name)) {
                faults.push(format!("{}:{line}: a path below `/{name}`", file.path));
            }
        }
    }
    faults
}

/// Does a path that begins with this folder stand in the text?
fn begins_path(text: &str, folder: &str) -> bool {
    let path = format!("/{folder}/");
    let longer = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '~' | '}' | '*' | '/' | '>');
    text.match_indices(&path).any(|(i, _)| !text[..i].ends_with(longer))
}

/// Relative links lead to a file or folder of the repository, and to a heading that is there.
pub(super) fn links(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for file in tree.files().iter().filter(|f| f.is("md")) {
        for (line, link) in links_of(&file.text) {
            if let Some(why) = broken(tree, file, &link) {
                faults.push(format!("{}:{line}: the link `{link}` {why}", file.path));
            }
        }
    }
    faults
}

fn broken(tree: &Tree, from: &File, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") || link.starts_with("data:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(p, a)| (p, Some(a)));
    if path.starts_with('/') {
        return Some("is absolute; links are relative".to_owned());
    }
    let mut parts: Vec<&str> = match (path, from.path.rsplit_once('/')) {
        ("", _) => from.path.split('/').collect(),
        (_, Some((dir, _))) => dir.split('/').collect(),
        (_, None) => Vec::new(),
    };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return Some("leaves the repository".to_owned()),
            ".." => {}
            part => parts.push(part),
        }
    }
    let target = parts.join("/");
    if !tree.has(&target) {
        return Some("leads nowhere".to_owned());
    }
    let anchor = anchor.filter(|a| !a.is_empty())?;
    let page = tree.file(&target).filter(|f| f.is("md"))?;
    let known = anchors(&page.text).iter().any(|a| a == anchor);
    (!known).then(|| format!("leads to no heading of {target}"))
}

/// Lines of a document outside of fenced code, with code spans blanked.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fence: Option<&str> = None;
    let mut lines = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let mark = ["```", "~~~"].into_iter().find(|m| line.trim_start().starts_with(m));
        match (fence, mark) {
            (None, Some(m)) => fence = Some(m),
            (Some(open), Some(m)) if open == m => fence = None,
            (Some(_), _) => {}
            (None, None) => lines.push((i + 1, without_code(line))),
        }
    }
    lines
}

fn without_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        let ticks = rest[start..].chars().take_while(|c| *c == '`').count();
        let inside = &rest[start + ticks..];
        let Some(end) = inside.find(&"`".repeat(ticks)) else { break };
        out.push_str(&rest[..start]);
        rest = &inside[end + ticks..];
    }
    out + rest
}

/// Targets of links, pictures and definitions, with their lines.
fn links_of(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, text) in prose(text) {
        for (opening, closing) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
            for (i, _) in text.match_indices(opening) {
                let inside = text[i + opening.len()..].split(closing).next().unwrap_or_default();
                found.push((line, inside.to_owned()));
            }
        }
        let definition = text.trim_start().strip_prefix('[').and_then(|t| t.split_once("]:"));
        if let Some((_, target)) = definition.filter(|(name, _)| !name.starts_with('^') && !name.contains(']')) {
            found.push((line, target.trim().to_owned()));
        }
    }
    let target = |link: String| {
        let link = link.trim();
        let inner = link.strip_prefix('<').and_then(|l| l.split('>').next());
        inner.unwrap_or_else(|| link.split_whitespace().next().unwrap_or_default()).to_owned()
    };
    found.into_iter().map(|(line, link)| (line, target(link))).filter(|(_, l)| !l.is_empty()).collect()
}

/// Anchors of a page's headings, as forges make them, and those that were set by hand.
fn anchors(text: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        for opening in ["id=\"", "name=\""] {
            found.extend(line.match_indices(opening).filter_map(|(i, _)| line[i + opening.len()..].split('"').next()).map(str::to_owned));
        }
        let heading = line.trim_start_matches('#');
        if fenced || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let kept = shown(heading.trim()).to_lowercase();
        let slug: String = kept
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let before = seen.entry(slug.clone()).or_default();
        found.push(if *before == 0 { slug } else { format!("{slug}-{before}") });
        *before += 1;
    }
    found
}

/// A heading as it is shown: of a link, its text.
fn shown(heading: &str) -> String {
    let mut out = String::new();
    let mut rest = heading;
    while let Some((before, after)) = rest.split_once("](") {
        out.push_str(before);
        rest = after.split_once(')').map_or("", |(_, r)| r);
    }
    out + rest
}

/// A decision is told on a page.
pub(super) fn short_decisions(tree: &Tree) -> Vec<String> {
    let decisions = tree.files().iter().filter(|f| f.path.starts_with("docs/adr/") && f.is("md"));
    decisions
        .filter_map(|f| {
            let lines = f.text.lines().count();
            (lines > DECISION_LINES).then(|| format!("{}: {lines} lines, {DECISION_LINES} are allowed", f.path))
        })
        .collect()
}

/// Words that the glossary replaces.
const WORDS: &[(&str, &str)] =
    &[("prospect", "lead"), ("prospects", "leads"), ("handover", "hand-off"), ("handovers", "hand-offs")];

/// Where a word of others is meant: names of columns and tables in the files of other systems.
const FOREIGN: &[&str] = &["crates/intake/src/names.rs", "docs/packs/suitecrm.md"];

/// What people read has the words of the glossary.
pub(super) fn glossary_words(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for file in tree.files() {
        let own = file.path.starts_with("xtask/") || FOREIGN.contains(&file.path.as_str());
        // The glossary may say what not to say.
        if own || file.path.to_lowercase().contains("glossary") {
            continue;
        }
        let mut look = |line: usize, text: &str| {
            let lower = text.to_lowercase();
            let words = lower.split(|c: char| !c.is_alphanumeric() && c != '_');
            for (word, better) in words.filter_map(|w| WORDS.iter().find(|(bad, _)| *bad == w)) {
                faults.push(format!("{}:{line}: `{word}`; the glossary says {better}", file.path));
            }
        };
        match &file.rust {
            Some(rust) => {
                let said = rust.strings.iter().chain(rust.comments.iter().filter(|c| c.doc));
                said.for_each(|r| look(r.line, &r.text));
            }
            None if file.is("md") || file.is("html") || file.path.starts_with("metrics/") => {
                file.lines().for_each(|(line, text)| look(line, text));
            }
            None => {}
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misnamed_metrics_are_found() {
        let of = |text: &str| metric_ids(&Tree::of(&[("metrics/leads.toml", text)]));
        assert!(of("# x\n[metric]\nid = \"leads\"\n[[example]]\nid = \"x\"\n").is_empty());
        assert_eq!(of("[metric]\nid = \"lead\"\n"), ["metrics/leads.toml: the id is `lead`, the file is named `leads`"]);
        assert_eq!(of("[metric]\ntitle = \"x\"\n[doc]\nid = \"leads\"\n"), ["metrics/leads.toml: [metric] has no id"]);
    }

    #[test]
    fn machine_paths_are_found() {
        let of = |path: &str, text: &str| machine_paths(&Tree::of(&[(path, text)])).len();
        for name in MACHINE {
            let path = format!("see \"/{name}/x\"");
            assert_eq!(of("crates/app/src/x.rs", &format!("let x = {path};")), 1);
            assert_eq!(of("docs/a.md", &path), 1);
            assert_eq!(of("crates/app/tests/x.rs", &path), 0);
            assert_eq!(of("crates/app/src/x.rs", &format!("#[cfg(test)]\nmod t {{\n let x = {path};\n}}\n")), 0);
            assert_eq!(of("docs/a.md", &format!("https://x.example/{name}/y, a/{name}/b, $HOME{{x}}/{name}/c")), 0);
        }
    }

    #[test]
    fn broken_links_are_found() {
        let page = "# One `two`, three\n## One `two`, three\n<a id=\"four\"></a>\n```\n# code\n```\n";
        let of = |text: &str| links(&Tree::of(&[("docs/how-to/a.md", text), ("docs/b.md", page), ("README.md", "")])).len();
        for good in [
            "[x](../b.md)",
            "[x](../b.md#one-two-three)",
            "[x](../b.md#one-two-three-1)",
            "[x](../b.md#four)",
            "[x](../../README.md \"title\")",
            "[x](<../b.md>) and [y](..)",
            "[x](https://a.example/b) [m](mailto:a@b.example)",
            "`[x](gone.md)`",
            "```\n[x](gone.md)\n```",
            "# Here\n[x](#here)",
            "[^1]: a note",
        ] {
            assert_eq!(of(good), 0, "{good}");
        }
        for bad in [
            "[x](gone.md)",
            "![x](gone.svg)",
            "[x](../b.md#five)",
            "[x](../b.md#code)",
            "[x](../../../other.md)",
            "[x](/README.md)",
            "[x]: gone.md",
            "<img src=\"gone.png\">",
            "[x](#nowhere)",
        ] {
            assert_eq!(of(bad), 1, "{bad}");
        }
    }

    #[test]
    fn long_decisions_are_found() {
        let of = |lines: usize| short_decisions(&Tree::of(&[("docs/adr/0001-x.md", &"x\n".repeat(lines))])).len();
        assert_eq!((of(80), of(81)), (0, 1));
    }

    #[test]
    fn other_words_are_found() {
        let of = |path: &str, text: &str| glossary_words(&Tree::of(&[(path, text)])).len();
        assert_eq!(of("docs/a.md", "A Prospect and two\nhandovers"), 2);
        assert_eq!(of("crates/app/src/x.rs", "let x = \"the handover\";"), 1);
        assert_eq!(of("crates/app/src/x.rs", "/// A prospect.\nfn f() {}"), 1);
        assert_eq!(of("metrics/x.toml", "what = \"prospects\""), 1);
        assert_eq!(of("crates/app/src/x.rs", "let handover = 1; // prospect"), 0);
        assert_eq!(of("docs/a.md", "prospecting, prospective, hand-off, lead"), 0);
        assert_eq!(of("docs/glossary.md", "Lead (not prospect)"), 0);
    }
}
