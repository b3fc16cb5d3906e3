//! The statistics of Treaty: pure functions from counts, durations and money to figures.
//!
//! Every function follows an item of the methods reference; the item is named in its doc
//! comment, for instance `(A9, S12)`. The rules that hold throughout:
//!
//! - **Undefined is not zero** (S2). Whatever has no answer (an empty population, a zero
//!   denominator, a quantile the curve never reaches) is `None`, never `0` and never `NaN`.
//! - **Full precision inside, one rounding at the end** (S7). Rounding for display is
//!   [`round_half_away`], which rounds halves away from zero.
//! - **Determinism** (S13). No clock, no input or output, no randomly seeded hasher. Random
//!   draws come from ChaCha seeded by [`stable_seed`]; equal seeds give equal figures.
//! - **Money is integers** (S6). Amounts are minor units; [`apportion`] divides them so that
//!   the parts add up to the whole.
//!
//! | module | subject | methods |
//! |---|---|---|
//! | [`proportion`] | intervals for rates, display rounding | S7, S12, A9, A20, C7 |
//! | [`mod@median`] | medians and quantiles of complete data | A10 |
//! | [`survival`] | Kaplan-Meier and competing risks | A5, A10, A13, C3, S11 |
//! | [`compare`] | two groups, many segments | A7, C8 |
//! | [`mod@shrink`] | small segments pulled towards the whole | A3, C8, S12 |
//! | [`health`] | indexes of data health | A27 |
//! | [`goal`] | lead goals from bookings goals | A1, A2 |
//! | [`whatif`] | stage chains, scenarios, the weakest stage | A11, A12 |
//! | [`seed`] | stable seeds for random draws | S13 |
//! | [`apportion`] | dividing money by weights | B11 |

pub mod apportion;
pub mod compare;
pub mod goal;
pub mod health;
pub mod median;
pub mod proportion;
pub mod seed;
pub mod shrink;
pub mod survival;
pub mod whatif;

mod counting;
mod draw;

pub use apportion::{
    Scratch, largest_remainder, largest_remainder_f64, largest_remainder_f64_into,
    largest_remainder_into,
};
pub use compare::{
    OddsRatio, Table, benjamini_hochberg, benjamini_yekutieli, fisher_exact, mantel_haenszel,
    odds_ratio, risk_ratio,
};
pub use goal::{deals_needed, lead_goal, leads_for_probability, p_at_least};
pub use health::{Index, health_index};
pub use median::{median, median_i64, quantile, quantile_i64};
pub use proportion::{Interval, newcombe, round_half_away, wilson};
pub use seed::stable_seed;
pub use shrink::{credibility, fit_beta_prior, shrink, shrunk_rate};
pub use survival::{AalenJohansen, End, KaplanMeier, Obs, Spell};
pub use whatif::{Chain, Lift, Scenario, WEAKEST_DRAWS, marginal_gain, p_weakest, shown};
