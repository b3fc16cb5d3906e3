//! The agreement: what both sides promised, as a versioned file.
//!
//! [`parse`] reads one text and reports every fault at once; [`diff`] says in words what changed
//! between two versions; [`AgreementSet`] holds the versions of a home in order of effect, so that
//! each event can be judged by the text in force at its time.

use crate::calendar::{Calendar, FiscalCalendar};
use crate::money::Currency;
use crate::zone::Zone;
use jiff::civil::Date;

mod calendars;
mod check;
mod clauses;
mod diagnostic;
mod diff;
mod diff_promises;
mod diff_rules;
mod fiscal;
mod promises;
mod read;
mod rules;
mod stages;
mod suggest;
mod syntax;
mod template;
mod unclosed;
mod values;

#[cfg(test)]
mod tests;

pub use check::parse;
pub use diagnostic::{Diagnostic, Severity};
pub use diff::diff;
pub use template::template;

/// Which team answers for a stage, a promise or a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Marketing.
    Marketing,
    /// Sales.
    Sales,
}

impl Side {
    /// The word used in files and reports: `marketing` or `sales`.
    pub fn word(self) -> &'static str {
        match self {
            Side::Marketing => "marketing",
            Side::Sales => "sales",
        }
    }
}

/// Whose history moves a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A person: the stages up to sales acceptance.
    Person,
    /// An opportunity: the stages from there on.
    Opportunity,
}

/// Forecast category of a stage (A14, ratio 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Forecast {
    /// Not forecastable.
    None,
    /// Pipeline.
    Pipeline,
    /// Best case.
    BestCase,
    /// Commit.
    Commit,
}

/// One exit criterion of a stage (A15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criterion {
    /// Identifier, unique within the stage.
    pub id: String,
    /// Whether the buyer or the vendor meets it; free text `buyer` or `vendor`.
    pub side: String,
    /// A required criterion decides the verdict; others are informative.
    pub required: bool,
    /// SQL over the subject's columns; true, false or unknown (NULL).
    pub when: String,
}

/// An agreed rate for the step into a stage (C7).
#[derive(Debug, Clone, PartialEq)]
pub struct Benchmark {
    /// Share of the previous stage that should reach this one, 0 to 1.
    pub rate: f64,
    /// Where the figure comes from.
    pub source: String,
    /// Day of the figure.
    pub on: Option<Date>,
}

/// A conversion point of the funnel (S10).
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Identifier used by the record.
    pub id: String,
    /// Name shown to people.
    pub name: String,
    /// Whose history moves it.
    pub subject: Subject,
    /// Which side answers for it.
    pub owner: Side,
    /// What both sides mean by it.
    pub definition: String,
    /// Other names under which source systems know it.
    pub aliases: Vec<String>,
    /// Entry rule as SQL over the subject's columns.
    pub enter_when: Option<String>,
    /// Forecast category.
    pub forecast: Forecast,
    /// Agreed rate of the step into this stage.
    pub benchmark: Option<Benchmark>,
    /// Exit criteria: what must hold before the next stage is entered.
    pub gate: Vec<Criterion>,
}

/// Names of the ways in which a history ends (S10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcomes {
    /// Stage values that mean closed won.
    pub won: Vec<String>,
    /// Stage values that mean closed lost.
    pub lost: Vec<String>,
    /// Stage values that end a lead.
    pub disqualified: Vec<String>,
    /// Stage values that park a lead or opportunity with marketing.
    pub recycled: Vec<String>,
    /// A return within so many days cancels a won, lost or disqualified exit; 0 makes exits of
    /// opportunities final.
    pub reopen_grace_days: i64,
}

/// A name as it is compared: without case and surrounding blanks.
fn folded(name: &str) -> impl Iterator<Item = char> {
    name.trim().chars().flat_map(char::to_lowercase)
}

/// What a stage value of the record means under an agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StageMeaning {
    /// The stage at this position, from 0.
    Stage(u8),
    /// Closed won.
    Won,
    /// Closed lost.
    Lost,
    /// Ended as a lead.
    Disqualified,
    /// Parked with marketing.
    Recycled,
}

/// Length of the period of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// Fiscal month.
    Month,
    /// Fiscal quarter.
    Quarter,
    /// Fiscal year.
    Year,
}

/// Which clock a promise runs on (S4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockKind {
    /// Elapsed physical time.
    Wall,
    /// Open hours of the owner's calendar.
    Business,
}

/// How a goal in units is given: as a number, or as the chain from a bookings goal (A1, A2).
#[derive(Debug, Clone, PartialEq)]
pub enum Goal {
    /// The number itself.
    Number(i64),
    /// `bookings / (average_sale * first_rate * second_rate)`, rounded up once at the end.
    Chain {
        /// Bookings goal in minor units.
        bookings: i64,
        /// Average sale price in minor units.
        average_sale: i64,
        /// Lead (or stage) to opportunity, 0 to 1.
        to_opportunity: f64,
        /// Opportunity to won, 0 to 1.
        to_won: f64,
    },
}

