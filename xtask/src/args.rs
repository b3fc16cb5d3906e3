//! Options of a task: `--name value` or `--name=value`, nothing else.

use std::collections::BTreeMap;

/// The options that were given.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options(BTreeMap<String, String>);

impl Options {
    /// Reads them; whatever is not among `known` is refused.
    pub(crate) fn read(args: &[String], known: &[&str]) -> Result<Self, String> {
        let mut found = BTreeMap::new();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let (name, value) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            let Some(option) = name.strip_prefix("--").filter(|n| known.contains(n)) else {
                let all = known.iter().map(|k| format!("--{k}")).collect::<Vec<_>>().join(", ");
                let all = if all.is_empty() { "no options".to_owned() } else { all };
                return Err(format!("`{arg}` is not understood; this task takes {all}"));
            };
            let value = value
                .or_else(|| args.next().cloned())
                .filter(|v| !v.is_empty() && !v.starts_with("--"))
                .ok_or_else(|| format!("`--{option}` needs a value"))?;
            if found.insert(option.to_owned(), value).is_some() {
                return Err(format!("`--{option}` is given twice"));
            }
        }
        Ok(Self(found))
    }

    /// A value as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A number of at least one. Underscores may part the digits.
    pub(crate) fn positive(&self, name: &str, default: u64) -> Result<u64, String> {
        match self.text(name).map(|t| (t, t.replace('_', "").parse::<u64>())) {
            None => Ok(default),
            Some((_, Ok(n))) if n > 0 => Ok(n),
            Some((text, _)) => Err(format!("`{text}` is no value of `--{name}`: it is a whole number of at least 1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::read(&args, &["leads", "data"])
    }

    #[test]
    fn both_spellings_are_read() {
        let o = read("--leads 5 --data=x").expect("good options");
        assert_eq!((o.positive("leads", 1), o.text("data")), (Ok(5), Some("x")));
        assert_eq!(read("").expect("no options").positive("leads", 7), Ok(7));
        assert_eq!(read("--leads 1_000_000").expect("good options").positive("leads", 1), Ok(1_000_000));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(read("--seed 1"), Err("`--seed` is not understood; this task takes --leads, --data".to_owned()));
        assert_eq!(read("--leads"), Err("`--leads` needs a value".to_owned()));
        assert_eq!(read("--leads --data x"), Err("`--leads` needs a value".to_owned()));
        assert_eq!(read("--data x --data y"), Err("`--data` is given twice".to_owned()));
        assert!(read("--leads 0").expect("an option").positive("leads", 1).is_err());
        assert!(read("--leads x").expect("an option").positive("leads", 1).is_err());
    }
}
