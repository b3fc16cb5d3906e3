//! Stories about purchases, gates, sources, credits and money, told to the fold.

mod common;

use common::{Story, Told, VALUES, When, at, currency, five_leads, terms, within};
use treaty_domain::agreement::{ClockKind, People, SourceRule};
use treaty_domain::facts::{Base, Collected, GateVerdict, Status};
use treaty_domain::fold::Scratch;
use treaty_domain::money::Rate;
use treaty_domain::timeline::{Change, Criteria, Decision, NONE, StageChange};
use treaty_domain::zone::{LocalDay, Micros, Zone};

// --- A14.1, A23: who has bought before --------------------------------------------------------

fn base_after(purchase: &str, created: &str) -> Base {
    let mut s = Story::default();
    s.person("Ada", created).purchase(purchase).deal("Deal", created, 1_000, &["Ada"]);
    let told = s.fold("2030-01-01T00:00:00Z");
    assert_eq!(told.deal("Deal").base, told.lead("Ada").base);
    told.deal("Deal").base
}

#[test]
fn installed_base_reaches_back_three_years() {
    // A23, and A14.1: exactly three years before counts
    assert_eq!(base_after("2022-03-10T00:00:00Z", "2025-03-10T00:00:00Z"), Base::Installed);
    assert_eq!(base_after("2022-03-10T00:00:00Z", "2025-03-11T00:00:00Z"), Base::Lapsed);
    // a purchase is known by its day, an opportunity by the minute
    assert_eq!(base_after("2022-03-10T00:00:00Z", "2025-03-10T15:30:00Z"), Base::Installed);
    // 29 February three years back is the 28th
    assert_eq!(base_after("2021-02-28T00:00:00Z", "2024-02-29T12:00:00Z"), Base::Installed);
    assert_eq!(base_after("2021-02-27T23:59:59Z", "2024-02-29T12:00:00Z"), Base::Lapsed);
    // what is bought at the instant itself or later was not bought before
    assert_eq!(base_after("2025-03-10T09:00:00Z", "2025-03-10T09:00:00Z"), Base::NetNew);
    assert_eq!(base_after("2025-03-10T08:59:59Z", "2025-03-10T09:00:00Z"), Base::Installed);
}

#[test]
fn only_paid_wins_make_a_customer() {
    for (amount, expected) in [(1_000, Base::Installed), (0, Base::NetNew), (-5, Base::NetNew)] {
        let mut s = Story::default();
        s.person("Ada", 0).deal("Old", 1, amount, &["Ada"]).stage("Old", 10, "won").person("Bo", 11);
        let told = s.fold(30);
        assert_eq!(told.lead("Bo").base, expected, "{amount}");
        assert_eq!(told.deal("Old").base, Base::NetNew);
    }
    let mut s = Story::default();
    s.person("Ada", 0).deal("Old", 1, 1_000, &["Ada"]).stage("Old", 10, "won").person("Bo", 11);
    s.deal_of("Old").deal.currency = currency("EUR"); // paid, though no rate is known
    assert_eq!(s.fold(30).lead("Bo").base, Base::Installed);
    s.is_account = false;
    assert_eq!(s.fold(30).lead("Bo").base, Base::NetNew);
}

// --- A15: gates -------------------------------------------------------------------------------

fn gated(known: u64, met: u64) -> Told {
    let mut s = Story::under(|t| {
        t.gates[3].required = 0b01;
        t.gates[4].required = 0b10;
    });
    s.person("Ada", 0).deal("Step", 1, 1_000, &["Ada"]).stage("Step", 2, "demo").stage("Step", 3, "quote");
    s.deal("Jump", 1, 1_000, &[]).overridden("Jump", 2, "quote");
    for name in ["Step", "Jump"] {
        s.deal_of(name).deal.criteria = Criteria { known, met };
    }
    s.fold(30)
}

