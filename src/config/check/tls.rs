//! `[listener.tls]` and `[stats.tls]`: certificates are loaded and the `rustls` configuration is built.

use super::whole::Place;
use crate::config::model::{Mode, Tls};
use crate::config::report::Findings;
use crate::config::schema;
use crate::tls::{MinVersion, certificates, server_config};

/// What is spoken inside TLS (RFC 7301: its ALPN name). In tcp mode that is not known: a client that
/// offers names gets none, and speaks what it likes.
fn alpn(mode: Mode) -> &'static [&'static [u8]] {
    match mode {
        Mode::Http => &[b"http/1.1"],
        Mode::Tcp => &[],
    }
}

/// Loads every certificate of a table and reports each that cannot serve. The schema has reported
/// an absent or empty list.
pub fn check(written: &schema::Tls, mode: Mode, place: &Place<'_>, findings: &mut Findings) -> Option<Tls> {
    let list = written.certificates.as_ref()?;
    if list.get_ref().is_empty() {
        return None;
    }
    let mut paths = Vec::new();
    let mut loaded = Vec::new();
    let mut complete = true;
    for entry in list.get_ref() {
        let path = place.path(entry.get_ref());
        match certificates::load(&path, place.now) {
            Ok(found) => {
                for warning in found.warnings {
                    findings.warning(entry.span(), warning.to_string(), warning.help());
                }
                loaded.extend(found.certificates);
            }
            Err(errors) => {
                complete = false;
                for error in errors {
                    findings.error(entry.span(), error.to_string(), error.help());
                }
            }
        }
        paths.push(path);
    }
    if !complete {
        return None;
    }
    let min_version = match written.min_version.as_ref().map(|version| *version.get_ref()) {
        Some("1.3") => MinVersion::Tls13,
        _ => MinVersion::Tls12,
    };
    match server_config(&loaded, min_version, alpn(mode)) {
        Ok(server_config) => Some(Tls { certificates: paths, server_config }),
        Err(error) => {
            let help = "check the certificate files of this list";
            findings.error(list.span(), format!("TLS cannot be set up: {error}"), help);
            None
        }
    }
}
