//! The demo company: two years of a believable business, made from a seed.
//!
//! Larkfield Software sells workflow software to other companies. Ten reps and six marketers, five thousand leads,
//! ending on 2026-06-30. The data tell a story that the review should find: a rep with a pile of hand-offs that nobody
//! touched, another who left and still owns leads, a source that looks poor and pays best, a loud one that pays nothing,
//! a step of the funnel that broke three quarters ago, a quarter in which marketing reached its count but not its value,
//! and sales its effort but not its speed.
//!
//! The same seed gives the same bytes. Chance is rolled in whole numbers, and where the story depends on a share, cards
//! are drawn from shuffled decks, so that every seed tells it.

use std::fmt;
use std::io;
use std::path::Path;

mod cast;
mod clock;
mod deals;
mod dice;
mod leads;
mod marketing;
mod quotas;
#[cfg(test)]
mod tests;
mod touches;
mod words;
mod world;

/// The demo's signed agreement, in force from 2024-07-01.
pub const AGREEMENT: &str = include_str!("agreement.toml");

/// The version before it, in force from 2024-01-01: the same stages, a slower promise.
pub const AGREEMENT_2024: &str = include_str!("agreement-2024.toml");

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Companies.
    pub accounts: usize,
    /// People.
    pub people: usize,
    /// Opportunities.
    pub opportunities: usize,
    /// Hand-offs from marketing to sales.
    pub handoffs: usize,
    /// Rows of all event tables: stage and field changes, touches, activities, hand-offs.
    pub events: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            accounts,
            people,
            opportunities,
            handoffs,
            events,
        } = self;
        write!(
            f,
            "{people} people at {accounts} companies, {handoffs} hand-offs, {opportunities} opportunities, {events} events"
        )
    }
}

/// Writes the demo company into a folder as CSV files in the record's native layout. The folder is made if need be;
/// files of the same names are replaced.
///
/// # Errors
/// When a file cannot be written.
pub fn write_company(dir: &Path, seed: u64) -> io::Result<Summary> {
    let mut world = cast::world(seed);
    leads::run(&mut world, seed);
    deals::run(&mut world, seed);
    touches::run(&mut world, seed);
    world.dice = dice::Dice::new(seed, 6);
    world.write(dir)
}
