//! Any text as an agreement: no panic, places within the text, and what is read compares equal with itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treaty_domain::agreement;

fuzz_target!(|text: &str| {
    let found = agreement::parse(text, "f");
    let diagnostics = match &found {
        Ok((_, warnings)) => warnings,
        Err(all) => all,
    };
    for diagnostic in diagnostics {
        assert!(!diagnostic.to_string().is_empty());
    }
    if let Ok((agreement, _)) = &found {
        assert!(agreement::diff(agreement, agreement).is_empty(), "an agreement differs from itself");
    }
});
