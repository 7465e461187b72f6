//! The `rustls` configuration of one listener or of the statistics page.
//!
//! Called by `config::check` and `cli::demo`. Choices that follow HAProxy's defaults: TLS 1.2 and
//! up, the server's preference of ciphers, session tickets on. Choices that do not: aws-lc-rs is named
//! explicitly rather than installed process-wide, one TLS 1.3 ticket is sent instead of several, and no
//! session is kept in memory, so that handshakes share no lock.

use std::sync::Arc;

use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};

use super::certificates::{Certificate, provider};
use super::resolver::SniResolver;

/// Lowest protocol version that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinVersion {
    /// TLS 1.2 and 1.3.
    Tls12,
    /// TLS 1.3 only.
    Tls13,
}

impl MinVersion {
    fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            MinVersion::Tls12 => &FROM_TLS12,
            MinVersion::Tls13 => &FROM_TLS13,
        }
    }
}

static FROM_TLS12: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static FROM_TLS13: [&SupportedProtocolVersion; 1] = [&TLS13];

/// Builds a configuration that serves `certificates` by name, the first being the default.
///
/// `alpn` lists protocols in order of preference. A client that offers ALPN and none of these is
/// refused (RFC 7301 section 3.2); one that offers no ALPN is served.
///
/// # Errors
/// Without a certificate, or when the cryptographic library cannot make a ticket key.
pub fn server_config(
    certificates: &[Certificate],
    min_version: MinVersion,
    alpn: &[&[u8]],
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let no_certificate = || rustls::Error::General("no certificate to serve".into());
    let resolver = SniResolver::new(certificates).ok_or_else(no_certificate)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(min_version.versions())?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    config.ignore_client_order = true;
    config.send_tls13_tickets = 1;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    Ok(Arc::new(config))
}
