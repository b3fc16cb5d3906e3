//! `cargo xtask compare`: every report of generated companies beside the peer's SQL.

use crate::args::Options;
use crate::lab::{AS_OF, Lab, Peer, treaty_in};
use crate::{Outcome, measure, say};
use std::path::Path;

/// Reports that both sides have.
const REPORTS: &[&str] = &["sources", "funnel", "aging", "speed", "attribution", "influence", "recycle", "ratios"];

/// What is to be compared.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    leads: u64,
    seeds: Vec<u64>,
}

impl Wanted {
    /// Reads the options.
    pub(crate) fn read(args: &[String]) -> Result<Self, String> {
        let o = Options::read(args, &["leads", "seeds"])?;
        let text = o.text("seeds").unwrap_or("1,2,3");
        let seeds = text
            .split(',')
            .map(|s| s.trim().parse().map_err(|_| format!("`{s}` is no value of `--seeds`: numbers, parted by commas")))
            .collect::<Result<Vec<u64>, String>>()?;
        Ok(Self { leads: o.positive("leads", 20_000)?, seeds })
    }
}

/// Compares; 1 when any report differs.
pub(crate) fn run(root: &Path, wanted: &Wanted) -> Outcome {
    let lab = Lab::open(root)?;
    let Some(peer) = lab.peer()? else {
        say("skipped: nothing was compared");
        return Ok(0);
    };
    let treaty = lab.treaty()?;
    let mut differing = 0_usize;
    for &seed in &wanted.seeds {
        differing += one(&lab, &peer, &treaty, wanted.leads, seed)?;
    }
    let all = wanted.seeds.len() * REPORTS.len();
    say(&format!("{} of {all} reports equal the peer's", all - differing));
    Ok(u8::from(differing > 0))
}

/// Compares the reports of one company; how many differ.
fn one(lab: &Lab, peer: &Peer, treaty: &Path, leads: u64, seed: u64) -> Result<usize, String> {
    let data = lab.company(peer, leads, seed)?;
    let name = format!("{leads}-{seed}");
    let (theirs, ours) = (lab.empty(&format!("peer-{name}"))?, lab.empty(&format!("ours-{name}"))?);
    measure::run(peer.script("peer_duckdb.py").arg(&data).arg(&theirs))?;
    let home = lab.home(treaty, &format!("home-{name}"))?;
    measure::run(treaty_in(treaty, &home).arg("import").arg(&data))?;
    let mut differing = 0;
    for report in REPORTS {
        let file = format!("{report}.csv");
        let (their, our) = (theirs.join(&file), ours.join(&file));
        let line = measure::run(
            treaty_in(treaty, &home).args(["report", report, "--as-of", AS_OF, "--format", "csv", "-o"]).arg(&our),
        )
        .and_then(|_| measure::run(peer.script("compare.py").arg(report).arg(&their).arg(&our)));
        match line {
            Ok(run) => say(&format!("seed {seed}  {}", run.stdout.trim())),
            Err(why) => {
                differing += 1;
                say(&format!("seed {seed}  {report}: DIFFERS ({} and {})\n{why}", their.display(), our.display()));
            }
        }
    }
    Ok(differing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_defaults_and_limits() {
        let read = |line: &str| Wanted::read(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(read(""), Ok(Wanted { leads: 20_000, seeds: vec![1, 2, 3] }));
        assert_eq!(read("--seeds 9 --leads 500"), Ok(Wanted { leads: 500, seeds: vec![9] }));
        assert!(read("--seeds 1,,2").is_err_and(|e| e.contains("`--seeds`")));
        assert!(read("--seeds x").is_err());
    }
}
