//! Asks reports with a filter and a dimension again and again over facts that are there, and says
//! how long an answer takes.
//!
//! usage: slices HOME AS_OF [ROUNDS]

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::path::Path;
use std::time::Instant;

use treaty_domain::agreement::{AgreementSet, parse};
use treaty_domain::zone::LocalDay;
use treaty_engine::case::Case;
use treaty_engine::metrics::Catalogue;
use treaty_engine::record::Record;
use treaty_engine::reports::Ask;

/// Report, dimension, filter.
const ASKED: [(&str, &str, &str); 6] = [
    ("funnel", "lead_source", "segment = 'enterprise'"),
    ("sources", "segment", "territory = 'north'"),
    ("aging", "lead_source", "territory = 'north'"),
    ("speed", "lead_source", "territory = 'south'"),
    ("influence", "territory", "kind = 'new_business'"),
    ("attribution", "product_line", "territory = 'north'"),
];

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (home, day) = (Path::new(&args[1]), args[2].parse::<jiff::civil::Date>().expect("a day"));
    let rounds: usize = args.get(3).map_or(20, |n| n.parse().expect("a number"));
    let text = std::fs::read_to_string(home.join("agreement.toml")).expect("an agreement");
    let (agreement, _) = parse(&text, "agreement.toml").expect("no faults");
    let set = AgreementSet::new(vec![agreement]).expect("a version");
    let record = Record::open(home).await.expect("a record");
    let start = Instant::now();
    let case = Case::open(&record, &set, Catalogue::builtin().expect("metrics"), LocalDay::from(day), false).await.expect("facts");
    println!("facts        {:>9.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let mut all = Vec::new();
    for (name, by, filter) in ASKED {
        let ask = Ask { by: Some(by.to_owned()), filter: Some(filter.to_owned()), ..Ask::default() };
        let mut times = Vec::new();
        for _ in 0..=rounds {
            let start = Instant::now();
            case.report(name, &ask).await.unwrap_or_else(|e| panic!("{name}: {e}"));
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let first = times.remove(0);
        times.sort_by(f64::total_cmp);
        println!("{name:<12} {:>9.1} ms at first, {:>7.1} median, {:>7.1} at most", first, times[rounds / 2], times[rounds - 1]);
        all.extend(times);
    }
    all.sort_by(f64::total_cmp);
    println!("p95          {:>9.1} ms over {} answers", all[all.len() * 95 / 100], all.len());
}
