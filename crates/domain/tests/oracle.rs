//! The fold against a naive oracle.
//!
//! The oracle says every fact again from the text of the methods: slow, quadratic, without sharing
//! anything with the fold but the types of its input and output. Where the text is silent it says
//! what the doc comments of the fold promise. Random stories under random terms must then come
//! out equal, fact by fact.

mod common;
#[path = "oracle/credits.rs"]
mod credits;
#[path = "oracle/deals.rs"]
mod deals;
#[path = "oracle/leads.rs"]
mod leads;
#[path = "oracle/random.rs"]
mod random;

use common::Story;
use deals::History;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{TestCaseResult, TestRunner};
use std::cell::RefCell;
use std::fmt::Debug;
use treaty_domain::facts::{Base, Collected, GateVerdict, Status};
use treaty_domain::fold::{Context, Scratch, Terms};
use treaty_domain::money::Currency;
use treaty_domain::timeline::{Change, Decision};
use treaty_domain::zone::Micros;

/// A story seen from an as-of instant, with the questions that every fact asks.
struct World<'a> {
    story: &'a Story,
    cx: Context,
    zone: TimeZone,
}

impl<'a> World<'a> {
    fn new(story: &'a Story, as_of: Micros) -> Self {
        let zone = TimeZone::get(story.zone.name()).expect("a zone");
        Self { story, cx: story.context(as_of), zone }
    }

    fn as_of(&self) -> Micros {
        self.cx.as_of
    }

    /// Last instant that is known.
    fn last(&self) -> Micros {
        Micros(self.cx.as_of.0 - 1)
    }

    /// The terms in force: the last ones that have begun, else the first.
    fn terms(&self, at: Micros) -> Terms {
        let begun: Vec<&Terms> = self.cx.terms.iter().filter(|t| t.from <= at).collect();
        (*begun.last().unwrap_or(&&self.cx.terms[0])).clone()
    }

    fn now(&self) -> Terms {
        self.terms(self.last())
    }

    fn date(&self, at: Micros) -> Date {
        Timestamp::from_microsecond(at.0).expect("in range").to_zoned(self.zone.clone()).date()
    }

    /// Difference of local dates (S3).
    fn days(&self, from: Micros, to: Micros) -> i32 {
        self.date(from).until(self.date(to)).expect("days").get_days()
    }

    /// The same local time some days earlier.
    fn days_before(&self, at: Micros, days: i32) -> Micros {
        let t = Timestamp::from_microsecond(at.0).expect("in range").to_zoned(self.zone.clone());
        Micros(t.checked_sub(Span::new().days(days)).expect("in range").timestamp().as_microsecond())
    }

    fn money(&self, minor: i64, currency: Currency, at: Micros) -> Option<i64> {
        self.cx.fx.convert(minor, currency, self.cx.currency, self.story.zone.local_day(at)).ok()
    }

    fn histories(&self) -> Vec<History> {
        self.story.deals.iter().map(|d| History::of(self, d)).collect()
    }

    /// A14.1, A23: paid purchases and wins before an instant, in years of local dates.
    fn base(&self, histories: &[History], at: Micros) -> Base {
        let mut bought: Vec<Micros> = Vec::new();
        if self.story.is_account {
            bought.extend(self.story.purchases.iter().map(|p| p.at).filter(|p| *p < self.as_of()));
            for (deal, h) in self.story.deals.iter().zip(histories) {
                if !deal.deal.guest && h.raw.is_some_and(|raw| raw > 0) {
                    bought.extend(h.won_at());
                }
            }
        }
        let years = Span::new().years(self.terms(at).installed_base_years);
        let since = self.date(at).checked_sub(years).expect("in range");
        let before: Vec<Micros> = bought.into_iter().filter(|p| *p < at).collect();
        if before.is_empty() {
            Base::NetNew
        } else if before.iter().any(|p| self.date(*p) >= since) {
            Base::Installed
        } else {
            Base::Lapsed
        }
    }

    fn facts(&self) -> Collected {
        let histories = self.histories();
        let mut facts = Collected::default();
        let mut converted = Vec::new();
        for (i, p) in self.story.people.iter().enumerate() {
            if !p.person.guest && p.person.created_at < self.as_of() {
                leads::tell(self, &histories, i as u32, &mut converted, &mut facts);
            }
        }
        for (i, deal) in self.story.deals.iter().enumerate() {
            if !deal.deal.guest && deal.deal.created_at < self.as_of() {
                credits::tell(self, &histories, i, &converted, &mut facts);
            }
        }
        facts
    }
}

