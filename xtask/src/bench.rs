//! `cargo xtask bench`: import and review, beside the same review as SQL in DuckDB.

use crate::args::Options;
use crate::{bench_csv, bench_more};
use crate::lab::{AS_OF, Lab, Peer, treaty_in};
use crate::measure::{self, Run};
use crate::table::{lay_out, median};
use crate::{Outcome, say};
use std::path::{Path, PathBuf};

/// The generator's own seed.
const SEED: u64 = 7;

/// What is to be measured.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    leads: u64,
    runs: u64,
    data: Option<PathBuf>,
    /// Sizes of companies whose growth is measured, instead of everything else.
    growth: Vec<u64>,
}

impl Wanted {
    /// Reads the options.
    pub(crate) fn read(args: &[String]) -> Result<Self, String> {
        let o = Options::read(args, &["leads", "runs", "data", "growth"])?;
        if o.text("data").is_some() && o.text("leads").is_some() {
            return Err("`--data` and `--leads` exclude each other: the size of the data is what it is".to_owned());
        }
        let sizes = o.text("growth").unwrap_or_default().split(',').filter(|s| !s.is_empty());
        let growth = sizes
            .map(|s| s.trim().parse().map_err(|_| format!("`{s}` is no value of `--growth`: numbers of leads, parted by commas")))
            .collect::<Result<_, _>>()?;
        Ok(Self { leads: o.positive("leads", 1_000_000)?, runs: o.positive("runs", 3)?, data: o.text("data").map(PathBuf::from), growth })
    }
}

/// Medians of several runs of one thing.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cost {
    seconds: f64,
    mib: f64,
}

impl Cost {
    /// Of runs, each with its seconds.
    fn of(runs: &[(f64, u64)]) -> Option<Self> {
        let seconds: Vec<f64> = runs.iter().map(|r| r.0).collect();
        // The highest peak: memory that was needed once is needed.
        let peak = runs.iter().map(|r| r.1).max()?;
        Some(Self { seconds: median(&seconds)?, mib: peak as f64 / 1024.0 })
    }

    /// One after the other, in one process or two.
    fn then(self, next: Self) -> Self {
        Self { seconds: self.seconds + next.seconds, mib: self.mib.max(next.mib) }
    }
}

/// What the peer's two ways cost.
#[derive(Debug, Clone, Copy)]
struct PeerCost {
    straight: Cost,
    scan: Cost,
    load: Cost,
    loaded: Cost,
}

/// What ours costs.
#[derive(Debug, Clone, Copy)]
struct OurCost {
    import: Cost,
    review: Cost,
    /// The same review again: facts are kept.
    again: Cost,
}

/// Measures and prints the table.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> Outcome {
    let lab = Lab::open(root)?;
    let peer = lab.peer()?;
    if let (false, Some(peer)) = (wanted.growth.is_empty(), &peer) {
        let treaty = lab.treaty()?;
        let table = bench_more::growth(&lab, peer, &treaty, &wanted.growth, SEED, wanted.runs)?;
        say(&format!("\n{}", lay_out(&table)));
        return Ok(0);
    }
    let data = match (&wanted.data, &peer) {
        (Some(dir), _) if dir.is_dir() => dir.clone(),
        (Some(dir), _) => return Err(format!("{} is no folder", dir.display())),
        (None, Some(peer)) => lab.company(peer, wanted.leads, SEED)?,
        (None, None) => {
            say("skipped: without the generator there is no data; name some with --data DIR");
            return Ok(0);
        }
    };
    let treaty = lab.treaty()?;
    let theirs = peer.as_ref().map(|p| peer_cost(p, &data, wanted.runs)).transpose()?;
    let ours = our_cost(&lab, &treaty, &data, wanted.runs)?;
    let csv = peer.as_ref().map(|p| csv_cost(&lab, p, &treaty, &data, wanted.runs)).transpose()?;
    say(&format!("\n{}, as of {AS_OF}; medians of {} runs, highest peaks\n", data.display(), wanted.runs));
    let mut table = rows(ours, theirs);
    table.extend(csv.map(|(our, their)| line(&format!("import of {} CSV rows : read_csv into a table", bench_csv::ROWS), our, Some(their))));
    say(&lay_out(&table));
    if let Some(t) = theirs {
        say(&verdict(ours, t));
    }
    further(&lab, peer.as_ref(), &treaty, &data, ours.import.seconds + ours.review.seconds, wanted.runs)?;
    if let Some((our, their)) = csv {
        say(&format!("The import of CSV takes {:.2} of the peer's reading; at most 4 is asked.", our.seconds / their.seconds));
    }
    Ok(0)
}

