//! Texts that are not TOML, with everything that is wrong in them at once.

use super::*;

#[test]
fn all_syntax_faults_are_reported_with_the_faults_of_meaning() {
    let text = "version = 1
name = Acme
effective_from = 2026-13-01
currency \"USD\"
time_zone = “UTC”
sponsor =
version = 1

[fiscal
year_starts = 01-01
lable = \"ending\"

[[stage]
id = \"lead\"
definiton = \"x\"

[promise.sales.speed_to_lead]
per = \"quartr\"
within = 060
share = 0,95

[calendar.default]
hours = { mon-fri = \"09:00-17:00\"
closed = [
  \"2026-11-26\"
  \"2026-12-25\",
]

[source]
window_days = 9 0
kinds = [\"renewal\"

[influence]
through = \"clos\"
";
    let expected = [
        "2:8+4 syntax: a text must stand in quotation marks",
        "3:18+10 syntax: invalid date, expected month between 01 and 12",
        "4:10+1 syntax: there is no = in this line",
        "5:13+5 syntax: these quotation marks do not begin a text",
        "6:10+1 syntax: there is no value after the =",
        "7:1+7 syntax: this is given once already",
        "9:8+1 syntax: this header is not closed",
        "10:15+5 syntax: invalid date, expected `-` (MM-DD)",
        "11:1+5 `fiscal` has no key `lable`",
        "13:9+1 syntax: this header is not closed",
        "15:1+9 `stage.lead` has no key `definiton`",
        "18:7+8 `promise.sales.speed_to_lead.per` should be \"month\", \"quarter\" or \"year\", but is \"quartr\"",
        "19:10+1 syntax: a number does not begin with a zero",
        "20:10+1 syntax: a number has no comma",
        "23:9+1 syntax: the table that begins with { is not closed",
        "26:3+1 syntax: a comma is missing",
        "30:15+3 syntax: a text must stand in quotation marks",
        "31:9+1 syntax: the list that begins with [ is not closed",
        "34:11+6 `influence.through` should be \"creation\" or \"close\", but is \"clos\"",
    ];
    assert_eq!(shown(&findings(text)), expected);
    let helps: Vec<String> = findings(text).into_iter().map(|d| d.help).collect();
    assert!(helps.iter().all(|h| !h.is_empty()));
    assert_eq!(helps[8], "did you mean `label`?");
}

#[test]
fn one_slip_in_a_good_file_is_one_fault() {
    for (from, to, expected) in [
        (
            "[promise.sales.leads_worked]",
            "[promise.sales.leads_worked",
            "this header is not closed",
        ),
        ("[display]", "[[display]", "this header is not closed"),
        (
            "name = \"Opportunity\"",
            "name = \"Opportunity",
            "this text is not closed, or holds what it must not",
        ),
        (
            "name = \"Opportunity\"",
            "name = \"\"\"Opportunity",
            "the text that begins with \"\"\" is not closed",
        ),
        ("name = \"Opportunity\"", "name = Opportunity", "a text must stand in quotation marks"),
        ("name = \"Opportunity\"", "name \"Opportunity\"", "there is no = in this line"),
        ("name = \"Opportunity\"", "name = ", "there is no value after the ="),
        (
            "name = \"Opportunity\"",
            "name = “Opportunity”",
            "these quotation marks do not begin a text",
        ),
        ("at_least = 6", "at_least = 6\nat_least = 7", "this is given once already"),
        ("won = [\"won\"]", "won = [\"won\"", "the list that begins with [ is not closed"),
        (
            "{ mon-fri = \"09:00-17:00\" }",
            "{ mon-fri = \"09:00-17:00\"",
            "the table that begins with { is not closed",
        ),
        ("share = 0.95 ", "share = 0,95 ", "a number has no comma"),
        ("at_least = 6", "at_least = 06", "a number does not begin with a zero"),
    ] {
        let text = with(from, to);
        let found = shown(&findings(&text));
        assert_eq!(found.len(), 1, "{to}: {found:?}");
        assert!(found[0].ends_with(&format!("syntax: {expected}")), "{to}: {found:?}");
    }
}

#[test]
fn positions_count_characters() {
    let text = "version = 1\nname = \"Müller 🙂\" x\n";
    let found = findings(text);
    assert_eq!(marked(text, &found[0]).chars().next(), Some('x'));
    assert_eq!((found[0].line, found[0].column), (2, 19));
    let text = with("name = \"Acme\"", "name = \"Acme\" # Ä\n\"grüße 🙂\" = { \"é\" = 1 }");
    let found = findings(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(marked(&text, &found[0]), "\"grüße 🙂\"");
    assert_eq!((found[0].column, found[0].length), (1, 9));
    let text = with(
        "hours = { mon-fri = \"09:00-17:00\" }",
        "hours = { \"mün-frü\" = \"09:00\", \"é\" = \"9-17\" }",
    );
    let found = findings(&text);
    let marks: Vec<&str> = found.iter().map(|d| marked(&text, d)).collect();
    assert_eq!(marks, ["\"mün-frü\"", "\"09:00\"", "\"é\""]);
}

#[test]
fn nothing_is_called_missing_where_the_text_cannot_be_read() {
    assert_eq!(shown(&findings("version = 1\nname")), ["2:5+1 syntax: there is no = in this line"]);
    // What was read to the end is still judged in full.
    let text = with("clock = \"business\" ", "").replace("[source]", "[source");
    let found = shown(&findings(&text));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].ends_with("`promise.sales.speed_to_lead.clock` is missing"), "{found:?}");
}

#[test]
fn an_empty_text_lacks_everything() {
    let found = findings("");
    let messages: Vec<&str> = found.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "`version` is missing",
            "`name` is missing",
            "`effective_from` is missing",
            "`currency` is missing",
            "`time_zone` is missing",
            "there are no stages",
            "this agreement is a draft: marketing and sales have not signed it",
        ]
    );
    assert!(found.iter().all(|d| (d.line, d.column, d.length) == (1, 1, 1)));
}