/// Value of an attribute at an instant: that of the last change before, else what was before the
/// first one. The last change leads to the value now.
fn value_then<T: Copy>(changes: &[Change<T>], now: Option<T>, at: Micros) -> Option<T> {
    let mut changes = changes.to_vec();
    changes.sort_by_key(|c| c.at);
    let before: Vec<Change<T>> = changes.iter().filter(|c| c.at <= at).copied().collect();
    let Some(last) = before.last() else {
        return changes.first().and_then(|c| c.old).or(now);
    };
    if before.len() == changes.len() && now.is_some() { now } else { last.new }
}

fn sorted(mut c: Collected) -> Collected {
    c.leads.sort_by_key(|l| (l.person, l.attempt));
    c.visits.sort_by_key(|v| (v.is_lead, v.subject, v.attempt, v.stage));
    c.opportunities.sort_by_key(|o| o.opportunity);
    c.handoffs.sort_by_key(|h| h.row);
    c.clocks.sort_by_key(|c| (c.handoff, c.promise));
    c.influences.sort_by_key(|i| (i.opportunity, i.campaign));
    c.credits.sort_by_key(|c| c.opportunity); // in order of the path
    c
}

fn same<T: PartialEq + Debug>(what: &str, got: &[T], expected: &[T]) -> TestCaseResult {
    for (g, e) in got.iter().zip(expected) {
        prop_assert_eq!(g, e, "{}: the fold on the left, the oracle on the right", what);
    }
    prop_assert_eq!(got.len(), expected.len(), "{}", what);
    Ok(())
}

fn equal(got: Collected, expected: Collected) -> TestCaseResult {
    let (got, expected) = (sorted(got), sorted(expected));
    same("opportunities", &got.opportunities, &expected.opportunities)?;
    same("leads", &got.leads, &expected.leads)?;
    same("visits", &got.visits, &expected.visits)?;
    same("handoffs", &got.handoffs, &expected.handoffs)?;
    same("clocks", &got.clocks, &expected.clocks)?;
    same("influences", &got.influences, &expected.influences)?;
    same("credits", &got.credits, &expected.credits)
}

/// The story as it was known at an instant.
fn known_before(story: &Story, as_of: Micros) -> Story {
    let mut s = story.clone();
    s.people.iter_mut().for_each(|p| {
        p.stages.retain(|c| c.at < as_of);
        p.activities.retain(|a| a.at < as_of);
        p.handoffs.retain(|h| h.passed_at < as_of);
        for h in &mut p.handoffs {
            if h.decided_at.is_some_and(|at| at >= as_of) {
                (h.decision, h.decided_at, h.value) = (Decision::Pending, None, None);
            }
        }
    });
    s.deals.retain(|d| d.deal.created_at < as_of);
    s.deals.iter_mut().for_each(|d| d.stages.retain(|c| c.at < as_of));
    s.touches.retain(|t| t.at < as_of);
    s.purchases.retain(|p| p.at < as_of);
    s
}

