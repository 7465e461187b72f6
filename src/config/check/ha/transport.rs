//! `transport`, `udp_port`, `secret_file`: how adverts travel, and the secret that guards them in UDP.

use std::path::Path;

use toml::Spanned;

use crate::config::check::process::number;
use crate::config::check::whole::Place;
use crate::config::model::{Secret, Transport};
use crate::config::report::{Findings, Span};
use crate::config::schema;
use crate::limits::ha as limits;
use crate::small_file::{self, SmallFile};

/// How a secret is made.
const MAKE: &str = "make one with: openssl rand -base64 48 > FILE; chmod 600 FILE; the same on every node";

/// `None` after an error.
pub fn check(written: &schema::Ha, place: &Place<'_>, findings: &mut Findings) -> Option<Transport> {
    let word = written.transport.as_ref().map_or("unicast", |word| *word.get_ref());
    if word == "udp" {
        let port = number(written.udp_port.as_ref(), limits::UDP_PORT);
        let Some(path) = &written.secret_file else {
            let span = written.transport.as_ref().map_or(written.span.clone(), Spanned::span);
            let message = "`transport = \"udp\"` needs a secret, or anybody could take the addresses";
            findings.error(span, message, format!("add `secret_file = \"FILE\"`; {MAKE}"));
            return None;
        };
        let secret = read_secret(&place.path(path.get_ref()), path.span(), findings)?;
        return Some(Transport::Udp { port, secret });
    }
    let port = written.udp_port.as_ref().map(|port| ("udp_port", port.span()));
    let secret = written.secret_file.as_ref().map(|path| ("secret_file", path.span()));
    for (key, span) in port.into_iter().chain(secret) {
        let help = format!("write `transport = \"udp\"`, or remove `{key}`");
        findings.error(span, format!("`{key}` has no effect with `transport = \"{word}\"`"), help);
    }
    Some(if word == "multicast" { Transport::Multicast } else { Transport::Unicast })
}

/// The bytes of the file without the line end that an editor or `echo` leaves.
fn read_secret(file: &Path, span: Span, findings: &mut Findings) -> Option<Secret> {
    let most = limits::SECRET_MAX;
    // A line end more than the longest secret.
    let SmallFile { bytes, mode } = match small_file::read(file, most + 1) {
        Ok(read) => read,
        Err(error) => {
            findings.error(span, format!("{} cannot be read: {error}", file.display()), MAKE);
            return None;
        }
    };
    let secret = bytes.strip_suffix(b"\n").map_or(&*bytes, |line| line.strip_suffix(b"\r").unwrap_or(line));
    if !(limits::SECRET_MIN..=most).contains(&secret.len()) {
        let message = format!(
            "{} holds {} bytes; a secret has {} to {most}",
            file.display(),
            if secret.len() > most { format!("more than {most}") } else { secret.len().to_string() },
            limits::SECRET_MIN
        );
        findings.error(span, message, MAKE);
        return None;
    }
    if mode & 0o004 != 0 {
        let message = format!("everybody on this machine can read {}", file.display());
        findings.warning(span, message, format!("chmod 600 {}", file.display()));
    }
    Some(Secret(secret.into()))
}
