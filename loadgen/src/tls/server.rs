//! One TLS session of the bundled origin, and its certificate.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

/// A server's configuration: from PEM files, or with a certificate of its own making that is valid
/// for `localhost` and the loopback addresses.
///
/// # Errors
/// In words: the files cannot be used.
pub fn server_config(files: Option<(&Path, &Path)>) -> Result<Arc<ServerConfig>, String> {
    let (chain, key) = match files {
        Some((chain, key)) => read_pair(chain, key)?,
        None => make_pair()?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| error.to_string())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn read_pair(chain: &Path, key: &Path) -> Result<Pair, String> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(chain).map_err(|error| wrong(chain, &error))?.collect();
    let certificates = certificates.map_err(|error| wrong(chain, &error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    Ok((certificates, key))
}

fn make_pair() -> Result<Pair, String> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| error.to_string())?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    Ok((vec![made.cert.der().clone()], key.into()))
}

/// A session of the origin.
pub struct ServerSession(ServerConnection);

impl ServerSession {
    /// Before the client's first message.
    ///
    /// # Errors
    /// rustls has no memory or no randomness.
    pub fn new(config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let mut connection = ServerConnection::new(config)?;
        connection.set_buffer_limit(None);
        Ok(Self(connection))
    }

    /// Takes records in; appends plaintext.
    ///
    /// # Errors
    /// The client broke the protocol; an alert may be left to take.
    pub fn feed(&mut self, mut records: &[u8], plaintext: &mut Vec<u8>) -> Result<(), rustls::Error> {
        while !records.is_empty() {
            // Reading from memory fails only when plaintext was left, which is taken below.
            let Ok(count) = self.0.read_tls(&mut records) else { break };
            self.0.process_new_packets()?;
            // Ends with an error when there is no more, or none will come.
            let _ = self.0.reader().read_to_end(plaintext);
            if count == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Seals plaintext and appends all records that are due to `output`.
    pub fn seal(&mut self, plaintext: &[u8], output: &mut Vec<u8>) {
        // Both write to memory without a bound: they cannot fail.
        let _ = self.0.writer().write_all(plaintext);
        self.take(output);
    }

    /// Appends the records that are due.
    pub fn take(&mut self, output: &mut Vec<u8>) {
        while self.0.wants_write() && self.0.write_tls(output).is_ok_and(|count| count > 0) {}
    }
}
