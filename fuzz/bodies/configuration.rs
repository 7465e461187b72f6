//! A configuration text: checked or refused, never a panic, every finding at a place in the text.

use std::path::Path;

use torii::config;

/// One input.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if names_a_file_outside(text) {
        return;
    }
    let report = match config::parse(text, "t.toml", Path::new("/nonexistent")) {
        Ok(config) => {
            return config.warnings.iter().for_each(|warning| check_finding(text, warning, "warning"));
        }
        Err(report) => report,
    };
    assert!(!report.errors.is_empty(), "refused without a reason");
    report.errors.iter().for_each(|error| check_finding(text, error, "error"));
    report.warnings.iter().for_each(|warning| check_finding(text, warning, "warning"));
}

/// Certificates, password files and lists are read while checking. Relative ones do not exist;
/// absolute ones might, and some of them would never end. Escapes could hide either word.
fn names_a_file_outside(text: &str) -> bool {
    let is_hidden = ["\\u", "\\U", "\\x"].iter().any(|escape| text.contains(escape));
    let names_a_file = text.contains("certificate") || text.contains("file");
    is_hidden || names_a_file && text.contains('/')
}

/// `error: message`, `--> t.toml:line:column` inside the text, the line with a caret, `help: …`.
fn check_finding(text: &str, finding: &str, kind: &str) {
    let bad = finding.chars().find(|character| character.is_control() && *character != '\n');
    assert!(bad.is_none(), "{bad:?} would reach a terminal: {finding:?}");
    let message =
        finding.strip_prefix(kind).and_then(|rest| rest.strip_prefix(": ")).expect("its kind first");
    if message.starts_with("and ") && message.ends_with(" more like these") {
        return;
    }
    let Some((_, place)) = finding.split_once("--> t.toml:") else {
        assert!(finding.contains("--> t.toml"), "no place: {finding}");
        return;
    };
    let mut numbers = place.lines().next().expect("a line").split(':').map(|number| number.parse::<usize>());
    let (Some(Ok(line)), Some(Ok(column)), None) = (numbers.next(), numbers.next(), numbers.next()) else {
        panic!("no line and column: {finding}")
    };
    let lines: Vec<&str> = text.split('\n').collect();
    let there = lines.get(line - 1).unwrap_or_else(|| panic!("line {line} of {}: {finding}", lines.len()));
    assert!(column <= there.chars().count() + 1, "column {column} of {there:?}");
    assert!(finding.contains('^'), "no caret: {finding}");
    assert!(finding.contains("\nhelp: "), "no help: {finding}");
}
