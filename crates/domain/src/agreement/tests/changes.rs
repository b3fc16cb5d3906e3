//! Versions compared in words: every change of every field has its sentence.

use super::*;
use crate::calendar::{Block, FiscalCalendar, YearLabel};
use std::collections::BTreeMap;

type Change = fn(&mut Agreement);

/// An agreement in which every optional part is there.
fn full() -> Agreement {
    let gate = "forecast = \"commit\"\naliases = [\"Contract sent\"]\nenter_when = \"amount > 0\"\n\
                benchmark = { rate = 0.6, source = \"own history\", on = 2026-01-01 }\n\
                gate = [{ id = \"budget\", side = \"buyer\", when = \"b = 1\" }, { id = \"legal\", side = \"vendor\", when = \"l = 1\" }]\n#";
    let calendar = "[calendar.emea]\nhours = { mon-thu = \"09:00-17:00\" }\nclosed = [2026-12-25]\nopen = { 2026-12-24 = \"9-12\" }\n\
                    for = { team = [\"emea\"], owner = [\"u1\"], territory = [\"DE\"] }\n# --- Rules";
    let text = signed()
        .replace("forecast = \"commit\"", gate)
        .replace("# --- Rules", calendar)
        .replace("# by = \"kind\"", "by = \"kind\"")
        .replace("# sponsor", "sponsor");
    read(&text)
}

fn promise<T>(promise: &mut Option<T>) -> &mut T {
    promise.as_mut().expect("a promise")
}

fn check(cases: &[(Change, &str)]) {
    let old = full();
    for (change, expected) in cases {
        let mut new = old.clone();
        change(&mut new);
        assert_ne!(old, new, "{expected}");
        assert_eq!(diff(&old, &new), [*expected]);
        // And back: something is said as well.
        assert_eq!(diff(&new, &old).len(), 1, "{expected}");
    }
    assert_eq!(diff(&old, &old), Vec::<String>::new());
}

#[test]
fn the_head() {
    check(&[
        (|a| a.name = "Beta".to_owned(), "name: \"Acme\" becomes \"Beta\""),
        (
            |a| a.effective_from = date(2026, 4, 1),
            "effective_from: it takes effect on 2026-04-01 instead of 2026-01-01",
        ),
        (
            |a| a.zone = Zone::new("Europe/Berlin").expect("a zone"),
            "time_zone: America/New_York becomes Europe/Berlin",
        ),
        (|a| a.sponsor = None, "sponsor: \"Chief revenue officer\" becomes nobody"),
        (
            |a| drop(a.signatures.remove(0)),
            "signature: Mia for marketing on 2025-12-20 is no longer there",
        ),
        (
            |a| {
                a.signatures.push(Signature {
                    side: Side::Sales,
                    name: "Sue".to_owned(),
                    on: date(2025, 12, 30),
                })
            },
            "signature: signed by Sue for sales on 2025-12-30",
        ),
        (
            |a| a.fiscal = FiscalCalendar::months(2, YearLabel::Ending).expect("a month"),
            "fiscal: calendar years becomes years start 02-01 and are named after the year they end in",
        ),
        (
            |a| a.version_id = "0".to_owned(),
            "only comments or the layout of the text changed; every clause means the same",
        ),
        (
            |a| a.clauses.clear(),
            "only comments or the layout of the text changed; every clause means the same",
        ),
        (
            |a| a.signatures.reverse(),
            "only comments or the layout of the text changed; every clause means the same",
        ),
    ]);
    let old = full();
    let mut new = old.clone();
    new.currency = "EUR".parse().expect("a currency");
    let changes = diff(&old, &new);
    assert_eq!(changes[0], "currency: USD becomes EUR");
    assert!(changes.contains(
        &"promise.marketing.lead_value: goal 1,000,000.00 USD becomes 1,000,000.00 EUR".to_owned()
    ));
    let mut new = old.clone();
    new.signatures[1].on = date(2025, 12, 23);
    assert_eq!(
        diff(&old, &new),
        [
            "signature: Sam for sales on 2025-12-22 is no longer there",
            "signature: signed by Sam for sales on 2025-12-23"
        ]
    );
}

