//! `request_headers` and `response_headers`: names that may be changed, values that can be sent.

use std::collections::HashSet;

use toml::Spanned;

use crate::config::reader::{quoted, shown};
use crate::config::report::Findings;
use crate::config::schema;
use crate::http::header_rules::{Direction, HeaderRules, NewField, forbidden};
use crate::http::{scan, target};
use crate::limits;

/// Checks one table; `None` where it is absent or empty. With errors, what is returned is never used.
pub fn check(
    written: Option<&schema::HeaderRules>,
    direction: Direction,
    findings: &mut Findings,
) -> Option<HeaderRules> {
    let written = written?;
    for name in &written.remove {
        check_name(name, direction, false, findings);
    }
    let mut set_names = HashSet::new();
    for (name, value) in &written.set {
        check_field(name, value, direction, true, findings);
        if !set_names.insert(name.get_ref().to_ascii_lowercase()) {
            let message = format!("{} is set twice", quoted(name.get_ref()));
            findings.error(name.span(), message, "names are the same in any case: leave one, or use `add`");
        }
    }
    for (name, value) in &written.add {
        check_field(name, value, direction, false, findings);
    }
    let remove: Vec<String> = written.remove.iter().map(|name| name.get_ref().clone()).collect();
    let rules = HeaderRules::new(&remove, &fields(&written.set), &fields(&written.add));
    check_size(&rules, written, findings);
    (rules != HeaderRules::default()).then_some(rules)
}

fn fields(written: &[(Spanned<String>, Spanned<String>)]) -> Vec<NewField> {
    written.iter().map(|(name, value)| (name.get_ref().clone(), value.get_ref().clone())).collect()
}

/// Heads grow into the room before a buffer's data: what rules add has to fit there.
fn check_size(rules: &HeaderRules, written: &schema::HeaderRules, findings: &mut Findings) {
    let size = rules.lines().len();
    if size > limits::HEADER_RULES_SIZE {
        let message = format!("these rules add {size} bytes to every message");
        let help = format!("at most {} fit; let the servers send long fields", limits::HEADER_RULES_SIZE);
        findings.error(written.span.clone(), message, help);
    }
    if written.remove.len() + written.set.len() > limits::HEADER_RULES {
        let help = format!("write at most {}", limits::HEADER_RULES);
        findings.error(written.span.clone(), "there are too many rules", help);
    }
}

fn check_name(name: &Spanned<String>, direction: Direction, sets: bool, findings: &mut Findings) {
    let text = name.get_ref();
    if !scan::is_token(text.as_bytes()) || text.len() > limits::NAME_LENGTH {
        let message = format!("{} is not the name of a header field", quoted(text));
        let help = format!("use 1 to {} letters, digits, `-` and `_`", limits::NAME_LENGTH);
        findings.error(name.span(), message, help);
    } else if let Some(why) = forbidden(text, direction, sets) {
        let message = format!("no rule may change {}: {why}", quoted(text));
        findings.error(name.span(), message, "remove it from the rules");
    }
}

fn check_field(
    name: &Spanned<String>,
    value: &Spanned<String>,
    direction: Direction,
    sets: bool,
    findings: &mut Findings,
) {
    check_name(name, direction, sets, findings);
    let text = value.get_ref();
    let is_printable = text.bytes().all(|byte| byte == b' ' || byte == b'\t' || byte.is_ascii_graphic());
    if !is_printable || text.trim() != text {
        let message = format!("{} cannot be the value of a header field", shown(text));
        let help = "use printable ASCII, without spaces at its ends";
        findings.error(value.span(), message, help);
    } else if name.get_ref().eq_ignore_ascii_case("host") && !target::is_host(text.as_bytes()) {
        findings.error(value.span(), format!("{} is not a host", shown(text)), "write \"www.example.com\"");
    } else if text.contains("%[") {
        let message = "a value is sent as it stands: `%[` begins no expression here";
        findings.warning(value.span(), message, "write the text that is to be sent");
    }
}
