//! Amounts in the spellings of real exports.

use super::is_blank;

/// Reads an amount as exact decimal text: `$1,117.10K` is `1117100`, `1.234,56 €` is `1234.56`, `(500.00)` is
/// `-500.00`. `None` for unset and for what can be read in two ways, such as `1.234 €`. Amounts in millionths
/// (`cost_micros`) are not guessed: the SQL of a pack divides them.
pub fn parse_money(text: &str) -> Option<String> {
    let (text, mut negative) = sign(text.trim_matches(is_blank))?;
    let (text, currency) = without_currency(text);
    let (text, inner) = if negative { (text, false) } else { sign(text)? };
    negative |= inner;
    // The currency may stand inside the brackets, or outside the sign.
    let (text, inner_currency) = without_currency(text);
    let (text, shift) = multiplier(text);
    let (text, exponent) = exponent(text)?;
    let digits: String = text.chars().filter(|c| !is_blank(*c) && !matches!(c, '\'' | '’')).collect();
    if digits != text && !grouped_by_blanks(text) {
        return None;
    }
    let undecided_point = (currency || inner_currency) && shift == 0;
    let (whole, fraction) = decimal(&digits, undecided_point)?;
    Some(shifted(&whole, &fraction, shift + exponent, negative))
}

/// The text without its sign: `-5`, `−5`, `5-`, `(5)`, `+5`. `None` if it has two.
fn sign(text: &str) -> Option<(&str, bool)> {
    let (rest, negative) = if let Some(inner) = text.strip_prefix('(') {
        (inner.strip_suffix(')')?, true)
    } else if let Some(rest) = text.strip_prefix(['-', '−']).or_else(|| text.strip_suffix('-')) {
        (rest, true)
    } else if let Some(rest) = text.strip_prefix('+') {
        (rest, false)
    } else {
        return Some((text, false));
    };
    let rest = rest.trim_matches(is_blank);
    let again = rest.starts_with(['-', '−', '+', '(']) || rest.ends_with(['-', ')']);
    (!again).then_some((rest, negative))
}

/// The text without a currency sign or code at one end, and whether it had one.
fn without_currency(text: &str) -> (&str, bool) {
    const SIGNS: &[&str] = &["US$", "A$", "C$", "R$", "NZ$", "HK$", "S$", "$", "€", "£", "¥", "₹", "₽", "₩", "₪", "₺", "zł", "kr.", "kr", "Fr."];
    for sign in SIGNS {
        if let Some(rest) = text.strip_prefix(sign).or_else(|| text.strip_suffix(sign)) {
            return (rest.trim_matches(is_blank), true);
        }
    }
    let code = |word: &str| word.len() == 3 && word.bytes().all(|b| b.is_ascii_uppercase());
    if let Some(rest) = text.get(..3).filter(|w| code(w)).and_then(|_| text.get(3..)) {
        return (rest.trim_matches(is_blank), true);
    }
    let split = text.len().checked_sub(3).filter(|at| text.is_char_boundary(*at));
    match split.map(|at| text.split_at(at)) {
        Some((rest, word)) if code(word) => (rest.trim_matches(is_blank), true),
        _ => (text, false),
    }
}

/// The text without `K`, `M`, `MM`, `B` or `bn`, and the power of ten that it stands for.
fn multiplier(text: &str) -> (&str, i32) {
    for (word, power) in [("bn", 9), ("mm", 6), ("mn", 6), ("k", 3), ("m", 6), ("b", 9)] {
        let split = text.len().checked_sub(word.len()).filter(|at| text.is_char_boundary(*at));
        if let Some((rest, end)) = split.map(|at| text.split_at(at))
            && end.eq_ignore_ascii_case(word)
        {
            return (rest.trim_end_matches(is_blank), power);
        }
    }
    (text, 0)
}

