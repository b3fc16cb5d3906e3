//! Marketing's side of the stage: lead sources, campaigns, content, and what they cost.

use std::io;
use std::path::Path;

use super::cast::{CONTENT, ENGINEER, USERS};
use super::clock::{
    Day, END_DAY, FIRST_DAY, HOUR, Sec, date, day, instant, quarter, quarter_start, weekday,
};
use super::dice::Dice;
use super::words::TOPICS;
use super::world::{World, table};

/// Leads by quarter of arrival.
const QUARTERS: [(i64, usize); 9] = [
    (2024 * 4 + 1, 110),
    (2024 * 4 + 2, 500),
    (2024 * 4 + 3, 530),
    (2025 * 4, 560),
    (2025 * 4 + 1, 590),
    (2025 * 4 + 2, 600),
    (2025 * 4 + 3, 620),
    (2026 * 4, 650),
    (2026 * 4 + 1, 950),
];

/// The quarter of marketing's push.
const PUSH: i64 = 2026 * 4 + 1;

/// Where leads come from, and what becomes of them.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) channel: &'static str,
    origin: &'static str,
    /// Leads of a thousand in an ordinary quarter.
    share: usize,
    /// Leads of a thousand in the quarter of the push.
    push: usize,
    /// Cards: stays cold, becomes an opportunity, qualifies but does not.
    pub(super) fates: [usize; 3],
    /// Median first value of a deal, in dollars.
    pub(super) value: i64,
    /// Dollars a lead.
    cost: i64,
    /// A new campaign every quarter, or one that runs on.
    quarterly: bool,
    /// Offers with their landing pages.
    pub(super) offers: &'static [(&'static str, &'static str)],
}

/// The source that looks poor and pays best.
pub(super) const PARTNER: usize = 4;
/// The source that is loud and pays nothing.
pub(super) const LIST: usize = 5;

macro_rules! sources {
    ($($name:literal $channel:literal $origin:literal $share:literal $push:literal $fates:tt $value:literal $cost:literal $quarterly:literal $offers:tt),* $(,)?) => {
        &[$(Source { name: $name, channel: $channel, origin: $origin, share: $share, push: $push, fates: $fates,
            value: $value, cost: $cost, quarterly: $quarterly, offers: &$offers }),*]
    };
}

/// All sources.
pub(super) const SOURCES: &[Source] = sources![
    "organic search" "search" "marketing" 170 115 [25, 9, 16] 26_000 18 false
        [("demo request", "/demo"), ("pricing guide", "/pricing"), ("newsletter", "/blog")],
    "paid search" "paid search" "marketing" 140 150 [29, 7, 14] 18_000 95 true
        [("demo request", "/demo"), ("free trial", "/trial")],
    "trade show" "event" "marketing" 90 50 [15, 3, 7] 34_000 210 true [("booth meeting", "/events"), ("prize draw", "/events")],
    "webinar" "webinar" "technical pre-sales" 100 70 [26, 8, 16] 30_000 60 true [("webinar seat", "/webinars")],
    "partner webinar" "partner" "partner" 50 20 [22, 1, 2] 280_000 70 true [("partner webinar seat", "/partners")],
    "list buy" "email" "marketing" 120 330 [33, 1, 6] 5_000 9 true [("benchmark report", "/benchmark"), ("gift card survey", "/survey")],
    "referral" "referral" "sales" 60 30 [6, 7, 7] 34_000 25 false [("introduction", "/referral")],
    "social ads" "social" "social" 80 80 [31, 6, 13] 26_000 110 true [("benchmark report", "/benchmark"), ("free trial", "/trial")],
    "content download" "content" "marketing" 100 90 [30, 6, 14] 22_000 45 false [("handbook", "/library"), ("checklist", "/library")],
    "cold call" "outbound" "sales" 50 35 [13, 3, 4] 24_000 0 false [("", "")],
    "community" "community" "evangelist" 40 30 [11, 4, 5] 16_000 15 false [("free trial", "/trial"), ("forum account", "/community")],
];

/// A campaign.
#[derive(Debug)]
pub(super) struct Campaign {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) channel: &'static str,
    kind: &'static str,
    origin: &'static str,
    pub(super) intent: &'static str,
    parent: Option<String>,
    started: Day,
    ended: Option<Day>,
    /// The source whose leads it brings.
    pub(super) source: Option<usize>,
}

