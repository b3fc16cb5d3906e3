//! Golden stories: what the reference says of small timelines (methods S, A, B, C1 and the cases
//! that break such systems).

mod common;

use common::{STAGES, Story, WON, When, at, five_leads, office, rank, within};
use treaty_domain::agreement::ClockKind;
use treaty_domain::facts::{Origin, Status};
use treaty_domain::timeline::{Criteria, Decision, NONE};
use treaty_domain::zone::{Micros, Zone};

// --- C1: cohort, snapshot, flow ---------------------------------------------------------------

const C1_STAGES: [&str; 5] = ["lead", "mql", "sal", "opp", "won"];

#[test]
fn c1_cohort() {
    for (as_of, expected) in [(31, [3, 3, 3, 2, 0]), (100, [3, 3, 3, 3, 1])] {
        let told = five_leads().fold(as_of);
        let reached = C1_STAGES.map(|stage| {
            told.facts
                .visits
                .iter()
                .filter(|v| v.is_lead && v.stage == rank(stage))
                .filter(|v| v.started_at >= 0.instant() && v.started_at < 31.instant())
                .count()
        });
        assert_eq!(reached, expected, "as of {as_of}");
    }
}

#[test]
fn c1_flow() {
    let told = five_leads().fold(100);
    let entries = C1_STAGES.map(|stage| {
        let entered = |at: Micros| at >= 31.instant() && at < 62.instant();
        told.facts.visits.iter().filter(|v| v.is_lead && v.stage == rank(stage) && entered(v.reached_at)).count()
    });
    assert_eq!(entries, [1, 1, 0, 2, 2]);
}

#[test]
fn c1_snapshot() {
    let told = five_leads().fold(31);
    let now = |name| {
        let current = told.facts.visits.iter().find(|v| v.is_lead && v.is_current && v.subject == told.lead(name).person);
        current.map(|v| STAGES[v.stage as usize])
    };
    assert_eq!(["A", "B", "C", "E"].map(now), [Some("opp"), Some("opp"), Some("sal"), Some("sal")]);
    assert!(told.attempts("D").is_empty());
}

#[test]
fn c1_dwell() {
    let told = five_leads().fold(100);
    let visit = |who, stage| told.visit(who, 1, stage).expect("reached");
    assert_eq!(visit("C", "mql").dwell_days, Some(18));
    assert_eq!(visit("C", "sal").dwell_days, Some(18));
    assert_eq!(STAGES.map(|s| told.visit("C", 1, s).map_or(0, |v| v.regressions)), [0, 1, 0, 0, 0, 0]);
    for stage in ["mql", "sal"] {
        let skipped = visit("B", stage);
        assert!(skipped.implied);
        assert_eq!((skipped.dwell_days, skipped.days_from_previous), (None, None));
        assert_eq!(skipped.reached_at, 10.instant());
    }
    assert_eq!(visit("A", "opp").days_from_previous, Some(15));
    assert_eq!(visit("B", "opp").days_from_previous, None);
}

// --- S10: stages ------------------------------------------------------------------------------

#[test]
fn a_skipped_stage_is_reached_but_not_dwelt_in() {
    let mut s = Story::default();
    s.person("Ada", 0).stage("Ada", 5, "sal");
    let told = s.fold(20);
    let mql = told.visit("Ada", 1, "mql").expect("implied");
    assert!(mql.implied && mql.dwell_days.is_none());
    assert_eq!(mql.reached_at, 5.instant());
    let sal = told.visit("Ada", 1, "sal").expect("entered");
    assert!(!sal.implied && sal.is_current);
    assert_eq!(sal.dwell_days, Some(14)); // to day 19, the last one before the instant
    assert_eq!(sal.days_from_previous, None);
}

