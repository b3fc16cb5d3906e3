//! How fast are leads attempted? (A4, A5)

use super::{Ask, Desk, column, grouped_count, percent};
use crate::error::EngineError;
use crate::export::TextRow;
use crate::facts;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int32Type};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::HashMap;
use treaty_app::report::{Cell, Chart, Reason, Report, Unit};
use treaty_domain::agreement::ClockKind;
use treaty_stats::{KaplanMeier, Obs};

#[derive(Default)]
struct Group {
    due: i64,
    met: i64,
    worked: i64,
    waits: Vec<Obs>,
}

pub(super) async fn report(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let columns = vec![
        column("assigned_to", "Assigned to", Unit::Text, ""),
        column("passed", "Passed", Unit::Count, "handoffs_passed"),
        column("due", "Due", Unit::Count, "worked_rate"),
        column("worked_in_window", "In time", Unit::Count, "worked_rate"),
        column("worked_rate", "Share in time", Unit::Share, "worked_rate"),
        column("ever_worked", "Ever worked", Unit::Count, "ever_worked_rate"),
        column("median_minutes", "Median minutes", Unit::Minutes, ""),
        column("p90_minutes", "90 % within", Unit::Minutes, ""),
    ];
    let mut out = desk.blank("speed", "How fast are leads attempted?", ask, columns);
    let Some(promise) = &desk.agreement.promises.speed_to_lead else {
        out.answer = "The agreement has no promise of speed, so there is nothing to hold against.".to_owned();
        out.notes.push("Add [promise.sales.speed_to_lead] to the agreement.".to_owned());
        return Ok(out);
    };
    let minutes = match promise.clock {
        ClockKind::Wall => "wall_minutes",
        ClockKind::Business => "business_minutes",
    };
    let mut conditions = vec!["promise = 'speed_to_lead'".to_owned()];
    if let Some(p) = &ask.period {
        conditions.push(format!("started_on >= DATE '{}' AND started_on < DATE '{}'", p.from, p.to));
    }
    conditions.extend(desk.filter(ask, "sla_clocks").await?);
    let dims = desk.dimensions(ask, "sla_clocks", &["assigned_to"]).await?;
    let list: Vec<String> = dims.iter().enumerate().map(|(i, d)| format!("{} AS dim{i}", desk.key("sla_clocks", d))).collect();
    let text = format!(
        "SELECT is_due, met, stopped, {minutes}, {} FROM {} WHERE {}",
        list.join(", "),
        facts::coded("sla_clocks"),
        conditions.join(" AND ")
    );
    let mut groups = Groups::default();
    for batch in desk.cx.sql(&text).await?.collect().await? {
        groups.take(&batch)?;
    }
    let (mut groups, mut all) = groups.dealt();
    for (at, dim) in dims.iter().enumerate() {
        if let Some(words) = desk.words("sla_clocks", dim)? {
            groups.iter_mut().for_each(|(labels, _)| labels[at] = words.of(labels[at].as_deref()));
        }
    }
    groups.sort_by_cached_key(|(labels, _)| labels.iter().map(|l| (l.is_none(), l.clone())).collect::<Vec<_>>());
    let width = dims.len();
    for (labels, mut g) in groups {
        all.due += g.due;
        all.met += g.met;
        all.worked += g.worked;
        let labels = labels.into_iter().map(|d| Cell::Text(d.unwrap_or_else(|| "(unassigned)".to_owned()))).collect();
        out.rows.push(line(desk, labels, &mut g));
        out.provisional.push(false);
    }
    let row = line(desk, vec![Cell::Text("(all)".to_owned()); width], &mut all);
    out.rows.push(row);
    out.provisional.push(false);
    out.answer = if all.due == 0 {
        "No hand-off is due yet.".to_owned()
    } else {
        format!(
            "Sales attempted {} of {} due hand-offs within {} minutes ({} clock); {} was promised.",
            percent(all.met as f64 / all.due as f64),
            grouped_count(all.due),
            promise.within_minutes,
            if promise.clock == ClockKind::Wall { "wall" } else { "business" },
            percent(promise.share)
        )
    };
    out.chart = Some(Chart::Bars { label: "assigned_to".to_owned(), value: "worked_rate".to_owned(), interval: None });
    out.clauses = vec!["promise.sales.speed_to_lead".to_owned(), "calendar.default".to_owned()];
    out.method = "From a hand-off to the first human outbound attempt at or after it; a call by the lead first, or an attempt before the hand-off, counts as no wait and is flagged. Hand-offs still inside their window are not due and are left out of the share. Median and 90 % are Kaplan-Meier figures: leads not worked yet count as waiting at least until the as-of instant, so the figures are not made quick by leaving them out.".to_owned();
    Ok(out)
}

