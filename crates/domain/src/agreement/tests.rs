//! Tests of the agreement reader as a whole.

use super::*;
use jiff::civil::date;

mod changes;
mod faults;
mod random;
mod syntax;

/// The signed template: a complete agreement without any warning.
fn signed() -> String {
    let signatures = "\n[[signature]]\nside = \"marketing\"\nname = \"Mia\"\non = 2025-12-20\n\
                      [[signature]]\nside = \"sales\"\nname = \"Sam\"\non = 2025-12-22\n\n[fiscal]";
    template("Acme", date(2026, 1, 1), "America/New_York").replacen("\n[fiscal]", signatures, 1)
}

/// The signed template with a change; what is changed occurs once.
fn with(from: &str, to: &str) -> String {
    let text = signed();
    assert_eq!(text.matches(from).count(), 1, "{from}");
    text.replacen(from, to, 1)
}

fn read(text: &str) -> Agreement {
    match parse(text, "agreement.toml") {
        Ok((agreement, warnings)) => {
            assert_eq!(shown(&warnings), Vec::<String>::new());
            agreement
        }
        Err(found) => panic!("{}", shown(&found).join("\n")),
    }
}

fn shown(found: &[Diagnostic]) -> Vec<String> {
    found.iter().map(|d| format!("{}:{}+{} {}", d.line, d.column, d.length, d.message)).collect()
}

/// What a text is found to hold, whether it can be used or not.
fn findings(text: &str) -> Vec<Diagnostic> {
    parse(text, "agreement.toml").map_or_else(|found| found, |(_, warnings)| warnings)
}

/// The text that a finding points at.
fn marked<'t>(text: &'t str, found: &Diagnostic) -> &'t str {
    let line = text.lines().nth(found.line - 1).unwrap_or_default();
    let at = |n: usize| line.char_indices().nth(n).map_or(line.len(), |(at, _)| at);
    &line[at(found.column - 1)..at(found.column - 1 + found.length)]
}

#[test]
fn the_template_is_a_draft_without_faults() {
    let text = template("Acme: sales & marketing", date(2026, 2, 3), "Europe/Berlin");
    let (agreement, warnings) = parse(&text, "a.toml").expect("no faults");
    assert_eq!(agreement.name, "Acme: sales & marketing");
    assert_eq!(agreement.effective_from, date(2026, 2, 3));
    assert_eq!(agreement.zone.name(), "Europe/Berlin");
    assert!(!agreement.is_signed());
    assert_eq!(
        shown(&warnings),
        ["5:8+25 this agreement is a draft: marketing and sales have not signed it"]
    );
    assert_eq!(
        warnings[0].to_string(),
        "a.toml:5:8: this agreement is a draft: marketing and sales have not signed it\n  \
         help: when both sides agree, let each add [[signature]] with side, name and on"
    );
    assert_eq!(warnings[0].severity, Severity::Warning);
}

#[test]
fn the_signed_template_has_no_findings() {
    let agreement = read(&signed());
    assert!(agreement.is_signed());
    let mia = Signature { side: Side::Marketing, name: "Mia".to_owned(), on: date(2025, 12, 20) };
    assert_eq!(agreement.signatures[0], mia);
}

#[test]
fn every_name_fits_into_the_template() {
    for name in [
        "",
        "  ",
        "\"",
        "\\",
        "a\\\"b",
        "{time_zone} {effective_from} {name}",
        "\n\t\u{1}\u{7f}x",
        "Müller 🙂",
    ] {
        let text = template(name, date(2026, 1, 1), "UTC");
        let (agreement, _) = parse(&text, "a.toml").unwrap_or_else(|f| panic!("{name}: {f:?}"));
        let printable: String =
            name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let expected =
            if printable.trim().is_empty() { "Sales and marketing" } else { printable.trim() };
        assert_eq!(agreement.name, expected);
        assert_eq!(agreement.zone.name(), "UTC");
    }
}

