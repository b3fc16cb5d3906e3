//! Who is there before the story begins: staff and the first accounts.

use std::io;
use std::path::Path;

use super::clock::{DAY, END_DAY, HOUR, Sec, date, day, rfc3339};
use super::dice::{Deck, Dice};
use super::marketing;
use super::words::Namer;
use super::world::{Account, Row, World, money, table};

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
pub(super) const USERS: &[User] = users![
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
/// Editor of the library.
pub(super) const CONTENT: usize = 16;
/// Solution engineer.
pub(super) const ENGINEER: usize = 19;
/// Evangelist.
pub(super) const EVANGELIST: usize = 20;

/// Where accounts are; the last one is across the Atlantic.
pub(super) const TERRITORIES: [&str; 4] = ["northeast", "south", "west", "europe"];

/// What is sold.
pub(super) const PRODUCTS: [&str; 3] = ["core", "analytics", "integrations"];

/// Adds a company that nobody knew before.
pub(super) fn add_account(world: &mut World, created: Sec, large: bool) -> usize {
    let dice = &mut world.dice;
    let (name, domain, industry) = world.namer.company(dice);
    let country = ["US", "CA", "GB", "DE", "FR", "NL"][dice.weighted(&[72, 6, 6, 8, 5, 3])];
    let (segment, employees) = match if large {
        2
    } else {
        dice.weighted(&[50, 35, 15])
    } {
        0 => ("small business", dice.range(20, 199)),
        1 => ("mid-market", dice.range(200, 1_999)),
        _ => ("enterprise", dice.range(2_000, 40_000)),
    };
    let territory = if matches!(country, "US" | "CA") {
        dice.below(3)
    } else {
        3
    };
    let parent = (world.accounts.len() > 60 && dice.below(40) == 0).then(|| dice.below(60));
    let id = format!("A{:04}", world.accounts.len() + 1);
    let (paid, people) = (Vec::new(), Vec::new());
    let account = Account {
        id,
        name,
        domain,
        parent,
        industry,
        employees,
        country,
        segment,
        territory,
        created,
        paid,
        people,
    };
    world.accounts.push(account);
    world.accounts.len() - 1
}

/// Notes a purchase.
pub(super) fn purchase(
    world: &mut World,
    account: usize,
    at: Sec,
    (product, amount, currency, kind): (&str, i64, &str, &str),
) {
    let cells = [
        &world.accounts[account].id,
        &rfc3339(at),
        product,
        &money(amount),
        currency,
        kind,
    ]
    .map(str::to_owned)
    .to_vec();
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
            let amount = if free {
                0
            } else {
                world.dice.range(30, 420) * 100
            };
            purchase(
                world,
                account,
                at,
                (
                    product,
                    amount,
                    "USD",
                    if free {
                        "free"
                    } else if i == 0 {
                        "order"
                    } else {
                        "renewal"
                    },
                ),
            );
        }
    }
}

/// The company on its first day.
pub(super) fn world(seed: u64) -> World {
    let mut dice = Dice::new(seed, 1);
    let (campaigns, content) = (
        marketing::campaigns(&mut dice),
        marketing::content(&mut dice),
    );
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

/// Writes users and exchange rates.
pub(super) fn write(world: &mut World, dir: &Path) -> io::Result<()> {
    let users = USERS.iter().map(|u| {
        let mailbox = u.name.to_lowercase().replace(' ', ".");
        let (email, active) = (format!("{mailbox}@larkfield.example"), u.active.to_string());
        let who = [u.id, u.name, &email, u.team, u.role, u.manager];
        let rest = [u.territory, u.zone, &active];
        who.into_iter().chain(rest).map(str::to_owned).collect()
    });
    let header = "user_id,name,email,team,role,manager_id,territory,time_zone,active";
    table(dir, "users", header, users)?;
    let rates = rates(&mut world.dice).into_iter();
    table(dir, "fx_rates", "currency,on,rate", rates)
}

/// Dollars for one euro, every Monday.
fn rates(dice: &mut Dice) -> Vec<Vec<String>> {
    let mut rate = 10_850;
    let mut rows = Vec::new();
    for on in (day(2024, 1, 1)..END_DAY).step_by(7) {
        let pull = (10_900 - rate) / 25;
        rate += dice.range(-85, 85) + pull;
        rows.push(vec![
            "EUR".to_owned(),
            date(on),
            format!("{}.{:04}", rate / 10_000, rate % 10_000),
        ]);
    }
    rows
}
