//! Which touches earned the won money, under each model? (B)

use super::{Ask, Desk, column, money};
use crate::error::EngineError;
use crate::facts::Words;
use crate::load::columns::Names;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type};
use std::collections::BTreeMap;
use treaty_app::report::{Cell, Chart, Report, Unit};
use treaty_domain::agreement::MODELS;

/// Label of wins without a touch.
const UNATTRIBUTED: &str = "(unattributed)";
/// Label of touches without one.
const NONE: &str = "(none)";

pub(super) async fn report(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let dim = ask.by.clone().unwrap_or_else(|| "campaign_id".to_owned());
    let columns = vec![
        column("model", "Model", Unit::Text, ""),
        column(&dim, &super::title_of(&dim), Unit::Text, ""),
        column("opportunities", "Opportunities", Unit::Count, ""),
        column("credit", "Credit", Unit::Money, ""),
        column("currency", "Currency", Unit::Text, ""),
    ];
    let mut out = desk.blank("attribution", "Which touches earned the won money?", ask, columns);
    let period = ask.period.as_ref().map(|p| format!("won_on >= DATE '{}' AND won_on < DATE '{}'", p.from, p.to));
    let own = Ask { by: None, ..ask.clone() };
    let mut conditions: Vec<String> = period.into_iter().collect();
    conditions.extend(desk.filter(&own, "credits").await?);
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    desk.dimensions(ask, "credits", &[]).await?;
    let text = format!(
        "SELECT {}, attributed, {}, {} FROM {}{filter}",
        desk.key("credits", "opportunity_id"),
        desk.key("credits", &dim),
        MODELS.join(", "),
        crate::facts::coded("credits")
    );
    // The credits of an opportunity stand together, so its shares are summed up in passing.
    let batches: Vec<RecordBatch> = desk.cx.sql(&text).await?.collect_partitioned().await?.concat();
    let words = desk.words("credits", &dim)?;
    let rows = tally(&batches, words.as_ref())?;
    let currency = out.provenance.currency.clone();
    let chosen = desk.agreement.rules.model.as_str();
    let mut ordered: Vec<&str> = vec![chosen];
    ordered.extend(MODELS.iter().copied().filter(|m| *m != chosen));
    let mut best: Option<(i64, String)> = None;
    let (mut total, mut lost) = (0i64, 0i64);
    for model in ordered {
        let at = MODELS.iter().position(|m| *m == model).unwrap_or(0);
        for (label, (credits, counts)) in &rows {
            let (label, credit) = (label.as_str(), credits[at]);
            out.rows.push(vec![
                Cell::Text(model.to_owned()),
                Cell::Text(label.to_owned()),
                Cell::Count(counts[at]),
                Cell::Money(credit),
                Cell::Text(currency.clone()),
            ]);
            out.provisional.push(false);
            if model == chosen {
                total += credit;
                if label == UNATTRIBUTED {
                    lost = credit;
                } else if label != NONE && best.as_ref().is_none_or(|(most, _)| credit > *most) {
                    best = Some((credit, label.to_owned()));
                }
            }
        }
    }
    out.answer = match best {
        Some((credit, name)) => format!(
            "Under {chosen}, {name} earned {} of {} won; {} could not be attributed to any touch.",
            money(credit, &out.provenance),
            money(total, &out.provenance),
            money(lost, &out.provenance)
        ),
        None => "Nothing was won in this period.".to_owned(),
    };
    out.chart = Some(Chart::Bars { label: dim, value: "credit".to_owned(), interval: None });
    out.clauses = vec!["attribution.model".to_owned(), "attribution.people".to_owned(), "attribution.lookback_days".to_owned()];
    out.method = "The path of a won opportunity is every touch of its people from the look-back up to the win, both ends included. Each model shares the amount among the touches; shares are cents by largest remainder, so that every model gives out exactly what was won. Opportunities without a touch are shown as unattributed.".to_owned();
    out.notes.push("Credits describe paths; they are not proof of effect. Look at more than one model.".to_owned());
    Ok(out)
}

/// Credit under each model, and opportunities with any.
type Sums = ([i64; MODELS.len()], [i64; MODELS.len()]);

/// Sums of a label, and what the opportunity that is being read gave it so far.
#[derive(Debug, Clone, Default)]
struct Tally {
    opportunity: Option<i32>,
    open: [i64; MODELS.len()],
    sums: Sums,
}

impl Tally {
    fn add(&mut self, opportunity: i32, credits: impl Fn(usize) -> i64) {
        if self.opportunity != Some(opportunity) {
            self.close();
            self.opportunity = Some(opportunity);
        }
        self.open.iter_mut().enumerate().for_each(|(m, sum)| *sum += credits(m));
    }

