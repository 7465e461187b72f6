//! `[log]`: where access-log lines go.

use std::path::Path;

use toml::Spanned;

use super::address;
use super::whole::Place;
use crate::config::model::{Log, LogFormat, LogTarget};
use crate::config::reader::shown;
use crate::config::report::Findings;
use crate::config::schema::{self, FACILITIES};

/// Where HAProxy's users already collect their lines.
const DEFAULT_TARGET: &str = "/dev/log";

/// Number of local0 (RFC 3164 section 4.1.1).
const DEFAULT_FACILITY: u8 = 16;

/// What every error about a target advises.
const TARGET_HELP: &str = "write \"stdout\", \"stderr\", \"file:PATH\", \"syslog:/dev/log\", \
    \"syslog:udp://127.0.0.1:514\" or \"off\"";

/// Checks the table; without it, lines go to the local syslog socket.
pub fn check(written: Option<&schema::Log>, place: &Place<'_>, findings: &mut Findings) -> Option<Log> {
    let target = written.and_then(|log| log.target.as_ref());
    let format = written.and_then(|log| log.format.as_ref());
    let facility = written.and_then(|log| log.facility.as_ref());
    if let Some(format) = format
        && *format.get_ref() != "haproxy"
    {
        let message = format!("`format = \"{}\"` is not supported yet", format.get_ref());
        findings.error(format.span(), message, "write `format = \"haproxy\"`, or remove the key");
    }
    Some(Log {
        target: match target {
            Some(target) => log_target(target, place, findings)?,
            None => LogTarget::SyslogLocal(Path::new(DEFAULT_TARGET).into()),
        },
        format: LogFormat::Haproxy,
        facility: facility.map_or(DEFAULT_FACILITY, |name| facility_number(name.get_ref())),
    })
}

fn log_target(target: &Spanned<String>, place: &Place<'_>, findings: &mut Findings) -> Option<LogTarget> {
    let text = target.get_ref().as_str();
    match text {
        "off" => return Some(LogTarget::Off),
        "stdout" => return Some(LogTarget::Stdout),
        "stderr" => return Some(LogTarget::Stderr),
        _ => {}
    }
    if let Some(address) = text.strip_prefix("syslog:udp://") {
        let address = Spanned::new(target.span(), address.to_owned());
        return address::to_connect(&address, "syslog:udp://127.0.0.1:514", findings)
            .map(LogTarget::SyslogUdp);
    }
    if let Some(path) = text.strip_prefix("syslog:").filter(|path| path.starts_with('/')) {
        return Some(LogTarget::SyslogLocal(path.into()));
    }
    if let Some(path) = text.strip_prefix("file:").filter(|path| !path.is_empty()) {
        return Some(LogTarget::File(place.path(path)));
    }
    findings.error(target.span(), format!("the log cannot go to {}", shown(text)), TARGET_HELP);
    None
}

fn facility_number(name: &str) -> u8 {
    let number = FACILITIES.iter().position(|facility| *facility == name);
    number.and_then(|number| u8::try_from(number).ok()).unwrap_or(DEFAULT_FACILITY)
}
