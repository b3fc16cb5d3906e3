//! The agreement with every name resolved to a number: what the fold judges by.

use super::columns::Names;
use std::collections::BTreeMap;
use treaty_domain::agreement::{Agreement, AgreementSet, Forecast, Side, Subject};
use treaty_domain::fold::{Gate, MAX_STAGES, Terms};
use treaty_domain::zone::{LocalDay, Micros};

/// A criterion of a gate, or the definition of a stage, with the bit that holds its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriterionBit {
    /// Whose columns it reads.
    pub subject: Subject,
    /// SQL condition.
    pub when: String,
    /// Clause, such as `stage.opportunity.gate.agrees-to-talk`.
    pub clause: String,
}

/// Every distinct condition of all versions, at most 64; the position is the bit.
pub fn criteria(set: &AgreementSet) -> Result<Vec<CriterionBit>, String> {
    let mut all: Vec<CriterionBit> = Vec::new();
    let mut add = |subject, when: &str, clause: String| {
        if !all.iter().any(|c| c.subject == subject && c.when == when) {
            all.push(CriterionBit { subject, when: when.to_owned(), clause });
        }
    };
    for agreement in set.versions() {
        for stage in &agreement.stages {
            for c in &stage.gate {
                add(stage.subject, &c.when, format!("stage.{}.gate.{}", stage.id, c.id));
            }
            if let Some(when) = &stage.enter_when {
                add(stage.subject, when, format!("stage.{}.enter_when", stage.id));
            }
        }
    }
    if all.len() > 64 {
        return Err(format!("the agreement has {} different conditions in gates and definitions; at most 64 can be kept", all.len()));
    }
    Ok(all)
}

/// Users as far as calendars need them.
#[derive(Debug, Clone, Default)]
pub struct UserTraits {
    /// Team by user id.
    pub team: BTreeMap<String, String>,
    /// Territory by user id.
    pub territory: BTreeMap<String, String>,
}

/// Resolves one version. `now` is the version in force at the as-of instant: stages are counted in
/// its terms, so that a stage renamed by an alias keeps its place.
pub fn resolve(
    agreement: &Agreement,
    now: &Agreement,
    criteria: &[CriterionBit],
    stage_values: &Names,
    kinds: &Names,
    users: &Names,
    traits: &UserTraits,
) -> Terms {
    let bit = |subject: Subject, when: &str| criteria.iter().position(|c| c.subject == subject && c.when == when);
    let r = &agreement.rules;
    let stages = now.stages.len().min(MAX_STAGES);
    let definition = now
        .stages
        .iter()
        .filter(|s| s.subject == Subject::Person && s.owner == Side::Marketing)
        .filter_map(|s| {
            let own = agreement.stages.iter().find(|o| o.id == s.id)?;
            own.enter_when.as_ref()
        })
        .next_back()
        .and_then(|when| bit(Subject::Person, when))
        .and_then(|b| u8::try_from(b).ok());
    let gates = now
        .stages
        .iter()
        .map(|s| {
            let gate = agreement.stages.iter().find(|o| o.id == s.id).map(|o| (o.subject, &o.gate));
            let required = gate.map_or(0, |(subject, gate)| {
                gate.iter().filter(|c| c.required).filter_map(|c| bit(subject, &c.when)).fold(0u64, |all, b| all | 1 << b)
            });
            Gate { required }
        })
        .collect();
    let calendar_of = users
        .list()
        .iter()
        .map(|user| {
            let team = traits.team.get(user);
            let territory = traits.territory.get(user);
            let c = &agreement.calendars;
            let found = c
                .iter()
                .position(|c| c.owners.contains(user))
                .or_else(|| c.iter().position(|c| team.is_some_and(|t| c.teams.contains(t))))
                .or_else(|| c.iter().position(|c| territory.is_some_and(|t| c.territories.contains(t))));
            found.and_then(|i| u16::try_from(i).ok()).unwrap_or(0)
        })
        .collect();
    Terms {
        from: now.zone.start_of_day(LocalDay::from(agreement.effective_from)),
        meaning: stage_values.list().iter().map(|v| now.meaning(v)).collect(),
        stages: u8::try_from(stages).unwrap_or(0),
        first_opportunity_stage: now
            .stages
            .iter()
            .position(|s| s.subject == Subject::Opportunity)
            .and_then(|i| u8::try_from(i).ok())
            .unwrap_or(0),
        forecastable: now.stages.iter().map(|s| s.forecast != Forecast::None).collect(),
        gates,
        definition,
        qualifying: kinds.list().iter().map(|k| r.qualifying.iter().any(|q| q.eq_ignore_ascii_case(k))).collect(),
        reopen_grace_days: agreement.outcomes.reopen_grace_days,
        acceptance_needs_value: r.acceptance_needs_value,
        creation_enters_first_stage: r.creation_enters_first_stage,
        speed_to_lead: agreement.promises.speed_to_lead.clone(),
        leads_worked: agreement.promises.leads_worked.clone(),
        attempts: agreement.promises.attempts_before_dead.clone(),
        calendars: agreement.calendars.iter().map(|c| c.calendar.clone()).collect(),
        calendar_of,
        source_rule: r.source_rule,
        source_window_days: i32::try_from(r.source_window_days).unwrap_or(i32::MAX),
        influence_window_days: i32::try_from(r.influence_window_days).unwrap_or(i32::MAX),
        influence_through_close: r.influence_through_close,
        people: r.people,
        lookback_days: i32::try_from(r.lookback_days).unwrap_or(i32::MAX),
        half_life_days: r.half_life_days,
        collapse_minutes: r.collapse_minutes,
        installed_base_years: i32::try_from(r.installed_base_years).unwrap_or(i32::MAX),
    }
}

/// The instant from which nothing counts: local midnight after the as-of date (S1).
pub fn as_of_instant(zone: &treaty_domain::zone::Zone, day: LocalDay) -> Micros {
    zone.start_of_day(day.plus(1))
}