/// The same story with people and deals told in the opposite order.
fn backwards(story: &Story) -> Story {
    let mut s = story.clone();
    let turned = |person: u32| story.people.len() as u32 - 1 - person;
    s.people.reverse();
    s.deals.reverse();
    s.purchases.reverse();
    s.touches.iter_mut().for_each(|t| t.person = turned(t.person));
    for c in s.deals.iter_mut().flat_map(|d| d.contacts.iter_mut()) {
        if (c.person as usize) < story.people.len() {
            c.person = turned(c.person);
        }
    }
    s
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

fn folded(story: &Story, as_of: Micros) -> Collected {
    story.fold(as_of).facts
}

/// Equal facts prove little if the stories are dull.
#[test]
fn the_stories_are_worth_telling() {
    let (mut runner, stories) = (TestRunner::deterministic(), random::story());
    let told: Vec<Collected> = (0..1_200)
        .map(|_| {
            let (story, as_of) = stories.new_tree(&mut runner).expect("a story").current();
            folded(&story, as_of)
        })
        .collect();
    let often = |what: &str, holds: &dyn Fn(&Collected) -> bool| {
        let n = told.iter().filter(|c| holds(c)).count();
        assert!(n >= 6, "{what}: only in {n} of {} stories", told.len());
    };
    for status in [Status::Open, Status::Returned, Status::Converted, Status::Won, Status::Lost, Status::Disqualified, Status::Recycled] {
        often(status.word(), &|c| c.leads.iter().any(|l| l.status == status));
    }
    for status in [Status::Open, Status::Won, Status::Lost, Status::Recycled] {
        often(status.word(), &|c| c.opportunities.iter().any(|o| o.status == status));
    }
    for base in [Base::NetNew, Base::Lapsed, Base::Installed] {
        often(base.word(), &|c| c.leads.iter().any(|l| l.base == base));
    }
    for gate in [GateVerdict::Go, GateVerdict::NoGo, GateVerdict::Incomplete] {
        often(gate.word(), &|c| c.visits.iter().any(|v| v.gate == gate));
    }
    often("a customer who begins again", &|c| c.leads.windows(2).any(|l| l[0].status == Status::Won && l[1].attempt > l[0].attempt));
    often("several deals of one attempt", &|c| c.leads.iter().any(|l| l.opportunities > 1));
    often("skips", &|c| c.visits.iter().any(|v| v.implied));
    often("moves back", &|c| c.visits.iter().any(|v| v.regressions > 0));
    often("reopened", &|c| c.opportunities.iter().any(|o| o.reopened > 0));
    often("missing rates", &|c| c.opportunities.iter().any(|o| o.rate_missing));
    often("accepted", &|c| c.leads.iter().any(|l| l.accepted_value.is_some()));
    often("accepted without a value", &|c| c.handoffs.iter().any(|h| h.value_missing));
    often("who called first", &|c| c.handoffs.iter().any(|h| h.inbound_first));
    often("worked before", &|c| c.handoffs.iter().any(|h| h.worked_before));
    often("kept promises", &|c| c.clocks.iter().any(|x| x.met && x.wall > 0));
    often("broken promises", &|c| c.clocks.iter().any(|x| x.is_due && !x.met));
    often("long paths", &|c| c.opportunities.iter().any(|o| o.path_touches > 2));
    often("sources", &|c| c.opportunities.iter().any(|o| o.source_campaign != treaty_domain::timeline::NONE));
    often("influence", &|c| c.influences.iter().any(|i| i.touches > 1));
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(2_500))]

    #[test]
    fn the_fold_says_what_the_methods_say((story, as_of) in random::story()) {
        equal(folded(&story, as_of), World::new(&story, as_of).facts())?;
    }
}

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn the_order_of_the_input_does_not_matter((story, as_of) in random::story()) {
        equal(folded(&backwards(&story), as_of), folded(&story, as_of))?;
    }

    #[test]
    fn a_scratch_may_be_used_again((story, as_of) in random::story()) {
        let mut again = Collected::default();
        SCRATCH.with_borrow_mut(|scratch| story.fold_into(as_of, scratch, &mut again));
        prop_assert_eq!(again, folded(&story, as_of));
    }

    #[test]
    fn what_is_not_known_yet_changes_nothing((story, as_of) in random::story()) {
        equal(folded(&story, as_of), folded(&known_before(&story, as_of), as_of))?;
    }

    #[test]
    fn facts_hang_together((story, as_of) in random::story()) {
        let facts = folded(&story, as_of);
        for o in &facts.opportunities {
            let credits: Vec<_> = facts.credits.iter().filter(|c| c.opportunity == o.opportunity).collect();
            match (o.won_at, o.amount) {
                (Some(_), Some(amount)) => for model in 0..6 {
                    prop_assert_eq!(credits.iter().map(|c| c.credit[model]).sum::<i64>(), amount);
                },
                _ => prop_assert!(credits.is_empty()),
            }
        }
        for v in &facts.visits {
            prop_assert!(v.dwell_days.is_none_or(|d| d >= 0));
            prop_assert!(!v.implied || v.days_from_previous.is_none());
        }
        for l in &facts.leads {
            let mine = || facts.visits.iter().filter(|v| v.is_lead && v.subject == l.person && v.attempt == l.attempt);
            let unmoved = l.top == 0 && mine().next().is_none() && l.opportunities > 0;
            prop_assert!(unmoved || mine().map(|v| v.stage).eq(0..=l.top), "every stage below the mark is reached");
            prop_assert!(mine().is_sorted_by_key(|v| v.reached_at));
            prop_assert!(mine().filter(|v| v.is_current).count() <= 1);
            prop_assert!(l.attempts <= l.activities);
        }
    }
}