#[test]
fn stages() {
    check(&[
        (|a| drop(a.stages.remove(5)), "stage \"trial\" was removed"),
        (
            |a| {
                let mut stage = a.stages[4].clone();
                stage.id = "pilot".to_owned();
                stage.name = "Pilot".to_owned();
                a.stages.insert(5, stage);
            },
            "stage \"pilot\" (Pilot) was added after \"demo\", owned by sales: The buyer has seen the product answer its own question.",
        ),
        (
            |a| a.stages.swap(4, 5),
            "stages: the order lead, mql, sal, opportunity, demo, trial, negotiation becomes \
             lead, mql, sal, opportunity, trial, demo, negotiation",
        ),
        (
            |a| a.stages[4].name = "Show".to_owned(),
            "stage \"demo\": name changed from \"Demo\" to \"Show\"",
        ),
        (
            |a| a.stages[4].definition = "Seen.".to_owned(),
            "stage \"demo\": definition changed from \"The buyer has seen the product answer its own question.\" to \"Seen.\"",
        ),
        (
            |a| a.stages[2].subject = Subject::Opportunity,
            "stage \"sal\": the one whose history moves it changes from the person to the opportunity",
        ),
        (
            |a| a.stages[2].owner = Side::Marketing,
            "stage \"sal\": the owner changes from sales to marketing",
        ),
        (
            |a| a.stages[6].aliases = vec!["Contract".to_owned()],
            "stage \"negotiation\": the list of aliases gains \"Contract\" and loses \"Contract sent\"",
        ),
        (
            |a| a.stages[6].enter_when = None,
            "stage \"negotiation\": the entry rule changes from \"amount > 0\" to none",
        ),
        (
            |a| a.stages[6].forecast = Forecast::BestCase,
            "stage \"negotiation\": the forecast category changes from commit to best case",
        ),
        (
            |a| promise(&mut a.stages[6].benchmark).rate = 0.55,
            "stage \"negotiation\": the benchmark changes from 60 % (own history, 2026-01-01) to 55 % (own history, 2026-01-01)",
        ),
        (
            |a| promise(&mut a.stages[6].benchmark).source = "peers".to_owned(),
            "stage \"negotiation\": the benchmark changes from 60 % (own history, 2026-01-01) to 60 % (peers, 2026-01-01)",
        ),
        (
            |a| promise(&mut a.stages[6].benchmark).on = None,
            "stage \"negotiation\": the benchmark changes from 60 % (own history, 2026-01-01) to 60 % (own history)",
        ),
        (
            |a| a.stages[6].benchmark = None,
            "stage \"negotiation\": the benchmark changes from 60 % (own history, 2026-01-01) to none",
        ),
        (
            |a| drop(a.stages[6].gate.remove(0)),
            "stage \"negotiation\": the exit criterion \"budget\" was removed",
        ),
        (
            |a| a.stages[4].gate = vec![a.stages[6].gate[0].clone()],
            "stage \"demo\": the exit criterion \"budget\" was added (buyer, required): b = 1",
        ),
        (
            |a| a.stages[6].gate.swap(0, 1),
            "stage \"negotiation\": the exit criteria stand in another order: legal, budget",
        ),
        (
            |a| a.stages[6].gate[0].side = "vendor".to_owned(),
            "stage \"negotiation\", exit criterion \"budget\": who meets it changes from buyer to vendor",
        ),
        (
            |a| a.stages[6].gate[0].required = false,
            "stage \"negotiation\", exit criterion \"budget\": whether it is required changes from yes to no",
        ),
        (
            |a| a.stages[6].gate[0].when = "b = 2".to_owned(),
            "stage \"negotiation\", exit criterion \"budget\": the condition changes from \"b = 1\" to \"b = 2\"",
        ),
        (
            |a| a.outcomes.won = vec!["signed".to_owned()],
            "outcomes.won: gains \"signed\" and loses \"won\"",
        ),
        (|a| a.outcomes.lost.push("dead".to_owned()), "outcomes.lost: gains \"dead\""),
        (|a| a.outcomes.disqualified.clear(), "outcomes.disqualified: loses \"disqualified\""),
        (
            |a| a.outcomes.recycled.push("nurture".to_owned()),
            "outcomes.recycled: gains \"nurture\"",
        ),
        (
            |a| a.outcomes.reopen_grace_days = 1,
            "outcomes: a return cancels an exit within 30 days becomes 1 day",
        ),
    ]);
}

