//! A home: the agreement and its older versions, the settings, the metrics beside it, the record.

use crate::{later, output};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use treaty_app::trust::{Health, Truth, truth_faults};
use treaty_domain::agreement::{self, Agreement, AgreementSet, Diagnostic, Severity};
use treaty_domain::zone::Zone;
use treaty_engine::facts::Shared;
use treaty_engine::metrics::Catalogue;
use treaty_app::raw::Fault;
use treaty_engine::record::{Place, Record};
use treaty_intake::identity;
use treaty_intake::pack::{Pack, Shelf};

/// Settings of a home, `treaty.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the record is.
    #[serde(default)]
    pub record: RecordSettings,
    /// How files are read.
    #[serde(default)]
    pub import: ImportSettings,
    /// Settings of packs, by their name.
    #[serde(default)]
    pub packs: BTreeMap<String, toml::Table>,
    /// How one person from several systems is found.
    #[serde(default)]
    pub identity: IdentitySettings,
    /// Whose word counts where sources say different things.
    #[serde(default)]
    pub truth: Truth,
    /// What is healthy.
    #[serde(default)]
    pub health: Health,
}

/// Where the record is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordSettings {
    /// `s3://bucket/folder`, or a folder; `record/` in the home by default.
    pub at: Option<String>,
    /// Whether facts that were derived here are put beside a record that several homes share; default: yes.
    pub share_facts: Option<bool>,
}

/// When identity is asked by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AfterImport {
    /// After imports through a pack, and of events.
    #[default]
    Packs,
    /// After every import.
    Always,
    /// Only by `treaty identity`.
    Never,
}

/// How one person from several systems is found.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentitySettings {
    /// When it is asked by itself.
    pub after_import: AfterImport,
    /// Country of telephone numbers of people without a country.
    pub country: Option<String>,
    /// Attributes that hold the id of the same person in another system.
    pub id_attributes: Vec<String>,
    /// Domains of private mailboxes.
    pub free_mail: Vec<String>,
    /// Mailboxes of an office, the part before the `@`.
    pub role_mailboxes: Vec<String>,
    /// Most ids of one person.
    pub max_cluster: Option<usize>,
    /// Whether the e-mail domain names the account of people whose source names none; default: yes.
    pub accounts_by_domain: Option<bool>,
    /// Whether likely fakes are put into quarantine; default: yes.
    pub fakes: Option<bool>,
}

impl IdentitySettings {
    /// As identity takes them.
    pub fn resolved(&self) -> identity::Settings {
        let plain = identity::Settings::default();
        let lower = |list: &[String]| list.iter().map(|t| t.trim().to_lowercase()).collect();
        identity::Settings {
            country: self.country.clone(),
            id_attributes: self.id_attributes.clone(),
            lists: identity::email::Lists { free_mail: lower(&self.free_mail), roles: lower(&self.role_mailboxes) },
            max_cluster: self.max_cluster.unwrap_or(plain.max_cluster),
            accounts_by_domain: self.accounts_by_domain.unwrap_or(plain.accounts_by_domain),
            fakes: self.fakes.unwrap_or(plain.fakes),
        }
    }
}

/// How files are read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportSettings {
    /// Zone of local times in files; the agreement's by default.
    pub time_zone: Option<String>,
}

/// The commented settings of a new home.
pub const SETTINGS: &str = "# Settings of this home. The agreement is in agreement.toml.\n\
[import]\n\
# Times in files without an offset are local to this zone (default: that of the agreement).\n\
# time_zone = \"America/New_York\"\n\
\n\
# Where the record is, if several homes share it: a folder, or an object store whose keys are in the usual variables\n\
# (AWS_ACCESS_KEY_ID, ...); see docs/how-to/share-a-record.md. Default: record/ in this home.\n\
# [record]\n\
# at = \"s3://bucket/folder\"\n\
# share_facts = false           # what this home derives is not put there for the others\n\
\n\
# One person from several systems; see docs/how-to/one-person-from-many-systems.md.\n\
# [identity]\n\
# after_import = \"packs\"       # or \"always\", or \"never\": only when `treaty identity` is run\n\
# country = \"US\"               # of telephone numbers of people without a country\n\
# id_attributes = [\"legacy_no\"] # columns with the id of the same person in another system\n\
# free_mail = [\"isp.example\"]   # providers of private mailboxes beside those known\n\
\n\
# What differs from tenant to tenant is a setting of a pack; `treaty pack show NAME` lists them.\n\
# [packs.salesforce.opportunity_stage]\n\
# \"Proposal/Price Quote\" = \"negotiation\"\n\
\n\
# Whose word counts where several sources know one person, account or opportunity: by table and column, the first that\n\
# has a value wins. `treaty reconcile` shows where they differ.\n\
# [truth]\n\
# people.email = [\"salesforce\", \"hubspot\"]\n\
\n\
# Who answers for the data, and below which index they are ill (`treaty report health`, `treaty report clean-up`).\n\
# [health]\n\
# owner = \"marketing operations\"\n\
# threshold = 0.8\n\
# due = \"2026-09-30\"             # by when defects are to be mended\n\
# weights = { completeness = 0.3, validity = 0.3, uniqueness = 0.2, freshness = 0.2 }\n\
# [[health.field]]\n\
# of = \"people.email\"\n\
# owner = \"inside sales\"\n\
# threshold = 0.95\n";