#[test]
fn a_move_back_keeps_the_mark_and_only_moves_back_are_counted() {
    let mut s = Story::default();
    s.person("Ada", 0).deal("Deal", 0, 1_000, &["Ada"]);
    s.stage("Deal", 5, "quote").stage("Deal", 8, "opp").stage("Deal", 10, "demo").stage("Deal", 12, "quote");
    let told = s.fold(21);
    let visit = |stage| told.visit("Deal", 0, stage).expect("reached");
    assert_eq!(["opp", "demo", "quote"].map(|s| visit(s).regressions), [1, 0, 0]); // opp to demo is no move back
    assert_eq!(["opp", "demo", "quote"].map(|s| visit(s).dwell_days), [Some(7), Some(2), Some(11)]);
    assert_eq!(["opp", "demo", "quote"].map(|s| visit(s).implied), [false, true, false]);
    assert_eq!(visit("demo").reached_at, 5.instant());
    assert_eq!(told.deal("Deal").top, rank("quote"));
    assert_eq!(told.lead("Ada").top, rank("quote"));
}

#[test]
fn who_comes_back_within_the_grace_was_never_gone() {
    let mut s = Story::default();
    s.person("Ada", 0).exempt("Ada", 10).stage("Ada", 40, "mql");
    let ada = s.fold(100).lead("Ada");
    assert_eq!((ada.status, ada.ended_at, ada.exempt, ada.attempt), (Status::Open, None, false, 1));
}

#[test]
fn who_comes_back_after_the_grace_begins_again() {
    let mut s = Story::default();
    s.person("Ada", 0).stage("Ada", 10, "disqualified").stage("Ada", 41, "mql");
    let told = s.fold(100);
    let [first, second] = told.attempts("Ada").try_into().expect("two attempts");
    assert_eq!((first.status, first.ended_at, first.origin), (Status::Disqualified, Some(10.instant()), Origin::New));
    assert_eq!((second.status, second.started_at, second.origin), (Status::Open, 41.instant(), Origin::Recycled));
    assert!(told.visit("Ada", 2, "lead").expect("implied").implied);
    assert_eq!(s.fold(41).lead("Ada").status, Status::Disqualified);
}

#[test]
fn who_comes_back_from_marketing_always_begins_again() {
    let mut s = Story::default();
    s.person("Ada", 0).stage("Ada", 10, "recycled").stage("Ada", 11, "mql");
    let [first, second] = s.fold(100).attempts("Ada").try_into().expect("two attempts");
    assert_eq!((first.status, first.ended_at), (Status::Recycled, Some(10.instant())));
    assert_eq!((second.origin, second.attempt), (Origin::Recycled, 2));
    let mut s = Story::default();
    s.person("Ada", 0).deal("Old", 5, 1_000, &["Ada"]).stage("Old", 10, "recycled").deal("New", 10, 1_000, &["Ada"]);
    s.stage("Ada", 12, "mql");
    // parked and begun anew at one instant: what begins comes first, so nothing was over
    assert_eq!(s.fold(100).lead("Ada").opportunities, 2);
}

#[test]
fn a_customer_who_comes_back_after_the_grace_begins_again() {
    let mut s = Story::default();
    s.person("Ada", 0).deal("Deal", 5, 1_000, &["Ada"]).stage("Deal", 20, "won");
    s.stage("Ada", 50, "mql");
    assert_eq!(s.fold(100).lead("Ada").status, Status::Won);
    s.deal("More", 51, 500, &["Ada"]);
    let told = s.fold(100);
    let [first, second] = told.attempts("Ada").try_into().expect("two attempts");
    assert_eq!((first.status, first.won_amount), (Status::Won, 1_000));
    assert_eq!((second.status, second.origin, second.started_at), (Status::Converted, Origin::Recycled, 51.instant()));
    assert_eq!(told.deal("More").attempt, 2);
}

#[test]
fn lost_then_won() {
    let mut s = Story::default();
    s.person("Ada", 0).deal("Deal", 5, 1_000, &["Ada"]).stage("Deal", 20, "lost").stage("Deal", 25, "won");
    let told = s.fold(30);
    let deal = told.deal("Deal");
    assert_eq!((deal.status, deal.lost_at, deal.won_at), (Status::Won, None, Some(25.instant())));
    assert_eq!(told.lead("Ada").status, Status::Won);
    let told = s.fold(25);
    assert_eq!((told.deal("Deal").status, told.lead("Ada").status), (Status::Lost, Status::Lost));
    assert_eq!(told.lead("Ada").ended_at, Some(20.instant()));
}