#[test]
fn a_stage_counted_by_a_promise_is_the_same_wherever_it_stands() {
    let old = full();
    let mut new = old.clone();
    let mut inquiry = new.stages[0].clone();
    inquiry.id = "inquiry".to_owned();
    inquiry.name = "Inquiry".to_owned();
    new.stages.insert(0, inquiry);
    promise(&mut new.promises.mqls).stage = 2;
    assert_eq!(
        diff(&old, &new),
        [
            "stage \"inquiry\" (Inquiry) was added as the first, owned by marketing: A person with a verified identity who \
             fits no exclusion. Inquiries are not leads."
                .to_owned(),
            "promise.marketing.leads: counted in stage lead becomes inquiry".to_owned(),
        ]
    );
}

#[test]
fn promises() {
    fn chain(a: &mut Agreement) -> (&mut i64, &mut i64, &mut f64, &mut f64) {
        match &mut promise(&mut a.promises.mqls).goal {
            Goal::Chain { bookings, average_sale, to_opportunity, to_won } => {
                (bookings, average_sale, to_opportunity, to_won)
            }
            Goal::Number(_) => panic!("a chain"),
        }
    }
    check(&[
        (
            |a| a.promises.leads = None,
            "promise.marketing.leads was removed: as many as 1,000,000.00 USD of bookings need (8,000.00 USD a sale, \
             20 % to opportunity, 25 % to won) a quarter in stage \"lead\"",
        ),
        (
            |a| promise(&mut a.promises.leads).goal = Goal::Number(2_500),
            "promise.marketing.leads: goal as many as 1,000,000.00 USD of bookings need (8,000.00 USD a sale, \
             20 % to opportunity, 25 % to won) becomes 2500",
        ),
        (
            |a| promise(&mut a.promises.leads).per = Per::Month,
            "promise.marketing.leads: counted by quarter becomes month",
        ),
        (
            |a| promise(&mut a.promises.mqls).stage = 2,
            "promise.marketing.mqls: counted in stage mql becomes sal",
        ),
        (
            |a| *chain(a).0 = 5,
            "promise.marketing.mqls: bookings goal 1,000,000.00 USD becomes 0.05 USD",
        ),
        (
            |a| *chain(a).1 = 900_000,
            "promise.marketing.mqls: average sale 8,000.00 USD becomes 9,000.00 USD",
        ),
        (
            |a| *chain(a).2 = 0.5,
            "promise.marketing.mqls: share that becomes an opportunity 40 % becomes 50 %",
        ),
        (
            |a| *chain(a).3 = 0.125,
            "promise.marketing.mqls: share of opportunities won 25 % becomes 12.5 %",
        ),
        (
            |a| promise(&mut a.promises.lead_value).goal = 120_000_000,
            "promise.marketing.lead_value: goal 1,000,000.00 USD becomes 1,200,000.00 USD",
        ),
        (
            |a| promise(&mut a.promises.lead_value).per = Per::Year,
            "promise.marketing.lead_value: counted by quarter becomes year",
        ),
        (
            |a| promise(&mut a.promises.lead_value).by = "offer".to_owned(),
            "promise.marketing.lead_value: the driver of the frozen values changes from lead_source to offer",
        ),
        (
            |a| promise(&mut a.promises.lead_value).credibility = 150.5,
            "promise.marketing.lead_value: the credibility changes from 200 to 150.5",
        ),
        (
            |a| promise(&mut a.promises.lead_value).maturity_days = 90,
            "promise.marketing.lead_value: leads count in the value table after 180 days becomes 90 days",
        ),
        (
            |a| a.promises.lead_value = None,
            "promise.marketing.lead_value was removed: leads worth 1,000,000.00 USD a quarter",
        ),
        (
            |a| promise(&mut a.promises.speed_to_lead).within_minutes = 30,
            "promise.sales.speed_to_lead: within 60 minutes becomes 30 minutes (business clock)",
        ),
        (
            |a| promise(&mut a.promises.speed_to_lead).within_minutes = 1_440,
            "promise.sales.speed_to_lead: within 60 minutes becomes 24 hours (business clock)",
        ),
        (
            |a| promise(&mut a.promises.speed_to_lead).clock = ClockKind::Wall,
            "promise.sales.speed_to_lead: within 60 minutes (business clock) becomes 60 minutes (wall clock)",
        ),
        (
            |a| promise(&mut a.promises.speed_to_lead).share = 0.9,
            "promise.sales.speed_to_lead: promised share 95 % becomes 90 %",
        ),
        (
            |a| promise(&mut a.promises.speed_to_lead).share = 0.95 + f64::EPSILON,
            "promise.sales.speed_to_lead: promised share 95 % becomes 0.9500000000000002 (of 1)",
        ),
        (
            |a| promise(&mut a.promises.speed_to_lead).per = Per::Year,
            "promise.sales.speed_to_lead: counted by quarter becomes year",
        ),
        (
            |a| promise(&mut a.promises.leads_worked).within_minutes = 1_440,
            "promise.sales.leads_worked: within 7 days becomes 1 day (wall clock)",
        ),
        (
            |a| a.promises.leads_worked = None,
            "promise.sales.leads_worked was removed: 90 % within 7 days (wall clock), counted by quarter",
        ),
        (
            |a| promise(&mut a.promises.attempts_before_dead).at_least = 1,
            "promise.sales.attempts_before_dead: at least 6 attempts becomes 1 attempt",
        ),
        (
            |a| promise(&mut a.promises.attempts_before_dead).share = 1.0,
            "promise.sales.attempts_before_dead: promised share 90 % becomes 100 %",
        ),
        (
            |a| promise(&mut a.promises.attempts_before_dead).per = Per::Month,
            "promise.sales.attempts_before_dead: counted by quarter becomes month",
        ),
        (
            |a| {
                promise(&mut a.promises.attempts_before_dead).exempt_reasons =
                    vec!["duplicate".to_owned(), "spam".to_owned()]
            },
            "promise.sales.attempts_before_dead: the list of exempt reasons gains \"spam\" and loses \"invalid data\", \
             \"competitor\", \"unsubscribed\"",
        ),
        (
            |a| a.promises.attempts_before_dead = None,
            "promise.sales.attempts_before_dead was removed: 6 attempts before 90 % of dead leads",
        ),
    ]);
}

