//! Who and what is there before the story begins: staff, lead sources, campaigns, content, the first accounts.

use std::io;
use std::path::Path;

use super::clock::{DAY, Day, END_DAY, FIRST_DAY, HOUR, Sec, date, day, instant, quarter, quarter_start, rfc3339, weekday};
use super::dice::{Deck, Dice};
use super::words::{Namer, TOPICS};
use super::world::{Account, Row, World, money, optional_date, table};

/// A member of staff.
#[derive(Debug)]
pub(super) struct User {
    pub(super) id: &'static str,
    name: &'static str,
    team: &'static str,
    role: &'static str,
    manager: &'static str,
    territory: &'static str,
    zone: &'static str,
    active: bool,
}

macro_rules! users {
    ($($id:literal $name:literal $team:literal $role:literal $manager:literal $territory:literal $zone:literal $active:literal),* $(,)?) => {
        &[$(User { id: $id, name: $name, team: $team, role: $role, manager: $manager, territory: $territory, zone: $zone, active: $active }),*]
    };
}

/// Staff; the first ten sell.
pub(super) const USERS: &[User] = &users![
    "U01" "Nora Halvane" "sales" "account executive" "U11" "northeast" "America/New_York" true,
    "U02" "Omar Kerlund" "sales" "account executive" "U11" "northeast" "America/New_York" true,
    "U03" "Tessa Marwick" "sales" "account executive" "U11" "northeast" "America/New_York" true,
    "U04" "Lucas Fenholm" "sales" "account executive" "U11" "south" "America/New_York" true,
    "U05" "Priya Corvane" "sales" "account executive" "U11" "south" "America/New_York" true,
    "U06" "Jonas Wesbrook" "sales" "account executive" "U12" "south" "America/Chicago" true,
    "U07" "Victor Dalthorn" "sales" "account executive" "U12" "west" "America/Los_Angeles" true,
    "U08" "Mina Torrell" "sales" "account executive" "U12" "west" "America/Los_Angeles" true,
    "U09" "Cedric Osgate" "sales" "account executive" "U12" "europe" "America/New_York" false,
    "U10" "Ida Lormere" "sales" "account executive" "U12" "europe" "America/New_York" true,
    "U11" "Esther Brenwick" "sales" "sales manager" "U13" "northeast" "America/New_York" true,
    "U12" "Hugo Yarsten" "sales" "sales manager" "U13" "west" "America/New_York" true,
    "U13" "Gemma Quinlund" "sales" "vice president of sales" "" "" "America/New_York" true,
    "U14" "Rafael Alsten" "marketing" "chief marketing officer" "" "" "America/New_York" true,
    "U15" "Hana Pelrinho" "marketing" "demand generation" "U14" "" "America/New_York" true,
    "U16" "Theo Garnick" "marketing" "marketing operations" "U14" "" "America/New_York" true,
    "U17" "Alma Selworth" "marketing" "content" "U14" "" "America/New_York" true,
    "U18" "Silas Vanden" "marketing" "events" "U14" "" "America/New_York" true,
    "U19" "Maya Ulfell" "marketing" "customer marketing" "U14" "" "America/New_York" true,
    "U20" "Boris Rastani" "pre-sales" "solution engineer" "U13" "" "America/New_York" true,
    "U21" "Wanda Zelekar" "pre-sales" "evangelist" "U14" "" "America/New_York" true,
];

/// People who sell are the first so many users.
pub(super) const REPS: usize = 10;
/// The rep with the pile of hand-offs that nobody touches.
pub(super) const PILE: usize = 6;
/// From here on the pile grows.
pub(super) const PILE_FROM: Sec = day(2025, 7, 1) * DAY;
/// The rep who leaves and still owns leads.
pub(super) const LEAVER: usize = 8;
/// When that rep leaves: a Friday evening in New York.
pub(super) const LEFT: Sec = day(2026, 3, 13) * DAY + 21 * HOUR;
/// Manager of the second sales team.
pub(super) const MANAGER: usize = 11;
/// Demand generation.
pub(super) const DEMAND: usize = 14;
/// Marketing operations, under whose name the automation acts.
pub(super) const OPS: usize = 15;
const CONTENT: usize = 16;
/// Solution engineer.
pub(super) const ENGINEER: usize = 19;
/// Evangelist.
pub(super) const EVANGELIST: usize = 20;