/// Groups by their dimension values.
#[derive(Default)]
struct Groups {
    list: Vec<(TextRow, Group)>,
    /// Waits, each with twice the place of its group, and one more where an attempt ended it.
    waits: Vec<(f64, u32)>,
    /// Places where there is one dimension of whole numbers, such as codes.
    of_number: HashMap<Option<i32>, usize>,
    of_key: HashMap<Box<[u8]>, usize>,
}

impl Groups {
    /// Takes clocks: whether they are due, met and stopped, how long they ran, and dimensions.
    fn take(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        let (due, met, stopped) = (batch.column(0).as_boolean(), batch.column(1).as_boolean(), batch.column(2).as_boolean());
        let times = batch.column(3).as_primitive::<Float64Type>();
        self.waits.reserve(batch.num_rows());
        for (i, place) in self.places(&batch.columns()[4..])?.into_iter().enumerate() {
            let g = &mut self.list[place].1;
            let (due, stopped) = (due.value(i), stopped.value(i));
            g.due += i64::from(due);
            g.met += i64::from(due && met.value(i));
            g.worked += i64::from(stopped);
            self.waits.push((times.value(i), place as u32 * 2 + u32::from(stopped)));
        }
        Ok(())
    }

    /// The groups with their waits, and all waits together: they are sorted once, so that each group gets its own
    /// in order.
    fn dealt(mut self) -> (Vec<(TextRow, Group)>, Group) {
        let mut all = Group { waits: Vec::with_capacity(self.waits.len()), ..Group::default() };
        let mut counts = vec![0; self.list.len()];
        self.waits.iter().for_each(|(_, of)| counts[*of as usize / 2] += 1);
        self.list.iter_mut().zip(counts).for_each(|((_, g), n)| g.waits.reserve_exact(n));
        self.waits.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        for (time, of) in self.waits {
            let wait = Obs { time, event: of % 2 == 1 };
            self.list[of as usize / 2].1.waits.push(wait);
            all.waits.push(wait);
        }
        (self.list, all)
    }

    /// The group of each row of some columns; a new one goes to the end.
    fn places(&mut self, dims: &[ArrayRef]) -> Result<Vec<usize>, EngineError> {
        let mut places = Vec::new();
        if let [dim] = dims
            && let Some(numbers) = dim.as_primitive_opt::<Int32Type>()
        {
            for (i, number) in numbers.iter().enumerate() {
                places.push(match self.of_number.get(&number) {
                    Some(place) => *place,
                    None => *self.of_number.entry(number).insert(push(&mut self.list, dims, i)?).get(),
                });
            }
            return Ok(places);
        }
        let keys = RowConverter::new(dims.iter().map(|d| SortField::new(d.data_type().clone())).collect())?.convert_columns(dims)?;
        for (i, key) in keys.iter().enumerate() {
            places.push(match self.of_key.get(key.as_ref()) {
                Some(place) => *place,
                None => *self.of_key.entry(key.as_ref().into()).insert(push(&mut self.list, dims, i)?).get(),
            });
        }
        Ok(places)
    }
}

/// A new group of the dimension values of a row.
fn push(list: &mut Vec<(TextRow, Group)>, dims: &[ArrayRef], row: usize) -> Result<usize, EngineError> {
    list.push((labels(dims, row)?, Group::default()));
    Ok(list.len() - 1)
}

/// The dimension values of a row as text.
fn labels(dims: &[ArrayRef], row: usize) -> Result<Vec<Option<String>>, EngineError> {
    let one = |d: &ArrayRef| -> Result<Option<String>, EngineError> {
        let text = cast(&d.slice(row, 1), &DataType::Utf8)?;
        let text = text.as_string::<i32>();
        Ok(text.is_valid(0).then(|| text.value(0).to_owned()))
    };
    dims.iter().map(one).collect()
}

fn line(desk: &Desk<'_>, mut row: Vec<Cell>, g: &mut Group) -> Vec<Cell> {
    let passed = g.waits.len() as i64;
    let reached = KaplanMeier::quantiles(&mut g.waits, [0.5, 0.9]);
    let reach = |time: Option<f64>| match time {
        Some(t) => Cell::Number(t),
        None if passed == 0 => Cell::Undefined(Reason::EmptyPopulation),
        None => Cell::Undefined(Reason::NotReached),
    };
    row.extend([Cell::Count(passed), Cell::Count(g.due), Cell::Count(g.met), desk.rate(g.met, g.due), Cell::Count(g.worked)]);
    row.extend(reached.map(reach));
    row
}