#[test]
fn gates() {
    use GateVerdict::{Go, Incomplete, NoGo, None};
    let verdicts = |told: &Told, name: &str| {
        ["opp", "demo", "quote"].map(|stage| told.visit(name, 0, stage).expect("reached").gate)
    };
    for (known, met, step, jump) in [
        (0b11, 0b11, [None, Go, Go], Go),
        (0b11, 0b10, [None, NoGo, Go], NoGo),
        (0b11, 0b01, [None, Go, NoGo], NoGo),
        (0b10, 0b10, [None, Incomplete, Go], Incomplete),
        (0b10, 0b00, [None, Incomplete, NoGo], NoGo), // one that is false outweighs one that is unknown
        (0b00, 0b00, [None, Incomplete, Incomplete], Incomplete),
    ] {
        let told = gated(known, met);
        assert_eq!(verdicts(&told, "Step"), step);
        // a skipped stage needs its gate, too
        assert_eq!(verdicts(&told, "Jump"), [None, None, jump]);
        assert!(told.visit("Jump", 0, "quote").expect("reached").overridden);
        assert!(!told.visit("Step", 0, "quote").expect("reached").overridden);
        assert_eq!(told.visit("Ada", 1, "quote").expect("reached").gate, None); // told of the deal
    }
}

#[test]
fn gates_of_people_are_told_of_leads() {
    let mut s = Story::under(|t| t.gates[2].required = 1);
    s.person("Ada", 0).stage("Ada", 1, "sal").deal("Deal", 2, 1_000, &["Ada"]);
    s.teller("Ada").person.criteria = Criteria { known: 1, met: 0 };
    assert_eq!(s.fold(9).visit("Ada", 1, "opp").expect("reached").gate, GateVerdict::NoGo);
}

// --- A16: sources and influence ---------------------------------------------------------------

#[test]
fn the_source_is_the_last_response_before_creation() {
    let mut s = Story::default();
    s.person("Ada", -100).touch("Ada", 1, 1).touch("Ada", 2, 2).touch("Ada", 5, 3);
    s.touch("Ada", 6, 4).which(|t| t.responded = false).touch("Ada", 7, NONE);
    s.deal("Deal", 7, 1_000, &["Ada"]).touch("Ada", 8, 5);
    assert_eq!(s.fold(30).deal("Deal").source_campaign, 3);
    s.touch("Ada", 7, 6); // at the same instant
    assert_eq!(s.fold(30).deal("Deal").source_campaign, 6);
}

#[test]
fn the_source_window_keeps_the_local_time() {
    // 90 local days over a change of the clock are not 90 times 24 hours
    let created = "2026-04-20T09:00:00-04:00";
    let edge = "2026-01-20T09:00:00-05:00".instant();
    for (touched, expected) in [(edge, 1), (Micros(edge.0 - 1), NONE)] {
        let mut s = Story::default().in_zone("America/New_York");
        s.person("Ada", -200).touch("Ada", touched, 1).deal("Deal", created, 1_000, &["Ada"]);
        let told = s.fold("2026-05-01T00:00:00Z");
        assert_eq!(told.deal("Deal").source_campaign, expected);
        assert_eq!(told.influences("Deal").len(), usize::from(expected == 1));
    }
}

#[test]
fn source_rules() {
    for (rule, expected) in
        [(SourceRule::LastRespondedTouch, 1), (SourceRule::CrmPrimaryCampaign, 2), (SourceRule::LeadCreatingTouch, 3)]
    {
        let mut s = Story::under(|t| t.source_rule = rule);
        s.person("Ada", 0).person("Bo", 0).touch("Ada", 1, 1).deal("Deal", 5, 1_000, &["*Ada", "Bo"]);
        s.deal_of("Deal").deal.campaign = 2;
        s.teller("Ada").person.campaign = 3;
        assert_eq!(s.fold(30).deal("Deal").source_campaign, expected, "{rule:?}");
    }
}

