//! Further parts of `cargo xtask bench`: a small import into a large record, slices over warm facts,
//! a cluster of one and of two workers, growth.

use crate::lab::{AS_OF, Lab, Peer, treaty_in};
use crate::measure::{self, Run};
use crate::{ci, say};
use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Takes each thousandth touchpoint, activity and person and changes a column of it.
const CHANGE: &str = "import sys, numpy as np, pyarrow as pa, pyarrow.parquet as pq
src, out = sys.argv[1:]
r = np.random.default_rng(5)
for name, column, value in [('touchpoints', 'channel', 'changed'), ('activities', 'outcome', 'changed'), ('people', 'title', 'changed')]:
    t = pq.read_table(f'{src}/{name}.parquet')
    t = t.take(pa.array(np.sort(r.choice(t.num_rows, max(1, t.num_rows // 1000), replace=False))))
    t = t.set_column(t.schema.get_field_index(column), column, pa.array([value] * t.num_rows))
    pq.write_table(t, f'{out}/{name}.parquet')
";

/// Asks for the review and leaves it in the home.
pub(crate) fn review(treaty: &Path, home: &Path, more: &[&str]) -> Result<Run, String> {
    let page = home.join("review.json");
    let _ = std::fs::remove_file(&page);
    let run = measure::run(treaty_in(treaty, home).args(["review", "--as-of", AS_OF, "--format", "json", "-o"]).arg(&page).args(more))?;
    if page.is_file() { Ok(run) } else { Err(format!("the review left no {}", page.display())) }
}

fn forget(home: &Path) {
    let _ = std::fs::remove_dir_all(home.join("facts"));
}

/// Import of a changed thousandth, and reviews after it: each but the first one takes the place of the one before.
pub(crate) fn incremental(lab: &Lab, peer: &Peer, treaty: &Path, data: &Path, home: &Path, runs: u64) -> Result<(Run, Vec<Run>), String> {
    let changed = lab.empty("changed")?;
    measure::run(peer.inline(CHANGE).arg(data).arg(&changed))?;
    let import = measure::run(treaty_in(treaty, home).arg("import").arg(&changed))?;
    let before = facts(home);
    let one = |_| {
        facts(home).difference(&before).for_each(|folder| _ = std::fs::remove_dir_all(folder));
        review(treaty, home, &[])
    };
    Ok((import, (0..runs.max(1)).map(one).collect::<Result<_, _>>()?))
}

/// Folders of the facts that a home keeps.
fn facts(home: &Path) -> BTreeSet<PathBuf> {
    std::fs::read_dir(home.join("facts")).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// 95th percentile of reports with a filter and a dimension over warm facts, in milliseconds.
pub(crate) fn slices(lab: &Lab, home: &Path) -> Result<f64, String> {
    let build = lab.cargo().args(["build", "--release", "--quiet", "--package", "treaty-engine", "--package", "treaty", "--example", "slices"]).status();
    if !build.map_err(|e| format!("cargo cannot be started: {e}"))?.success() {
        return Err("the example `slices` could not be built".to_owned());
    }
    let run = measure::run(Command::new(lab.example("slices")).arg(home).args([AS_OF, "20"]))?;
    let line = run.stdout.lines().find_map(|l| l.strip_prefix("p95")).and_then(|l| l.split_whitespace().next()?.parse().ok());
    line.ok_or_else(|| format!("the example printed no p95:\n{}", run.stdout))
}

/// A process that ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn listening(command: &mut Command, address: &str) -> Result<Process, String> {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(|e| format!("treaty cannot be started: {e}"))?;
    let process = Process(child);
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        if begun.elapsed() > Duration::from_secs(30) {
            return Err(format!("nothing listens on {address}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(process)
}

/// An address whose next port is free, too.
fn address() -> Result<String, String> {
    for _ in 0..100 {
        let first = TcpListener::bind("127.0.0.1:0").and_then(|l| Ok((l.local_addr()?.port(), l)));
        if let Ok((port, _first)) = first
            && port < u16::MAX
            && TcpListener::bind(("127.0.0.1", port + 1)).is_ok()
        {
            return Ok(format!("127.0.0.1:{port}"));
        }
    }
    Err("no two free ports beside each other".to_owned())
}

/// The review by one worker and by two, each with one core; each once before, so that workers have loaded the record.
/// All of them must give the same bytes.
pub(crate) fn cluster(treaty: &Path, home: &Path) -> Result<[Run; 2], String> {
    let wanted = { review(treaty, home, &[])?; std::fs::read(home.join("review.json")).map_err(|e| e.to_string())? };
    let hub = address()?;
    let _scheduler = listening(Command::new(treaty).args(["scheduler", "--bind", &hub]), &hub)?;
    let mut workers = Vec::new();
    let mut runs = Vec::new();
    for _ in 0..2 {
        let own = address()?;
        workers.push(listening(treaty_in(treaty, home).args(["worker", "--cores", "1", "--scheduler", &hub, "--bind", &own]), &own)?);
        for warm in [false, true] {
            forget(home);
            let run = review(treaty, home, &["--cluster", &hub])?;
            if std::fs::read(home.join("review.json")).ok().as_ref() != Some(&wanted) {
                return Err(format!("{} workers gave another review than one process", workers.len()));
            }
            if warm {
                runs.push(run);
            }
        }
    }
    runs.try_into().map_err(|_| "a run is missing".to_owned())
}

/// The largest company that is generated as one; larger ones are copies of it with other people.
const WHOLE: u64 = 1_000_000;

/// So many copies of a company under other ids as one: events in order of time, as exports have them; campaigns, content
/// and users are those of the first.
const COPY: &str = "import sys, os, pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq
src, out, copies = sys.argv[1], sys.argv[2], int(sys.argv[3])
own = {'account_id', 'person_id', 'opportunity_id', 'touchpoint_id', 'activity_id', 'handoff_id', 'subject_id'}
when = {'touchpoints': 'occurred_at', 'activities': 'occurred_at', 'stage_changes': 'changed_at'}
def copy(t, part):
    for i, name in enumerate(t.column_names):
        if part and name in own: t = t.set_column(i, t.schema.field(name), pc.binary_join_element_wise(t[name], f'x{part}', ''))
    return t
for file in sorted(os.listdir(src)):
    table, t = file.split('.')[0], pq.read_table(f'{src}/{file}')
    with pq.ParquetWriter(f'{out}/{file}', t.schema, compression='zstd') as w:
        if table in ('campaigns', 'content', 'users', 'spend'): w.write_table(t)
        elif table not in when:
            for part in range(copies): w.write_table(copy(t, part))
        else:
            for at in range(0, t.num_rows, (1 << 20) // copies):
                some = t.slice(at, (1 << 20) // copies)
                some = pa.concat_tables([copy(some, part) for part in range(copies)])
                w.write_table(some.take(pc.sort_indices(some[when[table]])))
";

/// What a company of some size takes.
struct Grown {
    import: f64,
    review: f64,
    again: f64,
    /// Highest peaks of imports and of reviews.
    peaks: [u64; 2],
}

/// Import and review of companies of growing size: seconds, and seconds a million leads. Those that are generated as one
/// are measured so many times, and the median one is told: the smallest depend on how quickly memory is handed out.
pub(crate) fn growth(lab: &Lab, peer: &Peer, treaty: &Path, sizes: &[u64], seed: u64, runs: u64) -> Result<Vec<Vec<String>>, String> {
    let head = ["leads", "import", "review", "again", "seconds a million leads", "peak of import", "peak of review"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for leads in sizes {
        let times = if *leads <= WHOLE { runs } else { 1 };
        let mut all = (0..times).map(|_| grown(lab, peer, treaty, *leads, seed)).collect::<Result<Vec<Grown>, String>>()?;
        all.sort_by(|a, b| (a.import + a.review).total_cmp(&(b.import + b.review)));
        let one = &all[all.len() / 2];
        let whole = (one.import + one.review) * 1e6 / *leads as f64;
        rows.push(vec![
            leads.to_string(),
            format!("{:.2} s", one.import),
            format!("{:.2} s", one.review),
            format!("{:.2} s", one.again),
            format!("{whole:.2}"),
            format!("{} MiB", one.peaks[0] / 1024),
            format!("{} MiB", one.peaks[1] / 1024),
        ]);
    }
    Ok(rows)
}

/// A company of some size, imported into a new home, and its review.
fn grown(lab: &Lab, peer: &Peer, treaty: &Path, leads: u64, seed: u64) -> Result<Grown, String> {
    let home = lab.home(treaty, "home-growth")?;
    let whole = lab.company(peer, leads.min(WHOLE), seed)?;
    let data = if leads > WHOLE { copies(lab, peer, &whole, leads.div_ceil(WHOLE))? } else { whole };
    let import = measure::run(treaty_in(treaty, &home).arg("import").arg(&data))?;
    let (first, again) = (review(treaty, &home, &[])?, review(treaty, &home, &[])?);
    say(&format!("{leads} leads: import {:.2} s, {} MiB, review {:.2} s", import.seconds, import.peak_kib / 1024, first.seconds));
    let peaks = [import.peak_kib, first.peak_kib.max(again.peak_kib)];
    Ok(Grown { import: import.seconds, review: first.seconds, again: again.seconds, peaks })
}

fn copies(lab: &Lab, peer: &Peer, whole: &Path, copies: u64) -> Result<std::path::PathBuf, String> {
    let data = lab.empty("copied")?;
    measure::run(peer.inline(COPY).arg(whole).arg(&data).arg(copies.to_string()))?;
    Ok(data)
}

impl Lab {
    /// Cargo, with the target folder of this place.
    fn cargo(&self) -> Command {
        let mut command = ci::cargo(self.root());
        command.env("CARGO_TARGET_DIR", self.target());
        command
    }

    fn example(&self, name: &str) -> std::path::PathBuf {
        self.target().join("release/examples").join(name)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn addresses_are_free() {
        let address = super::address().expect("an address");
        assert!(std::net::TcpListener::bind(&address).is_ok());
    }
}
