//! `[backend.check]`: HAProxy's `option httpchk` and `check inter rise fall`.

use toml::Spanned;

use super::cookie::is_token;
use super::process::number;
use crate::config::model::{Check, CheckKind};
use crate::config::reader::shown;
use crate::config::report::{Findings, Span};
use crate::config::schema;
use crate::limits;

/// What every error about the request advises.
const HTTP_HELP: &str = "write \"METHOD TARGET [VERSION [HOST]]\", such as \"GET /server.html\" or \
    \"GET /server.html HTTP/1.1 www.example.com\"";

/// Checks the table. `None` when the request makes no sense, which has then been reported.
pub fn check(written: &schema::Check, findings: &mut Findings) -> Option<Check> {
    let kind = match &written.http {
        Some(http) => http_check(http, written.host.as_ref(), findings)?,
        None => {
            if let Some(host) = &written.host {
                let help = "add `http = \"GET /\"`, or remove `host`";
                findings.error(host.span(), "`host` has no effect on a TCP check", help);
            }
            CheckKind::Tcp
        }
    };
    Some(Check {
        kind,
        interval: written.interval.as_ref().map_or(limits::check::INTERVAL, |interval| *interval.get_ref()),
        rise: number(written.rise.as_ref(), limits::check::RISE),
        fall: number(written.fall.as_ref(), limits::check::FALL),
    })
}

fn http_check(
    http: &Spanned<String>,
    host_key: Option<&Spanned<String>>,
    findings: &mut Findings,
) -> Option<CheckKind> {
    let span = http.span();
    let mut words = http.get_ref().split(' ').filter(|word| !word.is_empty());
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let (version, host_word) = (words.next().unwrap_or("HTTP/1.0"), words.next());
    if words.next().is_some() || http.get_ref().chars().any(char::is_control) {
        findings.error(span, "the check request has more than four words or a control character", HTTP_HELP);
        return None;
    }
    check_request_line(method, target, version, &span, findings)?;
    if let (Some(_), Some(key)) = (host_word, host_key) {
        findings.error(
            key.span(),
            "the host stands in `http` already",
            "remove `host`, or the last word of `http`",
        );
        return None;
    }
    let host = host_word.or(host_key.map(|key| key.get_ref().as_str()));
    if let Some(host) = host
        && !is_host(host)
    {
        let place = host_key.map_or(span, Spanned::span);
        findings.error(
            place,
            format!("{} is not a host", shown(host)),
            "write a host name, such as \"www.example.com\"",
        );
        return None;
    }
    if version == "HTTP/1.1" && host.is_none() {
        // RFC 9112 section 3.2: a request of HTTP/1.1 without Host is answered 400.
        let help = format!(
            "write \"{method} {target} HTTP/1.1 www.example.com\", or add `host = \"www.example.com\"`"
        );
        findings.error(span, "a check with HTTP/1.1 needs a host", help);
        return None;
    }
    Some(CheckKind::Http {
        method: method.into(),
        target: target.into(),
        version: version.into(),
        host: host.map(str::to_owned),
    })
}

fn check_request_line(
    method: &str,
    target: &str,
    version: &str,
    span: &Span,
    findings: &mut Findings,
) -> Option<()> {
    let fault = if target.is_empty() && method.starts_with('/') {
        format!("the check request {} has no method", shown(method))
    } else if !is_token(method) {
        format!("{} is not a method", shown(method))
    } else if !(target.starts_with('/') || target == "*")
        || !target.bytes().all(|byte| byte.is_ascii_graphic())
    {
        format!("the target {} does not begin with `/`", shown(target))
    } else if !matches!(version, "HTTP/1.0" | "HTTP/1.1") {
        format!("{} is neither HTTP/1.0 nor HTTP/1.1", shown(version))
    } else {
        return Some(());
    };
    findings.error(span.clone(), fault, HTTP_HELP);
    None
}

/// Characters of RFC 3986's host and port, so that nothing can be smuggled into the request.
fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(&byte);
    !host.is_empty() && host.len() <= 255 && host.bytes().all(allowed)
}
