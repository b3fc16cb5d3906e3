//! The command line of a tap: split as a shell would, without being a shell.

use std::path::Path;

/// Splits a command into words: blanks part them, single and double quotes and `\` hold them together.
///
/// # Errors
/// What only a shell could do, and a quote that is not closed: a sentence for people.
pub fn split(command: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = command.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some('\'') => break,
                        Some(c) => word.push(c),
                        None => return Err("a ' is not closed".to_owned()),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some('"') => break,
                        Some('\\') => match rest.next() {
                            Some(c @ ('"' | '\\' | '$' | '`')) => word.push(c),
                            Some('\n') => {}
                            Some(c) => word.extend(['\\', c]),
                            None => return Err("a \" is not closed".to_owned()),
                        },
                        Some(c @ ('$' | '`')) => return Err(no_shell(c)),
                        Some(c) => word.push(c),
                        None => return Err("a \" is not closed".to_owned()),
                    }
                }
            }
            '\\' => match rest.next() {
                Some('\n') => {}
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err("it ends with \\".to_owned()),
            },
            '|' | '&' | ';' | '<' | '>' | '(' | ')' | '`' | '$' | '\n' => return Err(no_shell(c)),
            '~' if word.is_none() && rest.peek().is_none_or(|c| *c == '/') => return Err(no_shell('~')),
            '#' if word.is_none() => return Err(no_shell('#')),
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if words.is_empty() {
        return Err("it is empty".to_owned());
    }
    Ok(words)
}

fn no_shell(c: char) -> String {
    match c {
        '$' | '`' => format!("{c} means something to a shell, and there is none here: write the value out, or put single quotes around it"),
        '~' => "~ means something to a shell, and there is none here: write the folder out".to_owned(),
        '\n' => "it has more than one line; put them into a script and name that".to_owned(),
        c => format!("{c} means something to a shell, and there is none here: put the line into a script and name that, or put quotes around it"),
    }
}

/// Programs that run what their first argument names.
const RUNNERS: &[&str] = &["bash", "conda", "docker", "env", "nice", "node", "pipx", "podman", "poetry", "python", "sh", "uv", "uvx"];

/// A name for a tap from its command: that of the program, or of the script that an interpreter is given.
pub fn name_of(words: &[String]) -> String {
    let stem = |word: &String| {
        let path = word.split(['@', '=']).next().unwrap_or(word);
        let last = Path::new(path).file_name().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let last = last.split(':').next().unwrap_or_default();
        let cut = [".py", ".sh", ".exe"].iter().find_map(|e| last.strip_suffix(e)).unwrap_or(last);
        cut.to_lowercase()
    };
    let runner = |name: &str| RUNNERS.contains(&name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'));
    let plain = words.iter().filter(|w| !w.starts_with('-') && !w.contains('=')).map(stem);
    let mut named = plain.filter(|name| !name.is_empty() && !runner(name) && !matches!(name.as_str(), "run" | "tool"));
    let name = named.next().unwrap_or_else(|| "tap".to_owned());
    let clean: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' }).collect();
    clean.trim_matches(['.', '-']).to_owned()
}

/// A name that a user gave can be a folder.
///
/// # Errors
/// When it cannot.
pub fn check_name(name: &str) -> Result<(), String> {
    let fine = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) && !name.is_empty() && !name.starts_with('.');
    if fine && name.len() <= 100 { Ok(()) } else { Err(format!("`{name}` is no name for a tap; take letters, digits, - and _")) }
}

/// The value of an option, `--config FILE` or `--config=FILE`.
pub fn option<'w>(words: &'w [String], names: &[&str]) -> Option<&'w str> {
    words.iter().enumerate().find_map(|(i, word)| {
        if names.contains(&word.as_str()) {
            return words.get(i + 1).map(String::as_str);
        }
        let (name, value) = word.split_once('=')?;
        names.contains(&name).then_some(value)
    })
}

/// The command of an Airbyte source with another verb: `spec`, `discover` or `read`. The verb stands before the options.
pub fn with_verb(words: &[String], verb: &str) -> Vec<String> {
    let mut words: Vec<String> = words.to_vec();
    let is_verb = |w: &String| matches!(w.as_str(), "read" | "discover" | "check" | "spec");
    let place = words.iter().skip(1).position(is_verb).map(|i| i + 1);
    match place {
        Some(place) => words[place] = verb.to_owned(),
        None => {
            let options = words.iter().position(|w| w.starts_with("--config")).unwrap_or(words.len());
            words.insert(options, verb.to_owned());
        }
    }
    if verb == "spec" {
        let place = words.iter().position(|w| w.starts_with("--config")).unwrap_or(words.len());
        words.truncate(place);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(all: &[&str]) -> Vec<String> {
        all.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn words_are_those_of_a_shell() {
        let cases: &[(&str, &[&str])] = &[
            ("tap-x --config c.json", &["tap-x", "--config", "c.json"]),
            ("  a\t b  ", &["a", "b"]),
            (r#"a 'b c' "d e" f\ g"#, &["a", "b c", "d e", "f g"]),
            (r#"a '' "" b"#, &["a", "", "", "b"]),
            (r#"a "x\"y\\z\n" '\'"#, &["a", "x\"y\\z\\n", "\\"]),
            (r"pre'mid'post", &["premidpost"]),
            ("a '$HOME' b~c '|' x#y", &["a", "$HOME", "b~c", "|", "x#y"]),
        ];
        for (line, expected) in cases {
            assert_eq!(split(line).unwrap_or_default(), words(expected), "{line}");
        }
    }

    #[test]
    fn what_only_a_shell_can_do_is_refused() {
        for line in ["", "  ", "a 'b", "a \"b", "a \\", "a | b", "a > f", "a; b", "a && b", "a $HOME", "a \"$HOME\"", "~/bin/tap", "a `b`", "a\nb"] {
            assert!(split(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_tap_is_named_after_what_is_run() {
        let cases = [
            ("tap-hubspot --config h.json", "tap-hubspot"),
            ("/opt/venv/bin/tap-salesforce -c x", "tap-salesforce"),
            ("python3.11 -u wrap/tap_x.py --config c", "tap_x"),
            ("env A=b python3 tap.py", "tap"),
            ("docker run --rm -i airbyte/source-faker:6.2 read --config c", "source-faker"),
            ("uvx tap-x@latest --config c", "tap-x"),
        ];
        for (line, name) in cases {
            assert_eq!(name_of(&split(line).unwrap_or_default()), name, "{line}");
        }
        assert!(check_name("a-b_1.c").is_ok());
        for bad in ["", ".x", "a/b", "a b", "../x"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_verb_goes_before_the_options() {
        let line = |text: &str, verb| with_verb(&split(text).unwrap_or_default(), verb).join(" ");
        assert_eq!(line("source-x --config c", "discover"), "source-x discover --config c");
        assert_eq!(line("source-x read --config c", "discover"), "source-x discover --config c");
        assert_eq!(line("source-x read --config c", "spec"), "source-x spec");
        assert_eq!(line("docker run -i img", "read"), "docker run -i img read");
    }
}
