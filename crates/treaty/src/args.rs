//! Arguments of the command line.

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The agreement between sales and marketing, kept as a file and checked against the data.
#[derive(Debug, Parser)]
#[command(name = "treaty", version, about, propagate_version = true, arg_required_else_help = true)]
pub struct Args {
    /// Folder of the home: agreement.toml, treaty.toml, record/
    #[arg(short = 'C', long = "home", value_name = "HOME", default_value = ".", global = true)]
    pub home: PathBuf,
    /// When to colour what is printed (NO_COLOR is heeded)
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true)]
    pub color: Color,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Format of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// Comma-separated values
    Csv,
    /// JSON with provenance
    Json,
    /// Parquet (with --output)
    Parquet,
    /// One self-contained page
    Html,
}

/// Format of the review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReviewFormat {
    /// For people
    Text,
    /// One self-contained page
    Html,
    /// JSON with provenance
    Json,
}

/// Which moment is looked at.
#[derive(Debug, Clone, ClapArgs)]
pub struct When {
    /// Last day that counts, such as 2026-06-30 (default: today)
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// What is known now about then, rather than what was known then
    #[arg(long)]
    pub as_corrected: bool,
    /// Address of a scheduler whose workers run the pass, such as http://10.0.0.1:50050
    #[arg(long, value_name = "URL")]
    pub cluster: Option<String>,
    #[command(flatten)]
    pub wire: Wire,
}

/// How a cluster talks.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Wire {
    /// Folder of ca.pem, cert.pem and key.pem, where the wire of a cluster is encrypted
    #[arg(long, value_name = "DIR", env = "TREATY_TLS")]
    pub tls: Option<PathBuf>,
}

