//! Pages and charts. Strings in, strings out: nothing here reads, writes or asks the time.
//!
//! - [`chart`] draws a report's chart as SVG.
//! - [`review`] writes the alignment review, or one report, as one HTML file that needs nothing else.

pub mod chart;
pub mod review;
mod section;

#[cfg(test)]
mod markup;
#[cfg(test)]
#[path = "../examples/preview/company.rs"]
mod company;