#[test]
fn reopened_after_a_win() {
    let mut s = Story::default();
    s.person("Ada", 0).deal("Deal", 5, 1_000, &["Ada"]).overridden("Deal", 20, "won").stage("Deal", 50, "demo");
    let told = s.fold(60);
    let deal = told.deal("Deal");
    assert_eq!((deal.status, deal.won_at, deal.reopened, deal.top), (Status::Open, None, 1, rank("demo")));
    assert!(told.visit("Deal", 0, "won").is_none());
    assert_eq!((told.lead("Ada").status, told.lead("Ada").won_amount), (Status::Converted, 0));
    s.stage("Deal", 70, "won");
    let won = s.fold(80).visit("Deal", 0, "won").expect("won again");
    assert_eq!((won.reached_at, won.overridden), (70.instant(), false));

    let mut s = Story::default();
    s.person("Ada", 0).deal("Deal", 5, 1_000, &["Ada"]).stage("Deal", 20, "won").stage("Deal", 51, "demo");
    let deal = s.fold(60).deal("Deal");
    assert_eq!((deal.status, deal.won_at, deal.reopened), (Status::Won, Some(20.instant()), 0));
}

#[test]
fn a_lead_without_a_deal_and_a_deal_without_a_lead() {
    let mut s = Story::default();
    s.person("Ada", 0).deal("Orphan", 5, 1_000, &[]);
    let told = s.fold(30);
    let ada = told.lead("Ada");
    assert_eq!((ada.status, ada.opportunity, ada.converted_at, ada.top), (Status::Open, NONE, None, 0));
    assert_eq!((told.deal("Orphan").person, told.deal("Orphan").attempt), (NONE, 0));
    assert_eq!(told.deal("Orphan").source_campaign, NONE);
}

#[test]
fn two_leads_of_one_deal() {
    let mut s = Story::default();
    s.person("Ada", 0).person("Bo", 0).person("Cy", 0);
    s.deal("Both", 5, 1_000, &["Ada", "*Bo"]).deal("Neither", 6, 1_000, &["Ada", "Cy"]);
    let told = s.fold(30);
    assert_eq!(told.lead("Bo").converted_at, Some(5.instant()));
    assert_eq!((told.lead("Ada").converted_at, told.lead("Cy").converted_at), (None, None));
    assert_eq!(told.deal("Neither").person, NONE);
}

#[test]
fn two_deals_of_one_lead() {
    let mut s = Story::default();
    s.person("Ada", 0).stage("Ada", 2, "sal");
    s.deal("First", 5, 1_000, &["Ada"]).stage("First", 8, "demo").stage("First", 20, "lost");
    s.deal("Second", 10, 700, &["Ada"]);
    let told = s.fold(30);
    let ada = told.lead("Ada");
    assert_eq!((ada.status, ada.opportunities, ada.converted_at), (Status::Converted, 2, Some(5.instant())));
    assert_eq!(STAGES[ada.stage as usize], "opp"); // where the second one stands
    assert_eq!(told.visit("Ada", 1, "opp").expect("reached").dwell_days, Some(3 + 19));
    s.stage("Second", 40, "won");
    let told = s.fold(50);
    let ada = told.lead("Ada");
    assert_eq!((ada.status, ada.top, ada.won_amount, ada.ended_at), (Status::Won, WON, 700, None));
    assert_eq!(told.visit("Ada", 1, "won").expect("won").reached_at, 40.instant());
}

#[test]
fn an_attempt_ends_with_its_last_deal() {
    let mut s = Story::default();
    s.person("Ada", 0).deal("First", 5, 1_000, &["Ada"]).deal("Second", 10, 700, &["Ada"]);
    s.stage("First", 20, "lost").stage("Second", 30, "recycled");
    assert_eq!(s.fold(25).lead("Ada").status, Status::Converted);
    let ada = s.fold(40).lead("Ada");
    assert_eq!((ada.status, ada.ended_at), (Status::Recycled, Some(30.instant())));
}

#[test]
fn a_deal_that_is_older_than_its_lead_converts_nobody() {
    let mut s = Story::default();
    s.person("Ada", 10).deal("Early", 9, 1_000, &["Ada"]).stage("Early", 20, "won");
    let told = s.fold(30);
    assert_eq!((told.lead("Ada").status, told.lead("Ada").won_amount), (Status::Open, 0));
    assert_eq!((told.deal("Early").person, told.deal("Early").status), (NONE, Status::Won));
    let mut s = Story::default();
    s.person("Ada", 10).deal("At once", 10, 1_000, &["Ada"]);
    assert_eq!(s.fold(30).lead("Ada").converted_at, Some(10.instant()));
}