#[test]
fn calendars() {
    fn emea(a: &mut Agreement, zone: &str, to: u16, closed: &[Date], open: &[Date]) {
        let mut week: [Vec<Block>; 7] = Default::default();
        week[..4].fill(vec![Block::new(540, 1_020)]);
        week[0] = vec![Block::new(540, to)];
        let open: BTreeMap<Date, Vec<Block>> =
            open.iter().map(|d| (*d, vec![Block::new(540, 720)])).collect();
        a.calendars[1].calendar =
            Calendar::new(Zone::new(zone).expect("a zone"), week, closed.to_vec(), open);
    }
    const NY: &str = "America/New_York";
    check(&[
        (|a| drop(a.calendars.remove(1)), "calendar.emea was removed"),
        (
            |a| {
                a.calendars
                    .push(NamedCalendar { name: "apac".to_owned(), ..a.calendars[1].clone() })
            },
            "calendar.apac was added (America/New_York; Monday to Thursday 09:00-17:00)",
        ),
        (|a| a.calendars[1].owners.clear(), "calendar.emea: the list of owners loses \"u1\""),
        (
            |a| a.calendars[1].teams.push("uk".to_owned()),
            "calendar.emea: the list of teams gains \"uk\"",
        ),
        (
            |a| a.calendars[1].territories[0] = "AT".to_owned(),
            "calendar.emea: the list of territories gains \"AT\" and loses \"DE\"",
        ),
        (
            |a| emea(a, NY, 720, &[date(2026, 12, 25)], &[date(2026, 12, 24)]),
            "calendar.emea: Monday 09:00-17:00 becomes 09:00-12:00",
        ),
        (
            |a| emea(a, "Europe/Berlin", 1_020, &[date(2026, 12, 25)], &[date(2026, 12, 24)]),
            "calendar.emea: time zone America/New_York becomes Europe/Berlin",
        ),
        (
            |a| emea(a, NY, 1_020, &[date(2026, 12, 25), date(2027, 1, 1)], &[date(2026, 12, 24)]),
            "calendar.emea: the list of closed dates gains \"2027-01-01\"",
        ),
        (
            |a| emea(a, NY, 1_020, &[date(2026, 12, 25)], &[]),
            "calendar.emea: the list of dates with hours of their own loses \"2026-12-24 09:00-12:00\"",
        ),
        (
            |a| a.calendars[0].calendar = Calendar::always(Zone::new(NY).expect("a zone")),
            "calendar.default: Monday to Friday 09:00-17:00 becomes open around the clock",
        ),
    ]);
}

