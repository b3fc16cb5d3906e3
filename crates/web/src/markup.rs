//! Checks for tests: are all tags closed, in order, and all attributes quoted?

/// Elements of HTML that have no end.
const VOID: [&str; 6] = ["meta", "link", "br", "hr", "img", "input"];

/// Panics unless every tag is closed in order, every attribute is quoted and every `&` is an entity.
pub(crate) fn assert_balanced(markup: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        assert_entities(&rest[..at]);
        rest = &rest[at + 1..];
        if rest.starts_with("!doctype") {
            rest = &rest[rest.find('>').expect("doctype ends") + 1..];
            continue;
        }
        let end = tag_end(rest);
        let (tag, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closing </{name}> near {}", &rest[..rest.len().min(80)]);
            continue;
        }
        let name = tag.split([' ', '\n', '/']).next().expect("a name");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "tag <{tag}>");
        assert_attributes(&tag[name.len()..]);
        if tag.ends_with('/') || VOID.contains(&name) {
            continue;
        }
        open.push(name);
        if matches!(name, "style" | "script") {
            let close = format!("</{name}>");
            let at = rest.find(&close).expect("style and script end");
            rest = &rest[at..];
        }
    }
    assert_entities(rest);
    assert!(open.is_empty(), "open at the end: {open:?}");
}

/// The `>` that ends a tag, not one inside quotes.
fn tag_end(rest: &str) -> usize {
    let mut quoted = false;
    for (i, c) in rest.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '<' => assert!(!quoted, "raw < in an attribute: {}", &rest[..i]),
            '>' if !quoted => return i,
            _ => {}
        }
    }
    panic!("unclosed tag: {}", &rest[..rest.len().min(80)]);
}

fn assert_attributes(text: &str) {
    let mut rest = text.trim().trim_end_matches('/').trim();
    while !rest.is_empty() {
        let end = rest.find(['=', ' ', '\n']).unwrap_or(rest.len());
        assert!(rest[..end].chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == ':'), "attribute in {text}");
        rest = &rest[end..];
        if let Some(value) = rest.strip_prefix('=') {
            let value = value.strip_prefix('"').unwrap_or_else(|| panic!("quoted value in {text}"));
            let end = value.find('"').expect("closing quote");
            assert_entities(&value[..end]);
            rest = &value[end + 1..];
        }
        rest = rest.trim_start();
    }
}

fn assert_entities(text: &str) {
    for (i, _) in text.match_indices('&') {
        let after = &text[i + 1..];
        let name = after.split(';').next().unwrap_or_default();
        let known = name.starts_with('#') || matches!(name, "amp" | "lt" | "gt" | "quot" | "apos" | "nbsp");
        assert!(known && after.contains(';'), "bare & in {}", &text[i..text.len().min(i + 40)]);
    }
}

/// All values of an attribute.
pub(crate) fn values<'a>(markup: &'a str, attribute: &str) -> Vec<&'a str> {
    let needle = format!(" {attribute}=\"");
    let parts = markup.split(&needle).skip(1);
    parts.map(|p| p.split('"').next().unwrap_or_default()).collect()
}