#[test]
fn a_person_who_ends_while_the_deal_goes_on() {
    let mut s = Story::default();
    s.person("Ada", 0).deal("Deal", 5, 1_000, &["Ada"]).stage("Ada", 20, "disqualified").stage("Deal", 50, "quote");
    let told = s.fold(60);
    assert_eq!((told.lead("Ada").status, told.lead("Ada").ended_at), (Status::Disqualified, Some(20.instant())));
    assert!(told.facts.visits.iter().all(|v| v.dwell_days.is_none_or(|d| d >= 0)), "no stage lasts less than no day");
    s.stage("Deal", 70, "won");
    assert_eq!(s.fold(80).lead("Ada").status, Status::Won);
}

#[test]
fn every_subject_enters_its_first_stage_whatever_else_is_said_at_creation() {
    let mut s = Story::default();
    s.person("Ada", 0).stage("Ada", 0, "??").person("Bo", 0).stage("Bo", 0, "disqualified");
    s.deal("Dead", 5, 1_000, &["Ada"]).stage("Dead", 5, "lost");
    s.deal("Sold", 6, 1_000, &["*Bo"]).stage("Sold", 6, "won");
    let told = s.fold(30);
    for name in ["Ada", "Bo"] {
        assert!(!told.visit(name, 1, "lead").expect("entered").implied, "{name}");
    }
    assert!(!told.visit("Dead", 0, "opp").expect("entered").implied);
    assert!(told.visit("Sold", 0, "opp").expect("implied by the win").implied);
    assert_eq!(told.deal("Sold").top, WON);
}

#[test]
fn without_a_grace_exits_are_final() {
    let mut s = Story::under(|t| t.reopen_grace_days = 0);
    s.person("Ada", 0).deal("Deal", 5, 1_000, &["Ada"]).stage("Deal", 20, "lost").stage("Deal", at(20, 9, 0), "demo");
    assert_eq!((s.fold(30).deal("Deal").status, s.fold(30).deal("Deal").reopened), (Status::Lost, 0));
    s.stage("Deal", 25, "won").stage("Deal", at(25, 9, 0), "demo");
    assert_eq!(s.fold(30).deal("Deal").status, Status::Won);
}

#[test]
fn creation_enters_a_stage_only_if_so_agreed() {
    let mut s = Story::under(|t| t.creation_enters_first_stage = false);
    s.person("Ada", 0).deal("Deal", 5, 1_000, &["Ada"]);
    let told = s.fold(10);
    assert!(told.visit("Deal", 0, "opp").is_none() && told.visit("Ada", 1, "opp").is_none());
    assert_eq!((told.lead("Ada").status, told.lead("Ada").top), (Status::Converted, 0));
    s.stage("Deal", 7, "demo");
    assert!(s.fold(10).visit("Deal", 0, "opp").expect("skipped").implied);
}

#[test]
fn what_is_dated_before_a_person_was_created() {
    let mut s = Story::default();
    s.person("Gone", 10).stage("Gone", 5, "disqualified"); // counts at creation
    s.person("Back", 10).stage("Back", 5, "recycled").stage("Back", 8, "mql"); // overtaken
    let told = s.fold(30);
    assert_eq!((told.lead("Gone").status, told.lead("Gone").ended_at), (Status::Disqualified, Some(10.instant())));
    assert!(told.visit("Gone", 1, "lead").is_some());
    assert_eq!((told.lead("Back").status, told.lead("Back").stage), (Status::Open, rank("mql")));
}

// --- hand-offs: A4-A6, A14.3, A17, S4, S8 -----------------------------------------------------

