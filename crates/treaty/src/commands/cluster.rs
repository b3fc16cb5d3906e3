//! `scheduler` and `worker`.

use super::Outcome;
use crate::args::Wire;
use crate::home::Home;
use crate::output;
use std::net::SocketAddr;
use std::path::Path;
use treaty_cluster::{Post, Tls};

/// Certificates, if the wire is encrypted.
///
/// # Errors
/// When they cannot be used.
pub fn tls(wire: &Wire) -> Result<Option<Tls>, String> {
    wire.tls.as_deref().map(Tls::read).transpose()
}

/// Runs a scheduler.
pub async fn scheduler(bind: SocketAddr, wire: &Wire) -> Outcome {
    let tls = tls(wire)?;
    let (how, more) = if tls.is_some() { (", encrypted", " --tls DIR") } else { ("", "") };
    output::remark(&format!("scheduler on {bind}{how}; workers join with `treaty -C HOME worker --scheduler {bind}{more}`"));
    treaty_cluster::scheduler(bind, tls).await.map_err(|e| e.to_string())?;
    Ok(0)
}

/// Runs a worker.
pub async fn worker(
    dir: &Path,
    scheduler: &str,
    bind: SocketAddr,
    host: Option<String>,
    cores: Option<usize>,
    wire: &Wire,
) -> Outcome {
    let tls = tls(wire)?;
    let home = Home::open(dir)?;
    let place = treaty_cluster::host_and_port(scheduler).map(|(host, port)| (host.to_owned(), port));
    let place = place.ok_or_else(|| format!("`{scheduler}` is no host and port; write it like 10.0.0.1:50050"))?;
    if bind.port() == u16::MAX || bind.port() == 0 {
        return Err(format!("--bind {bind}: name a port between 1 and 65534; the one behind it is used, too"));
    }
    let host = match host {
        Some(host) => host,
        None if bind.ip().is_unspecified() => {
            return Err(format!("--bind {bind} listens on every address; say with --host under which one others reach this worker"));
        }
        None => bind.ip().to_string(),
    };
    let cores = cores.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)).max(1);
    let record = home.record().await?;
    output::remark(&format!("worker on {bind} for the scheduler {scheduler}, over {}", record.place()));
    treaty_cluster::worker(&record, Post { scheduler: place, bind, host, cores, tls }).await.map_err(|e| e.to_string())?;
    Ok(0)
}
