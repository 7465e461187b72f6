//! From options to rustls' configuration of a client.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, Tls12Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::limits::TICKETS_MAX;

/// Whose certificates are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// The system's authorities.
    #[default]
    System,
    /// Those in a PEM file.
    File(PathBuf),
    /// Everybody's: for tests, where the handshake's cost matters and not whom it is with.
    Anybody,
}

/// One version only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// Options of TLS.
#[derive(Debug, Clone, Default)]
pub struct ClientTls {
    /// Whose certificates are believed.
    pub trust: Trust,
    /// `None`: both versions are offered.
    pub version: Option<Version>,
    /// Protocols offered (RFC 7301), best first.
    pub alpn: Vec<String>,
    /// Whether sessions are resumed.
    pub resumes: bool,
}

/// Why TLS cannot be used.
#[derive(Debug)]
pub enum TlsError {
    /// No authorities to believe.
    Authorities(String),
    /// rustls refuses the options.
    Options(rustls::Error),
}

impl std::fmt::Display for TlsError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Authorities(why) => write!(formatter, "no certificate authorities: {why}"),
            Self::Options(error) => write!(formatter, "TLS cannot be used like this: {error}"),
        }
    }
}

impl ClientTls {
    /// A configuration as `config`, with a session cache of its own: each engine thread has one, so that
    /// they share no lock.
    pub fn apart(&self, config: &ClientConfig) -> ClientConfig {
        let mut config = config.clone();
        config.resumption = self.resumption();
        config
    }

    /// The configuration; reads the authorities, which takes some milliseconds.
    ///
    /// # Errors
    /// There is nobody to believe, or rustls refuses the options.
    pub fn build(&self) -> Result<ClientConfig, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let versions: &[&rustls::SupportedProtocolVersion] = match self.version {
            None => &[&rustls::version::TLS13, &rustls::version::TLS12],
            Some(Version::Tls12) => &[&rustls::version::TLS12],
            Some(Version::Tls13) => &[&rustls::version::TLS13],
        };
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .map_err(TlsError::Options)?;
        let mut config = match &self.trust {
            Trust::Anybody => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(BelieveAnybody(provider)))
                .with_no_client_auth(),
            Trust::System => builder.with_root_certificates(system_authorities()?).with_no_client_auth(),
            Trust::File(path) => {
                builder.with_root_certificates(read_authorities(path)?).with_no_client_auth()
            }
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.clone().into_bytes()).collect();
        config.resumption = self.resumption();
        Ok(config)
    }

    fn resumption(&self) -> Resumption {
        match self.resumes {
            true => Resumption::in_memory_sessions(TICKETS_MAX)
                .tls12_resumption(Tls12Resumption::SessionIdOrTickets),
            false => Resumption::disabled(),
        }
    }
}

fn system_authorities() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    let (taken, _) = store.add_parsable_certificates(found.certs);
    match (taken, found.errors.first()) {
        (0, Some(error)) => Err(TlsError::Authorities(error.to_string())),
        (0, None) => Err(TlsError::Authorities("the system has none; use --cacert or --insecure".into())),
        _ => Ok(store),
    }
}

fn read_authorities(path: &PathBuf) -> Result<RootCertStore, TlsError> {
    let wrong = |why: String| TlsError::Authorities(format!("{}: {why}", path.display()));
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))? {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        store.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if store.is_empty() { Err(wrong("no certificate in it".into())) } else { Ok(store) }
}

/// Checks that the peer holds the certificate's key, and nothing about the certificate.
#[derive(Debug)]
struct BelieveAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for BelieveAnybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
