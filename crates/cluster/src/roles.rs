//! Who does what: a scheduler, workers, and the one who asks.

use crate::codec::Codec;
use crate::tls::Tls;
use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::error::BallistaError;
use ballista_core::extension::{SessionConfigExt, SessionStateExt};
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpcServer;
use ballista_core::utils::create_grpc_server;
use ballista_executor::ArrowFlightServerProvider;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_executor::flight_service::BallistaFlightService;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_server};
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
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
/// The same where workers fetch their orders: one that is busy asks every five seconds.
const LOST_FETCHING: u64 = 16;
/// Partitions of the pass, however many workers there are: a lost one costs little, and a quick worker takes more.
const PARTITIONS: usize = 16;
/// How often an order is given again whose facts were lost on the way.
const AGAIN: usize = 3;

fn failed(what: &str) -> impl Fn(BallistaError) -> EngineError + '_ {
    move |e| EngineError::Ask(format!("{what}: {}", advised(&e.to_string())))
}

/// A failure, with what may be the matter where a connection broke off.
fn advised(failure: &str) -> String {
    let advice = if failure.contains("tonic::transport::Error") || failure.contains("GrpcConnectionError") {
        "; do both of you have certificates of one authority for these addresses (--tls), or neither of you?"
    } else {
        ""
    };
    format!("{failure}{advice}")
}

/// Settings of every session, so that all of them agree on sizes and on how they talk.
fn config(codec: &Arc<Codec>, tls: Option<&Tls>) -> SessionConfig {
    let config = SessionConfig::new_with_ballista()
        .with_ballista_logical_extension_codec(Arc::clone(codec) as _)
        .with_ballista_physical_extension_codec(Arc::clone(codec) as _)
        .with_ballista_grpc_client_max_message_size(MESSAGE as usize);
    match tls {
        None => config,
        Some(tls) => config.with_ballista_use_tls(true).with_ballista_override_create_grpc_client_endpoint(tls.endpoints()),
    }
}

/// Whether workers are sent their orders or fetch them. The port on which they are sent knows no certificates.
fn policy(tls: Option<&Tls>) -> TaskSchedulingPolicy {
    if tls.is_some() { TaskSchedulingPolicy::PullStaged } else { TaskSchedulingPolicy::PushStaged }
}

/// Runs a scheduler until the process is told to stop.
///
/// # Errors
/// When it cannot listen there.
pub async fn scheduler(bind: SocketAddr, tls: Option<Tls>) -> Result<(), EngineError> {
    let codec = Codec::new(Depot::new(None));
    let (own, own_tls) = (Arc::clone(&codec), tls.clone());
    let lost = if tls.is_some() { LOST_FETCHING } else { LOST };
    let config = SchedulerConfig {
        bind_host: bind.ip().to_string(),
        bind_port: bind.port(),
        external_host: bind.ip().to_string(),
        override_logical_codec: Some(Arc::clone(&codec) as _),
        override_physical_codec: Some(codec),
        override_config_producer: Some(Arc::new(move || config(&own, own_tls.as_ref()))),
        override_create_grpc_client_endpoint: tls.as_ref().map(Tls::endpoints),
        use_tls: tls.is_some(),
        scheduling_policy: policy(tls.as_ref()),
        grpc_server_max_decoding_message_size: MESSAGE,
        grpc_server_max_encoding_message_size: MESSAGE,
        grpc_client_max_message_size: MESSAGE,
        executor_timeout_seconds: lost,
        expire_dead_executor_interval_seconds: 1,
        no_executors_grace_period_seconds: 10 * lost,
        ..SchedulerConfig::default()
    };
    let what = format!("the scheduler cannot run on {bind}");
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(failed(&what))?;
    let Some(tls) = tls else { return start_server(cluster, bind, Arc::new(config)).await.map_err(failed(&what)) };
    let broken = |e: tonic::transport::Error| EngineError::Ask(format!("{what}: {e}"));
    let server = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config)).await.map_err(failed(&what))?;
    let service = SchedulerGrpcServer::new(server)
        .max_decoding_message_size(MESSAGE as usize)
        .max_encoding_message_size(MESSAGE as usize);
    let mut builder = tonic::transport::Server::builder().tls_config(tls.server()).map_err(broken)?;
    builder.add_service(service).serve(bind).await.map_err(broken)
}