/// What is asked of reports.
#[derive(Debug, Clone, ClapArgs)]
pub struct Slice {
    /// Period: 2026, 2026-Q2, 2026-05, 2026-P05 or 2026-01-01..2026-03-31 (default: everything)
    #[arg(long, value_name = "PERIOD")]
    pub period: Option<String>,
    /// Condition over the columns of the report's facts, such as "territory = 'north'"
    #[arg(long = "where", value_name = "EXPR")]
    pub filter: Option<String>,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A ready company: data, agreement, import, and its review
    Demo {
        /// Where to put it
        #[arg(default_value = "demo")]
        dir: PathBuf,
        /// Seed of the generator: another seed, another company
        #[arg(long, default_value_t = 7)]
        seed: u64,
    },
    /// A new home: a commented agreement, settings, an empty record
    Init {
        /// Folder to create
        dir: PathBuf,
        /// Name of the agreement
        #[arg(long)]
        name: Option<String>,
        /// IANA time zone of days and quarters
        #[arg(long, default_value = "UTC")]
        time_zone: String,
        /// Where its record is, if other homes share it: s3://bucket/folder or a folder (default: record/ in the home)
        #[arg(long, value_name = "PLACE")]
        record: Option<String>,
    },
    /// Check the agreement, the settings and the metrics beside it
    Check,
    /// What changed between two versions of the agreement, in words
    Changes {
        /// Older file
        old: PathBuf,
        /// Newer file
        new: PathBuf,
    },
    /// Import files into the record: all of them or nothing
    Import {
        /// Files, folders or patterns, or postgres://, mysql://, sqlite: and s3:// addresses: named like the record's tables, or what the pack expects
        #[arg(required_unless_present_any = ["tap", "journal"], conflicts_with = "tap")]
        paths: Vec<PathBuf>,
        /// Import the events that were received and are not in the record yet
        #[arg(long, conflicts_with_all = ["paths", "pack", "tap"])]
        journal: bool,
        /// Name or folder of a mapping pack, or `native`; without it the pack that knows the files is found
        #[arg(long, value_name = "PACK")]
        pack: Option<String>,
        /// Run a Singer tap or an Airbyte source and import what it prints, such as 'tap-hubspot --config hubspot.json'
        #[arg(long, value_name = "COMMAND")]
        tap: Option<String>,
        /// Name under which the state of the tap is kept (default: that of its program)
        #[arg(long, value_name = "NAME", requires = "tap")]
        name: Option<String>,
        /// Say what would happen and write nothing
        #[arg(long)]
        dry_run: bool,
        /// The rows show the state of things: make the history of stages, owners, amounts and expected closes from what changed
        #[arg(long)]
        snapshot: bool,
        /// Day or instant of that state (default: now)
        #[arg(long, value_name = "WHEN", requires = "snapshot", conflicts_with = "tap")]
        snapshot_at: Option<String>,
    },
    /// What the record lacks, which numbers that touches, and what to switch on in the sources
    Doctor {
        /// End with 1 when something serious is missing
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        when: When,
        /// Format: table, csv or json
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Sources against the record and against each other: rows, amounts, contradictions
    Reconcile {
        /// Files or folders to compare; without any, those of the last imports
        paths: Vec<PathBuf>,
        /// Name or folder of a mapping pack, or `native`; without it the pack that knows the files is found
        #[arg(long, value_name = "NAME")]
        pack: Option<String>,
        /// Format: table, csv or json
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Imports and undos of this record with their counts; one of them in full, its refused rows included
    Log {
        /// Version to tell in full
        version: Option<u64>,
        /// Format: table or json
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// One person from several systems: merge by keys that leave no doubt, list the doubtful, decide
    Identity {
        /// Say what would be found and write nothing
        #[arg(long)]
        dry_run: bool,
        #[command(subcommand)]
        what: Option<IdentityCommand>,
    },
    /// Take events from standard input, one JSON body a line; each is acknowledged when it is safe in the journal
    Events {
        /// So many bodies are written at once, and share a sync
        #[arg(long, default_value_t = 8)]
        writers: usize,
    },
    /// Take back the newest import
    Undo,
    /// The alignment review: promises kept and broken, then every report
    Review {
        #[command(flatten)]
        when: When,
        #[command(flatten)]
        slice: Slice,
        /// Format
        #[arg(long, value_enum, default_value_t = ReviewFormat::Text)]
        format: ReviewFormat,
        /// File to write to instead of the terminal
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// One report: goal, funnel, weakest, what-if, sources, aging, speed, acceptance, ratios, influence, attribution, recycle, value;
    /// or of the data: health, clean-up, coverage, maturity, gaps, systems, conflicts, overlap
    Report {
        /// Name
        name: String,
        /// A further dimension, such as territory
        #[arg(long, value_name = "DIM")]
        by: Option<String>,
        #[command(flatten)]
        when: When,
        #[command(flatten)]
        slice: Slice,
        /// Format
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        /// File to write to instead of the terminal
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// funnel: cohort, flow or snapshot
        #[arg(long, value_enum, default_value_t = Kind::Cohort)]
        kind: Kind,
        /// what-if: stage whose rate improves (default: the weakest)
        #[arg(long)]
        stage: Option<String>,
        /// what-if: by how many percentage points
        #[arg(long)]
        points: Option<f64>,
    },
    /// The catalogue of metrics
    Metric {
        #[command(subcommand)]
        what: MetricCommand,
    },
    /// Mapping packs: what each reads, how it is known, what it cannot give
    Pack {
        #[command(subcommand)]
        what: PackCommand,
    },
    /// SQL over facts and record
    Query {
        /// Statement
        sql: String,
        #[command(flatten)]
        when: When,
        /// Format
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        /// File to write to instead of the terminal
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Why numbers changed between two days
    Diff {
        /// Earlier day
        #[arg(long)]
        from: String,
        /// Later day
        #[arg(long)]
        to: String,
        /// Format
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Join small files of the record, and delete those that only old versions need
    Maintain {
        /// Versions of so many days stay readable, for undo and for what was known then
        #[arg(long, default_value_t = 90, value_name = "DAYS")]
        keep_days: u32,
        /// Say what would happen and write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Hand partitions of the pass to workers, for those who ask with --cluster
    Scheduler {
        /// Address to listen on; whoever reaches it may give orders
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50050")]
        bind: std::net::SocketAddr,
        #[command(flatten)]
        wire: Wire,
    },
    /// Run partitions of the pass over this home (-C) for a scheduler
    Worker {
        /// Host and port of the scheduler
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
        scheduler: String,
        /// Address to listen on; without --tls the port behind it is used, too
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50051")]
        bind: std::net::SocketAddr,
        /// Name or address under which others reach it (default: the address it listens on)
        #[arg(long)]
        host: Option<String>,
        /// Partitions at a time (default: one a core)
        #[arg(long)]
        cores: Option<usize>,
        #[command(flatten)]
        wire: Wire,
    },
    /// Completions for a shell
    Completions {
        /// Shell
        shell: clap_complete::Shell,
    },
}

/// Kind of funnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Leads that began in the period
    Cohort,
    /// First entries within the period
    Flow,
    /// Stock at the as-of date
    Snapshot,
}

/// What to do with packs.
#[derive(Debug, Subcommand)]
pub enum PackCommand {
    /// All packs
    List,
    /// Tables, detection, settings and losses of one
    Show {
        /// Name or folder
        name: String,
    },
}

/// What to do with metrics.
#[derive(Debug, Subcommand)]
pub enum MetricCommand {
    /// All metrics
    List,
    /// Definition, clause, SQL, value, and the rows behind it
    Explain {
        /// Metric
        id: String,
        #[command(flatten)]
        when: When,
        #[command(flatten)]
        slice: Slice,
        /// Show the rows behind the number
        #[arg(long)]
        rows: bool,
        /// At most so many rows
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Format
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
}

/// What to do about who is who.
#[derive(Debug, Subcommand)]
pub enum IdentityCommand {
    /// Pairs that may be one person, and keys that were not followed, for a person to decide
    Review {
        /// At most so many pairs
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Format
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Two ids are one person
    Merge {
        /// An id
        a: String,
        /// Another
        b: String,
    },
    /// Two ids are not one person, now and for good
    Unmerge {
        /// The id that leaves
        a: String,
        /// The one it was merged with
        b: String,
    },
    /// People who may be fakes, for a person to decide
    Quarantine {
        /// Format
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// A person in quarantine is real
    Clear {
        /// Its id
        id: String,
    },
    /// A person is a fake
    Confirm {
        /// Its id
        id: String,
    },
}