/// Where accounts are; the last one is across the Atlantic.
pub(super) const TERRITORIES: [&str; 4] = ["northeast", "south", "west", "europe"];

/// What is sold.
pub(super) const PRODUCTS: [&str; 3] = ["core", "analytics", "integrations"];

/// Leads by quarter of arrival.
pub(super) const QUARTERS: [(i64, usize); 9] = [
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
pub(super) const PUSH: i64 = 2026 * 4 + 1;

/// Where leads come from, and what becomes of them.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) channel: &'static str,
    origin: &'static str,
    /// Leads of a thousand in an ordinary quarter.
    pub(super) share: usize,
    /// Leads of a thousand in the quarter of the push.
    pub(super) push: usize,
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
pub(super) const SOURCES: &[Source] = &sources![
    "organic search" "search" "marketing" 170 115 [25, 9, 16] 26_000 18 false
        [("demo request", "/demo"), ("pricing guide", "/pricing"), ("newsletter", "/blog")],
    "paid search" "paid search" "marketing" 140 150 [29, 7, 14] 18_000 95 true
        [("demo request", "/demo"), ("free trial", "/trial")],
    "trade show" "event" "marketing" 90 50 [15, 3, 7] 34_000 210 true [("booth meeting", "/events"), ("prize draw", "/events")],
    "webinar" "webinar" "technical pre-sales" 100 70 [26, 8, 16] 30_000 60 true [("webinar seat", "/webinars")],
    "partner webinar" "partner" "partner" 50 20 [22, 1, 2] 230_000 70 true [("partner webinar seat", "/partners")],
    "list buy" "email" "marketing" 120 330 [33, 1, 6] 5_000 9 true [("benchmark report", "/benchmark"), ("gift card survey", "/survey")],
    "referral" "referral" "sales" 60 30 [6, 7, 7] 40_000 25 false [("introduction", "/referral")],
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

fn campaigns(dice: &mut Dice) -> Vec<Campaign> {
    let mut all: Vec<Campaign> = Vec::new();
    let mut add = |name: String, kind, (channel, origin, intent), parent: Option<String>, (started, ended), source| {
        let id = format!("C{:03}", all.len() + 1);
        all.push(Campaign { id: id.clone(), name, channel, kind, origin, intent, parent, started, ended, source });
        id
    };
    let programs: Vec<String> = (2024..=2026)
        .map(|y| {
            let days = (day(y, 1, 1), Some(day(y, 12, 31)));
            add(format!("{y} demand program"), "program", ("mixed", "marketing", "acquire"), None, days, None)
        })
        .collect();
    for (i, s) in SOURCES.iter().enumerate() {
        let how = (s.channel, s.origin, "acquire");
        if !s.quarterly {
            let mut name = format!("{}: always on", s.name);
            name[..1].make_ascii_uppercase();
            add(name, "always on", how, None, (day(2024, 1, 1), None), Some(i));
            continue;
        }
        for (q, _) in QUARTERS {
            let (y, quarter_of_year) = (q / 4, q % 4 + 1);
            let name = if i == LIST {
                format!("{y}-Q{quarter_of_year} bought list: operations contacts")
            } else {
                format!("{y}-Q{quarter_of_year} {}: {}", s.name, dice.pick(TOPICS))
            };
            let parent = usize::try_from(y - 2024).ok().and_then(|n| programs.get(n)).cloned();
            let kind = if s.channel == "event" { "event" } else { "campaign" };
            add(name, kind, how, parent, (quarter_start(q), Some(quarter_start(q + 1) - 1)), Some(i));
        }
    }
    let always = (day(2024, 1, 1), None);
    for name in ["Nurture: evaluation guide", "Nurture: wake-up series", "Nurture: second look at lost deals"] {
        add(name.to_owned(), "nurture", ("email", "marketing", "nurture"), None, always, None);
    }
    for (name, channel) in [("Customer newsletter", "email"), ("Customer summit", "event"), ("Add-on launch", "webinar")] {
        add(name.to_owned(), "customer", (channel, "marketing", "base"), None, always, None);
    }
    all
}

fn content(dice: &mut Dice) -> Vec<Content> {
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
            let published =
                if early { dice.range(day(2023, 1, 9), day(2024, 4, 20)) } else { dice.range(day(2024, 5, 6), day(2026, 5, 22)) };
            let persona = *dice.pick(&["executive", "champion", "technical evaluator", "user"]);
            let topic = if form.starts_with("{}") { (*topic).to_owned() } else { topic.to_lowercase() };
            all.push(Content { id: String::new(), title: form.replace("{}", &topic), kind, phase, persona, published });
        }
    }
    all.sort_by_key(|c| c.published);
    for (i, c) in all.iter_mut().enumerate() {
        c.id = format!("K{:03}", i + 1);
    }
    all
}

