//! A case: the facts of one view of a home, ready to be asked.

use crate::error::EngineError;
use crate::facts::{self, Facts, Shared};
use crate::load::{View, timelines};
use crate::metrics::Catalogue;
use crate::record::{Record, par};
use crate::reports::{self, Ask, Desk};
use std::path::Path;
use std::sync::{Arc, Mutex};
use treaty_app::report::{Provenance, Report};
use treaty_app::review::Review;
use treaty_domain::agreement::{Agreement, AgreementSet};
use treaty_domain::zone::LocalDay;

/// Reports of the review, in reading order.
pub const REVIEW: [&str; 11] =
    ["funnel", "weakest", "what-if", "sources", "aging", "speed", "acceptance", "ratios", "influence", "attribution", "recycle"];

/// The same, those that take longest first; `what-if` asks what `weakest` has asked.
const LONGEST_FIRST: [&str; 11] =
    ["speed", "recycle", "funnel", "sources", "ratios", "influence", "attribution", "aging", "acceptance", "weakest", "what-if"];

/// Facts with what they rest on.
pub struct Case {
    /// Facts.
    pub facts: Facts,
    /// All versions of the agreement.
    pub set: AgreementSet,
    /// Metrics.
    pub catalogue: Catalogue,
    /// What every number rests on.
    pub provenance: Provenance,
    /// Facts that other homes of the record could take, and cannot yet.
    pub to_share: Option<Shared>,
}

/// The state of the record that serves a day (S1): the version that was there at the end of it, or,
/// when the day lies before the first import or later knowledge is wanted, the newest one.
pub fn view(record: &Record, agreement: &Agreement, day: LocalDay, as_corrected: bool) -> (View, bool) {
    let end = agreement.zone.start_of_day(day.plus(1));
    let history_imported = record.first_import_at().is_none_or(|first| end.0 <= first);
    let version = if history_imported || as_corrected { record.version() } else { record.version_at(end.0) };
    (View { version, as_of: day, as_corrected: as_corrected || history_imported, without_merges_since: None }, history_imported)
}

impl Case {
    /// Takes the facts that are kept, in this home or in the place of the record, or reads the record and runs the
    /// pass.
    ///
    /// # Errors
    /// When the record cannot be read or a condition of the agreement cannot be evaluated.
    pub async fn open(
        record: &Record,
        set: &AgreementSet,
        catalogue: Catalogue,
        day: LocalDay,
        as_corrected: bool,
    ) -> Result<Self, EngineError> {
        Self::open_with(record, set, catalogue, day, as_corrected, async |view, folder| facts::derive(record, set, view, Some(folder)).await).await
    }

    /// As [`Case::open`], but facts that are not kept are derived by the caller's means, to be kept in a folder.
    ///
    /// # Errors
    /// See [`Case::open`], and what these means say.
    pub async fn open_with(
        record: &Record,
        set: &AgreementSet,
        catalogue: Catalogue,
        day: LocalDay,
        as_corrected: bool,
        derive: impl AsyncFnOnce(View, &Path) -> Result<Facts, EngineError>,
    ) -> Result<Self, EngineError> {
        let agreement = set.on(jiff::civil::Date::from(day));
        let (view, history_imported) = view(record, agreement, day, as_corrected);
        let folder = facts::place(record, set, view);
        let mut shared = facts::shared(record, set, view);
        let mut kept = facts::open(&folder, record, set, view);
        if kept.is_none()
            && let Some(there) = &mut shared
            && !timelines::are_kept(record, view.version)
            && there.take().await
        {
            kept = facts::open(&folder, record, set, view);
        }
        let facts = match kept {
            Some(kept) => kept,
            None => derive(view, &folder).await?,
        };
        let case = Self::of_facts(facts, set, catalogue, history_imported);
        Ok(Self { to_share: shared.filter(Shared::is_due), ..case })
    }

    /// As [`Case::open`], for a chosen view whose facts are not kept.
    ///
    /// # Errors
    /// See [`Case::open`].
    pub async fn open_view(
        record: &Record,
        set: &AgreementSet,
        catalogue: Catalogue,
        view: View,
        history_imported: bool,
    ) -> Result<Self, EngineError> {
        let facts = facts::derive(record, set, view, None).await?;
        Ok(Self::of_facts(facts, set, catalogue, history_imported))
    }

    fn of_facts(facts: Facts, set: &AgreementSet, catalogue: Catalogue, history_imported: bool) -> Self {
        let view = facts.view;
        let agreement = set.on(view.day());
        let provenance = Provenance {
            agreement: agreement.version_id.clone(),
            agreement_name: agreement.name.clone(),
            signed: agreement.is_signed(),
            record_version: view.version,
            as_of: view.day().to_string(),
            basis: if view.as_corrected { "as_corrected" } else { "as_of" }.to_owned(),
            history_imported,
            time_zone: agreement.zone.name().to_owned(),
            currency: agreement.currency.code().to_owned(),
            exponent: u32::from(agreement.currency.exponent()),
            period: "all".to_owned(),
            filter: None,
        };
        Self { facts, set: set.clone(), catalogue, provenance, to_share: None }
    }

