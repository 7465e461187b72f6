//! Typed access to one parsed TOML table, with an error at the exact place for what does not fit.
//!
//! Called by `config::schema` only. A getter notes its key as known and takes the value out; what
//! is left when [`TableReader::finish`] runs is an unknown key. Getters never stop at an error:
//! they record it and return `None`, so that one run reports everything.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::{Findings, Span};
use super::units;

/// What every duration error advises.
const DURATION_HELP: &str =
    "write a whole number and a unit in quotes: \"250ms\", \"2s\", \"30m\", \"8h\" or \"1d\"";

/// What every size error advises.
const SIZE_HELP: &str = "write a whole number and a unit in quotes: \"512B\", \"16KiB\" or \"1MiB\"";

/// A table being read.
#[derive(Debug)]
pub struct TableReader<'t, 'f> {
    table: &'t DeTable<'t>,
    span: Span,
    label: &'static str,
    known: Vec<&'static str>,
    findings: &'f mut Findings,
}

impl<'t, 'f> TableReader<'t, 'f> {
    /// `label` names the table as the user writes it, for example `[[listener]]`; `span` is its header.
    pub fn new(table: &'t DeTable<'t>, span: Span, label: &'static str, findings: &'f mut Findings) -> Self {
        Self { table, span, label, known: Vec::new(), findings }
    }

