//! The dimensions that every fact about a person or an opportunity carries.

use super::build::Columns;
use super::dims::{Dims, pick};
use crate::error::EngineError;
use datafusion::arrow::array::{ArrayRef, AsArray, StringBuilder};
use datafusion::arrow::compute::{interleave, is_not_null, kernels::zip::zip};
use std::sync::Arc;
use treaty_domain::facts::{Collected, GateVerdict, OpportunityFact, VisitFact};
use treaty_domain::timeline::NONE;

/// Dimension columns ready to append.
pub struct Subjects(Columns);

impl Subjects {
    /// Account, source, campaign and profile of people.
    pub fn people(dims: &Dims, people: &[u32]) -> Result<Self, EngineError> {
        let of = |table: &[u32]| -> Vec<u32> { people.iter().map(|p| table.get(*p as usize).copied().unwrap_or(NONE)).collect() };
        let accounts = of(&dims.account_of_person);
        let campaigns = of(&dims.campaign_of_person);
        let mut out: Columns = vec![
            ("account_id", pick(&dims.account_id, &accounts)?),
            ("campaign_id", dims.campaigns(campaigns.iter().copied())?),
            ("channel", pick(&dims.channel, &campaigns)?),
            ("campaign_origin", pick(&dims.origin, &campaigns)?),
        ];
        for (name, column) in &dims.person {
            out.push((name, pick(column, people)?));
        }
        for (name, column) in &dims.account {
            out.push((name, pick(column, &accounts)?));
        }
        Ok(Self(out))
    }

    /// Account, kind, product line, territory and source of opportunities; the source is that of
    /// the primary contact's lead, else what the opportunity names.
    pub fn opportunities(dims: &Dims, opportunities: &[u32], people: &[u32]) -> Result<Self, EngineError> {
        let accounts: Vec<u32> =
            opportunities.iter().map(|o| dims.account_of_opportunity.get(*o as usize).copied().unwrap_or(NONE)).collect();
        let mut out: Columns = vec![("account_id", pick(&dims.account_id, &accounts)?)];
        for (name, column) in &dims.opportunity {
            out.push((name, pick(column, opportunities)?));
        }
        out.push(("territory", pick(&dims.opportunity_territory, opportunities)?));
        for (name, column) in dims.account.iter().filter(|(n, _)| *n != "territory") {
            out.push((name, pick(column, &accounts)?));
        }
        let source = dims.person.iter().find(|(n, _)| *n == "lead_source").map(|(_, c)| pick(c, people)).transpose()?;
        if let Some(source) = source {
            let own = pick(&dims.opportunity_source, opportunities)?;
            out.push(("lead_source", zip(&is_not_null(&source)?, &source, &own)?));
        }
        Ok(Self(out))
    }

    /// Dimensions of stage visits: those of the lead or of the opportunity.
    pub fn visits(dims: &Dims, visits: &[VisitFact]) -> Result<Self, EngineError> {
        let people: Vec<u32> = visits.iter().map(|v| if v.is_lead { v.subject } else { NONE }).collect();
        let opportunities: Vec<u32> = visits.iter().map(|v| if v.is_lead { NONE } else { v.subject }).collect();
        let of_people = Self::people(dims, &people)?.0;
        let of_opportunities = Self::opportunities(dims, &opportunities, &vec![NONE; visits.len()])?.0;
        let mut out: Columns = Vec::new();
        for name in ["account_id", "territory", "segment", "industry", "lead_source"] {
            let find = |columns: &Columns| columns.iter().find(|(n, _)| *n == name).map(|(_, c)| Arc::clone(c));
            if let (Some(a), Some(b)) = (find(&of_people), find(&of_opportunities)) {
                let order: Vec<(usize, usize)> = visits.iter().enumerate().map(|(i, v)| (usize::from(!v.is_lead), i)).collect();
                out.push((name, interleave(&[a.as_ref(), b.as_ref()], &order)?));
            }
        }
        for (name, column) in of_people.into_iter().filter(|(n, _)| ["campaign_id", "channel", "campaign_origin", "title", "persona", "attributes"].contains(n)) {
            out.push((name, column));
        }
        for (name, column) in of_opportunities.into_iter().filter(|(n, _)| ["kind", "product_line"].contains(n)) {
            out.push((name, column));
        }
        Ok(Self(out))
    }

    /// Appends the columns.
    pub fn append(self, out: &mut Columns) {
        out.extend(self.0);
    }
}

/// `person#attempt`; missing where there is no person or no attempt.
pub fn lead_ids(person_id: &ArrayRef, leads: impl Iterator<Item = (u32, u16)>) -> ArrayRef {
    let ids = person_id.as_string::<i32>();
    let mut out = StringBuilder::new();
    for (person, attempt) in leads {
        if person == NONE || attempt == 0 {
            out.append_null();
        } else {
            out.append_value(format_args_id(ids.value(person as usize), attempt));
        }
    }
    Arc::new(out.finish())
}

fn format_args_id(id: &str, attempt: u16) -> String {
    format!("{id}#{attempt}")
}

/// Id of the subject of each visit.
pub fn visit_ids(dims: &Dims, visits: &[VisitFact]) -> ArrayRef {
    let people = dims.person_id.as_string::<i32>();
    let opportunities = dims.opportunity_id.as_string::<i32>();
    let mut out = StringBuilder::new();
    for v in visits {
        if v.is_lead {
            out.append_value(format_args_id(people.value(v.subject as usize), v.attempt));
        } else {
            out.append_value(opportunities.value(v.subject as usize));
        }
    }
    Arc::new(out.finish())
}

/// A stage was entered past a gate without a Go, and nobody overrode it (A15).
pub fn leaked(v: &VisitFact) -> bool {
    matches!(v.gate, GateVerdict::NoGo | GateVerdict::Incomplete) && !v.overridden
}

/// The opportunity facts of a chunk by number; numbers of a chunk lie close together.
pub fn facts_of<'a>(c: &'a Collected, numbers: impl Iterator<Item = u32>) -> Vec<Option<&'a OpportunityFact>> {
    let mut by_number: Vec<&OpportunityFact> = c.opportunities.iter().collect();
    by_number.sort_by_key(|o| o.opportunity);
    numbers
        .map(|n| by_number.binary_search_by_key(&n, |o| o.opportunity).ok().and_then(|i| by_number.get(i).copied()))
        .collect()
}

