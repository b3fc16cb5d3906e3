//! The rules of the source tree, as functions from the tree to its faults. `cargo xtask tidy` prints
//! them, the tests of this package fail on them; each rule has a test that it can fail.

mod arrows;
mod code;
mod prose;
mod rust;
mod tree;

use crate::{Outcome, say};
use std::path::Path;
use tree::Tree;

/// A rule: its name, and what finds its faults.
struct Rule {
    name: &'static str,
    faults: fn(&Tree) -> Vec<String>,
}

const RULES: &[Rule] = &[
    Rule { name: "files have at most 600 lines", faults: code::short_files },
    Rule { name: "every Rust file says what it is", faults: code::module_docs },
    Rule { name: "domain and stats are pure", faults: code::pure_core },
    Rule { name: "the clock is read in treaty only", faults: code::one_clock },
    Rule { name: "nothing is left unfinished", faults: code::finished },
    Rule { name: "money is integer", faults: code::integer_money },
    Rule { name: "dependencies point down", faults: arrows::arrows },
    Rule { name: "xtask needs the standard library only", faults: arrows::light_xtask },
    Rule { name: "one version of the heavy set", faults: arrows::one_heavy_set },
    Rule { name: "metrics are named like their files", faults: prose::metric_ids },
    Rule { name: "no paths of somebody's machine", faults: prose::machine_paths },
    Rule { name: "links lead somewhere", faults: prose::links },
    Rule { name: "decisions fit on a page", faults: prose::short_decisions },
    Rule { name: "the words of the glossary", faults: prose::glossary_words },
];

/// All faults of a tree.
fn faults(tree: &Tree) -> Vec<String> {
    let of = |rule: &Rule| (rule.faults)(tree).into_iter().map(|f| format!("{f} [{}]", rule.name)).collect::<Vec<_>>();
    RULES.iter().flat_map(of).collect()
}

/// Prints the faults; 1 when there are any.
pub(crate) fn run(root: &Path) -> Outcome {
    let tree = Tree::read(root)?;
    let faults = faults(&tree);
    for fault in &faults {
        say(fault);
    }
    say(&match faults.len() {
        0 => format!("tidy: {} rules hold for {} files", RULES.len(), tree.files().len()),
        1 => "tidy: 1 fault".to_owned(),
        n => format!("tidy: {n} faults"),
    });
    Ok(u8::from(!faults.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(name: &str) {
        let tree = Tree::read(&crate::root()).expect("the repository can be read");
        let rule = RULES.iter().find(|r| r.name == name).expect("a rule of that name");
        let faults = (rule.faults)(&tree);
        assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
    }

    macro_rules! tree_rules {
        ($($test:ident: $name:literal,)*) => {
            $(#[test] fn $test() { holds($name); })*

            #[test]
            fn every_rule_is_tested_on_the_tree() {
                assert_eq!(RULES.iter().map(|r| r.name).collect::<Vec<_>>(), [$($name),*]);
            }
        };
    }

    tree_rules! {
        files_are_short: "files have at most 600 lines",
        rust_files_say_what_they_are: "every Rust file says what it is",
        domain_and_stats_are_pure: "domain and stats are pure",
        the_clock_is_read_in_one_crate: "the clock is read in treaty only",
        nothing_is_left_unfinished: "nothing is left unfinished",
        money_is_integer: "money is integer",
        dependencies_point_down: "dependencies point down",
        xtask_is_light: "xtask needs the standard library only",
        the_heavy_set_is_there_once: "one version of the heavy set",
        metrics_are_named_like_their_files: "metrics are named like their files",
        there_are_no_machine_paths: "no paths of somebody's machine",
        links_lead_somewhere: "links lead somewhere",
        decisions_fit_on_a_page: "decisions fit on a page",
        the_words_are_the_glossarys: "the words of the glossary",
    }

    #[test]
    fn a_fault_names_its_rule() {
        let tree = Tree::of(&[("crates/app/src/lib.rs", "//! App.\nfn f() { todo!() }\n")]);
        assert!(faults(&tree).contains(&"crates/app/src/lib.rs:2: `todo!` [nothing is left unfinished]".to_owned()));
    }
}