impl Campaign {
    /// It runs on that day.
    pub(super) fn runs(&self, on: Day) -> bool {
        self.started <= on && self.ended.is_none_or(|e| on <= e)
    }
}

/// A piece of content.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) id: String,
    title: String,
    kind: &'static str,
    phase: &'static str,
    persona: &'static str,
    pub(super) published: Day,
}

/// All campaigns.
pub(super) fn campaigns(dice: &mut Dice) -> Vec<Campaign> {
    let mut all: Vec<Campaign> = Vec::new();
    let mut add = |name: String,
                   kind,
                   (channel, origin, intent),
                   parent: Option<String>,
                   (started, ended),
                   source| {
        let id = format!("C{:03}", all.len() + 1);
        all.push(Campaign {
            id: id.clone(),
            name,
            channel,
            kind,
            origin,
            intent,
            parent,
            started,
            ended,
            source,
        });
        id
    };
    let programs: Vec<String> = (2024..=2026)
        .map(|y| {
            let days = (day(y, 1, 1), Some(day(y, 12, 31)));
            add(
                format!("{y} demand program"),
                "program",
                ("mixed", "marketing", "acquire"),
                None,
                days,
                None,
            )
        })
        .collect();
    for (i, s) in SOURCES.iter().enumerate() {
        let how = (s.channel, s.origin, "acquire");
        if !s.quarterly {
            let mut name = format!("{}: always on", s.name);
            name[..1].make_ascii_uppercase();
            add(
                name,
                "always on",
                how,
                None,
                (day(2024, 1, 1), None),
                Some(i),
            );
            continue;
        }
        for (q, _) in QUARTERS {
            let (y, quarter_of_year) = (q / 4, q % 4 + 1);
            let name = if i == LIST {
                format!("{y}-Q{quarter_of_year} bought list: operations contacts")
            } else {
                format!("{y}-Q{quarter_of_year} {}: {}", s.name, dice.pick(TOPICS))
            };
            let parent = usize::try_from(y - 2024)
                .ok()
                .and_then(|n| programs.get(n))
                .cloned();
            let kind = if s.channel == "event" {
                "event"
            } else {
                "campaign"
            };
            add(
                name,
                kind,
                how,
                parent,
                (quarter_start(q), Some(quarter_start(q + 1) - 1)),
                Some(i),
            );
        }
    }
    let always = (day(2024, 1, 1), None);
    for name in [
        "Nurture: evaluation guide",
        "Nurture: wake-up series",
        "Nurture: second look at lost deals",
    ] {
        add(
            name.to_owned(),
            "nurture",
            ("email", "marketing", "nurture"),
            None,
            always,
            None,
        );
    }
    for (name, channel) in [
        ("Customer newsletter", "email"),
        ("Customer summit", "event"),
        ("Add-on launch", "webinar"),
    ] {
        add(
            name.to_owned(),
            "customer",
            (channel, "marketing", "base"),
            None,
            always,
            None,
        );
    }
    all
}

/// The library, oldest first.
pub(super) fn content(dice: &mut Dice) -> Vec<Content> {
    const FORMS: [(&str, &str, &str); 6] = [
        ("The {} handbook", "white paper", "awareness"),
        ("{} in numbers", "report", "awareness"),
        ("{}: a checklist for buyers", "checklist", "consideration"),
        ("{}, shown in twenty minutes", "video", "consideration"),
        ("What {} saved three customers", "case study", "decision"),
        ("{}: costs and returns", "calculator", "decision"),
    ];
    let mut all: Vec<Content> = Vec::new();
    for (i, topic) in TOPICS.iter().enumerate() {
        for (j, (form, kind, phase)) in FORMS.iter().enumerate() {
            if (i + j) % 6 == 5 {
                continue; // a gap in the library
            }
            let early = dice.percent(60);
            let published = if early {
                dice.range(day(2023, 1, 9), day(2024, 4, 20))
            } else {
                dice.range(day(2024, 5, 6), day(2026, 5, 22))
            };
            let persona = *dice.pick(&["executive", "champion", "technical evaluator", "user"]);
            let topic = if form.starts_with("{}") {
                (*topic).to_owned()
            } else {
                topic.to_lowercase()
            };
            all.push(Content {
                id: String::new(),
                title: form.replace("{}", &topic),
                kind,
                phase,
                persona,
                published,
            });
        }
    }
    all.sort_by_key(|c| c.published);
    for (i, c) in all.iter_mut().enumerate() {
        c.id = format!("K{:03}", i + 1);
    }
    all
}