#[test]
fn influence_names_a_campaign_once() {
    let mut s = Story::default();
    s.person("Ada", 0).person("Bo", 0).deal("Deal", 10, 1_000, &["*Ada", "Bo"]);
    s.touch("Ada", 1, 1).touch("Bo", 2, 1).touch("Ada", 3, 2).touch("Ada", 10, 3).touch("Ada", 11, 4);
    s.stage("Deal", 20, "won").touch("Bo", 20, 5).touch("Bo", 21, 6);
    assert_eq!(s.fold(30).influences("Deal"), [(1, 2), (2, 1), (3, 1)]);
    s.terms[0].influence_through_close = true;
    assert_eq!(s.fold(30).influences("Deal"), [(1, 2), (2, 1), (3, 1), (4, 1), (5, 1)]);
    assert_eq!(s.fold(15).influences("Deal"), [(1, 2), (2, 1), (3, 1), (4, 1)]);
    s.deal_of("Deal").deal.counts = false;
    assert!(s.fold(30).influences("Deal").is_empty());
}

#[test]
fn whose_touches() {
    for (people, campaigns) in
        [(People::Roles, vec![1, 3]), (People::Account, vec![1, 2]), (People::RolesElseAccount, vec![1, 3])]
    {
        let mut s = Story::under(|t| t.people = people);
        // Gil belongs to another account and has a role here; Bo belongs here and has none
        s.person("Ada", 0).person("Bo", 0).guest("Gil", 0);
        s.touch("Ada", 1, 1).touch("Bo", 2, 2).touch("Gil", 3, 3).deal("Deal", 10, 900, &["*Ada", "Gil"]);
        s.stage("Deal", 20, "won");
        let told = s.fold(30);
        let touched: Vec<u32> = told.influences("Deal").iter().map(|(c, _)| *c).collect();
        assert_eq!(touched, campaigns, "{people:?}");
        let credited: Vec<u32> = told.credits("Deal").iter().map(|c| c.campaign).collect();
        assert_eq!(credited, campaigns, "{people:?}");
        assert!(told.attempts("Gil").is_empty(), "a guest is told at home");
    }
    // nobody has a role: only the fallback looks at the account
    for (people, n) in [(People::Roles, 0), (People::RolesElseAccount, 2)] {
        let mut s = Story::under(|t| t.people = people);
        s.person("Ada", 0).person("Bo", 0).guest("Gil", 0).touch("Ada", 1, 1).touch("Bo", 2, 2).touch("Gil", 3, 3);
        s.deal("Deal", 10, 900, &[]);
        assert_eq!(s.fold(30).influences("Deal").len(), n, "{people:?}");
        s.is_account = false;
        assert!(s.fold(30).influences("Deal").is_empty());
    }
}

#[test]
fn a_deal_of_another_account_ends_its_lead_here() {
    let mut s = Story::default();
    s.person("Ada", 0).deal("Theirs", 5, 1_000, &["Ada"]).stage("Theirs", 10, "won");
    s.deal_of("Theirs").deal.guest = true;
    let told = s.fold(30);
    assert_eq!((told.lead("Ada").status, told.lead("Ada").won_amount), (Status::Won, 1_000));
    assert!(told.facts.opportunities.is_empty() && told.facts.credits.is_empty());
}

// --- B: credits -------------------------------------------------------------------------------

fn credits_of(s: &Story) -> [Vec<i64>; 6] {
    let all = s.fold(400).credits("Deal");
    std::array::from_fn(|model| all.iter().map(|c| c.credit[model]).collect())
}

#[test]
fn credits_of_every_model() {
    // B3: ages 21, 14, 7, 0 with a half-life of 7 days; B4: 40/10/10/40
    let mut s = Story::default();
    s.person("Ada", 0).deal("Deal", 1, 1_000_000, &["Ada"]).stage("Deal", 31, "won");
    s.touch("Ada", 10, 1).touch("Ada", 17, 2).touch("Ada", 24, 3).touch("Ada", 31, 4).which(|t| t.direct = true);
    let [first, last, non_direct, linear, decay, position] = credits_of(&s);
    assert_eq!(first, [1_000_000, 0, 0, 0]);
    assert_eq!(last, [0, 0, 0, 1_000_000]);
    assert_eq!(non_direct, [0, 0, 1_000_000, 0]);
    assert_eq!(linear, [250_000; 4]);
    assert_eq!(decay, [66_667, 133_333, 266_667, 533_333]);
    assert_eq!(position, [400_000, 100_000, 100_000, 400_000]);
    assert_eq!(s.fold(400).deal("Deal").path_touches, 4);
    s.deal_of("Deal").deal.amount = Some(1_234_567);
    assert_eq!(credits_of(&s)[5], [493_827, 123_457, 123_456, 493_827]);
    s.deal_of("Deal").deal.amount = Some(-1_234_567); // a credit note
    assert_eq!(credits_of(&s)[5], [-493_827, -123_457, -123_456, -493_827]);
    s.deal_of("Deal").deal.amount = Some(0);
    assert_eq!(credits_of(&s)[5], [0; 4]);
}