#[test]
fn passed_rejected_and_passed_again() {
    let mut s = Story::default();
    s.person("Ada", 0).pass("Ada", 2, 1).reject("Ada", 4);
    let told = s.fold(10);
    assert_eq!(told.lead("Ada").status, Status::Returned);
    assert_eq!(told.handoffs("Ada")[0].decision, Decision::Rejected);
    s.stage("Ada", 11, "mql");
    assert_eq!(s.fold(12).lead("Ada").status, Status::Returned); // only passing takes it back
    s.pass("Ada", 12, 2).accept("Ada", 14, 5_000);
    let ada = s.fold(20).lead("Ada");
    assert_eq!((ada.status, ada.passed_at), (Status::Open, Some(2.instant())));
    assert_eq!((ada.accepted_at, ada.accepted_value), (Some(14.instant()), Some(5_000)));
}

#[test]
fn a_rejection_without_a_time_counts_from_passing() {
    let mut s = Story::default();
    s.person("Ada", 0).pass("Ada", 2, 1).reject("Ada", 4);
    s.teller("Ada").handoffs[0].decided_at = None;
    let told = s.fold(10);
    assert_eq!(told.lead("Ada").status, Status::Returned);
    assert_eq!(told.handoffs("Ada")[0].decided_at, Some(2.instant()));
}

#[test]
fn a_late_rejection_does_not_return_the_next_attempt() {
    let mut s = Story::default();
    s.person("Ada", 0).pass("Ada", 2, 1).reject("Ada", 30).stage("Ada", 10, "recycled").stage("Ada", 20, "mql");
    let [_, second] = s.fold(40).attempts("Ada").try_into().expect("two attempts");
    assert_eq!(second.status, Status::Open);
}

#[test]
fn a_decision_after_the_as_of_instant_is_pending() {
    let mut s = Story::default();
    s.person("Ada", 0).pass("Ada", 2, 1).accept("Ada", 4, 5_000);
    let told = s.fold(4);
    let h = &told.handoffs("Ada")[0];
    assert_eq!((h.decision, h.decided_at, h.value), (Decision::Pending, None, None));
    assert!(!told.lead("Ada").decided && told.lead("Ada").accepted_at.is_none());
    assert!(s.fold(5).lead("Ada").accepted_at.is_some());
}

#[test]
fn acceptance_needs_a_value() {
    for (value, needed, accepted) in
        [(None, true, false), (Some(0), true, false), (Some(1), true, true), (None, false, true)]
    {
        let mut s = Story::under(|t| t.acceptance_needs_value = needed);
        s.person("Ada", 0).pass("Ada", 2, 1).accept("Ada", 4, value);
        let told = s.fold(10);
        assert_eq!(told.lead("Ada").accepted_at.is_some(), accepted, "{value:?}");
        assert_eq!(told.handoffs("Ada")[0].value_missing, !accepted);
        assert!(told.lead("Ada").decided);
    }
}

#[test]
fn the_first_acceptance_is_the_one_decided_first() {
    let mut s = Story::default();
    s.person("Ada", 0).pass("Ada", 1, 1).accept("Ada", 20, 900).pass("Ada", 5, 2).accept("Ada", 6, 700);
    let ada = s.fold(30).lead("Ada");
    assert_eq!((ada.accepted_at, ada.accepted_value), (Some(6.instant()), Some(700)));
}

#[test]
fn sixty_minutes_meet_a_target_of_sixty_minutes() {
    for (seconds, met) in [(3_599, true), (3_600, true), (3_601, false)] {
        let mut s = Story::default();
        let call = Micros(at(1, 9, 0).0 + seconds * Micros::SECOND);
        s.person("Ada", 0).pass("Ada", at(1, 9, 0), 0).call("Ada", call);
        let told = s.fold(2);
        let clock = told.clock();
        assert_eq!((clock.met, clock.is_due, clock.wall), (met, true, seconds * Micros::SECOND));
        assert_eq!(told.handoffs("Ada")[0].worked_at, Some(call));
    }
}

#[test]
fn a_promise_is_due_when_its_window_has_elapsed() {
    let mut s = Story::default();
    s.person("Ada", 0).pass("Ada", at(1, 9, 0), 0);
    assert!(!s.fold(at(1, 9, 59)).clock().is_due);
    let clock = s.fold(at(1, 10, 0)).clock();
    assert!(clock.is_due && !clock.met && clock.stopped_at.is_none());
    assert_eq!(clock.wall, Micros::HOUR);
    s.call("Ada", at(1, 9, 5));
    let early = s.fold(at(1, 9, 30)).clock();
    assert!(early.met && !early.is_due);
}