/// Marketing's promise of volume (A1, A2).
#[derive(Debug, Clone, PartialEq)]
pub struct VolumePromise {
    /// Period.
    pub per: Per,
    /// Goal.
    pub goal: Goal,
    /// Index of the stage counted; for the lead goal the first stage.
    pub stage: u8,
}

/// Marketing's promise of value: expected value per lead, frozen at period start (A3).
#[derive(Debug, Clone, PartialEq)]
pub struct ValuePromise {
    /// Period.
    pub per: Per,
    /// Goal in minor units.
    pub goal: i64,
    /// Dimension of the value table, a column of the leads facts.
    pub by: String,
    /// `k` of the credibility weight `n / (n + k)`.
    pub credibility: f64,
    /// Leads younger than this at period start stay out of the table.
    pub maturity_days: i64,
}

/// Sales' promise that handed-over leads are attempted in time (A4, A5).
#[derive(Debug, Clone, PartialEq)]
pub struct WindowPromise {
    /// Period.
    pub per: Per,
    /// Window in whole minutes of the clock.
    pub within_minutes: i64,
    /// Which clock.
    pub clock: ClockKind,
    /// Promised share of due hand-offs, 0 to 1.
    pub share: f64,
}

/// Sales' promise of effort before a lead is given up (A6).
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptsPromise {
    /// Period.
    pub per: Per,
    /// Qualifying outbound attempts.
    pub at_least: i64,
    /// Promised share of dead leads, 0 to 1.
    pub share: f64,
    /// Reasons that leave the denominator, compared without case.
    pub exempt_reasons: Vec<String>,
}

/// All promises; each may be absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Promises {
    /// `promise.marketing.leads`
    pub leads: Option<VolumePromise>,
    /// `promise.marketing.mqls`
    pub mqls: Option<VolumePromise>,
    /// `promise.marketing.lead_value`
    pub lead_value: Option<ValuePromise>,
    /// `promise.sales.speed_to_lead`
    pub speed_to_lead: Option<WindowPromise>,
    /// `promise.sales.leads_worked`
    pub leads_worked: Option<WindowPromise>,
    /// `promise.sales.attempts_before_dead`
    pub attempts_before_dead: Option<AttemptsPromise>,
}

/// Whom a calendar serves; the first match of owner, team, territory wins, else `default`.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedCalendar {
    /// `calendar.<name>`
    pub name: String,
    /// The working hours.
    pub calendar: Calendar,
    /// User ids.
    pub owners: Vec<String>,
    /// Teams.
    pub teams: Vec<String>,
    /// Territories.
    pub territories: Vec<String>,
}

/// How the one source of an opportunity is found (A16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceRule {
    /// Last responded campaign touch at or before creation, within the window.
    LastRespondedTouch,
    /// The campaign that the CRM names on the opportunity.
    CrmPrimaryCampaign,
    /// The campaign that created the lead.
    LeadCreatingTouch,
}

/// Whose touches belong to an opportunity (B10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum People {
    /// Contact roles only.
    Roles,
    /// Everyone of the account.
    Account,
    /// Contact roles, else everyone of the account.
    RolesElseAccount,
}

/// Names of the attribution models, in the order of reports (B2-B4).
pub const MODELS: [&str; 6] =
    ["first_touch", "last_touch", "last_non_direct", "linear", "time_decay", "position_40_20_40"];

/// The rules under which facts are derived.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Kinds of activity that count as sales effort.
    pub qualifying: Vec<String>,
    /// Acceptance needs a value above zero (A14.3).
    pub acceptance_needs_value: bool,
    /// The creation of an opportunity enters the first stage of opportunities, even when no stage
    /// change says so.
    pub creation_enters_first_stage: bool,
    /// Source rule.
    pub source_rule: SourceRule,
    /// Source window in local days.
    pub source_window_days: i64,
    /// Kinds of opportunity in the source and influence tables.
    pub kinds: Vec<String>,
    /// Influence window in local days before creation.
    pub influence_window_days: i64,
    /// Influence reaches up to close (or as-of) instead of creation.
    pub influence_through_close: bool,
    /// Whose touches form a path.
    pub people: People,
    /// Attribution look-back in local days.
    pub lookback_days: i64,
    /// Half-life of time decay in days.
    pub half_life_days: f64,
    /// Repeats of one campaign by one person within this many minutes are one touch; 0 keeps all.
    pub collapse_minutes: i64,
    /// Channels that count as direct.
    pub direct_channels: Vec<String>,
    /// The model shown first.
    pub model: String,
    /// Ratio 1 counts everyone, not only people of acquiring campaigns.
    pub ratio_names_all: bool,
    /// A purchase within so many years makes an account installed base.
    pub installed_base_years: i64,
    /// Fewer lost opportunities than this give no recycling verdict.
    pub recycle_at_least_lost: i64,
    /// Segment column of the recycling rule.
    pub recycle_by: Option<String>,
    /// Smallest denominator that is displayed.
    pub min_n: i64,
    /// Smallest denominator that gets a verdict.
    pub min_n_verdict: i64,
}

