//! Certificates: with them the wire is encrypted, and both ends of it show that they belong to the cluster.

use ballista_core::extension::EndpointOverrideFn;
use ballista_core::utils::create_grpc_client_endpoint;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, Server, ServerTlsConfig};

/// The certificate of the authority of a cluster, and of one who belongs to it, with their key.
#[derive(Clone)]
pub struct Tls {
    authority: Certificate,
    own: Identity,
}

/// The files of a folder of certificates, and what begins what they hold.
const FILES: [(&str, &str, &str); 3] = [
    ("ca.pem", "-----BEGIN CERTIFICATE-----", "the certificate of the cluster's authority"),
    ("cert.pem", "-----BEGIN CERTIFICATE-----", "the certificate of this machine"),
    ("key.pem", "PRIVATE KEY-----", "the private key of this machine's certificate"),
];

impl Tls {
    /// Reads `ca.pem`, `cert.pem` and `key.pem` of a folder.
    ///
    /// # Errors
    /// When files are missing or hold something else: all of them.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let mut faults = Vec::new();
        let texts = FILES.map(|(name, begins, what)| {
            let file = folder.join(name);
            let fault = match std::fs::read_to_string(&file) {
                Ok(text) if text.contains(begins) => return text,
                Ok(_) => format!("{} does not hold {what} (PEM)", file.display()),
                Err(e) => format!("{}, {what}, cannot be read: {e}", file.display()),
            };
            faults.push(fault);
            String::new()
        });
        if !faults.is_empty() {
            return Err(faults.join("\n"));
        }
        // Several cryptographic libraries are linked; who came first has chosen one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let [authority, own, key] = texts;
        let tls = Self { authority: Certificate::from_pem(authority), own: Identity::from_pem(own, key) };
        let unusable = |e: tonic::transport::Error| {
            let reason = e.source().map_or_else(|| e.to_string(), ToString::to_string);
            format!("the certificates in {} cannot be used: {reason}", folder.display())
        };
        Server::builder().tls_config(tls.server()).map_err(unusable)?;
        Endpoint::from_static("https://localhost").tls_config(tls.client()).map_err(unusable)?;
        Ok(tls)
    }

    /// For who listens: only those are let in whose certificate is of the authority.
    pub(crate) fn server(&self) -> ServerTlsConfig {
        ServerTlsConfig::new().identity(self.own.clone()).client_ca_root(self.authority.clone())
    }

    /// For who connects: only those are talked to whose certificate is of the authority, and names their host.
    fn client(&self) -> ClientTlsConfig {
        ClientTlsConfig::new().identity(self.own.clone()).ca_certificate(self.authority.clone())
    }

    /// Makes endpoints talk so, those too that were made for a wire that is not encrypted.
    pub(crate) fn endpoints(&self) -> EndpointOverrideFn {
        let client = self.client();
        Arc::new(move |endpoint: Endpoint| {
            let address = endpoint.uri().to_string();
            let endpoint = match address.strip_prefix("http://") {
                None => endpoint,
                Some(place) => create_grpc_client_endpoint(format!("https://{place}"), None)?
                    .connect_timeout(Duration::from_secs(20))
                    .tcp_nodelay(true)
                    .http2_keep_alive_interval(Duration::from_secs(30))
                    .keep_alive_while_idle(true),
            };
            Ok(endpoint.tls_config(client.clone())?)
        })
    }
}

/// As it is shown: it knows a key.
impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}
