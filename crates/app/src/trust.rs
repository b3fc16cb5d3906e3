//! What a home says about whom to believe and what is healthy: settings of `treaty.toml`.

use crate::layout;
use serde::Deserialize;
use std::collections::BTreeMap;
use treaty_domain::zone::Micros;

/// Whose word counts, by table and column: sources, the first that says something wins.
pub type Truth = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Dimensions of health, in order, with the weight of each in the index unless the settings say otherwise. Weights are those
/// of the dimensions that can be told: the index is their weighted mean.
pub const DIMENSIONS: [(&str, f64); 6] = [
    ("completeness", 0.3),
    ("validity", 0.3),
    ("uniqueness", 0.2),
    ("freshness", 0.2),
    ("consistency", 0.2),
    ("authenticity", 0.2),
];

/// What is healthy, `[health]` in `treaty.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Health {
    /// Index below which data are ill.
    pub threshold: f64,
    /// Who answers for data that nobody is named for.
    pub owner: String,
    /// Day by which data are to be mended that have no day of their own, such as `2026-09-30`.
    pub due: Option<String>,
    /// So many days back lies the state that the trend compares with.
    pub compare_days: u16,
    /// A person without a sign of life for so many days is stale.
    pub fresh_days: u16,
    /// Weights of dimensions that differ from those of Treaty.
    pub weights: BTreeMap<String, f64>,
    /// Who answers for single tables and columns.
    pub field: Vec<HealthOf>,
}

impl Default for Health {
    fn default() -> Self {
        Self { threshold: 0.8, owner: String::new(), due: None, compare_days: 30, fresh_days: 365, weights: BTreeMap::new(), field: Vec::new() }
    }
}

/// Who answers for a table or a column, and when it is ill.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthOf {
    /// `people`, or `people.email`.
    pub of: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Index below which it is ill.
    pub threshold: Option<f64>,
    /// Day by which it is to be mended.
    pub due: Option<String>,
}

impl Health {
    /// Weight of a dimension.
    pub fn weight(&self, dimension: &str) -> f64 {
        let own = self.weights.get(dimension).copied();
        own.or_else(|| DIMENSIONS.iter().find(|(d, _)| *d == dimension).map(|(_, w)| *w)).unwrap_or(0.0)
    }

    /// Who answers for a column, or for its table, and its threshold.
    pub fn of(&self, table: &str, column: &str) -> (String, f64) {
        let find = |of: &str| self.field.iter().find(|f| f.of == of);
        let (own, whole) = (find(&format!("{table}.{column}")), find(table));
        let owner = own.and_then(|f| f.owner.clone()).or_else(|| whole.and_then(|f| f.owner.clone()));
        let threshold = own.and_then(|f| f.threshold).or_else(|| whole.and_then(|f| f.threshold));
        (owner.unwrap_or_else(|| self.owner.clone()), threshold.unwrap_or(self.threshold))
    }

    /// The day by which a column, or its table, is to be mended.
    pub fn due(&self, table: &str, column: &str) -> Option<&str> {
        let find = |of: &str| self.field.iter().find(|f| f.of == of).and_then(|f| f.due.as_deref());
        find(&format!("{table}.{column}")).or_else(|| find(table)).or(self.due.as_deref())
    }

    /// What is wrong with the settings, each a sentence.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let share = |x: f64| (0.0..=1.0).contains(&x);
        if !share(self.threshold) {
            faults.push(format!("health.threshold: {} is no share from 0 to 1", self.threshold));
        }
        for (name, weight) in &self.weights {
            if !DIMENSIONS.iter().any(|(d, _)| d == name) {
                let known: Vec<&str> = DIMENSIONS.iter().map(|(d, _)| *d).collect();
                faults.push(format!("health.weights: there is no dimension `{name}`; there are {}", known.join(", ")));
            }
            if !weight.is_finite() || *weight < 0.0 {
                faults.push(format!("health.weights.{name}: a weight is 0 or more"));
            }
        }
        for due in self.due.iter().chain(self.field.iter().filter_map(|f| f.due.as_ref())) {
            if due.len() != 10 || Micros::parse(&format!("{due}T00:00:00Z")).is_err() {
                faults.push(format!("health: due: `{due}` is no day such as 2026-09-30"));
            }
        }
        for f in &self.field {
            faults.extend(unknown("health.field.of", &f.of));
            if f.threshold.is_some_and(|t| !share(t)) {
                faults.push(format!("health.field: the threshold of {} is no share from 0 to 1", f.of));
            }
        }
        faults
    }
}

/// What is wrong with the order of sources, each a sentence.
pub fn truth_faults(truth: &Truth) -> Vec<String> {
    let mut faults = Vec::new();
    for (table, columns) in truth {
        if !["people", "accounts", "opportunities"].contains(&table.as_str()) {
            faults.push(format!("truth.{table}: sources can be put in order for people, accounts and opportunities only"));
            continue;
        }
        for column in columns.keys() {
            faults.extend(unknown("truth", &format!("{table}.{column}")));
            if layout::table(table).is_some_and(|t| t.key.contains(&column.as_str())) {
                faults.push(format!("truth.{table}.{column}: an id is nobody's word; leave it out"));
            }
        }
    }
    faults
}

/// A fault when there is no such table or column.
fn unknown(key: &str, of: &str) -> Option<String> {
    let (table, column) = of.split_once('.').map_or((of, None), |(t, c)| (t, Some(c)));
    let Some(found) = layout::table(table) else {
        return Some(format!("{key}: the record has no table `{table}`"));
    };
    let column = column.filter(|c| found.column(c).is_none())?;
    let known: Vec<&str> = found.columns.iter().map(|c| c.name).collect();
    Some(format!("{key}: {table} has no column `{column}`; it has {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_setting_counts() {
        let field = |of: &str, owner: Option<&str>, threshold| HealthOf { of: of.to_owned(), owner: owner.map(str::to_owned), threshold, due: None };
        let health = Health {
            owner: "ops".to_owned(),
            field: vec![field("people", Some("marketing"), Some(0.7)), field("people.email", None, Some(0.95))],
            ..Health::default()
        };
        assert_eq!(health.of("people", "email"), ("marketing".to_owned(), 0.95));
        assert_eq!(health.of("people", "phone"), ("marketing".to_owned(), 0.7));
        assert_eq!(health.of("accounts", "name"), ("ops".to_owned(), 0.8));
        assert_eq!(health.faults(), Vec::<String>::new());
    }

    #[test]
    fn unknown_names_are_told() {
        let health = Health {
            weights: [("speed".to_owned(), 1.0)].into(),
            field: vec![HealthOf { of: "people.mail".to_owned(), owner: None, threshold: Some(2.0), due: None }],
            ..Health::default()
        };
        assert_eq!(health.faults().len(), 3, "{:?}", health.faults());
        let order = |c: &str| [(c.to_owned(), vec!["crm".to_owned()])].into();
        let truth: Truth = [("people".to_owned(), order("emial")), ("spend".to_owned(), order("amount")), ("accounts".to_owned(), order("account_id"))].into();
        assert_eq!(truth_faults(&truth).len(), 3, "{:?}", truth_faults(&truth));
    }
}
