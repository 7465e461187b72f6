//! Version, interval, password, checksum: what goes into an advert, and what its version can carry.

use std::time::Duration;

use ipnet::IpNet;
use toml::Spanned;

use crate::config::model::{AuthPass, Checksum, Version};
use crate::config::report::Findings;
use crate::config::schema;
use crate::config::units::show_duration;
use crate::limits::ha as limits;

/// The choices that belong to the protocol.
pub struct Protocol {
    pub version: Version,
    pub advert_interval: Duration,
    pub auth_pass: Option<AuthPass>,
    pub checksum: Checksum,
}

/// Checks them; where one cannot be used its default stands in.
pub fn check(written: &schema::Ha, addresses: &[Spanned<IpNet>], findings: &mut Findings) -> Protocol {
    let version = match written.version.as_ref().map(|number| *number.get_ref()) {
        Some(3) => Version::V3,
        _ => Version::V2,
    };
    if version == Version::V2
        && let Some(entry) = addresses.iter().find(|entry| entry.get_ref().addr().is_ipv6())
    {
        findings.error(entry.span(), "version 2 carries IPv4 addresses only", "add `version = 3` to [ha]");
    }
    let interval = written.advert_interval.as_ref();
    if let Some(interval) = interval {
        check_interval(version, interval, findings);
    }
    Protocol {
        version,
        advert_interval: interval.map_or(limits::ADVERT_INTERVAL, |interval| *interval.get_ref()),
        auth_pass: password(version, written, findings),
        checksum: checksum(version, written, addresses, findings),
    }
}

fn check_interval(version: Version, written: &Spanned<Duration>, findings: &mut Findings) {
    let interval = *written.get_ref();
    let (message, help) = match version {
        Version::V2 if !is_multiple(interval, Duration::from_secs(1)) => (
            format!("version 2 sends whole seconds, and {} is none", show_duration(interval)),
            "write \"1s\", or add `version = 3`, which goes down to \"10ms\"; the same on every node".into(),
        ),
        Version::V3 if interval > limits::ADVERT_INTERVAL_MAX_V3 => {
            let most = show_duration(limits::ADVERT_INTERVAL_MAX_V3);
            ("version 3 cannot send so long an interval".into(), format!("write at most \"{most}\""))
        }
        Version::V3 if !is_multiple(interval, limits::ADVERT_STEP) => {
            let step = limits::ADVERT_STEP.as_millis();
            let below = interval.as_millis() / step * step;
            let help = format!("write \"{below}ms\" or \"{}ms\"", below + step);
            (format!("version 3 sends steps of 10ms, and {} is none", show_duration(interval)), help)
        }
        _ => return,
    };
    findings.error(written.span(), message, help);
}

fn is_multiple(interval: Duration, step: Duration) -> bool {
    interval.as_millis().is_multiple_of(step.as_millis())
}

/// RFC 2338's simple text password: eight bytes, cut and padded as keepalived does. It is never shown.
fn password(version: Version, written: &schema::Ha, findings: &mut Findings) -> Option<AuthPass> {
    let written_pass = written.auth_pass.as_ref()?;
    let bytes = written_pass.get_ref().0.as_bytes();
    let span = written_pass.span();
    let mut sent = [0; 8];
    if version == Version::V3 {
        let help = "remove `auth_pass`: version 3 has no password; `transport = \"udp\"` has a secret";
        findings.error(span, "`auth_pass` cannot be sent with version 3", help);
    } else if bytes.is_empty() {
        findings.error(span, "`auth_pass` is empty", "write 1 to 8 characters, or remove the key");
    } else if bytes.contains(&0) {
        let help = "use letters and digits: the password is padded with zero bytes";
        findings.error(span, "`auth_pass` holds a zero byte", help);
    } else {
        if let Some(cut) = bytes.len().checked_sub(sent.len()).filter(|cut| *cut > 0) {
            let message = format!(
                "version 2 sends 8 bytes of a password: the first 8 of `auth_pass` are sent and the last {cut} \
                 cut, as keepalived cuts them"
            );
            findings.warning(
                span.clone(),
                message,
                "write the first 8 alone; the nodes understand each other either way",
            );
        }
        if written.transport.as_ref().is_some_and(|transport| *transport.get_ref() == "udp") {
            let message = "`auth_pass` adds nothing to the secret of `transport = \"udp\"`";
            findings.warning(span, message, "remove `auth_pass`");
        }
    }
    let length = bytes.len().min(sent.len());
    sent[..length].copy_from_slice(&bytes[..length]);
    Some(AuthPass(sent))
}

fn checksum(
    version: Version,
    written: &schema::Ha,
    addresses: &[Spanned<IpNet>],
    findings: &mut Findings,
) -> Checksum {
    let Some(word) = &written.checksum else { return Checksum::PseudoHeader };
    let ipv4 = addresses.first().is_none_or(|first| first.get_ref().addr().is_ipv4());
    if version == Version::V2 || !ipv4 {
        let message = "`checksum` has no effect: there is a choice in version 3 over IPv4 only";
        findings.warning(word.span(), message, "remove `checksum`");
    }
    match *word.get_ref() {
        "rfc9568" => Checksum::Rfc9568,
        _ => Checksum::PseudoHeader,
    }
}