/// A home that was opened.
pub struct Home {
    /// Folder.
    pub dir: PathBuf,
    /// Settings.
    pub settings: Settings,
    /// Versions of the agreement.
    pub set: AgreementSet,
}

/// What checking found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Faults, as lines for people.
    pub errors: Vec<String>,
    /// Warnings.
    pub warnings: Vec<String>,
    /// What was found in agreements, each with the text it was found in, to be shown in place.
    pub in_place: Vec<(Diagnostic, String)>,
}

/// Reads and checks every file of a home but the record; all faults at once.
///
/// # Errors
/// When the folder is no home.
pub fn inspect(dir: &Path) -> Result<(Option<Home>, Findings), String> {
    let newest = dir.join("agreement.toml");
    if !newest.is_file() {
        return Err(format!(
            "{} is no home of Treaty: it has no agreement.toml. `treaty init {0}` creates one, -C names another.",
            dir.display()
        ));
    }
    let mut findings = Findings::default();
    let mut files = vec![newest];
    let older = dir.join("agreements");
    if older.is_dir() {
        let entries = std::fs::read_dir(&older).map_err(|e| format!("{} cannot be read: {e}", older.display()))?;
        let mut found: Vec<PathBuf> =
            entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|x| x == "toml")).collect();
        found.sort();
        files.extend(found);
    }
    let mut versions: Vec<Agreement> = Vec::new();
    for (i, file) in files.iter().enumerate() {
        let text = std::fs::read_to_string(file).map_err(|e| format!("{} cannot be read: {e}", file.display()))?;
        match agreement::parse(&text, &file.display().to_string()) {
            Ok((version, warnings)) => {
                if i == 0 {
                    findings.warnings.extend(warnings.iter().map(Diagnostic::to_string));
                    findings.in_place.extend(warnings.into_iter().map(|d| (d, text.clone())));
                }
                versions.push(version);
            }
            Err(all) => {
                for d in all {
                    let list = if d.severity == Severity::Error { &mut findings.errors } else { &mut findings.warnings };
                    list.push(d.to_string());
                    findings.in_place.push((d, text.clone()));
                }
            }
        }
    }
    let settings = settings(dir, &mut findings);
    if let Err(all) = catalogue(dir) {
        findings.errors.extend(all);
    }
    if !findings.errors.is_empty() {
        return Ok((None, findings));
    }
    match AgreementSet::new(versions) {
        Ok(set) => Ok((Some(Home { dir: dir.to_owned(), settings, set }), findings)),
        Err(e) => {
            findings.errors.push(format!("{}: {e}", dir.join("agreements").display()));
            Ok((None, findings))
        }
    }
}

fn settings(dir: &Path, findings: &mut Findings) -> Settings {
    let file = dir.join("treaty.toml");
    let Ok(text) = std::fs::read_to_string(&file) else { return Settings::default() };
    match toml::from_str::<Settings>(&text) {
        Ok(settings) => {
            if let Some(Err(e)) = settings.import.time_zone.as_deref().map(Zone::new) {
                findings.errors.push(format!("{}: import.time_zone: {e}", file.display()));
            }
            if let Some(country) = settings.identity.country.as_deref().filter(|c| identity::phone::country(c).is_none()) {
                findings.errors.push(format!("{}: identity.country: `{country}` is no country; write a code such as US", file.display()));
            }
            if settings.identity.max_cluster.is_some_and(|n| n < 2) {
                findings.errors.push(format!("{}: identity.max_cluster: at least 2, or no two ids are ever one person", file.display()));
            }
            if let Err(e) = place(dir, settings.record.at.as_deref()) {
                findings.errors.push(format!("{}: record.at: {e}", file.display()));
            }
            let own = settings.health.faults().into_iter().chain(truth_faults(&settings.truth));
            findings.errors.extend(own.map(|f| format!("{}: {f}", file.display())));
            settings
        }
        Err(e) => {
            findings.errors.push(format!("{}: {}", file.display(), e.to_string().trim_end()));
            Settings::default()
        }
    }
}