#[test]
fn rules() {
    check(&[
        (
            |a| a.rules.qualifying.retain(|k| k != "email"),
            "activity: the list of qualifying activities loses \"email\"",
        ),
        (
            |a| a.rules.qualifying.reverse(),
            "activity: the list of qualifying activities is in another order: reply, meeting, email, call",
        ),
        (
            |a| a.rules.acceptance_needs_value = false,
            "handoff: whether acceptance needs a value changes from yes to no",
        ),
        (
            |a| a.rules.creation_enters_first_stage = false,
            "opportunity: whether creation enters the first stage changes from yes to no",
        ),
        (
            |a| a.rules.source_rule = SourceRule::CrmPrimaryCampaign,
            "source: the source of an opportunity changes from its last responded touch to the primary campaign of the CRM",
        ),
        (|a| a.rules.source_window_days = 60, "source: the window changes from 90 days to 60 days"),
        (
            |a| a.rules.kinds.push("renewal".to_owned()),
            "source: the list of kinds of opportunity that count gains \"renewal\"",
        ),
        (
            |a| a.rules.influence_window_days = 1,
            "influence: the window changes from 90 days to 1 day",
        ),
        (
            |a| a.rules.influence_through_close = true,
            "influence: the moment up to which touches count changes from creation to close",
        ),
        (
            |a| a.rules.people = People::Roles,
            "attribution: whose touches count changes from the contacts of the opportunity, or else everyone of the account, to \
             the contacts of the opportunity",
        ),
        (
            |a| a.rules.lookback_days = 180,
            "attribution: the look-back changes from 90 days to 180 days",
        ),
        (
            |a| a.rules.half_life_days = 30.0,
            "attribution: the half-life of time decay changes from 7 days to 30 days",
        ),
        (
            |a| a.rules.collapse_minutes = 0,
            "attribution: repeats count as one touch within 30 minutes becomes 0 minutes",
        ),
        (
            |a| a.rules.direct_channels.clear(),
            "attribution: the list of direct channels loses \"direct\"",
        ),
        (
            |a| a.rules.model = "linear".to_owned(),
            "attribution: the model shown first changes from position_40_20_40 to linear",
        ),
        (
            |a| a.rules.ratio_names_all = true,
            "ratios: who is counted by ratio 1 changes from the people of acquiring campaigns to everyone",
        ),
        (
            |a| a.rules.installed_base_years = 1,
            "ratios: a purchase makes an account installed base for 3 years becomes 1 year",
        ),
        (
            |a| a.rules.recycle_at_least_lost = 50,
            "recycle: a verdict needs at least 30 lost deals becomes 50 lost deals",
        ),
        (
            |a| a.rules.recycle_by = None,
            "recycle: what the rule is applied within changes from each kind to the whole",
        ),
        (
            |a| a.rules.min_n = 5,
            "display: the smallest number behind a rate that is shown changes from 10 to 5",
        ),
        (
            |a| a.rules.min_n_verdict = 40,
            "display: the smallest number behind a verdict changes from 30 to 40",
        ),
    ]);
}

#[test]
fn a_new_layout_is_not_a_new_meaning() {
    let commented = format!("# signed\n{}", signed());
    let changes = diff(&read(&signed()), &read(&commented));
    assert_eq!(
        changes,
        ["only comments or the layout of the text changed; every clause means the same"]
    );
}
