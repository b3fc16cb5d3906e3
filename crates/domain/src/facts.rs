//! What the agreement makes of the record: one row per lead, opportunity, stage visit, hand-off,
//! influence and attribution credit. The fold hands them to a [`Sink`].

use crate::timeline::Decision;
use crate::zone::Micros;

/// Where a lead came from (S10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// First attempt.
    New,
    /// Came back from nurture or after an exit.
    Recycled,
}

/// How a lead or an opportunity stands at the as-of instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Open and with its owner.
    Open,
    /// Returned to marketing by a rejected hand-off.
    Returned,
    /// A lead that became an opportunity which is open.
    Converted,
    /// Closed won.
    Won,
    /// Closed lost.
    Lost,
    /// Ended as a lead.
    Disqualified,
    /// Parked with marketing.
    Recycled,
}

impl Status {
    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::Returned => "returned",
            Status::Converted => "converted",
            Status::Won => "won",
            Status::Lost => "lost",
            Status::Disqualified => "disqualified",
            Status::Recycled => "recycled",
        }
    }
}

/// Purchase history of an account at an instant (A23).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Base {
    /// Never bought.
    NetNew,
    /// Bought, but longer ago than the agreed years.
    Lapsed,
    /// Bought within the agreed years.
    Installed,
}

impl Base {
    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Base::NetNew => "net_new",
            Base::Lapsed => "lapsed",
            Base::Installed => "installed",
        }
    }
}

/// Verdict of the gates that lie between two stages (A15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GateVerdict {
    /// No gate on the way.
    None,
    /// Every required criterion holds.
    Go,
    /// A required criterion does not hold.
    NoGo,
    /// A required criterion is unknown.
    Incomplete,
}

impl GateVerdict {
    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            GateVerdict::None => "none",
            GateVerdict::Go => "go",
            GateVerdict::NoGo => "no_go",
            GateVerdict::Incomplete => "incomplete",
        }
    }
}

/// One attempt of one person.
#[derive(Debug, Clone, PartialEq)]
pub struct LeadFact {
    /// Number of the person.
    pub person: u32,
    /// Attempt, from 1.
    pub attempt: u16,
    /// Where it came from.
    pub origin: Origin,
    /// When the attempt began.
    pub started_at: Micros,
    /// How it stands.
    pub status: Status,
    /// Highest stage reached; the number of stages means won.
    pub top: u8,
    /// Stage it is in now, or the last one before it ended.
    pub stage: u8,
    /// Owner at the as-of instant, or `NONE`.
    pub owner: u32,
    /// First hand-off of the attempt.
    pub passed_at: Option<Micros>,
    /// A hand-off was decided.
    pub decided: bool,
    /// First acceptance.
    pub accepted_at: Option<Micros>,
    /// First value put on it at acceptance, in minor units of the agreement's currency.
    pub accepted_value: Option<i64>,
    /// First primary opportunity created at or after the attempt began.
    pub converted_at: Option<Micros>,
    /// Number of that opportunity, or `NONE`.
    pub opportunity: u32,
    /// Opportunities of the attempt.
    pub opportunities: u32,
    /// First entry of one of them into a forecastable stage, with an amount (A14.4).
    pub pipeline_at: Option<Micros>,
    /// First win.
    pub won_at: Option<Micros>,
    /// Won amounts in minor units of the agreement's currency.
    pub won_amount: i64,
    /// End of the attempt without a win.
    pub ended_at: Option<Micros>,
    /// It ended for a reason that is exempt from the promise of effort (A6).
    pub exempt: bool,
    /// Qualifying sales activities.
    pub activities: u32,
    /// Of these, outbound.
    pub attempts: u32,
    /// Last qualifying activity of the person.
    pub last_activity_at: Option<Micros>,
    /// Purchase history of the account when the attempt began.
    pub base: Base,
    /// Belongs to the names of ratio 1 (A14.1).
    pub counts_as_name: bool,
}

/// A stage that a lead or an opportunity has reached, once a subject and stage (S10).
#[derive(Debug, Clone, PartialEq)]
pub struct VisitFact {
    /// The subject is a lead; otherwise an opportunity.
    pub is_lead: bool,
    /// Number of the person or opportunity.
    pub subject: u32,
    /// Attempt of the lead, or 0.
    pub attempt: u16,
    /// When the subject began: the attempt, or the creation of the opportunity.
    pub started_at: Micros,
    /// Stage; the number of stages means won.
    pub stage: u8,
    /// First time at this stage or above.
    pub reached_at: Micros,
    /// Skipped over: reached only by being above.
    pub implied: bool,
    /// Local days from reaching the stage before, when neither was skipped.
    pub days_from_previous: Option<i32>,
    /// Sum of the episodes in the stage in local days; none when skipped.
    pub dwell_days: Option<i32>,
    /// The subject is in this stage now.
    pub is_current: bool,
    /// Times it moved back into or below this stage from above.
    pub regressions: u16,
    /// Verdict of the gates passed by on the way in.
    pub gate: GateVerdict,
    /// The way in was overridden.
    pub overridden: bool,
}