    fn close(&mut self) {
        for (m, credit) in std::mem::take(&mut self.open).into_iter().enumerate() {
            self.sums.0[m] += credit;
            self.sums.1[m] += i64::from(credit != 0);
        }
    }
}

/// Sums by label of rows of opportunity, whether it is attributed, label, and credits by model; those
/// of an opportunity stand together.
fn tally(batches: &[RecordBatch], words: Option<&Words>) -> Result<BTreeMap<String, Sums>, EngineError> {
    // First what is unattributed, then what has no label, then labels.
    let mut tallies = vec![Tally::default(); 2];
    let mut names = Names::default();
    for batch in batches {
        let opportunities = cast(batch.column(0), &DataType::Int32)?;
        let opportunities = opportunities.as_primitive::<Int32Type>();
        let attributed = batch.column(1).as_boolean();
        let labels: Vec<usize> = match batch.column(2).as_primitive_opt::<Int32Type>().filter(|_| words.is_some()) {
            Some(codes) => codes.iter().map(|c| c.and_then(|c| usize::try_from(c).ok()).map_or(1, |c| c + 2)).collect(),
            None => {
                let text = cast(batch.column(2), &DataType::Utf8)?;
                text.as_string::<i32>().iter().map(|t| t.map_or(1, |t| names.place(t) as usize + 2)).collect()
            }
        };
        let credits = (3..batch.num_columns()).map(|c| cast(batch.column(c), &DataType::Int64)).collect::<Result<Vec<_>, _>>()?;
        let credits: Vec<_> = credits.iter().map(|c| c.as_primitive::<Int64Type>()).collect();
        for (i, label) in labels.into_iter().enumerate() {
            let label = if attributed.is_valid(i) && attributed.value(i) { label } else { 0 };
            if tallies.len() <= label {
                tallies.resize(label + 1, Tally::default());
            }
            tallies[label].add(opportunities.value(i), |m| if credits[m].is_valid(i) { credits[m].value(i) } else { 0 });
        }
    }
    let mut out: BTreeMap<String, Sums> = BTreeMap::new();
    for (at, mut tally) in tallies.into_iter().enumerate().filter(|(_, t)| t.opportunity.is_some()) {
        tally.close();
        let known = |code: usize| match words {
            Some(words) => words.of(Some(&code.to_string())),
            None => names.get(code as u32).map(str::to_owned),
        };
        let label = match at {
            0 => UNATTRIBUTED.to_owned(),
            1 => NONE.to_owned(),
            at => known(at - 2).unwrap_or_else(|| NONE.to_owned()),
        };
        let sums = out.entry(label).or_default();
        for m in 0..MODELS.len() {
            sums.0[m] += tally.sums.0[m];
            sums.1[m] += tally.sums.1[m];
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{ArrayRef, BooleanArray, Int32Array, Int64Array, StringArray};
    use std::sync::Arc;

    fn batch(rows: &[(i32, bool, Option<&str>, i64)]) -> RecordBatch {
        let mut columns: Vec<(String, ArrayRef)> = vec![
            ("o".to_owned(), Arc::new(Int32Array::from_iter_values(rows.iter().map(|r| r.0)))),
            ("a".to_owned(), Arc::new(BooleanArray::from_iter(rows.iter().map(|r| Some(r.1))))),
            ("l".to_owned(), Arc::new(StringArray::from_iter(rows.iter().map(|r| r.2)))),
        ];
        columns.extend(MODELS.iter().map(|m| ((*m).to_owned(), Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.3))) as ArrayRef)));
        RecordBatch::try_from_iter(columns).expect("a batch")
    }

    #[test]
    fn an_opportunity_counts_once_a_label_also_across_batches() {
        let got = tally(
            &[
                batch(&[(1, true, Some("b"), 5), (1, true, Some("a"), 0), (1, true, Some("b"), 2)]),
                batch(&[(1, true, Some("b"), 3), (2, true, None, 7), (3, false, None, 11), (4, true, Some("b"), -1), (4, true, Some("b"), 1)]),
            ],
            None,
        )
        .expect("sums");
        let of = |label: &str| (got[label].0[0], got[label].1[5]);
        assert_eq!(got.len(), 4);
        assert_eq!((of("a"), of("b")), ((0, 0), (10, 1)));
        assert_eq!((of(NONE), of(UNATTRIBUTED)), ((7, 1), (11, 1)));
    }
}