#[test]
fn one_touch_two_touches_and_none() {
    let mut s = Story::default();
    s.person("Ada", 0).deal("Deal", 1, 101, &["Ada"]).stage("Deal", 31, "won").touch("Ada", 32, 9);
    let nobody = s.fold(400).credits("Deal");
    assert_eq!(nobody.len(), 1);
    assert_eq!((nobody[0].touch, nobody[0].campaign, nobody[0].credit), (NONE, NONE, [101; 6]));
    assert_eq!(s.fold(400).deal("Deal").path_touches, 0);
    s.touch("Ada", 31, 1); // at the win
    assert_eq!(credits_of(&s), [(); 6].map(|()| vec![101]));
    s.touch("Ada", 30, 2);
    let [first, .., linear, _, position] = credits_of(&s);
    assert_eq!((first, linear, position), (vec![101, 0], vec![51, 50], vec![51, 50]));
}

#[test]
fn an_open_deal_has_no_credits_yet() {
    let mut s = Story::default();
    s.person("Ada", 0).touch("Ada", 1, 1).deal("Deal", 2, 1_000, &["Ada"]).stage("Deal", 31, "won");
    assert!(s.fold(31).credits("Deal").is_empty());
    assert_eq!(s.fold(32).credits("Deal").len(), 1);
}

#[test]
fn the_look_back_includes_both_ends() {
    let edge = "2026-01-20T09:00:00-05:00".instant();
    let mut s = Story::default().in_zone("America/New_York");
    s.person("Ada", -200).deal("Deal", -200, 1_000, &["Ada"]).stage("Deal", "2026-04-20T09:00:00-04:00", "won");
    s.touch("Ada", edge, 1).touch("Ada", Micros(edge.0 - 1), 2);
    s.touch("Ada", "2026-04-20T09:00:00-04:00", 3).touch("Ada", "2026-04-20T09:00:00.000001-04:00", 4);
    let credited: Vec<u32> = s.fold(400).credits("Deal").iter().map(|c| c.campaign).collect();
    assert_eq!(credited, [1, 3]);
}