/// Where the record of a home is; `at` is what its settings say.
///
/// # Errors
/// When that is no place.
pub fn place(dir: &Path, at: Option<&str>) -> Result<Place, String> {
    at.map_or_else(|| Ok(Place::own(dir)), |at| Place::read(at, dir, store_settings(), whoever()))
}

/// The variables that say how to reach an object store.
pub fn store_settings() -> Vec<(String, String)> {
    std::env::vars().filter(|(name, _)| name.starts_with("AWS_")).collect()
}

/// Who this process works for, in words for others who wait for it.
fn whoever() -> String {
    let variable = |names: [&str; 2]| names.iter().find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()));
    let user = variable(["USER", "USERNAME"]).unwrap_or_else(|| "somebody".to_owned());
    let named = || std::fs::read_to_string("/etc/hostname").ok().map(|n| n.trim().to_owned()).filter(|n| !n.is_empty());
    let host = variable(["HOSTNAME", "COMPUTERNAME"]).or_else(named).unwrap_or_else(|| "another machine".to_owned());
    format!("{user} on {host} (process {})", std::process::id())
}

/// Built-in metrics and those beside the agreement.
///
/// # Errors
/// Every fault of every metric file.
pub fn catalogue(dir: &Path) -> Result<Catalogue, Vec<String>> {
    let lines = |faults: Vec<treaty_app::raw::Fault>| faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    let builtin = Catalogue::builtin().map_err(lines)?;
    let own = dir.join("metrics");
    if own.is_dir() { builtin.with_dir(&own).map_err(lines) } else { Ok(builtin) }
}

impl Home {
    /// Opens a home.
    ///
    /// # Errors
    /// When it is none, or its files have faults: all of them.
    pub fn open(dir: &Path) -> Result<Self, String> {
        let (home, findings) = inspect(dir)?;
        home.ok_or_else(|| {
            let n = findings.errors.len();
            format!("this home has {n} fault{}:\n{}", if n == 1 { "" } else { "s" }, findings.errors.join("\n"))
        })
    }

    /// Its record.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn record(&self) -> Result<Record, String> {
        let place = place(&self.dir, self.settings.record.at.as_deref())?;
        let record = Record::open_at(&self.dir, place).await.map_err(|e| e.to_string())?;
        Ok(record.with_truth(self.settings.truth.clone()))
    }

    /// Shares facts with the other homes of the record while the answer is being made and read, unless the settings
    /// forbid it.
    pub fn share(&self, facts: Option<Shared>) {
        let Some(facts) = facts.filter(|_| self.settings.record.share_facts != Some(false)) else { return };
        later::begin(async move {
            if let Err(e) = facts.put().await {
                output::remark(&format!("note: {e}. If this home only reads, say share_facts = false under [record] in treaty.toml."));
            }
        });
    }

    /// Zone of local times in files.
    pub fn import_zone(&self) -> Zone {
        let own = self.settings.import.time_zone.as_deref().and_then(|z| Zone::new(z).ok());
        own.unwrap_or_else(|| self.newest().zone.clone())
    }

    /// The packs that come with Treaty and those in `packs/`.
    pub fn shelf(&self) -> Shelf {
        Shelf::new(Some(&self.dir.join("packs")))
    }

    /// A pack by name or folder, under the settings of this home.
    ///
    /// # Errors
    /// Every fault of the pack or of its settings here.
    pub fn pack(&self, name: &str) -> Result<Pack, Vec<Fault>> {
        let mut pack = self.shelf().find(name)?;
        if let Some(own) = self.settings.packs.get(&pack.name) {
            pack.configure(own, &self.dir.join("treaty.toml").display().to_string())?;
        }
        Ok(pack)
    }

    /// The newest version of the agreement.
    pub fn newest(&self) -> &Agreement {
        let versions = self.set.versions();
        &versions[versions.len() - 1]
    }
}
