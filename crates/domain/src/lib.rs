//! The domain of Treaty: what sales and marketing promised each other, and what happened.
//!
//! Everything here is pure: no I/O, no clock, no async, no randomness. Time is a parameter. In the
//! order of a buyer's journey:
//!
//! - [`zone`], [`calendar`], [`period`]: instants, local days, working hours, fiscal periods (S3-S5)
//! - [`money`]: integer minor units and dated exchange rates (S6)
//! - [`agreement`]: definitions, stages, gates, promises, rules
//! - [`timeline`]: what happened around one account, in order
//! - [`mod@fold`]: one ordered pass over a timeline that yields every fact
//! - [`facts`]: what it means: leads, opportunities, stage visits, hand-offs, SLA clocks, credits
//! - [`attribution`]: how the amount of an opportunity is shared among its touches (B)

pub mod agreement;
pub mod attribution;
pub mod calendar;
pub mod facts;
pub mod fold;
pub mod money;
pub mod period;
pub mod snapshot;
pub mod timeline;
pub mod zone;
