//! `[backend.cookie]`: HAProxy's `cookie` line and the combinations that it refuses.

use std::time::Duration;

use toml::Spanned;

use crate::config::model::Cookie;
use crate::config::reader::{quoted, shown};
use crate::config::report::Findings;
use crate::config::schema;
use crate::limits;

/// Checks the table. With errors, what is returned is never used.
pub fn check(written: &schema::Cookie, findings: &mut Findings) -> Cookie {
    let mode = mode(written, findings);
    refuse_combinations(written, mode, findings);
    if let Some(name) = &written.name {
        check_name(name, findings);
    }
    written.domain.iter().for_each(|domain| check_domain(domain, findings));
    written.attr.iter().for_each(|attribute| check_attribute(attribute, findings));
    let flag = |value: &Option<Spanned<bool>>| value.as_ref().is_some_and(|flag| *flag.get_ref());
    let texts = |values: &[Spanned<String>]| values.iter().map(|value| value.get_ref().clone()).collect();
    Cookie {
        name: written.name.as_ref().map(|name| name.get_ref().clone()).unwrap_or_default(),
        indirect: flag(&written.indirect),
        nocache: flag(&written.nocache),
        preserve: flag(&written.preserve),
        postonly: flag(&written.postonly),
        httponly: flag(&written.httponly),
        secure: flag(&written.secure),
        maxidle: whole_seconds(written.maxidle.as_ref(), findings),
        maxlife: whole_seconds(written.maxlife.as_ref(), findings),
        domain: texts(&written.domain),
        attr: texts(&written.attr),
    }
}

fn mode(written: &schema::Cookie, findings: &mut Findings) -> &'static str {
    let Some(mode) = &written.mode else { return "insert" };
    if *mode.get_ref() != "insert" {
        let message = format!("the cookie `mode = \"{}\"` is not supported yet", mode.get_ref());
        findings.error(mode.span(), message, "write `mode = \"insert\"`, or remove the key");
    }
    mode.get_ref()
}

/// HAProxy 3.5 refuses to start with `rewrite indirect`, and with `preserve` without `insert` or `indirect`.
fn refuse_combinations(written: &schema::Cookie, mode: &str, findings: &mut Findings) {
    let set =
        |value: &Option<Spanned<bool>>| value.as_ref().filter(|flag| *flag.get_ref()).map(Spanned::span);
    if mode == "rewrite"
        && let Some(span) = set(&written.indirect)
    {
        let message = "`indirect` cannot be combined with `mode = \"rewrite\"`";
        findings.error(span, message, "remove `indirect`, or write `mode = \"insert\"`");
    }
    if mode != "insert"
        && set(&written.indirect).is_none()
        && let Some(span) = set(&written.preserve)
    {
        let message = "`preserve` needs `mode = \"insert\"` or `indirect = true`";
        findings.error(span, message, "remove `preserve`, or write `mode = \"insert\"`");
    }
}

/// RFC 6265 section 4.1.1: a cookie name is a token of RFC 9110 section 5.6.2.
fn check_name(name: &Spanned<String>, findings: &mut Findings) {
    if !is_token(name.get_ref()) || name.get_ref().len() > limits::NAME_LENGTH {
        let message = format!("{} is not a cookie name", quoted(name.get_ref()));
        let help = format!("use 1 to {} letters, digits and !#$%&'*+-.^_`|~", limits::NAME_LENGTH);
        findings.error(name.span(), message, help);
    } else if name.get_ref().starts_with('$') {
        // RFC 2965 attributes begin with `$`; HAProxy skips such tokens and would never find the cookie.
        let message = format!("{} would never be found: `$` begins an attribute", quoted(name.get_ref()));
        findings.error(name.span(), message, "use a name that does not begin with `$`");
    }
}

/// HAProxy: host name characters or nothing; without an embedded dot it warns, browsers ignore such a domain.
fn check_domain(domain: &Spanned<String>, findings: &mut Findings) {
    let text = domain.get_ref();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if text.is_empty() || text.len() > 255 || !text.bytes().all(allowed) {
        let message = format!("{} is not a domain", shown(text));
        findings.error(
            domain.span(),
            message,
            "write a host name of letters, digits, `-` and `.`, such as \".example.com\"",
        );
    } else if !text.contains('.') {
        let message = format!("browsers refuse a cookie for the domain {}: it has no dot", shown(text));
        findings.warning(domain.span(), message, "write the whole domain, such as \".example.com\"");
    }
}

/// HAProxy: no control character and no `;`. A comma is left to the user, as in `Expires`.
fn check_attribute(attribute: &Spanned<String>, findings: &mut Findings) {
    let text = attribute.get_ref();
    if text.trim().is_empty() || text.contains(';') || text.chars().any(char::is_control) || !text.is_ascii()
    {
        let message = format!("{} is not one cookie attribute", shown(text));
        let help = "write one attribute without `;` in each entry, such as attr = [\"SameSite=Lax\"]";
        findings.error(attribute.span(), message, help);
    }
}

/// A server's id: it is sent as the cookie's value, so RFC 6265's cookie-octets without the `|` that
/// separates the dates.
pub fn check_server_value(value: &Spanned<String>, findings: &mut Findings) {
    let text = value.get_ref();
    let allowed = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\|".contains(&byte);
    if text.is_empty() || text.len() > limits::NAME_LENGTH || !text.bytes().all(allowed) {
        let message = format!("{} is not a cookie value", shown(text));
        let help = format!(
            "use 1 to {} visible ASCII characters other than `\"` `,` `;` `\\` `|`, such as \"w01\"",
            limits::NAME_LENGTH
        );
        findings.error(value.span(), message, help);
    }
}

/// The cookie's dates count seconds.
fn whole_seconds(value: Option<&Spanned<Duration>>, findings: &mut Findings) -> Option<Duration> {
    let value = value?;
    if value.get_ref().subsec_nanos() != 0 {
        let help = format!("write \"{}s\"", value.get_ref().as_secs());
        findings.error(value.span(), "a cookie's age counts whole seconds", help);
    }
    Some(*value.get_ref())
}

/// RFC 9110 section 5.6.2.
pub fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}
