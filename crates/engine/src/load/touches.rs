//! Touches: half of all work, so they stay in columns as they are stored, and only those around an
//! opportunity are ever put together.

use super::columns::{Names, Texts, bools, instants, ints};
use super::events::Cut;
use super::ids::Ids;
use datafusion::arrow::array::{Array, BooleanArray, RecordBatch};
use datafusion::arrow::buffer::ScalarBuffer;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use treaty_domain::timeline::{NONE, Touch};
use treaty_domain::zone::Micros;

/// Touches of a stored row group.
struct Part {
    /// Number of the first one in the record.
    first: u32,
    at: ScalarBuffer<i64>,
    campaign: Texts,
    channel: Texts,
    /// Number of each campaign, and whether each channel is direct, by key.
    campaigns: Vec<u32>,
    direct: Vec<bool>,
    responded: Option<BooleanArray>,
    /// Order of recording and sequence, where any has one.
    recorded: Option<Vec<(i64, i64)>>,
    /// Rows that count, when not all before the cut do.
    counts: Option<Vec<bool>>,
}

/// Touches by person.
pub struct Touches {
    parts: Vec<Part>,
    /// First and last run of each person: most have one.
    spans: Vec<(u32, u32)>,
    /// Further runs.
    more: BTreeMap<u32, Vec<(u32, u32)>>,
    /// Touches at or behind it do not count.
    as_of: i64,
    /// Ids of the touches that share everything else that orders them with one of another person.
    ids: HashMap<u32, String>,
}

impl Touches {
    /// Puts stored row groups together. Campaigns that are new get a number; gives also the number of
    /// touches whose person is unknown.
    pub fn new(read: Vec<Read>, people: usize, campaigns: &mut Names, direct: impl Fn(&str) -> bool, cut: Cut) -> (Self, u64) {
        let mut spans = vec![(0u32, 0u32); people];
        let mut more: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
        let mut strays = 0;
        let mut parts = Vec::with_capacity(read.len());
        for Read { mut part, runs, lost } in read {
            strays += lost;
            for (person, from, to) in runs {
                let span = &mut spans[person as usize];
                if span.0 == span.1 {
                    *span = (from, to);
                } else if span.1 == from {
                    span.1 = to;
                } else {
                    more.entry(person).or_default().push((from, to));
                }
            }
            part.campaigns = part.campaign.texts.iter().map(|t| t.map_or(NONE, |t| campaigns.place(t))).collect();
            part.direct = part.channel.texts.iter().map(|t| t.is_some_and(&direct)).collect();
            parts.push(part);
        }
        (Self { parts, spans, more, as_of: cut.as_of.0, ids: HashMap::new() }, strays)
    }

    /// Tells the ids of some touches.
    pub fn know(&mut self, ids: HashMap<u32, String>) {
        self.ids = ids;
    }

    /// Adds the touches of a person, in the order they are stored in; `local` is its place in the timeline.
    pub fn add(&self, person: u32, local: u32, out: &mut Vec<Touch>) {
        let Some(span) = self.spans.get(person as usize) else { return };
        let more = self.more.get(&person).map_or(&[] as &[_], Vec::as_slice);
        for (from, to) in std::iter::once(span).chain(more) {
            let mut from = *from;
            while from < *to {
                let at = self.parts.partition_point(|p| p.first <= from) - 1;
                let part = &self.parts[at];
                let end = (*to).min(part.first + part.at.len() as u32);
                let rows: Range<usize> = (from - part.first) as usize..(end - part.first) as usize;
                for i in rows {
                    if part.at[i] >= self.as_of || part.counts.as_ref().is_some_and(|c| !c[i]) {
                        continue;
                    }
                    out.push(Touch {
                        at: Micros(part.at[i]),
                        row: part.first + i as u32,
                        person: local,
                        campaign: part.campaign.key(i).map_or(NONE, |k| part.campaigns[k]),
                        direct: part.channel.key(i).is_some_and(|k| part.direct[k]),
                        responded: part.responded.as_ref().is_none_or(|r| r.is_null(i) || r.value(i)),
                    });
                }
                from = end;
            }
        }
    }

    fn recorded(&self, row: u32) -> (i64, i64) {
        let at = self.parts.partition_point(|p| p.first <= row) - 1;
        let part = &self.parts[at];
        part.recorded.as_ref().map_or((i64::MIN, 0), |r| r[(row - part.first) as usize])
    }

