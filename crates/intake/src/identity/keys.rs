//! Ids of other systems among the custom attributes of people.

use std::collections::{BTreeMap, HashMap};

/// Attributes that hold the id of the same person in another system, without case and punctuation.
const IDS: &[&str] = &[
    "crmcontactfid", "crmcontactid", "crmid", "crmleadfid", "crmleadid", "crmpersonid", "dynamicscontactid", "dynamicsleadid",
    "hubspotcontactid", "hubspotid", "intercomid", "leadsquaredid", "mailchimpid", "marketoid", "marketoleadid", "mauticcontactid",
    "mauticid", "odooid", "odoopartnerid", "pardotid", "pardotprospectid", "pipedriveid", "pipedrivepersonid", "salesforcecontactid",
    "salesforceid", "salesforceleadid", "segmentuserid", "sfcontactid", "sfdccontactid", "sfdcid", "sfdcleadid", "sfleadid", "zohoid",
];

/// Attributes that hold the name of the company.
const COMPANIES: &[&str] = &["accountname", "company", "companyname", "employer", "organisation", "organization"];

/// Values that stand for no id.
const UNSET: &[&str] = &["", "-", "-1", "0", "n/a", "na", "nan", "none", "null", "undefined"];

/// A name without case, punctuation, and what loaders put around custom fields.
fn plain(name: &str) -> String {
    let name = name.strip_suffix("__c").unwrap_or(name);
    let name = name.strip_prefix("property_").or_else(|| name.strip_prefix("properties__")).unwrap_or(name);
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether an attribute holds an id of another system.
pub fn is_id(name: &str, more: &[String]) -> bool {
    let name = plain(name);
    IDS.binary_search(&name.as_str()).is_ok() || more.iter().any(|m| plain(m) == name)
}

/// Whether an attribute holds the name of a company.
pub fn is_company(name: &str) -> bool {
    COMPANIES.contains(&plain(name).as_str())
}

/// What identity reads of the attributes of one person.
#[derive(Debug, Default)]
pub struct Carried {
    /// Names and values of ids of other systems.
    pub ids: Vec<(String, String)>,
    /// Company.
    pub company: Option<String>,
}

/// Reads the attributes of a person.
pub fn read(json: Option<&str>, more: &[String]) -> Carried {
    let mut out = Carried::default();
    let Some(all) = json.and_then(|j| serde_json::from_str::<BTreeMap<String, serde_json::Value>>(j).ok()) else { return out };
    for (name, value) in all {
        let value = match value {
            serde_json::Value::String(text) => text.trim().to_owned(),
            serde_json::Value::Number(n) => n.to_string(),
            _ => continue,
        };
        if is_company(&name) {
            out.company.get_or_insert(value);
        } else if is_id(&name, more) && !UNSET.contains(&value.to_lowercase().as_str()) {
            out.ids.push((plain(&name), one_form(&value).to_owned()));
        }
    }
    out.ids.sort();
    out
}

/// Salesforce writes an id with 15 characters or, followed by a check, with 18.
pub fn one_form(id: &str) -> &str {
    let long = id.len() == 18 && id.is_ascii() && id.chars().all(char::is_alphanumeric) && id[15..].chars().all(|c| !c.is_ascii_lowercase());
    if long && id.chars().any(|c| c.is_ascii_digit()) { &id[..15] } else { id }
}

/// An index of ids as they are, and under the forms in which others name them: the short form, and without a prefix such
/// as `hubspot:`. A form that two ids share names neither.
pub struct Named<'a> {
    exact: HashMap<&'a str, u32>,
    forms: HashMap<&'a str, Option<u32>>,
}

impl<'a> Named<'a> {
    /// Indexes ids; their place is their number.
    pub fn new(ids: impl Iterator<Item = &'a str>) -> Self {
        let mut out = Self { exact: HashMap::new(), forms: HashMap::new() };
        for (id, number) in ids.zip(0u32..) {
            out.exact.insert(id, number);
            let bare = id.rsplit_once([':', '/']).map_or(id, |(_, rest)| rest);
            for form in [one_form(id), one_form(bare)] {
                if form != id && !form.is_empty() {
                    let shared = out.forms.get(form).is_some_and(|seen| *seen != Some(number));
                    out.forms.insert(form, (!shared).then_some(number));
                }
            }
        }
        out
    }

    /// The number of the id that a value names.
    pub fn find(&self, value: &str) -> Option<u32> {
        self.exact.get(value).copied().or_else(|| self.forms.get(value).copied().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_other_systems_are_known_by_the_name_of_their_attribute() {
        assert!(IDS.is_sorted());
        for name in ["salesforce_id", "Salesforce_Contact_ID__c", "property_salesforceleadid", "sfdcLeadId", "crm_lead_fid"] {
            assert!(is_id(name, &[]), "{name}");
        }
        assert!(!is_id("offer", &[]) && is_id("Legacy No", &["legacy_no".to_owned()]));
        let read = read(Some(r#"{"sfdcLeadId":"00Q5e00000AbCdEEAV","crm_id":"NULL","company":"Acme","offer":"trial"}"#), &[]);
        assert_eq!(read.ids, [("sfdcleadid".to_owned(), "00Q5e00000AbCdE".to_owned())]);
        assert_eq!(read.company.as_deref(), Some("Acme"));
    }

    #[test]
    fn an_id_is_found_under_the_forms_that_others_use() {
        let ids = ["0035e00000AbCdEEAV", "hubspot:17", "mautic:18", "odoo:18", "x:19", "19"];
        let named = Named::new(ids.iter().copied());
        assert_eq!(named.find("0035e00000AbCdE"), Some(0));
        assert_eq!(named.find("17"), Some(1));
        assert_eq!(named.find("18"), None, "two systems have an 18");
        assert_eq!(named.find("19"), Some(5), "an id as it is comes first");
        assert_eq!(named.find("x:19"), Some(4));
    }
}
