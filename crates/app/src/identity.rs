//! Who is who: what identity reads of the record, and what it finds and people decide about it.
//!
//! All of it is kept in the table `merges`, told apart by `subject_type`, so that it is versioned,
//! dated and undone like everything else in the record:
//!
//! | `subject_type` | `from_id` | `into_id` |
//! |---|---|---|
//! | `person`, `account`, `opportunity` | an id | the id it was merged into |
//! | `member` | a person without an account | the account that the e-mail domain names; itself: none any more |
//! | `quarantine` | a person | `quarantine`, or `none` when the suspicion is gone |
//! | `decision` | two ids as a JSON list | `apart` or `together`: what a person decided |
//! | `decision` | one id as a JSON list | `real` or `fake` |

use crate::raw::{RawChunk, RawTable, TextColumn};

/// Kind of a merge of people.
pub const PERSON: &str = "person";
/// Kind of a merge of accounts.
pub const ACCOUNT: &str = "account";
/// Kind of a link from a person to an account.
pub const MEMBER: &str = "member";
/// Kind of a suspicion.
pub const QUARANTINE: &str = "quarantine";
/// Kind of what a person decided.
pub const DECISION: &str = "decision";

/// Decision: two ids are not one person, whatever the keys say.
pub const APART: &str = "apart";
/// Decision: two ids are one person.
pub const TOGETHER: &str = "together";
/// Decision: a suspected person is real.
pub const REAL: &str = "real";
/// Decision: a person is a fake.
pub const FAKE: &str = "fake";
/// No longer suspected.
pub const NONE: &str = "none";

/// Name under which the rows of identity stand in the record.
pub const SOURCE: &str = "identity";

/// People as identity sees them, column by column; cell `i` of each column is person `i`.
#[derive(Debug, Clone)]
pub struct People {
    /// Ids.
    pub id: TextColumn,
    /// Accounts as their source names them.
    pub account: TextColumn,
    /// E-mail addresses.
    pub email: TextColumn,
    /// Full names.
    pub name: TextColumn,
    /// Telephone numbers.
    pub phone: TextColumn,
    /// Countries.
    pub country: TextColumn,
    /// Custom attributes as JSON objects.
    pub attributes: TextColumn,
    /// Instants of creation, microseconds since the epoch.
    pub created_at: Vec<i64>,
}

impl People {
    /// Nobody.
    pub fn new() -> Self {
        let column = TextColumn::new;
        Self {
            id: column("person_id"),
            account: column("account_id"),
            email: column("email"),
            name: column("name"),
            phone: column("phone"),
            country: column("country"),
            attributes: column("attributes"),
            created_at: Vec::new(),
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.id.len()
    }

    /// Nobody.
    pub fn is_empty(&self) -> bool {
        self.id.is_empty()
    }
}

impl Default for People {
    fn default() -> Self {
        Self::new()
    }
}

/// Accounts as identity sees them.
#[derive(Debug, Clone)]
pub struct Accounts {
    /// Ids.
    pub id: TextColumn,
    /// Names.
    pub name: TextColumn,
    /// Domains or web addresses.
    pub domain: TextColumn,
    /// Accounts above them.
    pub parent: TextColumn,
    /// Instants of creation; 0 where unknown.
    pub created_at: Vec<i64>,
}

impl Accounts {
    /// None.
    pub fn new() -> Self {
        let column = TextColumn::new;
        Self {
            id: column("account_id"),
            name: column("name"),
            domain: column("domain"),
            parent: column("parent_account_id"),
            created_at: Vec::new(),
        }
    }
}

impl Default for Accounts {
    fn default() -> Self {
        Self::new()
    }
}

/// A row of `merges`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// `subject_type`.
    pub kind: String,
    /// `from_id`.
    pub from: String,
    /// `into_id`.
    pub into: String,
    /// `merged_at`, microseconds since the epoch.
    pub at: i64,
    /// Attribute `source`: who says so; empty for rows of a source system.
    pub by: String,
    /// Attribute `reason`.
    pub why: String,
}

/// What identity reads of a version of the record.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// People.
    pub people: People,
    /// Accounts.
    pub accounts: Accounts,
    /// All rows of `merges`.
    pub links: Vec<Link>,
}

/// The key of a decision about ids: a JSON list in order, whoever is named first.
pub fn key_of(ids: &[&str]) -> String {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    serde_json::Value::from(ids).to_string()
}

/// The ids of a decision's key.
pub fn ids_of(key: &str) -> Vec<String> {
    serde_json::from_str(key).unwrap_or_default()
}

/// Links as rows to import into `merges`.
pub fn rows(links: &[Link]) -> RawTable {
    let mut columns: Vec<TextColumn> =
        ["subject_type", "from_id", "into_id", "merged_at", "source", "reason"].into_iter().map(TextColumn::new).collect();
    for link in links {
        let at = instant(link.at);
        let cells = [&link.kind, &link.from, &link.into, &at, &link.by, &link.why];
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.push((!cell.is_empty()).then_some(cell.as_str()));
        }
    }
    let lines = (1..=links.len() as u64).collect();
    RawTable { name: "merges".to_owned(), file: SOURCE.to_owned(), chunks: vec![RawChunk { columns, lines }], faults: Vec::new() }
}

fn instant(at: i64) -> String {
    treaty_domain::zone::Micros(at).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_pair_does_not_depend_on_who_is_named_first() {
        assert_eq!(key_of(&["b", "a"]), "[\"a\",\"b\"]");
        assert_eq!(key_of(&["b", "a"]), key_of(&["a", "b"]));
        assert_eq!(ids_of("[\"a\",\"b\"]"), ["a", "b"]);
        assert!(ids_of("P1").is_empty());
    }
}
