//! Calendars: the business hours on which promises run (methods S4) and the fiscal years in which
//! they are counted (methods S5).

mod fiscal;
mod hours;
mod text;
mod timetable;

pub use fiscal::{FiscalCalendar, FiscalDay, WeekPattern, YearEnd, YearLabel};
pub use hours::{Block, Calendar};
pub use text::{parse_day_range, parse_hours};
