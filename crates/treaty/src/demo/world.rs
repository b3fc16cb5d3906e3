//! The demo company while it is being made: its people, deals and events, and how they become files.

use std::io;
use std::path::Path;

use super::Summary;
use super::cast::{TERRITORIES, USERS};
use super::clock::{DAY, Day, END, HOUR, MINUTE, Sec, rfc3339};
use super::deals::Deal;
use super::dice::Dice;
use super::marketing::{Campaign, Content, SOURCES};
use super::words::Namer;

/// A company that could buy, or has bought.
#[derive(Debug)]
pub(super) struct Account {
    /// `A0001`
    pub(super) id: String,
    pub(super) name: String,
    pub(super) domain: String,
    pub(super) parent: Option<usize>,
    pub(super) industry: &'static str,
    pub(super) employees: i64,
    pub(super) country: &'static str,
    pub(super) segment: &'static str,
    /// Index into the territories.
    pub(super) territory: usize,
    pub(super) created: Sec,
    /// Instants of paid purchases, oldest first.
    pub(super) paid: Vec<Sec>,
    /// People who work there, in order of arrival.
    pub(super) people: Vec<usize>,
}

/// A person, with the marks of its life that its touches follow.
#[derive(Debug)]
pub(super) struct Person {
    /// `P00001`
    pub(super) id: String,
    pub(super) account: Option<usize>,
    pub(super) first: String,
    pub(super) last: String,
    pub(super) email: String,
    pub(super) country: &'static str,
    pub(super) created: Sec,
    /// Index into the sources.
    pub(super) source: usize,
    pub(super) campaign: Option<usize>,
    /// Index into the users.
    pub(super) owner: Option<usize>,
    /// Index into the titles.
    pub(super) title: usize,
    pub(super) offer: &'static str,
    pub(super) landing_page: &'static str,
    /// Sales turned the person down at least once.
    pub(super) rejected: bool,
    /// Marketing passed the person on at least once.
    pub(super) passed: bool,
    /// Starts of all attempts.
    pub(super) starts: Vec<Sec>,
    /// When marketing took the person back to nurture.
    pub(super) parked: Vec<Sec>,
    /// Creation of the opportunity that the person led to.
    pub(super) bought_in: Option<Sec>,
    /// Close of that opportunity.
    pub(super) closed: Option<Sec>,
}

/// One row of an event table, without its id.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) at: Sec,
    pub(super) cells: Vec<String>,
}

/// Everything.
#[derive(Debug)]
pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) namer: Namer,
    pub(super) campaigns: Vec<Campaign>,
    pub(super) content: Vec<Content>,
    pub(super) accounts: Vec<Account>,
    pub(super) people: Vec<Person>,
    pub(super) deals: Vec<Deal>,
    pub(super) stages: Vec<Row>,
    pub(super) fields: Vec<Row>,
    pub(super) touches: Vec<Row>,
    pub(super) activities: Vec<Row>,
    pub(super) handoffs: Vec<Row>,
    pub(super) purchases: Vec<Row>,
    pub(super) merges: Vec<Row>,
}

/// What an activity was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act<'a> {
    pub(super) person: &'a str,
    pub(super) opportunity: &'a str,
    pub(super) user: usize,
    pub(super) kind: &'a str,
    pub(super) inbound: bool,
    pub(super) automated: bool,
    pub(super) outcome: &'a str,
}

fn id(user: usize) -> String {
    USERS[user].id.to_owned()
}

fn optional_user(user: Option<usize>) -> String {
    user.map(id).unwrap_or_default()
}

/// When a system wrote down what happened then: soon after, and never after the end of the data.
pub(super) fn recorded(at: Sec, lag: i64) -> String {
    rfc3339(if at + lag < END { at + lag } else { at })
}

/// Whole units of money as text.
pub(super) fn money(units: i64) -> String {
    format!("{units}.00")
}

impl World {
    /// A person or an opportunity enters a stage. What would happen after the end does not happen.
    pub(super) fn stage(
        &mut self,
        subject: &str,
        at: Sec,
        stage: &str,
        by: Option<usize>,
        reason: &str,
    ) {
        if at >= END {
            return;
        }
        let kind = if subject.starts_with('P') {
            "person"
        } else {
            "opportunity"
        };
        let lag = self.dice.range(0, 40);
        let recorded = recorded(at, lag);
        let cells = vec![
            kind.to_owned(),
            subject.to_owned(),
            rfc3339(at),
            stage.to_owned(),
            optional_user(by),
            reason.to_owned(),
            recorded,
        ];
        self.stages.push(Row { at, cells });
    }

    /// A field of a person or an opportunity changes.
    pub(super) fn field(
        &mut self,
        subject: &str,
        at: Sec,
        field: &str,
        change: (String, String),
        by: usize,
    ) {
        if at >= END {
            return;
        }
        let kind = if subject.starts_with('P') {
            "person"
        } else {
            "opportunity"
        };
        let lag = self.dice.range(0, 40);
        let recorded = recorded(at, lag);
        let cells = vec![
            kind.to_owned(),
            subject.to_owned(),
            rfc3339(at),
            field.to_owned(),
            change.0,
            change.1,
            id(by),
            recorded,
        ];
        self.fields.push(Row { at, cells });
    }