/// Adds a company that nobody knew before.
pub(super) fn add_account(world: &mut World, created: Sec, large: bool) -> usize {
    let dice = &mut world.dice;
    let (name, domain, industry) = world.namer.company(dice);
    let country = ["US", "CA", "GB", "DE", "FR", "NL"][dice.weighted(&[72, 6, 6, 8, 5, 3])];
    let (segment, employees) = match if large { 2 } else { dice.weighted(&[50, 35, 15]) } {
        0 => ("small business", dice.range(20, 199)),
        1 => ("mid-market", dice.range(200, 1_999)),
        _ => ("enterprise", dice.range(2_000, 40_000)),
    };
    let territory = if matches!(country, "US" | "CA") { dice.below(3) } else { 3 };
    let parent = (world.accounts.len() > 60 && dice.below(40) == 0).then(|| dice.below(60));
    let id = format!("A{:04}", world.accounts.len() + 1);
    let (paid, people) = (Vec::new(), Vec::new());
    let account =
        Account { id, name, domain, parent, industry, employees, country, segment, territory, created, paid, people };
    world.accounts.push(account);
    world.accounts.len() - 1
}

/// Notes a purchase.
pub(super) fn purchase(world: &mut World, account: usize, at: Sec, (product, amount, currency, kind): (&str, i64, &str, &str)) {
    let cells = [&world.accounts[account].id, &rfc3339(at), product, &money(amount), currency, kind].map(str::to_owned).to_vec();
    world.purchases.push(Row { at, cells });
    if amount > 0 {
        world.accounts[account].paid.push(at);
        world.accounts[account].paid.sort_unstable();
    }
}

fn first_accounts(world: &mut World) {
    let mut kinds = Deck::new(&[9, 5, 6]); // customer, former customer, prospect
    for _ in 0..260 {
        let since = world.dice.range(day(2016, 1, 4), day(2019, 1, 31));
        let at = world.dice.at_work(since);
        let account = add_account(world, at, false);
        let (from, to, times) = match kinds.draw(&mut world.dice) {
            0 => (day(2021, 9, 1), day(2024, 4, 26), world.dice.range(1, 4)),
            1 => (day(2019, 2, 4), day(2021, 3, 31), world.dice.range(1, 2)),
            _ => continue,
        };
        for i in 0..times {
            let on = world.dice.range(from, to);
            let at = world.dice.at_work(on);
            let product = *world.dice.pick(&PRODUCTS);
            let free = world.dice.below(20) == 0;
            let amount = if free { 0 } else { world.dice.range(30, 420) * 100 };
            purchase(world, account, at, (product, amount, "USD", if free { "free" } else if i == 0 { "order" } else { "renewal" }));
        }
    }
}