#[test]
fn business_hours() {
    let zone = Zone::new("America/New_York").expect("a zone");
    let mut s = Story::under(|t| {
        t.calendars.push(office(&zone));
        t.calendar_of = vec![0, 1];
        t.speed_to_lead = within(60, ClockKind::Business);
    });
    // S4: Friday 16:30 to Monday 09:20 are 50 minutes of the office, and longer for who never closes
    s.person("Ada", 0).pass("Ada", "2026-05-15T16:30:00-04:00", 1).call("Ada", "2026-05-18T09:20:00-04:00");
    let clock = s.fold("2026-06-01T00:00:00Z").clock();
    assert_eq!((clock.calendar, clock.business, clock.met), (1, 50 * Micros::MINUTE, true));
    assert_eq!(clock.due_at, Some("2026-05-18T09:30:00-04:00".instant()));
    assert_eq!(clock.wall, (64 * 60 + 50) * Micros::MINUTE);
    s.teller("Ada").handoffs[0].assigned_to = 0;
    assert!(!s.fold("2026-06-01T00:00:00Z").clock().met);
    // over the change of the clock: Friday 16:00 to Monday 10:00 are two hours, 65 on the wall
    let mut s = Story { terms: s.terms.clone(), ..Story::default() };
    s.person("Bo", 0).pass("Bo", "2024-03-08T16:00:00-05:00", 1).call("Bo", "2024-03-11T10:00:00-04:00");
    s.teller("Bo").person.created_at = "2024-03-01T00:00:00Z".instant();
    let clock = s.fold(0).clock();
    assert_eq!((clock.business, clock.wall), (2 * Micros::HOUR, 65 * Micros::HOUR));
    assert!(!clock.met);
}

#[test]
fn both_promises_run() {
    let mut s = Story::under(|t| t.leads_worked = within(7 * 1_440, ClockKind::Wall));
    s.person("Ada", 0).pass("Ada", 1, 0).call("Ada", 3);
    let told = s.fold(30);
    let met: Vec<_> = told.facts.clocks.iter().map(|c| (c.promise, c.met)).collect();
    assert_eq!(met, [("speed_to_lead", false), ("leads_worked", true)]);
}

#[test]
fn reassignment_does_not_restart_the_clock() {
    let mut s = Story::default();
    s.person("Ada", 0).pass("Ada", at(1, 9, 0), 1);
    s.owner("Ada", at(1, 9, 30), 1, 2).owner("Ada", at(1, 11, 0), 2, 3).call("Ada", at(1, 12, 0));
    let told = s.fold(2);
    let clock = told.clock();
    assert_eq!((clock.started_at, clock.due_at), (at(1, 9, 0), Some(at(1, 10, 0))));
    assert_eq!((clock.assigned_to, clock.owner_at_deadline), (1, 2)); // the owner then, not now
    assert_eq!(told.lead("Ada").owner, 3);
    assert_eq!(s.fold(at(1, 10, 30)).lead("Ada").owner, 2);
    assert_eq!(s.fold(at(1, 9, 15)).clock().owner_at_deadline, 1); // who holds it then is not known yet
}

#[test]
fn the_owner_of_a_deal_is_the_one_at_the_close() {
    let mut s = Story::default();
    s.person("Ada", 0).deal("Deal", 1, 1_000, &["Ada"]).stage("Deal", 20, "won");
    s.owner("Deal", 10, 1, 2).owner("Deal", 30, 2, 3);
    assert_eq!(s.fold(40).deal("Deal").owner, 2);
    assert_eq!(s.fold(5).deal("Deal").owner, 1);
}

#[test]
fn a_response_before_the_hand_off_takes_no_time() {
    let mut s = Story::default();
    s.person("Ada", 0).call("Ada", at(1, 8, 0)).pass("Ada", at(1, 9, 0), 0);
    let told = s.fold(2);
    let h = &told.handoffs("Ada")[0];
    assert!(h.worked_before && !h.inbound_first);
    assert_eq!(h.worked_at, Some(at(1, 9, 0)));
    assert_eq!((told.clock().wall, told.clock().business, told.clock().met), (0, 0, true));
    assert_eq!(told.lead("Ada").attempts, 0); // none since it was passed
}

