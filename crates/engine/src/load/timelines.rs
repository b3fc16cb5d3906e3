//! Feeding the fold: one timeline a group, borrowed where an account keeps to itself, assembled
//! where people of other accounts take part in its opportunities.

use super::events::Role;
use super::{World, primary, purchase_slice, uses_roles};
use crate::record::par;
use treaty_domain::timeline::{Contact, NONE, Opportunity, Person, Purchase, Timeline, Touch};

/// Who sits where: what timelines need beside the record.
pub struct Seats {
    purchases: Vec<Purchase>,
    contacts: Vec<Contact>,
    /// By group: opportunities of other groups whose primary contact is one of its people.
    guests_in: Vec<(u32, u32)>,
    /// By group: people of other groups with a role in its opportunities.
    guest_people: Vec<(u32, u32)>,
}

/// Space for timelines that must be assembled.
#[derive(Default)]
pub struct Assembly {
    people: Vec<Person>,
    opportunities: Vec<Opportunity>,
    contacts: Vec<Contact>,
    touches: Vec<Touch>,
}

/// Hands out timelines by group.
#[derive(Clone, Copy)]
pub struct Feeder<'a> {
    world: &'a World,
    seats: &'a Seats,
}

impl Seats {
    /// Prepares contact positions and finds the guests.
    pub fn new(world: &World) -> Self {
        let a = &world.arranged;
        let mut group_of_opportunity = vec![0u32; world.opportunities.len()];
        for (g, group) in a.groups.iter().enumerate() {
            for o in group.opportunities.clone() {
                group_of_opportunity[o as usize] = g as u32;
            }
        }
        let roles = uses_roles(&world.context);
        let (mut guests_in, mut guest_people) = (Vec::new(), Vec::new());
        let contacts = world
            .roles
            .iter()
            .map(|r| {
                let home = group_of_opportunity[r.opportunity as usize];
                let group = a.group_of_person[r.person as usize];
                if home == group {
                    let first = a.groups[home as usize].people.start;
                    return Contact { person: r.person - first, is_primary: r.is_primary };
                }
                if primary(&world.roles, r.opportunity) == r.person {
                    guests_in.push((group, r.opportunity));
                }
                if roles {
                    guest_people.push((home, r.person));
                }
                Contact { person: NONE, is_primary: r.is_primary }
            })
            .collect();
        guests_in.sort_unstable();
        guests_in.dedup();
        guest_people.sort_unstable();
        guest_people.dedup();
        Self { purchases: purchase_slice(&world.purchases), contacts, guests_in, guest_people }
    }
}

impl<'a> Feeder<'a> {
    /// Over a record and its seats.
    pub fn new(world: &'a World, seats: &'a Seats) -> Self {
        Self { world, seats }
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.world.arranged.groups.len()
    }

    /// A measure of the work that lies before a group.
    pub fn weight_before(&self, group: usize) -> u64 {
        let (people, opportunities) = match self.world.arranged.groups.get(group) {
            Some(g) => (g.people.start, g.opportunities.start),
            None => (self.world.people.len() as u32, self.world.opportunities.len() as u32),
        };
        u64::from(people) + 4 * u64::from(opportunities)
    }

    /// Numbers of the touches that only their ids can put in order.
    pub fn undecided(&self) -> Vec<u32> {
        let groups: Vec<u32> = (0..self.groups() as u32).collect();
        let found = par::map(groups.chunks(16_384).collect(), |groups| {
            let (mut space, mut rows) = (Assembly::default(), Vec::new());
            for g in groups {
                let t = self.timeline(*g, &mut space);
                self.world.touches.undecided(t.touches, &mut rows);
            }
            rows
        });
        found.concat()
    }

    /// The timeline of a group.
    pub fn timeline<'b>(&'b self, group: u32, space: &'b mut Assembly) -> Timeline<'b> {
        let w = self.world;
        let g = &w.arranged.groups[group as usize];
        let people = &w.people[g.people.start as usize..g.people.end as usize];
        let opportunities = &w.opportunities[g.opportunities.start as usize..g.opportunities.end as usize];
        let purchases = if g.is_account {
            let span = w.purchases.span(group);
            &self.seats.purchases[span.start as usize..span.end as usize]
        } else {
            &[]
        };
        let base = Timeline {
            people,
            opportunities,
            contacts: &self.seats.contacts,
            person_stages: &w.person_stages.events,
            opportunity_stages: &w.opportunity_stages.events,
            touches: &[],
            activities: &w.activities.events,
            handoffs: &w.handoffs.events,
            owner_changes: &w.owner_changes,
            amount_changes: &w.changes.amount.events,
            purchases,
            is_account: g.is_account,
        };
        let foreign_opportunities = cut(&self.seats.guests_in, group);
        let foreign_people = cut(&self.seats.guest_people, group);
        // Touches matter to opportunities alone.
        space.touches.clear();
        if !opportunities.is_empty() {
            for (local, person) in g.people.clone().chain(foreign_people.iter().map(|(_, p)| *p)).enumerate() {
                w.touches.add(person, local as u32, &mut space.touches);
            }
            w.touches.sort(&mut space.touches);
        }
        if foreign_opportunities.is_empty() && foreign_people.is_empty() {
            return Timeline { touches: &space.touches, ..base };
        }
        self.assemble(base, group, foreign_opportunities, foreign_people, space)
    }

    fn assemble<'b>(
        &'b self,
        base: Timeline<'b>,
        group: u32,
        foreign_opportunities: &[(u32, u32)],
        foreign_people: &[(u32, u32)],
        space: &'b mut Assembly,
    ) -> Timeline<'b> {
        let w = self.world;
        space.people.clear();
        space.people.extend_from_slice(base.people);
        space.people.extend(foreign_people.iter().map(|(_, p)| Person { guest: true, ..w.people[*p as usize].clone() }));
        let g = &w.arranged.groups[group as usize];
        let local_of = |person: u32| -> u32 {
            if g.people.contains(&person) {
                return person - g.people.start;
            }
            foreign_people
                .binary_search_by_key(&person, |(_, p)| *p)
                .map_or(NONE, |i| g.people.len() as u32 + i as u32)
        };
        space.opportunities.clear();
        space.contacts.clear();
        let all = base
            .opportunities
            .iter()
            .map(|o| (o, false))
            .chain(foreign_opportunities.iter().map(|(_, o)| (&w.opportunities[*o as usize], true)));
        for (o, guest) in all {
            let start = space.contacts.len() as u32;
            let roles: &[Role] = &w.roles[o.contacts.start as usize..o.contacts.end as usize];
            space.contacts.extend(roles.iter().map(|r| Contact { person: local_of(r.person), is_primary: r.is_primary }));
            space.opportunities.push(Opportunity { guest, contacts: start..space.contacts.len() as u32, ..o.clone() });
        }
        Timeline {
            people: &space.people,
            opportunities: &space.opportunities,
            contacts: &space.contacts,
            touches: &space.touches,
            ..base
        }
    }
}

fn cut(pairs: &[(u32, u32)], group: u32) -> &[(u32, u32)] {
    let from = pairs.partition_point(|(g, _)| *g < group);
    let to = from + pairs[from..].partition_point(|(g, _)| *g == group);
    &pairs[from..to]
}
