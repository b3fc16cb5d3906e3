//! Who does what: a scheduler, workers, and the one who asks.

use crate::codec::Codec;
use ballista_core::error::BallistaError;
use ballista_core::extension::{SessionConfigExt, SessionStateExt};
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use treaty_domain::agreement::AgreementSet;
use treaty_engine::error::{EngineError, short};
use treaty_engine::facts::Facts;
use treaty_engine::facts::order::{Depot, Order};
use treaty_engine::facts::pass::{PassTable, gather};
use treaty_engine::load::View;
use treaty_engine::record::Record;

/// Largest message between them, bytes: a chunk of facts, or the ids of all people.
const MESSAGE: u32 = 1 << 30;
/// Seconds between signs of life of a worker, and without one after which others take its work over.
const HEARTBEAT: u64 = 1;
const LOST: u64 = 6;
/// Partitions of the pass, however many workers there are: a lost one costs little, and a quick worker takes more.
const PARTITIONS: usize = 16;
/// How often an order is given again whose facts were lost on the way.
const AGAIN: usize = 3;

fn failed(what: &str) -> impl Fn(BallistaError) -> EngineError + '_ {
    move |e| EngineError::Ask(format!("{what}: {e}"))
}

/// Settings of every session, so that all of them agree on sizes.
fn config(codec: &Arc<Codec>) -> SessionConfig {
    SessionConfig::new_with_ballista()
        .with_ballista_logical_extension_codec(Arc::clone(codec) as _)
        .with_ballista_physical_extension_codec(Arc::clone(codec) as _)
        .with_ballista_grpc_client_max_message_size(MESSAGE as usize)
}

/// Runs a scheduler until the process is told to stop.
///
/// # Errors
/// When it cannot listen there.
pub async fn scheduler(bind: SocketAddr) -> Result<(), EngineError> {
    let codec = Codec::new(Depot::new(None));
    let own = Arc::clone(&codec);
    let config = SchedulerConfig {
        bind_host: bind.ip().to_string(),
        bind_port: bind.port(),
        external_host: bind.ip().to_string(),
        override_logical_codec: Some(Arc::clone(&codec) as _),
        override_physical_codec: Some(codec),
        override_config_producer: Some(Arc::new(move || config(&own))),
        grpc_server_max_decoding_message_size: MESSAGE,
        grpc_server_max_encoding_message_size: MESSAGE,
        grpc_client_max_message_size: MESSAGE,
        executor_timeout_seconds: LOST,
        expire_dead_executor_interval_seconds: 1,
        no_executors_grace_period_seconds: 10 * LOST,
        ..SchedulerConfig::default()
    };
    let what = format!("the scheduler cannot run on {bind}");
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(failed(&what))?;
    start_server(cluster, bind, Arc::new(config)).await.map_err(failed(&what))
}

/// Where a worker stands.
#[derive(Debug, Clone)]
pub struct Post {
    /// Host and port of the scheduler.
    pub scheduler: (String, u16),
    /// Address on which it listens, for facts; the port behind it is for orders.
    pub bind: SocketAddr,
    /// Name or address under which others reach it.
    pub host: String,
    /// Partitions at a time.
    pub cores: usize,
}

/// Runs a worker over a record until the process is told to stop.
///
/// # Errors
/// When the scheduler cannot be reached.
pub async fn worker(record: &Record, post: Post) -> Result<(), EngineError> {
    let codec = Codec::new(Depot::new(Some(record)));
    let own = Arc::clone(&codec);
    let folder = std::env::temp_dir().join(format!("treaty-worker-{}-{}", post.bind.port(), std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let config = ExecutorProcessConfig {
        bind_host: post.bind.ip().to_string(),
        external_host: Some(post.host),
        port: post.bind.port(),
        grpc_port: post.bind.port().saturating_add(1),
        scheduler_host: post.scheduler.0.clone(),
        scheduler_port: post.scheduler.1,
        scheduler_connect_timeout_seconds: 30,
        vcores: post.cores,
        work_dir: Some(folder.display().to_string()),
        job_data_ttl_seconds: 600,
        job_data_clean_up_interval_seconds: 60,
        executor_heartbeat_interval_seconds: HEARTBEAT,
        grpc_max_decoding_message_size: MESSAGE,
        grpc_max_encoding_message_size: MESSAGE,
        override_logical_codec: Some(Arc::clone(&codec) as _),
        override_physical_codec: Some(codec),
        override_config_producer: Some(Arc::new(move || config(&own))),
        ..ExecutorProcessConfig::default()
    };
    let what = format!("the worker cannot work for {}:{}", post.scheduler.0, post.scheduler.1);
    let done = start_executor_process(Arc::new(config)).await.map_err(failed(&what));
    let _ = std::fs::remove_dir_all(&folder);
    done
}

/// Has the pass run by the workers of a cluster.
///
/// # Errors
/// When the cluster cannot be reached, or a worker says why it cannot do it.
pub async fn derive(url: &str, record: &Record, set: &AgreementSet, view: View, folder: &Path) -> Result<Facts, EngineError> {
    let mut tries = 0;
    let batches = loop {
        match run(url, record, set, view).await {
            Ok(batches) => break batches,
            // A worker was lost between its work and our reading of it.
            Err(e) if tries < AGAIN && lost(&e) => tries += 1,
            Err(e) => return Err(e),
        }
    };
    gather(&batches, record, set, view, Some(folder))
}

/// Whether facts were lost on their way from a worker to us, so that asking again may help.
fn lost(e: &EngineError) -> bool {
    let text = e.to_string();
    ["FetchFailed", "transport error", "Connection refused", "connection error"].iter().any(|t| text.contains(t))
        && !text.contains(SILENT)
}

/// What is said of a scheduler that does not listen.
const SILENT: &str = "does not answer";

/// Host and port of an address, with a scheme or without.
pub fn host_and_port(url: &str) -> Option<(&str, u16)> {
    let (host, port) = url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/').rsplit_once(':')?;
    Some((host.trim_start_matches('[').trim_end_matches(']'), port.parse().ok()?))
}

async fn run(url: &str, record: &Record, set: &AgreementSet, view: View) -> Result<Vec<RecordBatch>, EngineError> {
    let place = host_and_port(url)
        .ok_or_else(|| EngineError::Ask(format!("--cluster {url}: write the address of the scheduler like http://10.0.0.1:50050")))?;
    let silent = |e: std::io::Error| EngineError::Ask(format!("the scheduler {url} {SILENT}: {e}; start one with `treaty scheduler`"));
    TcpStream::connect(place).map_err(silent)?;
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    let codec = Codec::new(Depot::new(None));
    let order = Order::new(record, set, view, PARTITIONS)?;
    let state = SessionStateBuilder::new().with_config(config(&codec)).with_default_features().build();
    let cx = SessionContext::new_with_state(state.upgrade_for_ballista(url.clone())?);
    let pass = cx.read_table(Arc::new(PassTable(Arc::new(order))))?;
    pass.collect().await.map_err(|e| EngineError::Ask(format!("the cluster {url} could not run the pass: {}", short(&e))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood() {
        assert_eq!(host_and_port("http://a.example:50050/"), Some(("a.example", 50050)));
        assert_eq!(host_and_port("10.0.0.1:1"), Some(("10.0.0.1", 1)));
        assert_eq!(host_and_port("http://[::1]:7"), Some(("::1", 7)));
        assert_eq!(host_and_port("somewhere"), None);
        assert_eq!(host_and_port("a:b"), None);
    }
}