#[test]
fn a_lead_who_calls_first_waited_for_nobody() {
    let mut s = Story::default();
    s.person("Ada", 0).pass("Ada", at(1, 9, 0), 0).calls_us("Ada", at(1, 15, 0)).call("Ada", at(1, 16, 0));
    let told = s.fold(2);
    assert!(told.handoffs("Ada")[0].inbound_first && told.clock().met);
    assert_eq!(told.clock().wall, 0);
    assert_eq!((told.lead("Ada").activities, told.lead("Ada").attempts), (2, 1));
    let mut s = Story::default();
    s.person("Ada", 0).pass("Ada", at(1, 9, 0), 0).call("Ada", at(1, 15, 0)).calls_us("Ada", at(1, 16, 0));
    assert!(!s.fold(2).handoffs("Ada")[0].inbound_first);
}

#[test]
fn machines_notes_and_status_flips_are_no_work() {
    let mut s = Story::default();
    s.person("Ada", 0).pass("Ada", at(1, 9, 0), 0);
    s.robot("Ada", at(1, 9, 1)).note("Ada", at(1, 9, 2)).stage("Ada", at(1, 9, 3), "sal");
    let told = s.fold(2);
    assert_eq!(told.handoffs("Ada")[0].worked_at, None);
    assert!(told.clock().stopped_at.is_none());
    assert_eq!((told.lead("Ada").activities, told.lead("Ada").last_activity_at), (0, None));
}

#[test]
fn converted_without_a_logged_attempt_is_a_defect_of_the_data() {
    let mut s = Story::default();
    s.person("Ada", 0).pass("Ada", 1, 0).deal("Deal", 5, 1_000, &["Ada"]);
    assert!(s.fold(30).handoffs("Ada")[0].worked_unlogged);
    s.call("Ada", 3);
    assert!(!s.fold(30).handoffs("Ada")[0].worked_unlogged);
}

#[test]
fn attempts_before_a_lead_is_given_up() {
    let mut s = Story::default();
    s.person("Ada", 0).call("Ada", 1).pass("Ada", 2, 0);
    for (hour, minute) in [(9, 0), (9, 0), (9, 1), (15, 0)] {
        s.call("Ada", at(3, hour, minute));
    }
    s.call("Ada", Micros(at(3, 15, 0).0 + 59 * Micros::SECOND)).calls_us("Ada", at(3, 18, 0));
    s.exempt("Ada", 5).call("Ada", 6);
    let ada = s.fold(30).lead("Ada");
    assert_eq!(ada.attempts, 3, "once a minute, from passing on, until the end");
    assert_eq!((ada.activities, ada.last_activity_at), (8, Some(6.instant())));
    assert_eq!((ada.status, ada.exempt), (Status::Disqualified, true));
}

#[test]
fn a_second_word_does_not_excuse_the_first() {
    let mut s = Story::default();
    s.person("Ada", 0).stage("Ada", 5, "recycled").exempt("Ada", 5);
    let ada = s.fold(30).lead("Ada");
    assert_eq!((ada.status, ada.exempt), (Status::Recycled, false));
}

#[test]
fn effort_is_counted_by_attempt() {
    let mut s = Story::default();
    s.person("Ada", 0).call("Ada", 1).stage("Ada", 5, "recycled").stage("Ada", 50, "mql").call("Ada", 51).call("Ada", 52);
    let counts: Vec<_> = s.fold(60).attempts("Ada").iter().map(|l| (l.attempts, l.last_activity_at)).collect();
    assert_eq!(counts, [(1, Some(1.instant())), (2, Some(52.instant()))]);
}

#[test]
fn the_definition_at_passing_is_known_unknown_or_not_met() {
    for (known, met, expected) in [(1, 1, Some(true)), (1, 0, Some(false)), (0, 0, None)] {
        let mut s = Story::default();
        s.person("Ada", 0).pass("Ada", 1, 0);
        s.teller("Ada").person.criteria = Criteria { known, met };
        assert_eq!(s.fold(30).handoffs("Ada")[0].definition_met, expected);
    }
}
