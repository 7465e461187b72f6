//! Throw-away certificates: HAProxy-style PEM files (chain, then key) and the trust to accept them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

/// A self-signed certificate for some names.
pub struct Certificate {
    /// Certificate and private key in one PEM text.
    pub pem: String,
    /// The certificate alone, for comparing with what a server presented.
    pub der: CertificateDer<'static>,
}

impl Certificate {
    /// Signs itself for these DNS names or addresses.
    pub fn for_names(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let pem = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
        Self { pem, der: made.cert.der().clone() }
    }

    /// Writes `NAME.pem` into a folder.
    pub fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(format!("{name}.pem"));
        std::fs::write(&path, &self.pem).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        path
    }

    /// A client that trusts exactly this certificate and speaks these versions.
    pub fn client(&self, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Arc::new(config)
    }

    /// A client for TLS 1.2 and 1.3.
    pub fn any_client(&self) -> Arc<ClientConfig> {
        self.client(rustls::ALL_VERSIONS)
    }
}
