//! What is read out of a leaf certificate: the names it serves and the time it is valid.
//!
//! Called by `tls::certificates`. Nothing here verifies a signature: clients do that.

use std::time::{Duration, SystemTime};

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::limits;

/// Names and validity of a leaf certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafFacts {
    /// Every DNS subject alternative name, then the common name if it looks like a host name, in
    /// lower case and without repeats. May be empty: such a certificate serves only as the default.
    pub names: Vec<String>,
    /// First moment of validity.
    pub not_before: SystemTime,
    /// Last moment of validity.
    pub not_after: SystemTime,
}

/// Reads a leaf certificate. `None` when it is not an X.509 certificate.
pub fn read_leaf(der: &[u8]) -> Option<LeafFacts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    Some(LeafFacts {
        names: dns_names(&certificate),
        not_before: unix_time(validity.not_before.timestamp()),
        not_after: unix_time(validity.not_after.timestamp()),
    })
}

/// HAProxy serves every DNS SAN plus the common name, without regard to case.
fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let alternative = alternative.iter().flat_map(|extension| &extension.value.general_names);
    let alternative = alternative.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
        _ => None,
    });
    let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    let mut names: Vec<String> = Vec::new();
    for name in alternative.chain(common).take(limits::CERTIFICATE_NAMES) {
        let name = name.to_ascii_lowercase();
        if looks_like_host_name(&name) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A common name may be anything ("Example Ltd"); only what an SNI can match is kept.
fn looks_like_host_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'*');
    !name.is_empty() && name.len() <= 255 && name.bytes().all(allowed)
}

fn unix_time(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let shifted = if seconds >= 0 {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    };
    shifted.unwrap_or(SystemTime::UNIX_EPOCH)
}