    /// A desk to make reports at, so many at a time.
    ///
    /// # Errors
    /// When the facts cannot be registered.
    pub async fn desk(&self, reports: usize) -> Result<Desk<'_>, EngineError> {
        Ok(Desk {
            cx: self.facts.session(reports).await?,
            facts: &self.facts,
            catalogue: &self.catalogue,
            set: &self.set,
            agreement: self.set.on(self.facts.view.day()),
            provenance: self.provenance.clone(),
            answers: Mutex::default(),
        })
    }

    /// One report.
    ///
    /// # Errors
    /// See [`reports::report`].
    pub async fn report(&self, name: &str, ask: &Ask) -> Result<Report, EngineError> {
        let desk = self.desk(1).await?;
        let mut report = reports::report(&desk, name, ask).await?;
        self.remark(&mut report);
        Ok(report)
    }

    /// The whole review.
    ///
    /// # Errors
    /// See [`reports::report`].
    pub async fn review(&self, ask: &Ask) -> Result<Review, EngineError> {
        Ok(self.review_with(ask, |_| ()).await?.0)
    }

    /// As [`Case::review`]; `each` makes something of every report as soon as it is there, while others
    /// are still being made.
    ///
    /// # Errors
    /// See [`reports::report`].
    pub async fn review_with<T: Send>(&self, ask: &Ask, each: impl Fn(&Report) -> T + Sync) -> Result<(Review, Vec<T>), EngineError> {
        let desk = self.desk(REVIEW.len()).await?;
        let one = async |name| {
            let mut report = reports::report(&desk, name, ask).await?;
            if name == REVIEW[0] {
                self.remark(&mut report);
            }
            let made = each(&report);
            Ok::<_, EngineError>((report, made))
        };
        let made = par::all(&LONGEST_FIRST, one);
        let (promises, made) = par::join(reports::promises(&desk, ask), made).await;
        let (promises, mut made) = (promises?, made?);
        made.sort_by_key(|(report, _)| REVIEW.iter().position(|name| *name == report.name));
        let (list, made) = made.into_iter().unzip();
        let mut provenance = self.provenance.clone();
        provenance.period = ask.period.as_ref().map_or_else(|| "all".to_owned(), |p| p.label.clone());
        provenance.filter = ask.filter.clone();
        let review = Review {
            title: desk.agreement.name.clone(),
            headline: reports::headline(&promises),
            promises,
            reports: list,
            provenance,
        };
        Ok((review, made))
    }

    /// Notes that concern the data behind every report.
    fn remark(&self, report: &mut Report) {
        report.notes.extend(self.facts.notes.iter().cloned());
        if self.provenance.history_imported {
            report.notes.push("The as-of date lies before the first import: these are today's records about then (as corrected), not what was known then.".to_owned());
        }
    }

    /// A session over facts and record for free queries: facts by their names, record tables as `record_<table>`, and the
    /// pass itself as `pass`, which runs again when it is asked.
    ///
    /// # Errors
    /// When a table cannot be registered.
    pub async fn query_session(&self, record: &Record) -> Result<datafusion::prelude::SessionContext, EngineError> {
        let cx = self.facts.session(1).await?;
        for table in treaty_app::layout::TABLES {
            let provider = record.provider(table.name, self.facts.view.version).await?;
            let name = format!("record_{}", table.name);
            cx.register_table(name.as_str(), Arc::clone(&provider))?;
            if !self.facts.tables.contains_key(table.name) {
                cx.register_table(table.name, provider)?;
            }
        }
        let order = facts::order::Order::new(record, &self.set, self.facts.view, par::workers())?;
        cx.register_table("pass", Arc::new(facts::pass::PassTable(Arc::new(order))))?;
        cx.sql(
            "CREATE VIEW touches AS SELECT t.*, p.account_id, p.lead_source FROM record_touchpoints t \
             LEFT JOIN record_people p ON p.person_id = t.person_id",
        )
        .await?
        .collect()
        .await?;
        Ok(cx)
    }

    /// Runs one statement that reads, over facts and record.
    ///
    /// # Errors
    /// When it does not parse, would change something, or fails.
    pub async fn query(&self, record: &Record, text: &str) -> Result<Vec<datafusion::arrow::array::RecordBatch>, EngineError> {
        let cx = self.query_session(record).await?;
        let reads_only = datafusion::execution::context::SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        Ok(cx.sql_with_options(text, reads_only).await?.collect().await?)
    }
}
