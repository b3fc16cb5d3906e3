//! Identity: one person from several systems, one account by its domain, and who may be a fake.
//!
//! Pure: from what the record holds to the links that should be added to it.
//!
//! - [`mod@resolve`] joins people by keys that leave no doubt, and finds the accounts of people;
//! - [`review`] lists the pairs that a person must decide, most likely first;
//! - [`fake`] says who should be looked at before they count;
//! - [`decide`] turns decisions into links;
//! - [`email`], [`phone`] and [`person_name`] know when two spellings mean the same.
//!
//! Architecture invariant: the result does not depend on the order of rows, and a second run finds nothing new.

mod clusters;
pub mod decide;
pub mod email;
pub mod fake;
mod keys;
pub mod person_name;
pub mod phone;
pub mod resolve;
pub mod review;

pub use resolve::{Aside, Outcome, resolve};

use email::Lists;

/// How identity works in a home.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Country of telephone numbers of people without a country.
    pub country: Option<String>,
    /// Attributes that hold the id of the same person in another system, beside those known by name.
    pub id_attributes: Vec<String>,
    /// Domains and mailboxes beside those known by name.
    pub lists: Lists,
    /// Most ids of one person.
    pub max_cluster: usize,
    /// Whether the e-mail domain names the account of people whose source names none.
    pub accounts_by_domain: bool,
    /// Whether likely fakes are put into quarantine.
    pub fakes: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            country: None,
            id_attributes: Vec::new(),
            lists: Lists::default(),
            max_cluster: 20,
            accounts_by_domain: true,
            fakes: true,
        }
    }
}

impl Settings {
    /// Whether identity looks at an attribute of people.
    pub fn reads(&self, attribute: &str) -> bool {
        keys::is_id(attribute, &self.id_attributes) || keys::is_company(attribute)
    }
}