#[test]
fn a_session_is_one_touch() {
    let mut s = Story::default();
    s.person("Ada", 0).person("Bo", 0).deal("Deal", 0, 1_000, &["*Ada", "Bo"]).stage("Deal", 20, "won");
    s.touch("Ada", at(1, 9, 0), 1).touch("Ada", at(1, 9, 20), 1).touch("Ada", at(1, 9, 40), 1);
    s.touch("Ada", at(1, 9, 41), 2).touch("Bo", at(1, 9, 42), 1);
    s.touch("Ada", at(1, 10, 10), 1); // half an hour after the last one: a session of its own
    s.touch("Ada", at(1, 10, 11), NONE).touch("Ada", at(1, 10, 12), NONE);
    let rows = |s: &Story| -> Vec<u32> { s.fold(30).credits("Deal").iter().map(|c| c.touch - 900).collect() };
    assert_eq!(rows(&s), [0, 3, 4, 5, 6, 7]);
    s.terms[0].collapse_minutes = 0;
    assert_eq!(rows(&s), [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn touches_at_one_instant_keep_their_order() {
    let mut s = Story::default();
    s.person("Ada", 0).deal("Deal", 0, 1_000, &["Ada"]).stage("Deal", 20, "won");
    s.touch("Ada", 5, 1).touch("Ada", 5, 2).touch("Ada", 5, 3);
    let [first, last, ..] = credits_of(&s);
    assert_eq!((first, last), (vec![1_000, 0, 0], vec![0, 0, 1_000]));
}

#[test]
fn one_touch_serves_two_deals() {
    let mut s = Story::default();
    s.person("Ada", 0).touch("Ada", 1, 1);
    s.deal("Deal", 5, 1_000, &["Ada"]).stage("Deal", 20, "won").deal("Other", 6, 500, &["Ada"]).stage("Other", 21, "won");
    let told = s.fold(30);
    assert_eq!((told.credits("Deal")[0].credit[0], told.credits("Other")[0].credit[0]), (1_000, 500));
}

// --- money ------------------------------------------------------------------------------------

fn local_day(n: i32) -> LocalDay {
    Zone::utc().local_day(n.instant())
}

#[test]
fn foreign_money_at_the_rate_of_the_win() {
    let mut s = Story::default();
    s.person("Ada", 0).touch("Ada", 1, 1).deal("Deal", 2, 9_000_000, &["Ada"]).stage("Deal", 20, "won");
    s.deal_of("Deal").deal.currency = currency("EUR");
    s.fx.insert(currency("EUR"), local_day(20), Rate::parse("1.08").expect("a rate"));
    s.fx.insert(currency("EUR"), local_day(15), Rate::parse("1.20").expect("a rate"));
    let told = s.fold(300); // S6: 90,000 at 1.08, however late one asks
    assert_eq!(told.deal("Deal").amount, Some(9_720_000));
    assert_eq!(told.lead("Ada").won_amount, 9_720_000);
    assert_eq!(told.credits("Deal")[0].credit, [9_720_000; 6]);
    assert_eq!(s.fold(18).deal("Deal").amount, Some(10_800_000)); // while open, at the as-of date
}

#[test]
fn a_missing_rate_is_not_one() {
    let mut s = Story::default();
    s.person("Ada", 0).touch("Ada", 1, 1).deal("Deal", 2, 9_000_000, &["Ada"]).stage("Deal", 20, "won");
    s.deal_of("Deal").deal.currency = currency("EUR");
    s.fx.insert(currency("EUR"), local_day(12), Rate::parse("1.08").expect("a rate")); // eight days old
    let told = s.fold(30);
    let deal = told.deal("Deal");
    assert_eq!((deal.amount, deal.rate_missing, deal.status), (None, true, Status::Won));
    assert!(told.credits("Deal").is_empty());
    assert_eq!((told.lead("Ada").status, told.lead("Ada").won_amount), (Status::Won, 0));
}

#[test]
fn the_amount_then() {
    let mut s = Story::default();
    s.person("Ada", 0).touch("Ada", 1, 1).deal("Deal", 2, 700, &["Ada"]).stage("Deal", 20, "won");
    s.deal_of("Deal").amount_changes = vec![
        Change { at: 10.instant(), old: Some(500), new: Some(600) },
        Change { at: 25.instant(), old: Some(600), new: Some(700) },
    ];
    assert_eq!([5, 11, 22, 30].map(|d| s.fold(d).deal("Deal").amount), [Some(500), Some(600), Some(600), Some(700)]);
    assert_eq!(s.fold(30).credits("Deal")[0].credit, [700; 6]); // credited anew when it changes
}

#[test]
fn forecastable_pipeline_needs_an_amount() {
    let mut s = Story::default();
    s.person("Ada", 0).deal("Deal", 2, 700, &["Ada"]).stage("Deal", 6, "quote");
    assert_eq!(s.fold(6).deal("Deal").pipeline_at, None);
    assert_eq!(s.fold(30).deal("Deal").pipeline_at, Some(6.instant()));
    assert_eq!(s.fold(30).lead("Ada").pipeline_at, Some(6.instant()));
    s.deal_of("Deal").deal.amount = None;
    assert_eq!(s.fold(30).deal("Deal").pipeline_at, None);
}

#[test]
fn age_runs_to_the_close() {
    let mut s = Story::default();
    s.deal("Open", 2, 700, &[]).deal("Lost", 2, 700, &[]).stage("Lost", 9, "lost");
    let told = s.fold(31); // the as-of date is day 30
    assert_eq!((told.deal("Open").age_days, told.deal("Lost").age_days), (28, 7));
}

// --- terms in force ---------------------------------------------------------------------------

#[test]
fn each_event_is_judged_by_the_terms_of_its_time() {
    let mut later = terms();
    later.from = 10.instant();
    later.speed_to_lead = within(30, ClockKind::Wall);
    let mut s = Story { terms: vec![terms(), later], ..Story::default() };
    s.person("Ada", 0).pass("Ada", 9, 0).pass("Ada", 10, 0);
    let told = s.fold(30);
    let due: Vec<_> = told.facts.clocks.iter().filter_map(|c| c.due_at).collect();
    assert_eq!(due, [at(9, 1, 0), at(10, 0, 30)]);
}

// --- S1: the as-of law ------------------------------------------------------------------------

/// A story with a little of everything.
fn busy() -> Story {
    let mut s = five_leads();
    s.terms[0].influence_through_close = true;
    s.terms[0].leads_worked = within(10_080, ClockKind::Wall);
    for name in ["A", "B", "C", "E"] {
        s.pass(name, 6, 1).touch(name, 4, 1).touch(name, 10, 2);
        s.owner(name, 6, 1, 2);
    }
    s.accept("A", 7, 500).reject("B", 8).call("A", 6).call("C", 30);
    s.owner("A's", 10, 4, 5);
    s.deal_of("A's").amount_changes.push(Change { at: 8.instant(), old: Some(900), new: Some(1_000) });
    s
}

#[test]
fn what_happens_at_or_after_the_as_of_instant_changes_nothing() {
    for as_of in [31, 45, 60] {
        for later in [as_of.instant(), Micros(as_of.instant().0 + 1), (as_of + 40).instant()] {
            let before = busy().fold(as_of).facts;
            let mut s = busy();
            for name in ["A", "B", "C", "D", "E", "A's", "B's", "C's", "E's"] {
                for v in VALUES {
                    s.stage(name, later, v);
                }
            }
            s.owner("A", later, 2, 9).owner("B", later, 2, 9).owner("A's", later, 5, 9);
            for name in ["A", "B", "C", "D", "E"] {
                s.call(name, later).calls_us(name, later).touch(name, later, 7).pass(name, later, 3).reject(name, later);
            }
            s.teller("C").handoffs[0].decision = Decision::Accepted; // pending until then
            s.teller("C").handoffs[0].decided_at = Some(later);
            s.teller("C").handoffs[0].value = Some(77);
            let deal = s.deal_of("A's");
            deal.amount_changes.push(Change { at: later, old: Some(1_000), new: Some(5) });
            deal.deal.amount = Some(5);
            s.person("New", later).deal("New deal", later, 5, &["A"]).stage("New deal", later, "won");
            s.stage("New deal", 3, "won"); // closed before it was created
            s.purchase(later);
            assert_eq!(s.fold(as_of).facts, before, "as of {as_of}, event at {later}");
        }
    }
}

#[test]
fn facts_before_an_event_do_not_know_it() {
    let s = five_leads();
    for as_of in -25..110 {
        let mut cut = s.clone();
        let keep = |c: &StageChange| c.at < as_of.instant();
        cut.people.iter_mut().for_each(|p| p.stages.retain(keep));
        cut.deals.iter_mut().for_each(|d| d.stages.retain(keep));
        assert_eq!(cut.fold(as_of).facts, s.fold(as_of).facts, "as of {as_of}");
    }
}

#[test]
fn a_scratch_may_be_used_again() {
    let mut scratch = Scratch::default();
    for story in [busy(), five_leads(), Story::default(), busy()] {
        let mut facts = Collected::default();
        story.fold_into(70.instant(), &mut scratch, &mut facts);
        assert_eq!(facts, story.fold(70).facts);
    }
}