/// What has no counterpart: slices, workers, a small import into a large record. `whole` are the seconds of an import and
/// review of everything.
fn further(lab: &Lab, peer: Option<&Peer>, treaty: &Path, data: &Path, whole: f64, runs: u64) -> Result<(), String> {
    let home = lab.dir().join("home");
    say(&format!("Reports with a filter and a dimension over warm facts: {:.1} ms at the 95th percentile.", bench_more::slices(lab, &home)?));
    let [one, two] = bench_more::cluster(treaty, &home)?;
    say(&format!("The review by one worker: {:.2} s; by two: {:.2} s; the same bytes as one process.", one.seconds, two.seconds));
    if let Some(peer) = peer {
        let (import, reviews) = bench_more::incremental(lab, peer, treaty, data, &home, runs)?;
        let review = median(&reviews.iter().map(|r| r.seconds).collect::<Vec<_>>()).ok_or("no runs")?;
        let share = 100.0 * review / whole;
        say(&format!("A changed thousandth: import {:.2} s, review {review:.3} s (median), {share:.1} % of importing and reviewing all.", import.seconds));
    }
    Ok(())
}

fn peer_cost(peer: &Peer, data: &Path, runs: u64) -> Result<PeerCost, String> {
    let (mut straight, mut scan, mut load, mut loaded) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for i in 1..=runs {
        let run = measure::run(peer.script("peer_duckdb.py").arg(data))?;
        straight.push((said(&run, "total")?, run.peak_kib));
        scan.push((said(&run, "tables")?, run.peak_kib));
        progress("peer straight from the files", i, &run);
        let run = measure::run(peer.script("peer_duckdb.py").arg(data).arg("--load"))?;
        load.push((said(&run, "load")?, run.peak_kib));
        loaded.push((said(&run, "total")?, run.peak_kib));
        progress("peer with --load", i, &run);
    }
    let of = |runs: &[(f64, u64)]| Cost::of(runs).ok_or("no runs".to_owned());
    Ok(PeerCost { straight: of(&straight)?, scan: of(&scan)?, load: of(&load)?, loaded: of(&loaded)? })
}