    /// The table's header, for errors about what is missing.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// Whether a key is there, whatever its value.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Reports every key that no getter asked for.
    pub fn finish(self) {
        for key in self.table.keys().filter(|key| !self.known.contains(&key.get_ref().as_ref())) {
            let name = key.get_ref();
            let help = match nearest(name, &self.known) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("{} has {}", self.label, list(&self.known)),
            };
            self.findings.error(key.span(), format!("unknown key {} in {}", quoted(name), self.label), help);
        }
    }

    /// A string.
    pub fn string(&mut self, key: &'static str) -> Option<Spanned<String>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Spanned::new(value.span(), text.clone().into_owned())),
            other => {
                self.wrong_type(key, value.span(), "a string", other, &format!("write `{key} = \"...\"`"))
            }
        }
    }

    /// A string that has to be there.
    pub fn required_string(&mut self, key: &'static str, example: &str) -> Option<Spanned<String>> {
        if !self.table.contains_key(key) {
            self.known.push(key);
            let message = format!("{} has no `{key}`", self.label);
            self.findings.error(self.span(), message, format!("add `{key} = \"{example}\"`"));
            return None;
        }
        self.string(key)
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, key: &'static str) -> Option<Spanned<bool>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(Spanned::new(value.span(), *flag)),
            other => {
                let help = format!("write `{key} = true` or `{key} = false`, without quotes");
                self.wrong_type(key, value.span(), "true or false", other, &help)
            }
        }
    }

    /// A whole number within a range, both ends included.
    pub fn integer(&mut self, key: &'static str, lowest: i64, highest: i64) -> Option<Spanned<i64>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Integer(_) => self.integer_value(key, value, lowest, highest),
            other => {
                let help = format!("write a number from {lowest} to {highest}, without quotes");
                self.wrong_type(key, value.span(), "a whole number", other, &help)
            }
        }
    }

    /// A whole number within a range that has to be there.
    pub fn required_integer(
        &mut self,
        key: &'static str,
        example: i64,
        lowest: i64,
        highest: i64,
    ) -> Option<Spanned<i64>> {
        if !self.table.contains_key(key) {
            let message = format!("{} has no `{key}`", self.label);
            self.findings.error(self.span(), message, format!("add `{key} = {example}`"));
        }
        self.integer(key, lowest, highest)
    }

    /// A whole number within a range, or one of several words.
    pub fn integer_or_word(
        &mut self,
        key: &'static str,
        lowest: i64,
        highest: i64,
        words: &[&'static str],
    ) -> Option<Spanned<IntegerOrWord>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Integer(_) => {
                let number = self.integer_value(key, value, lowest, highest)?;
                Some(Spanned::new(value.span(), IntegerOrWord::Integer(number.into_inner())))
            }
            DeValue::String(text) => match words.iter().find(|word| **word == text.as_ref()) {
                Some(word) => Some(Spanned::new(value.span(), IntegerOrWord::Word(word))),
                None => {
                    let help =
                        format!("write {} or a number from {lowest} to {highest}", alternatives(words));
                    self.findings.error(value.span(), format!("`{key}` cannot be {}", shown(text)), help);
                    None
                }
            },
            other => {
                let help = format!("write {} or a number from {lowest} to {highest}", alternatives(words));
                self.wrong_type(key, value.span(), "a word or a whole number", other, &help)
            }
        }
    }

    /// A string that is one of several words.
    pub fn word(&mut self, key: &'static str, words: &[&'static str]) -> Option<Spanned<&'static str>> {
        let value = self.string(key)?;
        if let Some(word) = words.iter().find(|word| **word == value.get_ref()) {
            return Some(Spanned::new(value.span(), word));
        }
        let help = match nearest(value.get_ref(), words) {
            Some(word) => format!("did you mean \"{word}\"?"),
            None => format!("write {}", alternatives(words)),
        };
        self.findings.error(value.span(), format!("`{key}` cannot be {}", shown(value.get_ref())), help);
        None
    }

    /// A duration within a range, both ends included.
    pub fn duration(
        &mut self,
        key: &'static str,
        lowest: Duration,
        highest: Duration,
    ) -> Option<Spanned<Duration>> {
        let value = self.unit_string(key, "a duration", DURATION_HELP)?;
        match units::duration(value.get_ref()) {
            Ok(duration) if (lowest..=highest).contains(&duration) => {
                Some(Spanned::new(value.span(), duration))
            }
            Ok(_) => {
                let (lowest, highest) = (units::show_duration(lowest), units::show_duration(highest));
                self.out_of_range(key, value.span(), &lowest, &highest)
            }
            Err(error) => {
                let message = format!("the duration {} {error}", shown(value.get_ref()));
                self.findings.error(value.span(), message, DURATION_HELP);
                None
            }
        }
    }

    /// A number of bytes within a range, both ends included.
    pub fn size(&mut self, key: &'static str, lowest: u64, highest: u64) -> Option<Spanned<usize>> {
        let value = self.unit_string(key, "a size", SIZE_HELP)?;
        match units::size(value.get_ref()) {
            Ok(bytes) if (lowest..=highest).contains(&bytes) => {
                usize::try_from(bytes).ok().map(|bytes| Spanned::new(value.span(), bytes))
            }
            Ok(_) => {
                self.out_of_range(key, value.span(), &units::show_size(lowest), &units::show_size(highest))
            }
            Err(error) => {
                let message = format!("the size {} {error}", shown(value.get_ref()));
                self.findings.error(value.span(), message, SIZE_HELP);
                None
            }
        }
    }

    /// A list of strings. `None` when the key is absent; entries of another type are left out.
    pub fn strings(&mut self, key: &'static str) -> Option<Spanned<Vec<Spanned<String>>>> {
        let value = self.take(key)?;
        let help = format!("write `{key} = [\"...\"]`");
        let DeValue::Array(array) = value.get_ref() else {
            return self.wrong_type(key, value.span(), "a list of strings", value.get_ref(), &help);
        };
        let mut entries = Vec::new();
        for entry in array.iter() {
            match entry.get_ref() {
                DeValue::String(text) => entries.push(Spanned::new(entry.span(), text.clone().into_owned())),
                other => {
                    self.wrong_type::<()>(key, entry.span(), "a list of strings", other, &help);
                }
            }
        }
        Some(Spanned::new(value.span(), entries))
    }

    /// A list of strings that has to be there and to hold something.
    pub fn required_strings(
        &mut self,
        key: &'static str,
        missing: &str,
        example: &str,
    ) -> Option<Spanned<Vec<Spanned<String>>>> {
        let help = format!("add `{key} = [\"{example}\"]`");
        if !self.table.contains_key(key) {
            self.findings.error(self.span(), missing, help);
            self.known.push(key);
            return None;
        }
        let list = self.strings(key)?;
        if self.is_empty_list(key) {
            self.findings.error(list.span(), missing, help);
        }
        Some(list)
    }

    /// A string, or a list of strings.
    pub fn string_or_strings(&mut self, key: &'static str) -> Vec<Spanned<String>> {
        if matches!(self.table.get(key).map(Spanned::get_ref), Some(DeValue::String(_))) {
            return self.string(key).into_iter().collect();
        }
        self.strings(key).map(Spanned::into_inner).unwrap_or_default()
    }

    /// A string, or a list of strings that holds something; empty when the key is absent.
    pub fn one_or_more(&mut self, key: &'static str) -> Vec<Spanned<String>> {
        if self.is_empty_list(key)
            && let Some(value) = self.table.get(key)
        {
            let help = format!("write `{key} = \"...\"`, or remove the key");
            self.findings.error(value.span(), format!("`{key}` is an empty list"), help);
        }
        self.string_or_strings(key)
    }

    /// A table of strings by names of the user's choice, in the order of the file.
    pub fn named_strings(&mut self, key: &'static str) -> Vec<(Spanned<String>, Spanned<String>)> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let help = format!("write `{key} = {{ \"Name\" = \"value\" }}`");
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong_type::<()>(key, value.span(), "a table of strings", value.get_ref(), &help);
            return Vec::new();
        };
        let mut entries = Vec::new();
        for (name, value) in table.iter() {
            match value.get_ref() {
                DeValue::String(text) => entries.push((
                    Spanned::new(name.span(), name.get_ref().clone().into_owned()),
                    Spanned::new(value.span(), text.clone().into_owned()),
                )),
                other => {
                    self.wrong_type::<()>(key, value.span(), "a table of strings", other, &help);
                }
            }
        }
        entries.sort_by_key(|(name, _)| name.span().start);
        entries
    }

    /// Reads a table below this one, if it is there.
    pub fn table<T>(
        &mut self,
        key: &'static str,
        label: &'static str,
        read: impl FnOnce(&mut TableReader<'t, '_>) -> T,
    ) -> Option<T> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(read_table(table, value.span(), label, self.findings, read)),
            other => self.wrong_type(
                key,
                value.span(),
                "a table",
                other,
                &format!("write {label} and its keys below"),
            ),
        }
    }

    /// Reads a list of tables below this one; empty when it is not there.
    pub fn tables<T>(
        &mut self,
        key: &'static str,
        label: &'static str,
        mut read: impl FnMut(&mut TableReader<'t, '_>) -> T,
    ) -> Vec<T> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let help = format!("write {label} and its keys below, once for each");
        let DeValue::Array(array) = value.get_ref() else {
            self.wrong_type::<()>(key, value.span(), "a list of tables", value.get_ref(), &help);
            return Vec::new();
        };
        let mut entries = Vec::new();
        for entry in array.iter() {
            match entry.get_ref() {
                DeValue::Table(table) => {
                    entries.push(read_table(table, entry.span(), label, self.findings, &mut read));
                }
                other => {
                    self.wrong_type::<()>(key, entry.span(), "a list of tables", other, &help);
                }
            }
        }
        entries
    }

    /// Reads a list of tables that has to be there and to hold something.
    pub fn required_tables<T>(
        &mut self,
        key: &'static str,
        label: &'static str,
        missing: &str,
        help: &str,
        read: impl FnMut(&mut TableReader<'t, '_>) -> T,
    ) -> Vec<T> {
        if !self.table.contains_key(key) || self.is_empty_list(key) {
            if self.span.is_empty() {
                self.findings.file_error(missing, help);
            } else {
                self.findings.error(self.span(), missing, help);
            }
        }
        self.tables(key, label, read)
    }

    /// A key that is known but whose behaviour does not exist yet: refused, never ignored.
    /// `what` is how the error calls it.
    pub fn not_supported(&mut self, key: &'static str, what: &str, help: &str) {
        self.known.push(key);
        if let Some((name, _)) = self.table.get_key_value(key) {
            self.findings.error(name.span(), format!("{what} is not supported yet"), help);
        }
    }

    fn is_empty_list(&self, key: &str) -> bool {
        let value = self.table.get(key).map(Spanned::get_ref);
        matches!(value, Some(DeValue::Array(entries)) if entries.is_empty())
    }

    fn take(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.known.push(key);
        self.table.get(key)
    }

    fn unit_string(&mut self, key: &'static str, what: &str, help: &str) -> Option<Spanned<String>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Spanned::new(value.span(), text.clone().into_owned())),
            other => self.wrong_type(key, value.span(), what, other, help),
        }
    }

    fn integer_value(
        &mut self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        lowest: i64,
        highest: i64,
    ) -> Option<Spanned<i64>> {
        let number = value.get_ref().as_integer()?;
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) if (lowest..=highest).contains(&number) => Some(Spanned::new(value.span(), number)),
            _ => self.out_of_range(key, value.span(), &lowest.to_string(), &highest.to_string()),
        }
    }

    fn out_of_range<T>(&mut self, key: &str, span: Span, lowest: &str, highest: &str) -> Option<T> {
        self.findings.error(
            span,
            format!("`{key}` is out of range"),
            format!("it goes from {lowest} to {highest}"),
        );
        None
    }

    fn wrong_type<T>(
        &mut self,
        key: &str,
        span: Span,
        wanted: &str,
        found: &DeValue<'_>,
        help: &str,
    ) -> Option<T> {
        let found = type_name(found);
        self.findings.error(span, format!("`{key}` must be {wanted}, not {found}"), help);
        None
    }
}