/// Writes campaigns, spend and content.
pub(super) fn write(world: &mut World, dir: &Path) -> io::Result<()> {
    let campaigns = world.campaigns.iter().map(|c| {
        let parent = c.parent.clone().unwrap_or_default();
        let (started, ended) = (date(c.started), c.ended.map(date).unwrap_or_default());
        let what = [&c.id, &c.name, c.channel, c.kind, c.origin, c.intent];
        let rest = [&parent, &started, &ended].map(String::as_str);
        what.into_iter().chain(rest).map(str::to_owned).collect()
    });
    let header =
        "campaign_id,name,channel,kind,origin,intent,parent_campaign_id,started_on,ended_on";
    table(dir, "campaigns", header, campaigns)?;

    let pieces = world.content.iter().map(|c| {
        let owner = USERS[if c.kind == "video" { ENGINEER } else { CONTENT }].id;
        let published = date(c.published);
        let cells = [
            &c.id, &c.title, c.kind, c.phase, c.persona, owner, &published,
        ];
        cells.map(str::to_owned).to_vec()
    });
    let header = "content_id,title,kind,buying_phase,persona,owner_id,published_on";
    table(dir, "content", header, pieces)?;

    let header = "campaign_id,channel,spent_on,amount,currency,impressions,clicks";
    table(dir, "spend", header, spend(world).into_iter())
}

/// Money spent, by campaign and week.
fn spend(world: &mut World) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for c in &world.campaigns {
        let weekly = |on: Day| match c.source {
            Some(s) => {
                let (_, leads) = QUARTERS
                    .iter()
                    .find(|(q, _)| *q == quarter(on))
                    .unwrap_or(&QUARTERS[1]);
                let share = if quarter(on) == PUSH {
                    SOURCES[s].push
                } else {
                    SOURCES[s].share
                };
                SOURCES[s].cost * 100 * i64::try_from(leads * share).unwrap_or(0) / 13_000
            }
            None if c.intent == "acquire" => 0,
            None => 38_000,
        };
        let from = c.started.max(FIRST_DAY);
        for on in (from..END_DAY).filter(|d| weekday(*d) == 0 && c.runs(*d)) {
            let cents = weekly(on) * world.dice.range(80, 120) / 100;
            if cents == 0 {
                continue;
            }
            let (shown, clicked) = if matches!(c.channel, "paid search" | "social" | "email") {
                let clicks = cents / world.dice.range(250, 420);
                (
                    (clicks * world.dice.range(28, 60)).to_string(),
                    clicks.to_string(),
                )
            } else {
                (String::new(), String::new())
            };
            let amount = format!("{}.{:02}", cents / 100, cents % 100);
            rows.push(
                [
                    &c.id,
                    c.channel,
                    &date(on),
                    &amount,
                    "USD",
                    &shown,
                    &clicked,
                ]
                .map(str::to_owned)
                .to_vec(),
            );
        }
    }
    rows
}

/// A morning on which a bought list is loaded.
fn list_morning(dice: &mut Dice, q: i64) -> Sec {
    let week = 1 + 4 * dice.range(0, 2);
    let start = quarter_start(q).max(FIRST_DAY);
    let tuesday = start + (8 - weekday(start)) % 7 + 7 * week;
    instant(tuesday.min(quarter_start(q + 1) - 8), 10 * HOUR)
}

/// When leads arrive, and from where.
pub(super) fn arrivals(dice: &mut Dice) -> Vec<(Sec, usize)> {
    let mut all = Vec::new();
    for (q, total) in QUARTERS {
        let (from, to) = (quarter_start(q).max(FIRST_DAY), quarter_start(q + 1) - 1);
        for (i, s) in SOURCES.iter().enumerate() {
            let share = if q == PUSH { s.push } else { s.share };
            for n in 0..(total * share + 500) / 1_000 {
                let at = if i == LIST {
                    list_morning(dice, q) + 3 * n as i64 + dice.range(0, 2)
                } else {
                    let mut on = dice.range(from, to);
                    if weekday(on) > 4 && dice.percent(60) {
                        on = dice.range(from, to);
                    }
                    dice.any_time(on)
                };
                all.push((at, i));
            }
        }
    }
    all.sort_unstable();
    all
}