/// A signature under the agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Side that signed.
    pub side: Side,
    /// Who.
    pub name: String,
    /// When.
    pub on: Date,
}

/// Where a clause stands: its dotted key and line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clause {
    /// Dotted key, such as `promise.sales.speed_to_lead`.
    pub key: String,
    /// Line in the file, from 1.
    pub line: usize,
}

/// One version of the agreement, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Title.
    pub name: String,
    /// First local day on which it is in force.
    pub effective_from: Date,
    /// Reporting currency.
    pub currency: Currency,
    /// Reporting zone.
    pub zone: Zone,
    /// Sponsor, if named.
    pub sponsor: Option<String>,
    /// Signatures.
    pub signatures: Vec<Signature>,
    /// Fiscal calendar.
    pub fiscal: FiscalCalendar,
    /// Stages in order.
    pub stages: Vec<Stage>,
    /// Outcomes.
    pub outcomes: Outcomes,
    /// Promises.
    pub promises: Promises,
    /// Calendars; `default` is always first.
    pub calendars: Vec<NamedCalendar>,
    /// Rules.
    pub rules: Rules,
    /// Clauses with their lines, sorted by key.
    pub clauses: Vec<Clause>,
    /// Stable hash of the text, 16 hexadecimal digits: the version id that numbers carry.
    pub version_id: String,
    /// The text itself, but for line ends and blanks at the ends of lines, for those who must read it again elsewhere.
    pub text: String,
}

impl Agreement {
    /// What a stage value means for a subject, or `None` when the agreement does not know it.
    /// Ids, names and aliases are compared without case and surrounding blanks.
    pub fn meaning(&self, value: &str) -> Option<StageMeaning> {
        let is = |s: &String| {
            s.trim().eq_ignore_ascii_case(value.trim())
                || !s.is_ascii() && folded(s).eq(folded(value))
        };
        for (i, stage) in self.stages.iter().enumerate() {
            if is(&stage.id) || is(&stage.name) || stage.aliases.iter().any(is) {
                return Some(StageMeaning::Stage(u8::try_from(i).unwrap_or(u8::MAX)));
            }
        }
        let o = &self.outcomes;
        [
            (&o.won, StageMeaning::Won),
            (&o.lost, StageMeaning::Lost),
            (&o.disqualified, StageMeaning::Disqualified),
            (&o.recycled, StageMeaning::Recycled),
        ]
        .into_iter()
        .find(|(names, _)| names.iter().any(is))
        .map(|(_, m)| m)
    }

    /// Both sides have signed.
    pub fn is_signed(&self) -> bool {
        [Side::Marketing, Side::Sales].iter().all(|s| self.signatures.iter().any(|x| x.side == *s))
    }

    /// Line of a clause, or 0.
    pub fn line(&self, key: &str) -> usize {
        self.clauses.iter().find(|c| c.key == key).map_or(0, |c| c.line)
    }
}

/// The versions of one home, in order of effect, never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct AgreementSet {
    versions: Vec<Agreement>,
}

impl AgreementSet {
    /// Orders versions by `effective_from`.
    ///
    /// # Errors
    /// A sentence when there is none, or two take effect on one day.
    pub fn new(mut versions: Vec<Agreement>) -> Result<Self, String> {
        versions.sort_by_key(|a| a.effective_from);
        if versions.is_empty() {
            return Err("there is no agreement".to_owned());
        }
        for pair in versions.windows(2) {
            if let [a, b] = pair
                && a.effective_from == b.effective_from
            {
                return Err(format!(
                    "two versions of the agreement take effect on {}; give one of them another effective_from",
                    a.effective_from
                ));
            }
        }
        Ok(Self { versions })
    }

    /// The versions in order of effect.
    pub fn versions(&self) -> &[Agreement] {
        &self.versions
    }

    /// Position of the version in force on a local day; the first one also serves earlier days.
    pub fn index_on(&self, day: Date) -> usize {
        self.versions.iter().rposition(|a| a.effective_from <= day).unwrap_or(0)
    }

    /// The version in force on a local day.
    pub fn on(&self, day: Date) -> &Agreement {
        &self.versions[self.index_on(day)]
    }

    /// What a stage value means under the newest version that knows it.
    pub fn meaning(&self, value: &str) -> Option<StageMeaning> {
        self.versions.iter().rev().find_map(|a| a.meaning(value))
    }
}