/// The text without an exponent as Excel writes it, `1.2E+06`.
fn exponent(text: &str) -> Option<(&str, i32)> {
    match text.split_once(['E', 'e']) {
        None => Some((text, 0)),
        Some((rest, power)) => {
            let power: i32 = power.parse().ok()?;
            ((-9..=18).contains(&power)).then_some((rest, power))
        }
    }
}

/// Blanks and apostrophes stand between groups of three digits before the point only.
fn grouped_by_blanks(text: &str) -> bool {
    let separator = |c: char| is_blank(c) || matches!(c, '\'' | '’');
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let mut groups = whole.split(separator);
    let first = groups.next().unwrap_or_default();
    let groups_fit = (1..=3).contains(&first.len()) && all_digits(first) && groups.all(|g| g.len() == 3 && all_digits(g));
    groups_fit && !fraction.contains(separator)
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Whole part and fraction of a number with points and commas; `None` if it is none or ambiguous. With
/// `undecided_point`, a single point before three digits may be of either kind.
fn decimal(text: &str, undecided_point: bool) -> Option<(String, String)> {
    if !text.bytes().any(|b| b.is_ascii_digit()) || !text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b',') {
        return None;
    }
    let points = text.matches('.').count();
    let commas = text.matches(',').count();
    let last = text.rfind(['.', ',']);
    let (mark, group) = match (points, commas) {
        (0, 0) => return Some((text.to_owned(), String::new())),
        (0, 1) | (1, 0) => {
            let at = last?;
            let (whole, fraction) = (&text[..at], &text[at + 1..]);
            let could_group = fraction.len() == 3 && (1..=3).contains(&whole.len()) && whole != "0";
            match (points, could_group) {
                // 1,234 is a thousand; no currency in use has three decimals after a comma.
                (0, true) => (None, Some(',')),
                (0, false) => (Some(','), None),
                // 1.234 € is one euro or a thousand: a person must say. A bare 1.234 is a decimal number.
                (_, true) if undecided_point => return None,
                _ => (Some('.'), None),
            }
        }
        (0, _) => (None, Some(',')),
        (_, 0) => (None, Some('.')),
        _ if last.is_some_and(|at| text[at..].starts_with(',')) => (Some(','), Some('.')),
        _ => (Some('.'), Some(',')),
    };
    let (whole, fraction) = match mark {
        Some(mark) => text.rsplit_once(mark)?,
        None => (text, ""),
    };
    let whole = match group {
        Some(group) if whole.contains(group) => {
            if !grouped_by(whole, group) {
                return None;
            }
            whole.replace(group, "")
        }
        _ => whole.to_owned(),
    };
    (all_digits(&whole) && all_digits(fraction)).then(|| (whole, fraction.to_owned()))
}

/// Groups of three, or of two before the last three as in India: 12,34,567.
fn grouped_by(whole: &str, separator: char) -> bool {
    let groups: Vec<&str> = whole.split(separator).collect();
    let Some((last, front)) = groups.split_last() else { return false };
    let Some((first, middle)) = front.split_first() else { return false };
    let size = |n: usize| middle.iter().all(|g| g.len() == n && all_digits(g)) && (1..=n).contains(&first.len());
    last.len() == 3 && all_digits(last) && all_digits(first) && (size(3) || (separator == ',' && size(2)))
}

/// Moves the point to the right (or left) and writes plain decimal text.
fn shifted(whole: &str, fraction: &str, power: i32, negative: bool) -> String {
    let mut digits = format!("{whole}{fraction}");
    let mut point = i32::try_from(whole.len()).unwrap_or(i32::MAX) + power;
    while point <= 0 {
        digits.insert(0, '0');
        point += 1;
    }
    let point = usize::try_from(point).unwrap_or(usize::MAX);
    while digits.len() < point {
        digits.push('0');
    }
    let (whole, fraction) = digits.split_at(point);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let zero = whole == "0" && fraction.bytes().all(|b| b == b'0');
    let minus = if negative && !zero { "-" } else { "" };
    if fraction.is_empty() { format!("{minus}{whole}") } else { format!("{minus}{whole}.{fraction}") }
}