#[test]
fn commented_lines_of_the_template_hold_as_well() {
    // Every commented example is taken in, except those that replace what stands there.
    let replaced = [
        "pattern =",
        "year_ends =",
        "goal = 2500",
        "time_zone =",
        "for =",
        "[[signature]]",
        "side =",
        "name =",
        "on =",
    ];
    let text: String = template("Acme", date(2026, 1, 1), "UTC")
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(code) if code.contains(" = ") && !replaced.iter().any(|r| code.starts_with(r)) => {
                format!("{code}\n")
            }
            Some(code)
                if code == "]"
                    || code.trim_start().starts_with('{')
                    || code.starts_with("gate") =>
            {
                format!("{code}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let (agreement, warnings) =
        parse(&text, "a.toml").unwrap_or_else(|f| panic!("{}", shown(&f).join("\n")));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(agreement.sponsor.as_deref(), Some("Chief revenue officer"));
    let opportunity = &agreement.stages[3];
    assert_eq!(opportunity.gate.len(), 1);
    assert_eq!(opportunity.gate[0].id, "agrees-to-talk");
    assert!(agreement.stages[1].enter_when.is_some());
    assert_eq!(agreement.stages[6].aliases, ["Contract sent"]);
    let benchmark = agreement.stages[6].benchmark.as_ref().expect("a benchmark");
    assert_eq!((benchmark.rate, benchmark.on), (0.6, Some(date(2026, 1, 1))));
    assert_eq!(agreement.rules.recycle_by.as_deref(), Some("kind"));
    assert_eq!(agreement.calendars[0].calendar.open_dates().count(), 1);
}

#[test]
fn the_template_says_the_defaults() {
    let full = read(&signed());
    assert_eq!(full.rules, Rules::default());
    assert_eq!(full.outcomes, Outcomes::default());
    assert_eq!(full.fiscal, crate::calendar::FiscalCalendar::default());
    // Without its rule tables the same agreement means the same.
    let text = signed();
    let (text, _) = text.split_once("# --- Rules").expect("a heading");
    let outcomes = text.find("[outcomes]").expect("outcomes");
    let promises = text.find("# --- What marketing").expect("a heading");
    let short = format!("{}{}", &text[..outcomes], &text[promises..])
        .replace("year_starts = \"01-01\"", "");
    let short = read(&short);
    assert_eq!(short.rules, full.rules);
    assert_eq!(short.outcomes, full.outcomes);
    assert_eq!(short.fiscal, full.fiscal);
    let attempts =
        |a: &Agreement| a.promises.attempts_before_dead.as_ref().map(|p| p.exempt_reasons.clone());
    let without = with(
        "exempt_reasons = [\"invalid data\", \"competitor\", \"duplicate\", \"unsubscribed\"]",
        "",
    );
    assert_eq!(attempts(&read(&without)), attempts(&full));
    let value = with("by = \"lead_source\" ", "")
        .replace("credibility = 200", "")
        .replace("maturity_days = 180", "");
    assert_eq!(read(&value).promises.lead_value, full.promises.lead_value);
}

#[test]
fn the_template_is_read_as_it_stands() {
    let a = read(&signed());
    let ids: Vec<&str> = a.stages.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["lead", "mql", "sal", "opportunity", "demo", "trial", "negotiation"]);
    assert_eq!(a.stages[2].owner, Side::Sales);
    assert_eq!(a.stages[2].subject, Subject::Person);
    assert_eq!(a.stages[5].forecast, Forecast::BestCase);
    let chain = |to_opportunity| Goal::Chain {
        bookings: 100_000_000,
        average_sale: 800_000,
        to_opportunity,
        to_won: 0.25,
    };
    let leads = VolumePromise { per: Per::Quarter, goal: chain(0.20), stage: 0 };
    let mqls = VolumePromise { per: Per::Quarter, goal: chain(0.40), stage: 1 };
    let value = ValuePromise {
        per: Per::Quarter,
        goal: 100_000_000,
        by: "lead_source".to_owned(),
        credibility: 200.0,
        maturity_days: 180,
    };
    assert_eq!(a.promises.leads, Some(leads));
    assert_eq!(a.promises.mqls, Some(mqls));
    assert_eq!(a.promises.lead_value, Some(value));
    let window = |within_minutes, clock, share| WindowPromise {
        per: Per::Quarter,
        within_minutes,
        clock,
        share,
    };
    assert_eq!(a.promises.speed_to_lead, Some(window(60, ClockKind::Business, 0.95)));
    assert_eq!(a.promises.leads_worked, Some(window(10_080, ClockKind::Wall, 0.9)));
    let attempts = a.promises.attempts_before_dead.as_ref().expect("a promise");
    assert_eq!((attempts.at_least, attempts.share), (6, 0.9));
    assert_eq!(a.calendars.len(), 1);
    let week = a.calendars[0].calendar.week().expect("hours");
    assert_eq!(week.iter().filter(|day| day.len() == 1).count(), 5);
    assert_eq!(a.calendars[0].calendar.zone().name(), "America/New_York");
}

#[test]
fn the_benchmark_agreement_is_read() {
    let text = include_str!("../../../../bench/agreement.toml");
    let (a, warnings) =
        parse(text, "bench/agreement.toml").unwrap_or_else(|f| panic!("{}", shown(&f).join("\n")));
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(a.stages.len(), 7);
    assert_eq!(a.promises.leads.as_ref().map(|p| p.goal.clone()), Some(Goal::Number(50_000)));
    assert_eq!(a.promises.mqls, None);
    assert!(a.calendars[0].calendar.is_always());
    assert_eq!(a.calendars[0].name, "default");
    assert_eq!(a.rules.collapse_minutes, 0);
    assert_eq!(a.rules.kinds.len(), 3);
    assert!(a.rules.ratio_names_all);
    assert_eq!(a.rules.people, People::Account);
    assert_eq!(a.rules.source_rule, SourceRule::CrmPrimaryCampaign);
    assert_eq!(a.rules.min_n, 10);
}

#[test]
fn clauses_know_their_lines() {
    let text = signed();
    let a = read(&text);
    assert!(a.clauses.is_sorted());
    let mut keys: Vec<&str> = a.clauses.iter().map(|c| c.key.as_str()).collect();
    keys.dedup();
    assert_eq!(keys.len(), a.clauses.len());
    let line = |key: &str| {
        text.lines()
            .nth(a.line(key).checked_sub(1).unwrap_or_else(|| panic!("{key}")))
            .unwrap_or("")
    };
    for (key, expected) in [
        ("version", "version = 1"),
        ("stage", "[[stage]]"),
        ("stage.mql", "[[stage]]"),
        ("stage.mql.definition", "definition = \"Fits"),
        ("promise.sales.speed_to_lead", "[promise.sales.speed_to_lead]"),
        ("promise.sales.leads_worked.within", "within = \"7d\""),
        ("calendar.default", "[calendar.default]"),
        ("calendar.default.hours", "hours = "),
        ("calendar.default.hours.mon-fri", "hours = "),
        ("signature.sales", "[[signature]]"),
        ("signature.sales.name", "name = \"Sam\""),
        ("display.min_n", "min_n = 10"),
    ] {
        assert!(line(key).starts_with(expected), "{key}: {}", line(key));
    }
    assert_eq!(a.line("promise.sales.nothing"), 0);
    assert_eq!(a.line("stage.mql") + 1, a.line("stage.mql.id"));
    let two = format!("{text}\n[[signature]]\nside = \"sales\"\nname = \"Sue\"\non = 2025-12-22\n");
    assert!(read(&two).line("signature.sales.2.name") > 100);
    let gate = "definition = \"A buying project with a potential amount.\"\n[[stage.gate]]\nid = \"g\"\nside = \"buyer\"\nwhen = \"true\"\n[x]";
    let gate = with(
        "definition = \"A buying project with a potential amount.\"\nforecast = \"pipeline\"",
        &gate.replace("[x]", ""),
    );
    assert!(read(&gate).line("stage.opportunity.gate.g.when") > 10);
}

#[test]
fn line_ends_and_byte_order_marks_do_not_count() {
    let text = signed();
    let plain = read(&text);
    assert_eq!(read(&text.replace('\n', "\r\n")), plain);
    assert_eq!(read(&format!("\u{feff}{text}")), plain);
    assert_eq!(read(text.trim_end()), plain);
    assert_eq!(plain.version_id.len(), 16);
    assert_ne!(read(&with("within = \"60m\"", "within = \"61m\"")).version_id, plain.version_id);
    // Positions are those of the text without its mark, also where lines end in CRLF.
    let wrong = with("within = \"60m\"", "within = \"60x\"");
    let expected = shown(&findings(&wrong));
    assert_eq!(expected.len(), 1);
    assert_eq!(shown(&findings(&format!("\u{feff}{}", wrong.replace('\n', "\r\n")))), expected);
}

#[test]
fn names_are_compared_without_case() {
    let a = read(&with("# aliases = [\"Contract sent\"]", "aliases = [\"Vertrag GEPRÜFT\"]"));
    let cases = [
        ("lead", Some(StageMeaning::Stage(0))),
        (" LEAD ", Some(StageMeaning::Stage(0))),
        ("Marketing Qualified Lead", Some(StageMeaning::Stage(1))),
        ("vertrag geprüft", Some(StageMeaning::Stage(6))),
        ("Won", Some(StageMeaning::Won)),
        ("recycled", Some(StageMeaning::Recycled)),
        ("something", None),
        ("", None),
    ];
    for (value, expected) in cases {
        assert_eq!(a.meaning(value), expected, "{value}");
    }
}

#[test]
fn amounts_are_exact() {
    let goal = |written: &str| {
        let text = with("goal = \"1000000\"\nby", &format!("goal = {written}\nby"));
        parse(&text, "a.toml").map(|(a, _)| a.promises.lead_value.map(|p| p.goal))
    };
    for (written, minor) in [
        ("\"1000000\"", 100_000_000),
        ("1_000_000", 100_000_000),
        ("1000000.50", 100_000_050),
        ("\" 7999.5 \"", 799_950),
        ("1e6", 100_000_000),
        ("0.01", 1),
        ("12.340000", 1_234),
        ("90071992547409.93", 9_007_199_254_740_993),
    ] {
        assert_eq!(goal(written), Ok(Some(minor)), "{written}");
    }
    for (written, about) in [
        ("1.005", "has 2 decimals"),
        ("\"0.001\"", "has 2 decimals"),
        ("0", "above zero"),
        ("-5", "above zero"),
        ("\"1,000\"", "an amount of money"),
        ("\"$5\"", "an amount of money"),
        ("true", "an amount of money"),
        ("inf", "an amount of money"),
        ("0x10", "an amount of money"),
        ("\"999999999999999999999\"", "not an amount"),
    ] {
        let found = goal(written).expect_err(written);
        assert_eq!(found.len(), 1, "{written}: {found:?}");
        assert!(found[0].message.contains(about), "{written}: {}", found[0].message);
        assert_eq!(found[0].length, written.chars().count(), "{written}");
    }
    let yen = signed()
        .replace("currency = \"USD\"", "currency = \"jpy\"")
        .replace("\"8000\"", "\"8000.5\"");
    let found = findings(&yen);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].message.contains("JPY has no decimals"), "{}", found[0].message);
}

