//! What each command does.

mod agreement;
mod cluster;
mod demo;
mod diff;
mod events;
mod identity;
mod import;
mod log;
mod maintain;
mod metric;
mod pack;
mod query;
mod report;
mod tap;
mod trust;

use crate::args::{Args, Command};
use crate::home::Home;
use treaty_domain::zone::{LocalDay, Micros};
use treaty_engine::case::Case;

/// Exit code of a command, or why it could not run.
pub type Outcome = Result<u8, String>;

/// Runs the command.
///
/// # Errors
/// When it could not run: a sentence for people.
pub async fn run(args: Args) -> Outcome {
    let Args { home, color, command } = args;
    match command {
        Command::Demo { dir, seed } => demo::run(&dir, seed, color).await,
        Command::Init { dir, name, time_zone, record } => agreement::init(&dir, name, &time_zone, record.as_deref()).await,
        Command::Check => agreement::check(&home),
        Command::Changes { old, new } => agreement::changes(&old, &new),
        Command::Import { journal: true, dry_run, .. } => events::import(&home, dry_run).await,
        Command::Events { writers } => events::take(&home, writers),
        Command::Identity { dry_run, what } => identity::run(&home, what, dry_run).await,
        Command::Import { paths, pack, dry_run, tap: None, snapshot, snapshot_at, .. } => {
            let snapshot = snapshot.then_some(import::Snapshot { at: snapshot_at });
            import::run(&home, &paths, pack.as_deref(), dry_run, snapshot).await
        }
        Command::Import { pack, dry_run, tap: Some(command), name, snapshot, .. } => {
            let request = tap::Request { command: &command, name: name.as_deref(), pack: pack.as_deref(), dry_run, snapshot };
            tap::run(&home, &request).await
        }
        Command::Doctor { strict, when, format } => trust::doctor(&home, &when, strict, format, color).await,
        Command::Reconcile { paths, pack, format } => trust::reconcile(&home, &paths, pack.as_deref(), format, color).await,
        Command::Log { version, format } => log::run(&home, version, format).await,
        Command::Undo => import::undo(&home).await,
        Command::Maintain { keep_days, dry_run } => maintain::run(&home, keep_days, dry_run).await,
        Command::Review { when, slice, format, output } => {
            report::review(&home, &when, &slice, format, output.as_deref(), color).await
        }
        Command::Report { name, by, when, slice, format, output, kind, stage, points } => {
            let request = report::Request { name, by, when, slice, kind, stage, points };
            report::one(&home, request, format, output.as_deref(), color).await
        }
        Command::Metric { what } => metric::run(&home, what, color).await,
        Command::Pack { what } => pack::run(&home, what),
        Command::Query { sql, when, format, output } => query::run(&home, &sql, &when, format, output.as_deref(), color).await,
        Command::Diff { from, to, format } => diff::run(&home, &from, &to, format, color).await,
        Command::Scheduler { bind, wire } => cluster::scheduler(bind, &wire).await,
        Command::Worker { scheduler, bind, host, cores, wire } => {
            cluster::worker(&home, &scheduler, bind, host, cores, &wire).await
        }
        Command::Completions { shell } => {
            let mut command = <Args as clap::CommandFactory>::command();
            clap_complete::generate(shell, &mut command, "treaty", &mut std::io::stdout());
            Ok(0)
        }
    }
}

/// The clock: the one place that reads it.
pub fn now() -> Micros {
    Micros(jiff::Timestamp::now().as_microsecond())
}

/// A day as the user wrote it, or today in the agreement's zone.
///
/// # Errors
/// When the text is no date.
pub fn day(home: &Home, text: Option<&str>) -> Result<LocalDay, String> {
    match text {
        Some(text) => text
            .parse::<jiff::civil::Date>()
            .map(LocalDay::from)
            .map_err(|_| format!("`{text}` is no date; write it like 2026-06-30")),
        None => Ok(home.newest().zone.local_day(now())),
    }
}

/// Opens the case of a day.
///
/// # Errors
/// When the home or the record cannot be opened.
pub async fn case(home: &Home, when: &crate::args::When) -> Result<Case, String> {
    // Metrics are read while the record is being opened.
    let dir = home.dir.clone();
    let catalogue = tokio::task::spawn_blocking(move || crate::home::catalogue(&dir));
    let record = home.record().await?;
    let day = day(home, when.as_of.as_deref())?;
    let catalogue = catalogue.await.map_err(|e| e.to_string())?.map_err(|all| all.join("\n"))?;
    if record.version() == 0 {
        return Err(format!(
            "the record of {} is empty; `treaty -C {0} import FILES` fills it, `treaty demo` makes a company to look at",
            home.dir.display()
        ));
    }
    let set = &home.set;
    let case = match &when.cluster {
        Some(url) => {
            let cluster = treaty_cluster::Cluster { url: url.clone(), tls: cluster::tls(&when.wire)? };
            let derive = async |view, folder: &std::path::Path| treaty_cluster::derive(&cluster, &record, set, view, folder).await;
            Case::open_with(&record, set, catalogue, day, when.as_corrected, derive).await
        }
        None => Case::open(&record, set, catalogue, day, when.as_corrected).await,
    };
    let mut case = case.map_err(|e| e.to_string())?;
    home.share(case.to_share.take());
    Ok(case)
}
