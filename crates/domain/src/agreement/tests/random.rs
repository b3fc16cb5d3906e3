//! Whatever a file holds, it is read or explained, and findings point into it.

use super::*;
use proptest::prelude::*;

/// Pieces that often break a file.
const PIECES: [&str; 34] = [
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "=",
    ",",
    ".",
    "#",
    "\n",
    "\r",
    "\r\n",
    "\\",
    "\0",
    "\u{feff}",
    "é",
    "🙂",
    "“",
    "-",
    "0",
    "1e999",
    "2026-02-30",
    "nan",
    "true",
    "[[stage]]",
    "[promise.sales]",
    "stage = 1",
    "a.b.c = {",
    "99999999999999999999",
];

/// Holds for every text.
fn check(text: &str) -> Result<(), TestCaseError> {
    let result = parse(text, "a.toml");
    let found = match &result {
        Ok((agreement, warnings)) => {
            prop_assert!(warnings.iter().all(|d| d.severity == Severity::Warning));
            prop_assert!((5..=7).contains(&agreement.stages.len()));
            prop_assert_eq!(&agreement.calendars[0].name, "default");
            prop_assert!(agreement.rules.min_n <= agreement.rules.min_n_verdict);
            prop_assert_eq!(diff(agreement, agreement), Vec::<String>::new());
            warnings
        }
        Err(found) => {
            prop_assert!(found.iter().any(|d| d.severity == Severity::Error));
            found
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text.split('\n').collect();
    for d in found {
        prop_assert!(!d.message.contains("the reason is not known"), "{}", text);
        prop_assert!(!d.help.is_empty(), "{}", d);
        prop_assert!(d.line >= 1 && d.line <= lines.len(), "{}", d);
        let width = lines[d.line - 1].chars().count();
        prop_assert!(d.column >= 1 && d.column <= width + 1, "{}", d);
        prop_assert!(d.length >= 1 && d.column + d.length <= width + 2, "{}", d);
    }
    prop_assert!(found.is_sorted_by_key(|d| (d.line, d.column)));
    Ok(())
}

/// A place of a text on a boundary of characters.
fn place(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at % (text.len() + 1))
}

fn long() -> String {
    let more = "gate = [\n  { id = \"a\", side = \"buyer\", when = \"x = 'ü'\" },\n]\naliases = [\"Vertrag\"]\n";
    let calendar = "[calendar.emea]\nhours = { mon-fri = \"09:00-12:00, 13:00-17:30\" }\nopen = { 2026-12-24 = \"9-12\" }\n\
                    for = { team = [\"e\"] }\n# --- Rules";
    signed()
        .replace("forecast = \"commit\"\n", &format!("forecast = \"commit\"\n{more}"))
        .replace("# --- Rules", calendar)
}

#[test]
fn large_rubbish_is_read_in_linear_time() {
    let text = "key\n[x\na = [\n".repeat(20_000);
    let found = findings(&text);
    assert!(found.len() > 20_000);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    #[test]
    fn mutations_of_the_template(
        edits in prop::collection::vec((any::<usize>(), 0_usize..40, 0..PIECES.len() * 2), 1..6),
    ) {
        let mut text = long();
        for (at, length, piece) in edits {
            let from = place(&text, at);
            let to = text.floor_char_boundary((from + length).min(text.len())).max(from);
            text.replace_range(from..to, PIECES.get(piece).copied().unwrap_or_default());
        }
        check(&text)?;
    }

    #[test]
    fn lines_lost_swapped_and_doubled(edits in prop::collection::vec((any::<usize>(), any::<usize>(), 0..3), 1..5)) {
        let text = long();
        let mut lines: Vec<&str> = text.lines().collect();
        for (a, b, kind) in edits {
            let (a, b) = (a % lines.len(), b % lines.len());
            match kind {
                0 => { lines.remove(a); }
                1 => lines.swap(a, b),
                _ => lines.insert(a, lines[b]),
            }
        }
        check(&lines.join("\n"))?;
    }

    #[test]
    fn values_exchanged(pairs in prop::collection::vec((any::<usize>(), any::<usize>()), 1..6)) {
        let text = long();
        let values: Vec<&str> = text.lines().filter_map(|l| Some(l.split_once(" = ")?.1)).collect();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (line, value) in pairs {
            let line = line % lines.len();
            if let Some((key, _)) = lines[line].clone().split_once(" = ") {
                lines[line] = format!("{key} = {}", values[value % values.len()]);
            }
        }
        check(&lines.join("\n"))?;
    }

    #[test]
    fn any_text(text in "\\PC*", pieces in prop::collection::vec(0..PIECES.len(), 0..40)) {
        check(&text)?;
        check(&pieces.into_iter().map(|p| PIECES[p]).collect::<String>())?;
    }

    #[test]
    fn cut_anywhere(at in any::<usize>()) {
        let text = long();
        check(&text[..place(&text, at)])?;
        check(&text[place(&text, at)..])?;
    }

    #[test]
    fn any_name_fits_into_the_template(name in any::<String>(), zone in any::<String>()) {
        let text = template(&name, date(2026, 1, 1), "UTC");
        prop_assert!(parse(&text, "a.toml").is_ok());
        check(&template(&name, date(2026, 1, 1), &zone))?;
    }
}
