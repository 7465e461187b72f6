//! Choice of a certificate by the name that the client asks for (SNI, RFC 6066 section 3).
//!
//! Called by `rustls` in each full handshake. HAProxy's order: the exact name, then the wildcard of
//! one left-most label, then the first certificate loaded. It never refuses a handshake for its name.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{SignatureAlgorithm, SignatureScheme};

use super::certificates::Certificate;

/// Certificates by name. Immutable; a new set is a new resolver.
#[derive(Debug)]
pub struct SniResolver {
    /// By lower-case name; several when a name has certificates of several key types.
    exact: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// By what follows `*.` in a wildcard name.
    wildcard: HashMap<String, Vec<Arc<CertifiedKey>>>,
    first: Arc<CertifiedKey>,
}

impl SniResolver {
    /// Where two certificates of one key type share a name, the earlier serves it.
    /// `None` without a certificate.
    pub fn new(certificates: &[Certificate]) -> Option<Self> {
        let first = certificates.first()?.certified_key.clone();
        let mut resolver = Self { exact: HashMap::new(), wildcard: HashMap::new(), first };
        for certificate in certificates {
            for name in &certificate.names {
                let (map, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut resolver.wildcard, parent),
                    None => (&mut resolver.exact, name.as_str()),
                };
                map.entry(name.to_owned()).or_default().push(certificate.certified_key.clone());
            }
        }
        for keys in resolver.exact.values_mut().chain(resolver.wildcard.values_mut()) {
            // A stable sort: HAProxy prefers ECDSA where the client can verify it.
            keys.sort_by_key(|key| key.key.algorithm() == SignatureAlgorithm::RSA);
        }
        Some(resolver)
    }

    /// The certificate for a name, compared without regard to case, and for what the client can verify.
    pub fn choose(&self, name: Option<&str>, schemes: &[SignatureScheme]) -> Arc<CertifiedKey> {
        let keys = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            let parent = name.split_once('.').map(|(_, parent)| parent);
            self.exact.get(&name).or_else(|| self.wildcard.get(parent?))
        });
        let Some(keys) = keys else { return self.first.clone() };
        let usable = keys.iter().find(|key| key.key.choose_scheme(schemes).is_some());
        usable.or(keys.first()).unwrap_or(&self.first).clone()
    }
}

impl ResolvesServerCert for SniResolver {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.choose(client_hello.server_name(), client_hello.signature_schemes()))
    }
}

#[cfg(test)]
mod tests;