/// Facts of a worker, for those who belong to the cluster.
fn guarded(tls: &Tls) -> Arc<ArrowFlightServerProvider> {
    let tls = tls.clone();
    Arc::new(move |folder, address, mut shutdown, settings| {
        let server = create_grpc_server(&settings).tls_config(tls.server());
        tokio::spawn(async move {
            let service = FlightServiceServer::new(BallistaFlightService::new(folder))
                .max_decoding_message_size(MESSAGE as usize)
                .max_encoding_message_size(MESSAGE as usize);
            server?.add_service(service).serve_with_shutdown(address, shutdown.recv()).await.map_err(BallistaError::TonicError)
        })
    })
}

/// Where a worker stands.
#[derive(Debug, Clone)]
pub struct Post {
    /// Host and port of the scheduler.
    pub scheduler: (String, u16),
    /// Address on which it listens, for facts; the port behind it is for orders, unless it fetches them.
    pub bind: SocketAddr,
    /// Name or address under which others reach it.
    pub host: String,
    /// Partitions at a time.
    pub cores: usize,
    /// Certificates; none where the wire is not encrypted.
    pub tls: Option<Tls>,
}

/// A cluster, for who asks.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Address of its scheduler.
    pub url: String,
    /// Certificates; none where the wire is not encrypted.
    pub tls: Option<Tls>,
}

/// Runs a worker over a record until the process is told to stop.
///
/// # Errors
/// When the scheduler cannot be reached.
pub async fn worker(record: &Record, post: Post) -> Result<(), EngineError> {
    let codec = Codec::new(Depot::new(Some(record)));
    let (own, own_tls) = (Arc::clone(&codec), post.tls.clone());
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
        override_config_producer: Some(Arc::new(move || config(&own, own_tls.as_ref()))),
        override_create_grpc_client_endpoint: post.tls.as_ref().map(Tls::endpoints),
        override_arrow_flight_service: post.tls.as_ref().map(guarded),
        task_scheduling_policy: policy(post.tls.as_ref()),
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
pub async fn derive(cluster: &Cluster, record: &Record, set: &AgreementSet, view: View, folder: &Path) -> Result<Facts, EngineError> {
    let mut tries = 0;
    let batches = loop {
        match run(cluster, record, set, view).await {
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

async fn run(cluster: &Cluster, record: &Record, set: &AgreementSet, view: View) -> Result<Vec<RecordBatch>, EngineError> {
    let (url, tls) = (cluster.url.as_str(), cluster.tls.as_ref());
    let place = host_and_port(url)
        .ok_or_else(|| EngineError::Ask(format!("--cluster {url}: write the address of the scheduler like http://10.0.0.1:50050")))?;
    let silent = |e: std::io::Error| EngineError::Ask(format!("the scheduler {url} {SILENT}: {e}; start one with `treaty scheduler`"));
    TcpStream::connect(place).map_err(silent)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = match url.split_once("://") {
        None => format!("{scheme}://{url}"),
        Some((named, _)) if named == scheme => url.to_owned(),
        Some(("https", _)) => {
            let help = "with --tls DIR: ca.pem, cert.pem and key.pem";
            return Err(EngineError::Ask(format!("--cluster {url}: say where your certificates are, {help}")));
        }
        Some((_, place)) => return Err(EngineError::Ask(format!("--cluster {url}: with --tls, write https://{place}"))),
    };
    let codec = Codec::new(Depot::new(None));
    let order = Order::new(record, set, view, PARTITIONS)?;
    let state = SessionStateBuilder::new().with_config(config(&codec, tls)).with_default_features().build();
    let cx = SessionContext::new_with_state(state.upgrade_for_ballista(url.clone())?);
    let pass = cx.read_table(Arc::new(PassTable(Arc::new(order))))?;
    pass.collect().await.map_err(|e| EngineError::Ask(format!("the cluster {url} could not run the pass: {}", advised(&short(&e)))))
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
