//! "Did you mean": the nearest of several words.

/// Longer words are not compared, in characters.
const LONGEST: usize = 80;

/// The word nearest to `wrong`, if one is near enough to be what was meant.
pub(super) fn nearest<'w>(
    wrong: &str,
    words: impl IntoIterator<Item = &'w str>,
) -> Option<&'w str> {
    let wrong: Vec<char> = wrong.trim().to_lowercase().replace([' ', '-'], "_").chars().collect();
    if wrong.len() > LONGEST {
        return None;
    }
    words
        .into_iter()
        .filter_map(|word| {
            let right: Vec<char> = word.to_lowercase().replace([' ', '-'], "_").chars().collect();
            let distance = edit_distance(&wrong, &right);
            let allowed = (wrong.len().max(right.len()) / 3).max(1);
            (distance <= allowed && distance < right.len()).then_some((distance, word))
        })
        .min()
        .map(|(_, word)| word)
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one word to another.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let distance = |a: &str, b: &str| {
            edit_distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
        };
        let cases = [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("ab", "ba", 1),
            ("ca", "abc", 3),
        ];
        for (a, b, expected) in cases {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn suggestions() {
        let words = ["within", "share", "clock", "per", "at_least"];
        let cases = [
            ("witin", Some("within")),
            ("wihtin", Some("within")),
            ("Share", Some("share")),
            ("at-least", Some("at_least")),
            ("at least", Some("at_least")),
            ("pre", Some("per")),
            ("xyz", None),
            ("", None),
        ];
        for (wrong, expected) in cases {
            assert_eq!(nearest(wrong, words), expected, "{wrong}");
        }
    }
}