/// The company on its first day.
pub(super) fn world(seed: u64) -> World {
    let mut dice = Dice::new(seed, 1);
    let (campaigns, content) = (campaigns(&mut dice), content(&mut dice));
    let mut world = World {
        dice,
        namer: Namer::default(),
        campaigns,
        content,
        accounts: Vec::new(),
        people: Vec::new(),
        deals: Vec::new(),
        stages: Vec::new(),
        fields: Vec::new(),
        touches: Vec::new(),
        activities: Vec::new(),
        handoffs: Vec::new(),
        purchases: Vec::new(),
        merges: Vec::new(),
    };
    first_accounts(&mut world);
    world
}

/// Writes users, campaigns, spend, content and exchange rates.
pub(super) fn write(world: &mut World, dir: &Path) -> io::Result<()> {
    let users = USERS.iter().map(|u| {
        let email = format!("{}@larkfield.example", u.name.to_lowercase().replace(' ', "."));
        let active = u.active.to_string();
        [u.id, u.name, &email, u.team, u.role, u.manager, u.territory, u.zone, &active].map(str::to_owned).to_vec()
    });
    let header = ["user_id", "name", "email", "team", "role", "manager_id", "territory", "time_zone", "active"];
    table(dir, "users", &header, users)?;

    let campaigns = world.campaigns.iter().map(|c| {
        let parent = c.parent.clone().unwrap_or_default();
        [&c.id, &c.name, c.channel, c.kind, c.origin, c.intent, &parent, &date(c.started), &optional_date(c.ended)]
            .map(str::to_owned)
            .to_vec()
    });
    let header =
        ["campaign_id", "name", "channel", "kind", "origin", "intent", "parent_campaign_id", "started_on", "ended_on"];
    table(dir, "campaigns", &header, campaigns)?;

    let pieces = world.content.iter().map(|c| {
        let owner = USERS[if c.kind == "video" { ENGINEER } else { CONTENT }].id;
        [&c.id, &c.title, c.kind, c.phase, c.persona, owner, &date(c.published)].map(str::to_owned).to_vec()
    });
    table(dir, "content", &["content_id", "title", "kind", "buying_phase", "persona", "owner_id", "published_on"], pieces)?;

    let rows = spend(world).into_iter();
    table(dir, "spend", &["campaign_id", "channel", "spent_on", "amount", "currency", "impressions", "clicks"], rows)?;
    table(dir, "fx_rates", &["currency", "on", "rate"], rates(&mut world.dice).into_iter())
}

/// Money spent, by campaign and week.
fn spend(world: &mut World) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for c in &world.campaigns {
        let weekly = |on: Day| match c.source {
            Some(s) => {
                let (_, leads) = QUARTERS.iter().find(|(q, _)| *q == quarter(on)).unwrap_or(&QUARTERS[1]);
                let share = if quarter(on) == PUSH { SOURCES[s].push } else { SOURCES[s].share };
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
                ((clicks * world.dice.range(28, 60)).to_string(), clicks.to_string())
            } else {
                (String::new(), String::new())
            };
            let amount = format!("{}.{:02}", cents / 100, cents % 100);
            rows.push([&c.id, c.channel, &date(on), &amount, "USD", &shown, &clicked].map(str::to_owned).to_vec());
        }
    }
    rows
}

/// Dollars for one euro, every Monday.
fn rates(dice: &mut Dice) -> Vec<Vec<String>> {
    let mut rate = 10_850;
    let mut rows = Vec::new();
    for on in (day(2024, 1, 1)..END_DAY).step_by(7) {
        let pull = (10_900 - rate) / 25;
        rate += dice.range(-85, 85) + pull;
        rows.push(vec!["EUR".to_owned(), date(on), format!("{}.{:04}", rate / 10_000, rate % 10_000)]);
    }
    rows
}

/// A morning on which a bought list is loaded.
pub(super) fn list_morning(dice: &mut Dice, q: i64) -> Sec {
    let week = 1 + 4 * dice.range(0, 2);
    let start = quarter_start(q).max(FIRST_DAY);
    let tuesday = start + (8 - weekday(start)) % 7 + 7 * week;
    instant(tuesday.min(quarter_start(q + 1) - 8), 10 * HOUR)
}
