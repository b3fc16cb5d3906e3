//! The cohort example of the reference.

use super::Story;

/// The five leads of C1; each opportunity is a deal of its own.
pub fn five_leads() -> Story {
    let mut s = Story::default();
    s.person("A", 0).stage("A", 3, "mql").stage("A", 5, "sal");
    s.deal("A's", 20, 1_000, &["A"]).stage("A's", 60, "won");
    s.person("B", 0);
    s.deal("B's", 10, 1_000, &["B"]).stage("B's", 40, "lost");
    s.person("C", 5).stage("C", 9, "mql").stage("C", 12, "sal").stage("C", 15, "mql").stage("C", 30, "sal");
    s.deal("C's", 45, 1_000, &["C"]);
    s.person("D", 35).stage("D", 50, "mql");
    s.person("E", -20).stage("E", -10, "mql").stage("E", 2, "sal");
    s.deal("E's", 33, 1_000, &["E"]).stage("E's", 55, "won");
    s
}
