//! The alignment review: the promises of both sides, then every report.

use crate::report::{Cell, Provenance, Report};

/// How a promise stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Kept.
    Kept,
    /// Not yet kept, the period runs, and the pace is enough.
    OnTrack,
    /// Not yet kept, the period runs, and the pace is too low.
    AtRisk,
    /// Broken: the period is over, or the share is below what was promised.
    Broken,
    /// Cannot be said.
    Open,
}

impl Standing {
    /// The word shown.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Kept => "kept",
            Standing::OnTrack => "on track",
            Standing::AtRisk => "at risk",
            Standing::Broken => "broken",
            Standing::Open => "open",
        }
    }
}

/// One promise and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct PromiseLine {
    /// `marketing` or `sales`.
    pub side: String,
    /// Identifier, such as `speed_to_lead`.
    pub promise: String,
    /// Title for people, such as `Speed to lead`.
    pub title: String,
    /// The promise in words: `95 % of hand-offs attempted within 60 minutes (business clock)`.
    pub text: String,
    /// Clause with its line: `promise.sales.speed_to_lead (agreement.toml:92)`.
    pub clause: String,
    /// Period label.
    pub period: String,
    /// Goal.
    pub goal: Cell,
    /// Actual.
    pub actual: Cell,
    /// Actual over goal.
    pub attainment: Cell,
    /// Share of the period that has passed, 0 to 1.
    pub pace: f64,
    /// By how much, in words: `missed by 15.4 points (n = 108)`.
    pub gap: String,
    /// Standing.
    pub standing: Standing,
}

/// The review.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// Name of the agreement.
    pub title: String,
    /// The one sentence that opens it.
    pub headline: String,
    /// Promises of both sides, marketing first.
    pub promises: Vec<PromiseLine>,
    /// Reports in reading order.
    pub reports: Vec<Report>,
    /// What it rests on.
    pub provenance: Provenance,
}