    /// Puts touches of several people into the order of S3. Those of one person are in it but for
    /// what several imports brought.
    pub fn sort(&self, touches: &mut [Touch]) {
        touches.sort_by(|a, b| {
            a.at.cmp(&b.at).then_with(|| self.recorded(a.row).cmp(&self.recorded(b.row))).then_with(|| {
                let id = |t: &Touch| self.ids.get(&t.row).map(String::as_str);
                match (id(a), id(b)) {
                    (Some(x), Some(y)) => x.cmp(y),
                    _ => a.row.cmp(&b.row),
                }
            })
        });
    }

    /// Sorted touches that only their ids can order: they share instant, recording and sequence,
    /// and do not all lie in one stored run.
    pub fn undecided(&self, touches: &[Touch], out: &mut Vec<u32>) {
        for same in touches.chunk_by(|a, b| a.at == b.at && self.recorded(a.row) == self.recorded(b.row)) {
            if same.len() > 1 && (same.iter().any(|t| t.person != same[0].person) || !self.more.is_empty()) {
                out.extend(same.iter().map(|t| t.row));
            }
        }
    }
}

/// Columns that are read.
pub const COLUMNS: &[&str] = &["person_id", "occurred_at", "channel", "campaign_id", "responded", "recorded_at", "seq"];

/// A stored row group, and whose touches stand where.
pub struct Read {
    part: Part,
    runs: Vec<(u32, u32, u32)>,
    lost: u64,
}

/// Understands a stored row group.
pub fn read(first: u32, batch: &RecordBatch, people: &Ids, cut: Cut) -> Read {
    let rows = batch.num_rows();
    let at = instants(batch, "occurred_at");
    let recorded_at = instants(batch, "recorded_at").filter(|r| r.null_count() < r.len());
    let seq = ints(batch, "seq").filter(|s| s.null_count() < s.len());
    let instant = at.as_ref().map_or_else(|| ScalarBuffer::from(vec![0; rows]), |a| a.values().clone());
    let recorded = (recorded_at.is_some() || seq.is_some()).then(|| {
        let of = |i: usize| {
            (
                recorded_at.as_ref().filter(|r| r.is_valid(i)).map_or(i64::MIN, |r| r.value(i)),
                seq.as_ref().filter(|s| s.is_valid(i)).map_or(0, |s| s.value(i)),
            )
        };
        (0..rows).map(of).collect::<Vec<_>>()
    });
    let missing = at.as_ref().is_none_or(|a| a.null_count() > 0);
    let late = !cut.as_corrected && recorded_at.is_some();
    let counts = (missing || late).then(|| {
        let counts = |i: usize| {
            let known = at.as_ref().is_some_and(|a| a.is_valid(i));
            known && cut.keeps(instant[i], recorded_at.as_ref().filter(|r| r.is_valid(i)).map(|r| r.value(i)))
        };
        (0..rows).map(counts).collect::<Vec<bool>>()
    });
    let responded = bools(batch, "responded").filter(|r| r.null_count() < r.len());
    let mut runs = Vec::new();
    let mut lost = 0;
    people_runs(batch, people, |person, run| {
        if person == NONE {
            lost += run.len() as u64;
            return;
        }
        runs.push((person, first + run.start as u32, first + run.end as u32));
    });
    let (campaign, channel) = (Texts::of(batch, "campaign_id"), Texts::of(batch, "channel"));
    let (campaigns, direct) = (Vec::new(), Vec::new());
    Read { part: Part { first, at: instant, campaign, channel, campaigns, direct, responded, recorded, counts }, runs, lost }
}

/// Runs of rows that name the same person.
fn people_runs(batch: &RecordBatch, people: &Ids, mut run: impl FnMut(u32, Range<usize>)) {
    let person = Texts::of(batch, "person_id");
    let of_value = people.walk(&person.texts);
    let number = |i: usize| person.key(i).map_or(NONE, |k| of_value[k]);
    let mut from = 0;
    while from < batch.num_rows() {
        let to = from + person.same(from);
        let own = number(from);
        let mut end = to;
        while end < batch.num_rows() && number(end) == own {
            end += person.same(end);
        }
        run(own, from..end);
        from = end;
    }
}
