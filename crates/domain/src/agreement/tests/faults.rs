//! Faults of meaning: what is found, where, and that nothing else is.

use super::*;

#[test]
fn ten_faults_are_found_at_once_with_their_places() {
    let text = "version = 2
name = \"Müller & Söhne\"
effective_from = 2026-02-01
currency = \"USDX\"
time_zone = \"Europe/Berlin\"
sponser = \"CRO\"

[[signature]]
side = \"marketing\"
name = \"Mia\"
on = 2026-01-05

[[signature]]
side = \"sales\"
name = \"Sam\"
on = \"2026-02-30\"

[[stage]]
id = \"lead\"
name = \"Lead\"
subject = \"person\"
owner = \"marketing\"
definition = \"Known.\"

[[stage]]
id = \"mql\"
name = \"MQL\"
subject = \"person\"
owner = \"marketting\"
definition = \"Fits.\"

[[stage]]
id = \"sal\"
name = \"SAL\"
subject = \"person\"
owner = \"sales\"
definition = \"  \"

[[stage]]
id = \"opportunity\"
name = \"Opportunity\"
subject = \"opportunity\"
owner = \"sales\"
definition = \"Amount.\"

[[stage]]
id = \"trial\"
name = \"Trial\"
subject = \"opportunity\"
owner = \"sales\"
definition = \"Works.\"
aliases = [\"Test\", \"LEAD\"]

[promise.sales.speed_to_lead]
per = \"quarter\"
within = \"2d\"
clock = \"business\"

[calendar.default]
hours = { mon-fri = \"09:00-17:00\", \"ünd\" = \"10-12\" }
";
    let expected = [
        "1:11+1 this file has the format version 2, which is not known here",
        "4:12+6 `currency`: `USDX` is not a currency; write a code of ISO 4217 such as USD, EUR or JPY",
        "6:1+7 an agreement has no key `sponser`",
        "16:6+12 `signature[1].on` is \"2026-02-30\", which is not a date",
        "29:9+12 `stage.mql.owner` should be \"marketing\" or \"sales\", but is \"marketting\"",
        "37:14+4 `stage.sal.definition` is empty",
        "52:20+6 \"LEAD\" already means stage 1 (line 19)",
        "54:1+29 `promise.sales.speed_to_lead.share` is missing",
        "56:10+4 `promise.sales.speed_to_lead.within` is given in days, but on the business clock",
        "60:36+5 `calendar.default.hours`: `ünd` is not a day of the week; write mon, tue, wed, thu, fri, sat or sun",
    ];
    let found = findings(text);
    assert_eq!(shown(&found), expected);
    assert!(found.iter().all(|d| d.severity == Severity::Error
        && d.file == "agreement.toml"
        && !d.help.is_empty()));
    assert_eq!(
        found[2].to_string(),
        "agreement.toml:6:1: an agreement has no key `sponser`\n  help: did you mean `sponsor`?"
    );
    assert_eq!(found[7].help, "add a line such as `share = 0.95` under this header");
    assert!(found[8].help.contains("\"16h\""));
}

/// Each line changes the signed template and must yield one fault: what is changed, to what, what
/// the fault marks, and parts of its message and of its help. `\n` is a new line.
fn check(cases: &str) {
    for case in cases.lines().filter(|line| !line.trim().is_empty()) {
        let written = case.replace("\\n", "\n");
        let parts: Vec<&str> = written.split('|').map(|part| part.trim_matches(' ')).collect();
        let [from, to, mark, message, help] = parts[..] else { panic!("{case}") };
        let text = with(from, to);
        let found = findings(&text);
        assert_eq!(found.len(), 1, "{case}: {}", shown(&found).join("\n"));
        assert_eq!(found[0].severity, Severity::Error, "{case}");
        assert_eq!(marked(&text, &found[0]), mark, "{case}: {}", found[0]);
        assert!(found[0].message.contains(message), "{case}: {}", found[0]);
        assert!(found[0].help.contains(help), "{case}: {}", found[0]);
    }
}

#[test]
fn the_head() {
    check(
        r##"
        version = 1 | version = "1" | "1" | `version` should be a whole number | without quotation marks
        version = 1 | version = 0 | 0 | format version 0 | version = 1
        version = 1 |  | # | `version` is missing | version = 1
        name = "Acme" | name = 5 | 5 | `name` should be a text, but is the number 5 | quotation marks
        name = "Acme" | name = "\u0007" | "\u0007" | control characters | again
        name = "Acme" | name = "" | "" | `name` is empty | take the line out
        effective_from = 2026-01-01 | effective_from = 2026-01-01T00:00:00 | 2026-01-01T00:00:00 | a date without a time | 2026-01-31
        effective_from = 2026-01-01 | effective_from = "1/1/2026" | "1/1/2026" | is not a date | 2026-01-31
        effective_from = 2026-01-01 | effective_from = "2026-02-29" | "2026-02-29" | is not a date | 2026-01-31
        effective_from = 2026-01-01 | effective_from = 2026 | 2026 | should be a date, but is the number 2026 | 2026-01-31
        currency = "USD" | currency = "Dollar" | "Dollar" | is not a currency | ISO 4217
        \ntime_zone = "America/New_York" | \ntime_zone = "New York" | "New York" | `time_zone`: | America/New_York
        # sponsor = "Chief revenue officer" | sponsor = [] | [] | `sponsor` should be a text, but is a list | quotation marks
        name = "Acme" | name = "Acme"\nmin_n = 3 | min_n | an agreement has no key `min_n` | move `min_n` under [display]
        name = "Acme" | name = "Acme"\nmin_n_verdict = 3 | min_n_verdict | no key `min_n_verdict` | move `min_n_verdict` under [display]
        name = "Acme" | name = "Acme"\nfiscal_year_starts = "02-01" | fiscal_year_starts | no key | `year_starts` under [fiscal]
        [handoff] | [hand_off] | hand_off | an agreement has no key `hand_off` | did you mean `handoff`?
        [display] | [[display]] | [[display]] | `display` should be a table, but is a list | [display]
        side = "sales"\n | side = "finance"\n | "finance" | `signature[1].side` should be "marketing" or "sales" | write "marketing" or "sales"
        name = "Sam"\n |  | [[signature]] | `signature[1].name` is missing | name =
        name = "Sam"\n | name = "Sam"\ntitle = "CSO"\n | title | `signature[1]` has no key `title` | known here: side, name, on
        "##,
    );
}

#[test]
fn stages() {
    check(
        r##"
        id = "demo"\nname = "Demo" | name = "Demo" | [[stage]] | `stage 5.id` is missing | id = "mql"
        id = "demo"\nname = "Demo" | id = "demo" | [[stage]] | `stage.demo.name` is missing | name =
        id = "demo"\nname = "Demo" | id = "a demo"\nname = "Demo" | "a demo" | an id has only | aliases
        id = "demo"\nname = "Demo" | id = "Trial"\nname = "Demo" | "trial" | "trial" already means stage 5 (line 71) | rename one
        id = "demo"\nname = "Demo" | id = "demo"\nname = "MQL" | "MQL" | "MQL" already means stage 2 | rename one
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\naliases = ["WON"] | "won" | "won" already means stage 5 | rename one
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\naliases = "Show" | "Show" | should be a list | ["…", "…"]
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\naliases = [1] | 1 | `stage.demo.aliases[0]` should be a text | quotation marks
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\nenter_when = "a = 'x" | "a = 'x" | is not closed | apostrophe
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\nenter_when = "a > (1" | "a > (1" | a ( in the SQL is not closed | end it with )
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\nenter_when = "drop; x" | "drop; x" | holds a ; | without ;
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\nbenchmark = { rate = 60, source = "x" } | 60 | above 0 and at most 1 | for 60 % write 0.6
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\nbenchmark = { rate = 0.6 } | { rate = 0.6 } | `stage.demo.benchmark.source` is missing | source =
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\nbenchmark = { rate = 0.6, source = "x", at = 1 } | at | has no key `at` | known here: rate, source, on
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\ngate = [{ id = "a", side = "buyer", when = "" }] | "" | `stage.demo.gate.a.when` is empty | take the line out
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\ngate = [{ id = "a", side = "us", when = "x" }] | "us" | should be "buyer" or "vendor" | write "buyer" or "vendor"
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\ngate = [{ id = "a", side = "buyer", when = "x", require = true }] | require | has no key `require` | did you mean `required`?
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\ngate = [{ id = "a", side = "buyer", when = "x" }, { id = "A", side = "vendor", when = "y" }] | "A" | the criterion "A" is given twice | its own id
        id = "demo"\nname = "Demo" | id = "demo"\nname = "Demo"\ngate = [{ id = "a", side = "buyer", required = 1, when = "x" }] | 1 | should be true or false | write true or false
        name = "Lead"\n | name = "Lead"\nforecast = "commit"\n | "commit" | a stage of a person cannot be forecast | take this line out
        name = "Lead"\n | name = "Lead"\nbenchmark = { rate = 1, source = "x" }\n | benchmark | no step leads into the first stage | later stage
        forecast = "commit" | forecast = "bestcase" | "bestcase" | `stage.negotiation.forecast` should be | did you mean "best_case"?
        won = ["won"] | won = [] | [] | `outcomes.won` names nothing | won = ["won"]
        won = ["won"] | won = ["won", "Lost"] | "lost" | "lost" already means the outcome `won` | rename one
        won = ["won"] | won = ["SAL"] | "SAL" | "SAL" already means stage 3 | rename one
        reopen_grace_days = 30 | reopen_grace_days = -1 | -1 | a whole number from 0 to | without quotation marks
        "##,
    );
}

#[test]
fn people_come_before_opportunities() {
    let text =
        with("name = \"Demo\"\nsubject = \"opportunity\"", "name = \"Demo\"\nsubject = \"person\"");
    let found = findings(&text);
    let marks: Vec<(&str, &str)> =
        found.iter().map(|d| (marked(&text, d), d.message.as_str())).collect();
    assert_eq!(
        marks,
        [
            ("\"person\"", "a person's stage comes after an opportunity's stage"),
            ("\"pipeline\"", "`stage.demo.forecast`: a stage of a person cannot be forecast"),
        ]
    );
}

#[test]
fn the_number_of_stages() {
    let whole = signed();
    let stage = |n: usize| {
        format!(
            "[[stage]]\nid = \"s{n}\"\nname = \"S {n}\"\nsubject = \"opportunity\"\nowner = \"sales\"\ndefinition = \"x\"\n"
        )
    };
    let head = whole.find("[[stage]]").expect("stages");
    let tail = whole.find("# How a history ends").expect("outcomes");
    let mqls = whole.find("[promise.marketing.mqls]").expect("mqls");
    let value = whole.find("[promise.marketing.lead_value]").expect("value");
    let person = "[[stage]]\nid = \"p\"\nname = \"P\"\nsubject = \"person\"\nowner = \"marketing\"\ndefinition = \"x\"\n";
    let build = |stages: String| {
        format!("{}{stages}{}{}", &whole[..head], &whole[tail..mqls], &whole[value..])
    };
    let messages = |text: &str| findings(text).into_iter().map(|d| d.message).collect::<Vec<_>>();
    for n in 4..7 {
        let text = build(format!("{person}{}", (0..n).map(stage).collect::<String>()));
        assert_eq!(messages(&text), Vec::<String>::new(), "{n}");
    }
    let few = build(format!("{person}{}", (0..3).map(stage).collect::<String>()));
    assert_eq!(messages(&few), ["there are only 4 stages"]);
    assert!(findings(&few)[0].help.contains("five to seven"));
    assert_eq!(marked(&few, &findings(&few)[0]), "[[stage]]");
    let many = build(format!("{person}{}", (0..8).map(stage).collect::<String>()));
    assert_eq!(messages(&many), ["there are 9 stages; this is the 8th"]);
    assert!(findings(&many)[0].help.contains("five to seven"));
    let eighth = many.match_indices("[[stage]]").nth(7).expect("an eighth").0;
    assert_eq!(findings(&many)[0].line, many[..eighth].lines().count() + 1);
    let no_person = build((0..5).map(stage).collect());
    assert_eq!(
        messages(&no_person),
        ["marketing owns no stage", "no stage has subject = \"person\""]
    );
    let one_table = build(person.replace("[[stage]]", "[stage]"));
    assert_eq!(messages(&one_table), ["`stage` should be a list, but is a table"]);
    assert!(findings(&one_table)[0].help.contains("[[stage]]"));
    assert_eq!(messages(&build(String::new())), ["there are no stages"]);
    assert_eq!(messages(&build("[[stage]]\n".to_owned())).len(), 6);
}

#[test]
fn default_outcomes_are_names_too() {
    let text = with("won = [\"won\"]\n", "").replace("id = \"demo\"", "id = \"won\"");
    let found = findings(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(marked(&text, &found[0]), "\"won\"");
    assert!(found[0].message.contains("by default also the outcome `won`"), "{}", found[0]);
}

#[test]
fn promises() {
    check(
        r##"
        within = "60m" | within = 60 | 60 | should be a duration, but is the number 60 | "60m"
        within = "60m" | within = "1 hour" | "1 hour" | is not a duration above zero | "4h"
        within = "60m" | within = "0m" | "0m" | is not a duration above zero | "4h"
        clock = "business" | clock = "office" | "office" | should be "business" or "wall" | write
        share = 0.95 | share = 95 | 95 | above 0 and at most 1 | for 95 % write 0.95
        share = 0.95 | share = 0 | 0 | above 0 and at most 1 | 0.25 for 25 %
        share = 0.95 | share = nan | nan | above 0 and at most 1 | 0.25 for 25 %
        share = 0.95 | share = "95%" | "95%" | above 0 and at most 1 | 0.25 for 25 %
        at_least = 6 | at_least = 6.5 | 6.5 | a whole number from 1 | point
        at_least = 6 | at_least = 0 | 0 | a whole number from 1 | point
        exempt_reasons = ["invalid data" | exempt_reasons = ["" | "" | `promise.sales.attempts_before_dead.exempt_reasons[0]` is empty | take
        lead_to_opportunity = 0.20 |  | [promise.marketing.leads] | lead_to_opportunity` is missing from the chain | lead_to_opportunity = 0.25
        lead_to_opportunity = 0.20 | lead_to_opportunity = 1.2 | 1.2 | above 0 and at most 1 | 0.012
        lead_to_opportunity = 0.20 | lead_to_opportunity = 0.20\ngoal = 5 | goal | both a goal and the chain | keep `goal`, or keep `bookings_goal`
        stage = "mql" | stage = "mqll" | "mqll" | no stage has this id | did you mean "mql"?
        stage = "mql" | stage = "Marketing qualified lead" | "Marketing qualified lead" | no stage has this id | did you mean "mql"?
        stage = "mql" | stage = "demo" | "demo" | a stage of an opportunity | "lead", "mql" or "sal"
        stage = "mql" |  | [promise.marketing.mqls] | mqls.stage` is missing | stage = "mql"
        by = "lead_source" | by = "a + b" | "a + b" | is not the name of a column | one column
        credibility = 200 | credibility = 0 | 0 | a number above zero | 7.5
        maturity_days = 180 | maturity_days = 1e3 | 1e3 | a whole number from 0 | without
        [promise.sales.leads_worked] | [promise.sale.leads_worked] | sale | `promise` has no key `sale` | did you mean `sales`?
        [promise.sales.leads_worked] | [promise.sales.lead_worked] | lead_worked | `promise.sales` has no key | did you mean `leads_worked`?
        [promise.sales.leads_worked] | [promise.partner] | partner | `promise` has no key `partner` | known here: marketing, sales
        "##,
    );
    let chain = "bookings_goal = \"1000000\"\naverage_sale = \"8000\"\nlead_to_opportunity = 0.20\nopportunity_to_won = 0.25\n";
    check(
        r##"
        bookings_goal = "1000000"\naverage_sale = "8000"\nlead_to_opportunity = 0.20\nopportunity_to_won = 0.25\n |  | [promise.marketing.leads] | `promise.marketing.leads` has no goal | goal = 2500
        bookings_goal = "1000000"\naverage_sale = "8000"\nlead_to_opportunity = 0.20\nopportunity_to_won = 0.25\n | goal = 0\n | 0 | a whole number above zero | without
        bookings_goal = "1000000"\naverage_sale = "8000"\nlead_to_opportunity = 0.20\nopportunity_to_won = 0.25\n | goal = "2500"\n | "2500" | a whole number above zero | without quotation marks
        "##,
    );
    let two = with(chain, "average_sale = \"8000\"\nopportunity_to_won = 0.25\n");
    assert_eq!(findings(&two).len(), 2);
    assert_eq!(
        read(&with(chain, "goal = 2_500\n")).promises.leads.map(|p| p.goal),
        Some(Goal::Number(2_500))
    );
}

#[test]
fn unknown_keys_stand_with_their_suggestion() {
    let text = with("within = \"60m\"", "wthin = \"60m\"");
    let found = findings(&text);
    let shown: Vec<(&str, &str)> =
        found.iter().map(|d| (marked(&text, d), d.help.as_str())).collect();
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[1], ("wthin", "did you mean `within`?"));
}

#[test]
fn calendars_and_years() {
    check(
        r##"
        hours = { mon-fri = "09:00-17:00" } |  | [calendar.default] | `calendar.default.hours` is missing | mon-fri
        hours = { mon-fri = "09:00-17:00" } | hours = {} | {} | `calendar.default.hours` are never open | mon-fri
        hours = { mon-fri = "09:00-17:00" } | hours = { sat = "closed" } | { sat = "closed" } | are never open | mon-fri
        hours = { mon-fri = "09:00-17:00" } | hours = { mon-fri = "09:00" } | "09:00" | `calendar.default.hours.mon-fri`: | "09:00-17:00"
        hours = { mon-fri = "09:00-17:00" } | hours = { mon-fri = 9 } | 9 | should be hours of a day | "closed"
        hours = { mon-fri = "09:00-17:00" } | hours = "09:00-17:00" | "09:00-17:00" | should be a table | { key = value }
        hours = { mon-fri = "09:00-17:00" } | hours = { mo-fr = "09:00-17:00" } | mo-fr | `mo` is not a day of the week | mon-fri
        hours = { mon-fri = "09:00-17:00" } | hours = { mon-fri = "9-17", fri = "9-12" } | fri | Friday has hours under `mon-fri` and under `fri` | once
        hours = { mon-fri = "09:00-17:00" } | hours = { mon-fri = "9-12, 11:30-17" } | "9-12, 11:30-17" | 09:00-12:00 and 11:30-17:00 overlap on Monday | begin where
        hours = { mon-fri = "09:00-17:00" } | hours = { mon = "22:00-06:00", tue = "05:00-12:00" } | "05:00-12:00" | overlap on Tuesday | begin where
        closed = [] | closed = ["26.12.2026"] | "26.12.2026" | is not a date | 2026-01-31
        closed = [] | closed = "2026-12-26" | "2026-12-26" | should be a list | brackets
        closed = [] | closed = []\nopen = { xmas = "9-12" } | xmas | "xmas" is not a date | 2026-12-24
        closed = [] | closed = [2026-12-24]\nopen = { 2026-12-24 = "9-12" } | 2026-12-24 | listed as closed | keep one
        closed = [] | closed = []\nopen = { 2026-12-24 = "9-12, 10-13" } | "9-12, 10-13" | overlap on 2026-12-24 | begin where
        closed = [] | closed = []\nfor = { team = ["x"] } | for | serves everyone | take `for` out
        closed = [] | closed = []\ntime_zone = "Utopia" | "Utopia" | `calendar.default.time_zone`: | IANA
        # --- Rules | [calendar."a b"]\nhours = { mon = "9-17" }\nfor = { team = ["x"] }\n# | "a b" | the calendar name "a b" | [calendar.emea]
        year_starts = "01-01" | year_starts = "02-15" | "02-15" | starts on the first of a month | pattern
        year_starts = "01-01" | year_starts = "13-01" | "13-01" | not a month and day | 02-01
        year_starts = "01-01" | year_starts = 2 | 2 | should be a month and day | 02-01
        year_starts = "01-01" | pattern = "4-4-5" | [fiscal] | needs `fiscal.year_ends` | nearest saturday
        year_starts = "01-01" | pattern = "4-4-4"\nyear_ends = "last fri 1" | "4-4-4" | should be "4-4-5" | did you mean
        year_starts = "01-01" | pattern = "4-4-5"\nyear_ends = "first friday 6" | "first friday 6" | is not an end of year | last saturday 01
        # pattern = "4-4-5" | pattern = "4-4-5"\nyear_ends = "last sun 1"# | year_starts | does not go with | take year_starts out
        label = "ending" | label = "end" | "end" | should be "ending" or "starting" | write
        "##,
    );
    check(
        r##"
        # --- Rules | [calendar.emea]\nhours = { mon = "9-17" }\nfor = { team = ["a"] }\n[calendar.apac]\nhours = { mon = "9-17" }\nfor = { team = ["a"] }\n# --- Rules | "a" | the team "a" has calendar.emea already | one calendar only
        "##,
    );
    let text = signed()
        .replace("[calendar.default]", "[calendar.emea]")
        .replace("closed = []", "for = { team = [\"x\"] }");
    let unnamed = with("[calendar.default]", "[calendar]").replace("\"business\"", "\"wall\"");
    let found = findings(&unnamed);
    let marks: Vec<&str> = found.iter().map(|d| marked(&unnamed, d)).collect();
    assert_eq!(marks, ["hours", "closed"]);
    assert!(found.iter().all(|d| d.help == "write the header as [calendar.default]"));
    let found = findings(&text);
    assert_eq!(shown(&found).len(), 1);
    assert_eq!(marked(&text, &found[0]), "\"business\"");
    assert!(found[0].message.contains("there is no calendar.default"), "{}", found[0]);
    assert!(read(&text.replace("\"business\"", "\"wall\"")).calendars[0].calendar.is_always());
}

#[test]
fn rules() {
    check(
        r##"
        qualifying = ["call", "email", "meeting", "reply"] | qualifying = [] | [] | `activity.qualifying` is empty | at least one
        acceptance_needs_value = true | acceptance_needs_value = "yes" | "yes" | should be true or false | without quotation
        rule = "last_responded_touch" | rule = "last_touch" | "last_touch" | `source.rule` should be | write
        kinds = ["new_business", "expansion"] | kinds = ["new"] | "new" | `source.kinds[0]` should be | write
        kinds = ["new_business", "expansion"] | kinds = [] | [] | `source.kinds` is empty | renewal
        through = "creation" | through = "won" | "won" | "creation" or "close" | write
        lookback_days = 90 | lookback_days = -90 | -90 | from 0 to 36500 | write
        lookback_days = 90 | lookback = 90 | lookback | `attribution` has no key `lookback` | known here
        half_life_days = 7 | half_life_days = 0.0 | 0.0 | above zero | 7.5
        half_life_days = 7 | half_life_days = inf | inf | above zero | 7.5
        model = "position_40_20_40" | model = "w_shaped" | "w_shaped" | "first_touch", "last_touch" | write
        model = "position_40_20_40" | model = "time-decay" | "time-decay" | `attribution.model` should be | did you mean "time_decay"?
        people = "roles_else_account" | people = "role" | "role" | `attribution.people` | did you mean "roles"?
        names = "lead_generation" | names = "some" | "some" | `ratios.names` | write
        rule = "mean_lost_cycle" | rule = "median" | "median" | should be "mean_lost_cycle" | write
        at_least_lost = 30 | at_least_lost = 0 | 0 | above zero | write
        min_n = 10 | min_n = 31 | 31 | `display.min_n` (31) is above `display.min_n_verdict` (30) | at most
        "##,
    );
}

#[test]
fn warnings_do_not_stop_an_agreement() {
    for (from, to, mark, message) in [
        (
            "on = 2025-12-22",
            "on = 2026-01-02",
            "2026-01-02",
            "sales signed on 2026-01-02, after the agreement took effect",
        ),
        (
            "on = 2025-12-22",
            "on = 2023-12-22",
            "2023-12-22",
            "long before the agreement takes effect",
        ),
        (
            "side = \"sales\"\n",
            "side = \"marketing\"\n",
            "\"Acme\"",
            "this agreement is a draft: sales has not signed it",
        ),
        (
            "lost = [\"lost\"]",
            "lost = [\"lost\", \"lost\"]",
            "\"lost\"",
            "`outcomes.lost` names \"lost\" twice",
        ),
        (
            "closed = []",
            "closed = [2026-12-25, 2026-12-25]",
            "2026-12-25",
            "names 2026-12-25 twice",
        ),
        (
            "# --- Rules",
            "[calendar.x]\nhours = { mon = \"9-17\" }\n#",
            "[calendar.x]",
            "`calendar.x` serves nobody",
        ),
        (
            "# --- Rules",
            "[calendar.x]\nhours = { mon = \"9-17\" }\nfor = { team = [] }\n#",
            "[calendar.x]",
            "serves nobody",
        ),
    ] {
        let text = with(from, to);
        let (_, warnings) = parse(&text, "a.toml").unwrap_or_else(|f| panic!("{to}: {f:?}"));
        assert_eq!(warnings.len(), 1, "{to}: {warnings:?}");
        assert_eq!(warnings[0].severity, Severity::Warning);
        assert_eq!(marked(&text, &warnings[0]), mark, "{to}");
        assert!(warnings[0].message.contains(message), "{}", warnings[0]);
    }
    let text = signed().replace("owner = \"sales\"", "owner = \"marketing\"");
    let (_, warnings) = parse(&text, "a.toml").expect("an agreement");
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].message.contains("sales owns no stage"));
}
