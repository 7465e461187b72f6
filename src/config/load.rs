//! From a path or a text to a checked configuration or a report.
//!
//! Called by `cli` (and by `control` when it reloads). Bounds what it reads, finds the secrets
//! before anything is rendered, and never goes on with a text that is not valid TOML.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use toml::de::{DeTable, DeValue, Error as SyntaxError};

use super::check::{self, Place};
use super::model::Config;
use super::report::{Findings, Report, Source, is_secret_key};
use super::schema;
use crate::limits;

/// Reads and checks a file. Relative paths in it are relative to its folder.
///
/// # Errors
/// Everything that is wrong with the file, or the one reason why it cannot be read.
pub fn load(path: &Path) -> Result<Config, Report> {
    let file_name = path.display().to_string();
    let text = read_text(path).map_err(|(message, help)| {
        let mut findings = Findings::default();
        findings.file_error(message, help);
        findings.render(&Source::new(&file_name, ""))
    })?;
    parse(&text, &file_name, path.parent().unwrap_or(Path::new("")))
}

/// Checks a text. `file_name` is shown in errors; `folder` is where relative paths begin.
///
/// # Errors
/// Everything that is wrong with the text.
pub fn parse(text: &str, file_name: &str, folder: &Path) -> Result<Config, Report> {
    let mut findings = Findings::default();
    let mut source = Source::new(file_name, text);
    let (root, syntax_errors) = DeTable::parse_recoverable(text);
    hide_secrets(root.get_ref(), &mut source, false);
    if !syntax_errors.is_empty() {
        report_syntax(syntax_errors, &mut findings);
        return Err(findings.render(&source));
    }
    source.set_parsed();
    let file = schema::read(root.get_ref(), &mut findings);
    let place = Place { folder, now: SystemTime::now() };
    let checked = check::check(&file, &place, &mut findings);
    let failed = findings.has_errors();
    let report = findings.render(&source);
    match checked {
        Some(mut config) if !failed => {
            config.warnings = report.warnings;
            Ok(config)
        }
        _ => Err(report),
    }
}

/// Reads at most `limits::CONFIG_FILE_SIZE` bytes of UTF-8, or says what is wrong and what to do.
pub(super) fn read_text(path: &Path) -> Result<String, (String, &'static str)> {
    let unreadable = |error: io::Error| {
        let help = match error.kind() {
            io::ErrorKind::NotFound => "name an existing file: torii check FILE",
            io::ErrorKind::PermissionDenied => "make the file readable for the user that starts torii",
            _ => "name a configuration file in TOML",
        };
        (format!("the configuration cannot be read: {error}"), help)
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(limits::CONFIG_FILE_SIZE as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > limits::CONFIG_FILE_SIZE {
        let message = format!("the configuration is larger than {} bytes", limits::CONFIG_FILE_SIZE);
        return Err((message, "name a configuration file in TOML"));
    }
    String::from_utf8(bytes)
        .map_err(|_| ("the configuration is not UTF-8 text".into(), "save the file as UTF-8"))
}

/// Syntax errors up to and including the first that may have caused those after it.
fn report_syntax(mut errors: Vec<SyntaxError>, findings: &mut Findings) {
    errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
    for error in errors {
        let message = error.message();
        let help = if message.contains("must be quoted") {
            "put the value in double quotes"
        } else if message.contains("duplicate key") {
            "write each key and each [table] once; a list of tables has double brackets: [[listener]]"
        } else {
            "write `key = value` lines below `[table]` headers; text, durations, sizes in double quotes"
        };
        findings.error(error.span().unwrap_or(0..0), format!("this is not valid TOML: {message}"), help);
        if !(message.contains("must be quoted") || message.contains("duplicate key")) {
            return;
        }
    }
}

/// Marks the values of every key that sounds like a secret, at whatever place it was written, and
/// all that is inside such a key. The parser bounds how deep tables can be nested.
fn hide_secrets(table: &DeTable<'_>, source: &mut Source<'_>, inside: bool) {
    for (key, value) in table.iter() {
        let is_plain = matches!(key.get_ref().as_ref(), "name" | "password_file" | "secret_file");
        let is_secret = is_secret_key(key.get_ref()) || (inside && !is_plain);
        let mut values = vec![value];
        while let Some(value) = values.pop() {
            match value.get_ref() {
                DeValue::Table(table) => hide_secrets(table, source, is_secret),
                DeValue::Array(array) => values.extend(array.iter()),
                _ if is_secret => source.hide(value.span()),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