fn our_cost(lab: &Lab, treaty: &Path, data: &Path, runs: u64) -> Result<OurCost, String> {
    let (mut import, mut review, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for i in 1..=runs {
        let home = lab.home(treaty, "home")?;
        let run = measure::run(treaty_in(treaty, &home).arg("import").arg(data))?;
        import.push((run.seconds, run.peak_kib));
        progress("treaty import", i, &run);
        for (what, costs) in [("treaty review", &mut review), ("treaty review over kept facts", &mut again)] {
            let run = bench_more::review(treaty, &home, &[])?;
            costs.push((run.seconds, run.peak_kib));
            progress(what, i, &run);
        }
    }
    let of = |runs: &[(f64, u64)]| Cost::of(runs).ok_or("no runs".to_owned());
    Ok(OurCost { import: of(&import)?, review: of(&review)?, again: of(&again)? })
}

fn csv_cost(lab: &Lab, peer: &Peer, treaty: &Path, data: &Path, runs: u64) -> Result<(Cost, Cost), String> {
    let file = bench_csv::file(lab, peer, data)?;
    let theirs = Cost::of(&bench_csv::theirs(peer, &file, runs)?).ok_or("no runs")?;
    let ours = Cost::of(&bench_csv::ours(lab, treaty, &file, runs)?).ok_or("no runs")?;
    Ok((ours, theirs))
}

fn progress(what: &str, run: u64, cost: &Run) {
    say(&format!("run {run}: {what}: {:.2} s in all, {} MiB", cost.seconds, cost.peak_kib / 1024));
}

/// The number that the peer printed after a word.
fn said(run: &Run, word: &str) -> Result<f64, String> {
    seconds_after(&run.stdout, word).ok_or_else(|| format!("the peer printed no seconds for `{word}`:\n{}", run.stdout))
}

fn seconds_after(text: &str, word: &str) -> Option<f64> {
    let mut words = text.split_whitespace().skip_while(|w| *w != word);
    words.next()?;
    words.next()?.parse().ok()
}

/// Rows of the table: what, ours, peer, ratio, memory of each.
fn rows(ours: OurCost, theirs: Option<PeerCost>) -> Vec<Vec<String>> {
    let head = ["what", "ours", "peer", "ratio", "our peak", "peer peak"];
    let both = ours.import.then(ours.review);
    let mut lines: Vec<(&str, Cost, Option<Cost>)> = Vec::new();
    match theirs {
        None => lines.extend([
            ("import", ours.import, None),
            ("review", ours.review, None),
            ("review over kept facts", ours.again, None),
            ("import + review", both, None),
        ]),
        Some(t) => lines.extend([
            ("import : load", ours.import, Some(t.load)),
            ("review : total straight from the files", ours.review, Some(t.straight)),
            ("review : total after load", ours.review, Some(t.loaded)),
            ("review : bare scan of the event tables", ours.review, Some(t.scan)),
            ("review over kept facts : total after load", ours.again, Some(t.loaded)),
            ("import + review : load + total", both, Some(t.load.then(t.loaded))),
            ("import + review : total straight from the files", both, Some(t.straight)),
        ]),
    }
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(lines.into_iter().map(|(what, our, their)| line(what, our, their)));
    rows
}

/// A row of the table.
fn line(what: &str, our: Cost, their: Option<Cost>) -> Vec<String> {
    let seconds = |c: Cost| format!("{:.2} s", c.seconds);
    let memory = |c: Cost| format!("{:.0} MiB", c.mib);
    vec![
        what.to_owned(),
        seconds(our),
        their.map_or_else(String::new, seconds),
        their.map_or_else(String::new, |t| format!("{:.2}", our.seconds / t.seconds)),
        memory(our),
        their.map_or_else(String::new, memory),
    ]
}

/// The ratios that are asked of us, in words.
fn verdict(ours: OurCost, theirs: PeerCost) -> String {
    let both = ours.import.then(ours.review).seconds;
    let peer = theirs.load.then(theirs.loaded).seconds;
    let total = theirs.straight.seconds.min(theirs.loaded.seconds);
    format!(
        "import + review takes {:.2} of the peer's load + total.\nThe review takes {:.2} of the peer's faster total ({}).",
        both / peer,
        ours.review.seconds / total,
        if theirs.straight.seconds <= theirs.loaded.seconds { "straight from the files" } else { "after load" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peers_lines_are_read() {
        let text = "load            5.012 s\nsources         0.310 s  12 rows\n\
                    total           6.500 s   bare scan of the three event tables 0.812 s   ratio 8.0\n";
        assert_eq!(seconds_after(text, "load"), Some(5.012));
        assert_eq!(seconds_after(text, "total"), Some(6.5));
        assert_eq!(seconds_after(text, "tables"), Some(0.812));
        assert_eq!(seconds_after(text, "nothing"), None);
    }

    #[test]
    fn the_table_has_ratios_and_memory() {
        let cost = |seconds, mib| Cost { seconds, mib };
        let ours = OurCost { import: cost(6.0, 900.0), review: cost(1.5, 1200.0), again: cost(0.4, 500.0) };
        let peer = PeerCost { straight: cost(6.0, 2000.0), scan: cost(0.8, 2000.0), load: cost(5.0, 3000.0), loaded: cost(10.0, 3000.0) };
        let rows = rows(ours, Some(peer));
        let sum = rows.iter().find(|r| r[0] == "import + review : load + total").expect("the row of the budget");
        assert_eq!(sum[1..], ["7.50 s", "15.00 s", "0.50", "1200 MiB", "3000 MiB"]);
        assert!(verdict(ours, peer).contains("0.50 of the peer's load + total"));
        assert!(verdict(ours, peer).contains("0.25 of the peer's faster total (straight"));
    }

    #[test]
    fn options_have_defaults_and_limits() {
        let read = |line: &str| Wanted::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(read(""), Ok(Wanted { leads: 1_000_000, runs: 3, data: None, growth: Vec::new() }));
        assert_eq!(read("--data d --runs 1"), Ok(Wanted { leads: 1_000_000, runs: 1, data: Some("d".into()), growth: Vec::new() }));
        assert!(read("--data d --leads 5").is_err());
        assert!(read("--runs 0").is_err());
        assert_eq!(read("--growth 10,20").map(|w| w.growth), Ok(vec![10, 20]));
        assert!(read("--growth ten").is_err());
    }
}