    /// Somebody does something. Now and then it is written down only that evening, or days later.
    pub(super) fn act(&mut self, at: Sec, act: Act) {
        if at >= END {
            return;
        }
        let lag = match self.dice.below(50) {
            _ if act.automated => 1,
            0 => self.dice.range(DAY, 4 * DAY),
            1..=6 => self.dice.range(HOUR, 5 * HOUR),
            _ => self.dice.range(20, 12 * MINUTE),
        };
        let recorded = recorded(at, lag);
        let cells = vec![
            act.person.to_owned(),
            act.opportunity.to_owned(),
            rfc3339(at),
            id(act.user),
            act.kind.to_owned(),
            if act.inbound { "inbound" } else { "outbound" }.to_owned(),
            act.automated.to_string(),
            act.outcome.to_owned(),
            recorded,
        ];
        self.activities.push(Row { at, cells });
    }

    /// The campaign of a source that runs on a day.
    pub(super) fn campaign_of(&self, source: usize, on: Day) -> Option<usize> {
        self.campaigns
            .iter()
            .position(|c| c.source == Some(source) && c.runs(on))
    }

    /// Writes every table and counts.
    pub(super) fn write(mut self, dir: &Path) -> io::Result<Summary> {
        std::fs::create_dir_all(dir)?;
        self.accounts_csv(dir)?;
        self.people_csv(dir)?;
        super::deals::write(&self, dir)?;
        super::cast::write(&mut self, dir)?;
        super::marketing::write(&mut self, dir)?;
        let summary = Summary {
            accounts: self.accounts.len(),
            people: self.people.len(),
            opportunities: self.deals.len(),
            handoffs: self.handoffs.len(),
            events: self.stages.len()
                + self.fields.len()
                + self.touches.len()
                + self.activities.len()
                + self.handoffs.len(),
        };
        let event = |name: &str, prefix: &str, width: usize, header: &str, mut rows: Vec<Row>| {
            rows.sort_by_key(|r| r.at);
            let numbered = rows.into_iter().enumerate().map(|(i, r)| {
                let own = (!prefix.is_empty()).then(|| format!("{prefix}{:0width$}", i + 1));
                own.into_iter().chain(r.cells).collect()
            });
            table(dir, name, header, numbered)
        };
        event(
            "stage_changes",
            "",
            0,
            "subject_type,subject_id,changed_at,stage,changed_by,reason,recorded_at",
            self.stages,
        )?;
        event(
            "field_changes",
            "",
            0,
            "subject_type,subject_id,changed_at,field,old_value,new_value,changed_by,recorded_at",
            self.fields,
        )?;
        event(
            "touchpoints",
            "T",
            6,
            "touchpoint_id,person_id,occurred_at,channel,campaign_id,content_id,kind,responded,author,recorded_at",
            self.touches,
        )?;
        event(
            "activities",
            "V",
            6,
            "activity_id,person_id,opportunity_id,occurred_at,user_id,kind,direction,automated,outcome,recorded_at",
            self.activities,
        )?;
        event(
            "handoffs",
            "H",
            5,
            "handoff_id,person_id,passed_at,passed_by,assigned_to,decision,decided_at,decided_by,reason,value,currency,recorded_at",
            self.handoffs,
        )?;
        event(
            "purchases",
            "",
            0,
            "account_id,purchased_at,product_line,amount,currency,kind",
            self.purchases,
        )?;
        event(
            "merges",
            "",
            0,
            "subject_type,from_id,into_id,merged_at",
            self.merges,
        )?;
        Ok(summary)
    }

    fn accounts_csv(&self, dir: &Path) -> io::Result<()> {
        let rows = self.accounts.iter().map(|a| {
            vec![
                a.id.clone(),
                a.name.clone(),
                a.domain.clone(),
                a.parent
                    .map(|p| self.accounts[p].id.clone())
                    .unwrap_or_default(),
                a.industry.to_owned(),
                a.employees.to_string(),
                a.country.to_owned(),
                a.segment.to_owned(),
                TERRITORIES[a.territory].to_owned(),
                rfc3339(a.created),
            ]
        });
        let header = "account_id,name,domain,parent_account_id,industry,employees,country,\
            segment,territory,created_at";
        table(dir, "accounts", header, rows)
    }

    fn people_csv(&mut self, dir: &Path) -> io::Result<()> {
        let mut rows = Vec::with_capacity(self.people.len());
        for p in &self.people {
            let phone = if self.dice.percent(70) {
                format!(
                    "+1-{}-555-01{:02}",
                    self.dice.pick(&[212, 312, 415, 617]),
                    self.dice.below(100)
                )
            } else {
                String::new()
            };
            let (title, persona, _) = super::words::TITLES[p.title];
            rows.push(vec![
                p.id.clone(),
                p.account
                    .map(|a| self.accounts[a].id.clone())
                    .unwrap_or_default(),
                p.email.clone(),
                format!("{} {}", p.first, p.last),
                title.to_owned(),
                phone,
                p.country.to_owned(),
                persona.to_owned(),
                rfc3339(p.created),
                SOURCES[p.source].name.to_owned(),
                p.campaign
                    .map(|c| self.campaigns[c].id.clone())
                    .unwrap_or_default(),
                optional_user(p.owner),
                ["yes", "yes", "yes", "no"][self.dice.below(4)].to_owned(),
                p.offer.to_owned(),
                p.landing_page.to_owned(),
            ]);
        }
        let header = "person_id,account_id,email,name,title,phone,country,persona,created_at,\
            lead_source,campaign_id,owner_id,consent,offer,landing_page";
        table(dir, "people", header, rows.into_iter())
    }
}

/// Writes one table as CSV.
pub(super) fn table(
    dir: &Path,
    name: &str,
    header: &str,
    rows: impl Iterator<Item = Vec<String>>,
) -> io::Result<()> {
    let mut out = csv::Writer::from_path(dir.join(format!("{name}.csv")))?;
    out.write_record(header.split(','))?;
    for row in rows {
        out.write_record(&row)?;
    }
    out.flush()
}