/// An opportunity.
#[derive(Debug, Clone, PartialEq)]
pub struct OpportunityFact {
    /// Number of the opportunity.
    pub opportunity: u32,
    /// How it stands.
    pub status: Status,
    /// Highest stage reached.
    pub top: u8,
    /// Stage it is in now, or the last one before it ended.
    pub stage: u8,
    /// Creation.
    pub created_at: Micros,
    /// Amount in minor units of the agreement's currency; none when absent or no rate is known.
    pub amount: Option<i64>,
    /// An amount is there but cannot be converted.
    pub rate_missing: bool,
    /// Owner at close, or at the as-of instant.
    pub owner: u32,
    /// Number of the primary (or only) contact, or `NONE`.
    pub person: u32,
    /// Attempt of that person, or 0.
    pub attempt: u16,
    /// First win.
    pub won_at: Option<Micros>,
    /// Loss that stands.
    pub lost_at: Option<Micros>,
    /// Parked with marketing.
    pub recycled_at: Option<Micros>,
    /// Local days from creation to the as-of date, or to the close.
    pub age_days: i32,
    /// Times it was reopened.
    pub reopened: u16,
    /// Campaign by the source rule, or `NONE`.
    pub source_campaign: u32,
    /// Counts in the source and influence tables.
    pub counts: bool,
    /// Contact roles.
    pub contacts: u32,
    /// Touches of its path at the win.
    pub path_touches: u32,
    /// Purchase history of the account at creation.
    pub base: Base,
    /// First entry into a forecastable stage, with an amount.
    pub pipeline_at: Option<Micros>,
}

/// A hand-off and how it was worked.
#[derive(Debug, Clone, PartialEq)]
pub struct HandoffFact {
    /// Number of the hand-off in the record.
    pub row: u32,
    /// Number of the person.
    pub person: u32,
    /// Attempt it belongs to.
    pub attempt: u16,
    /// When it was passed.
    pub passed_at: Micros,
    /// To whom.
    pub assigned_to: u32,
    /// Decision at the as-of instant.
    pub decision: Decision,
    /// When it was decided.
    pub decided_at: Option<Micros>,
    /// Accepted, but without the value that acceptance needs.
    pub value_missing: bool,
    /// Value in minor units of the agreement's currency.
    pub value: Option<i64>,
    /// Whether the lead met the definition; none when it cannot be said.
    pub definition_met: Option<bool>,
    /// First qualifying outbound attempt at or after passing, before the as-of instant.
    pub worked_at: Option<Micros>,
    /// Converted without any logged attempt: a defect of the data, not laziness (A4).
    pub worked_unlogged: bool,
    /// The lead called first.
    pub inbound_first: bool,
    /// Attempted before it was passed.
    pub worked_before: bool,
}

/// A promise running on a hand-off.
#[derive(Debug, Clone, PartialEq)]
pub struct ClockFact {
    /// Number of the hand-off in the record.
    pub handoff: u32,
    /// `speed_to_lead` or `leads_worked`.
    pub promise: &'static str,
    /// To whom the lead was passed.
    pub assigned_to: u32,
    /// Owner at the deadline, who answers for a breach (S8).
    pub owner_at_deadline: u32,
    /// Start.
    pub started_at: Micros,
    /// Deadline on the promised clock.
    pub due_at: Option<Micros>,
    /// First qualifying outbound attempt.
    pub stopped_at: Option<Micros>,
    /// The window has elapsed.
    pub is_due: bool,
    /// Stopped within the window.
    pub met: bool,
    /// Elapsed physical microseconds to the stop, or to the as-of instant.
    pub wall: i64,
    /// Elapsed open microseconds of the owner's calendar.
    pub business: i64,
    /// Position of the calendar.
    pub calendar: u16,
}

/// A campaign that touched the people of an opportunity in time (A16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InfluenceFact {
    /// Number of the opportunity.
    pub opportunity: u32,
    /// Campaign.
    pub campaign: u32,
    /// Eligible touches.
    pub touches: u32,
}

/// Share of a won opportunity that falls to one touch, under every model (B).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreditFact {
    /// Number of the opportunity.
    pub opportunity: u32,
    /// Number of the touchpoint, or `NONE`: the path is empty.
    pub touch: u32,
    /// Number of the person, or `NONE`.
    pub person: u32,
    /// Campaign, or `NONE`.
    pub campaign: u32,
    /// Minor units by model, in the order of [`crate::agreement::MODELS`].
    pub credit: [i64; 6],
}

/// Takes facts as the fold yields them. Methods that a consumer does not need do nothing.
pub trait Sink {
    /// A lead.
    fn lead(&mut self, _: &LeadFact) {}
    /// A stage reached.
    fn visit(&mut self, _: &VisitFact) {}
    /// An opportunity.
    fn opportunity(&mut self, _: &OpportunityFact) {}
    /// A hand-off.
    fn handoff(&mut self, _: &HandoffFact) {}
    /// A running or stopped promise.
    fn clock(&mut self, _: &ClockFact) {}
    /// An influence.
    fn influence(&mut self, _: &InfluenceFact) {}
    /// A credit.
    fn credit(&mut self, _: &CreditFact) {}
}

/// Keeps every fact; for tests and small data.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Collected {
    /// Leads.
    pub leads: Vec<LeadFact>,
    /// Stage visits.
    pub visits: Vec<VisitFact>,
    /// Opportunities.
    pub opportunities: Vec<OpportunityFact>,
    /// Hand-offs.
    pub handoffs: Vec<HandoffFact>,
    /// Clocks.
    pub clocks: Vec<ClockFact>,
    /// Influences.
    pub influences: Vec<InfluenceFact>,
    /// Credits.
    pub credits: Vec<CreditFact>,
}

impl Sink for Collected {
    fn lead(&mut self, f: &LeadFact) {
        self.leads.push(f.clone());
    }
    fn visit(&mut self, f: &VisitFact) {
        self.visits.push(f.clone());
    }
    fn opportunity(&mut self, f: &OpportunityFact) {
        self.opportunities.push(f.clone());
    }
    fn handoff(&mut self, f: &HandoffFact) {
        self.handoffs.push(f.clone());
    }
    fn clock(&mut self, f: &ClockFact) {
        self.clocks.push(f.clone());
    }
    fn influence(&mut self, f: &InfluenceFact) {
        self.influences.push(*f);
    }
    fn credit(&mut self, f: &CreditFact) {
        self.credits.push(*f);
    }
}