#[test]
fn fiscal_years() {
    let fiscal = |lines: &str| {
        let text = with("year_starts = \"01-01\"                      #", &format!("{lines}\n#"))
            .replace("label = \"ending\" ", "");
        parse(&text, "a.toml").map(|(a, _)| a.fiscal.to_string())
    };
    for (lines, words) in [
        ("", "calendar years"),
        ("label = \"starting\"", "calendar years"),
        ("year_starts = \"02-01\"", "years start 02-01 and are named after the year they end in"),
        (
            "pattern = \"4-5-4\"\nyear_ends = \"nearest saturday 01-31\"\nlabel = \"starting\"",
            "years of 4-5-4 weeks end nearest saturday 01-31 and are named after the year they start in",
        ),
        (
            "pattern = \"4-4-5\"\nyear_ends = \"last friday 9\"",
            "years of 4-4-5 weeks end last friday 09 and are named after the year they end in",
        ),
    ] {
        assert_eq!(fiscal(lines), Ok(words.to_owned()), "{lines}");
    }
}

#[test]
fn calendars() {
    let more = "[calendar.emea]\ntime_zone = \"Europe/Berlin\"\nhours = { mon-thu = \"09:00-12:00, 13:00-17:30\", fri = \"9-15\" }\n\
                closed = [2026-12-25, \"2026-12-26\"]\nopen = { 2026-12-24 = \"09:00-12:00\" }\n\
                for = { team = [\"emea\"], territory = [\"DE\", \"AT\"], owner = [\"u1\"] }\n\
                [calendar.apac]\nhours.mon-fri = \"22:00-06:00\"\nfor.team = [\"apac\"]\n# --- Rules";
    let a = read(&with("# --- Rules", more));
    let names: Vec<&str> = a.calendars.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["default", "apac", "emea"]);
    let emea = &a.calendars[2];
    assert_eq!(emea.calendar.zone().name(), "Europe/Berlin");
    assert_eq!(emea.teams, ["emea"]);
    assert_eq!(emea.territories, ["DE", "AT"]);
    assert_eq!(emea.owners, ["u1"]);
    let closed: Vec<_> = emea.calendar.closed_dates().collect();
    assert_eq!(closed, [date(2026, 12, 25), date(2026, 12, 26)]);
    let week = emea.calendar.week().expect("hours");
    assert_eq!(week.each_ref().map(Vec::len), [2, 2, 2, 2, 1, 0, 0]);
    assert_eq!(a.calendars[1].calendar.zone().name(), "America/New_York");
}

#[test]
fn sets_of_versions() {
    let first = read(&signed());
    let second = read(&with("effective_from = 2026-01-01", "effective_from = 2026-07-01"));
    let set = AgreementSet::new(vec![second.clone(), first.clone()]).expect("two versions");
    assert_eq!(set.versions(), [first.clone(), second.clone()]);
    let cases = [
        (date(2020, 1, 1), 0),
        (date(2026, 6, 30), 0),
        (date(2026, 7, 1), 1),
        (date(2030, 1, 1), 1),
    ];
    for (day, expected) in cases {
        assert_eq!(set.index_on(day), expected, "{day}");
    }
    assert_eq!(set.on(date(2026, 8, 1)), &second);
    assert_eq!(set.meaning("MQL"), Some(StageMeaning::Stage(1)));
    assert!(AgreementSet::new(Vec::new()).is_err());
    let twice = AgreementSet::new(vec![first.clone(), first]);
    assert!(twice.is_err_and(|e| e.contains("2026-01-01")));
}