/// A value that is a number or one of several words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegerOrWord {
    /// The number.
    Integer(i64),
    /// The word, as given by the caller of the getter.
    Word(&'static str),
}

/// Runs `read` on a table and reports its unknown keys.
pub fn read_table<'t, T>(
    table: &'t DeTable<'t>,
    span: Span,
    label: &'static str,
    findings: &mut Findings,
    read: impl FnOnce(&mut TableReader<'t, '_>) -> T,
) -> T {
    let mut reader = TableReader::new(table, span, label, findings);
    let value = read(&mut reader);
    reader.finish();
    value
}

/// The known word nearest to what was written, if near enough to be meant.
pub fn nearest<'k>(written: &str, known: &[&'k str]) -> Option<&'k str> {
    let written = clipped(written).to_ascii_lowercase().replace('-', "_");
    // Reversed, because `max_by` takes the last of equals and the first reads better.
    let scored = known.iter().rev().map(|word| (strsim::jaro_winkler(&written, word), *word));
    scored.filter(|(score, _)| *score >= 0.82).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, word)| word)
}

/// What the user wrote, in back ticks, safe to print and of bounded length.
pub fn quoted(text: &str) -> String {
    format!("`{}`", clipped(text).escape_debug())
}

/// A value that the user wrote, in double quotes, safe to print and of bounded length.
pub fn shown(text: &str) -> String {
    format!("\"{}\"", clipped(text).escape_debug())
}

/// Words as `"a", "b" or "c"`.
pub fn alternatives(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

fn list(keys: &[&str]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    match keys.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => keys.concat(),
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(64).collect()
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
