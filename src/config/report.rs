//! The one renderer of configuration errors and warnings: message, place, source line, caret, help.
//!
//! Filled by `config::reader` and `config::check`, read by `cli` and `control`. It must never show
//! a secret: bytes inside a span given to [`Source::hide`] are printed as `***`, and so is what
//! follows a key that sounds like one, for lines of a file that could not even be parsed.

use std::fmt;
use std::ops::Range;

use crate::limits;

/// Byte range in the configuration text.
pub type Span = Range<usize>;

/// Everything wrong with a configuration; each entry is rendered text of several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// At least one, by position in the file.
    pub errors: Vec<String>,
    /// By position in the file.
    pub warnings: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.errors.iter().chain(&self.warnings).enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            writeln!(formatter, "{gap}{entry}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

/// One error or warning before rendering.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    span: Option<Span>,
    message: String,
    /// Another place that has to do with it, and how.
    note: Option<(Span, String)>,
    help: Option<String>,
}

impl Entry {
    fn new(span: Option<Span>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { span, message: message.into(), note: None, help: Some(help.into()) }
    }
}

/// Errors and warnings while they are collected.
#[derive(Debug, Default)]
pub struct Findings {
    errors: Vec<Entry>,
    warnings: Vec<Entry>,
}

impl Findings {
    /// Records an error at a place, with what to write instead.
    pub fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.errors.push(Entry::new(Some(span), message, help));
    }

    /// Records an error of the file as a whole.
    pub fn file_error(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.errors.push(Entry::new(None, message, help));
    }

    /// Records a warning at a place, with what to write instead.
    pub fn warning(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.warnings.push(Entry::new(Some(span), message, help));
    }

    /// Records a warning that has to do with another place, and how: its line is named too.
    pub fn warning_about(
        &mut self,
        span: Span,
        message: impl Into<String>,
        other: (Span, &str),
        help: impl Into<String>,
    ) {
        let note = Some((other.0, other.1.to_owned()));
        self.warnings.push(Entry { note, ..Entry::new(Some(span), message, help) });
    }

    /// Whether any error was recorded.
    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Renders everything. At most `limits::REPORT_ENTRIES` errors are shown, then a count.
    pub fn render(self, source: &Source<'_>) -> Report {
        Report {
            errors: render_all("error", self.errors, source),
            warnings: render_all("warning", self.warnings, source),
        }
    }
}

/// The configuration text that carets point into.
#[derive(Debug)]
pub struct Source<'a> {
    file_name: &'a str,
    text: &'a str,
    hidden: Vec<Span>,
    parsed: bool,
}

impl<'a> Source<'a> {
    /// `file_name` is shown as given.
    pub fn new(file_name: &'a str, text: &'a str) -> Self {
        Self { file_name, text, hidden: Vec::new(), parsed: false }
    }

    /// The text was valid TOML and every secret in it has been given to `hide`.
    pub fn set_parsed(&mut self) {
        self.parsed = true;
    }

    /// Never shows these bytes.
    pub fn hide(&mut self, span: Span) {
        self.hidden.push(span);
    }

    /// The line that holds `offset`: number from 1, and its bytes without the line end.
    fn line_at(&self, offset: usize) -> (usize, Span) {
        let offset = offset.min(self.text.len());
        let bytes = self.text.as_bytes();
        let start = bytes[..offset].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let end = bytes[offset..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(bytes.len(), |length| offset + length);
        let number = 1 + bytes[..start].iter().filter(|byte| **byte == b'\n').count();
        let end = if end > start && bytes[end - 1] == b'\r' { end - 1 } else { end };
        (number, start..end)
    }

    /// What must not be shown of a line: spans given to `hide`, and in a file that did not parse
    /// also whatever looks like a secret.
    fn hidden_in(&self, line: &Span) -> Vec<Span> {
        let overlaps = |span: &&Span| span.start < line.end && span.end > line.start;
        let mut hidden: Vec<Span> = self.hidden.iter().filter(overlaps).cloned().collect();
        if !self.parsed
            && let Some(tail) = secret_tail(&self.text[line.clone()])
        {
            hidden.push(line.start + tail..line.end);
        }
        hidden
    }
}

fn render_all(kind: &str, mut entries: Vec<Entry>, source: &Source<'_>) -> Vec<String> {
    entries.sort_by_key(|entry| entry.span.as_ref().map_or((usize::MAX, 0), |span| (span.start, span.end)));
    entries.dedup();
    let total = entries.len();
    let shown = entries.into_iter().take(limits::REPORT_ENTRIES);
    let mut rendered: Vec<String> = shown.map(|entry| render(kind, &entry, source)).collect();
    if total > rendered.len() {
        rendered.push(format!("{kind}: and {} more like these", total - rendered.len()));
    }
    rendered
}

fn render(kind: &str, entry: &Entry, source: &Source<'_>) -> String {
    let mut text = format!("{kind}: {}", printable(&entry.message));
    match &entry.span {
        Some(span) => text.push_str(&render_place(span, source)),
        None => text.push_str(&format!("\n --> {}", source.file_name)),
    }
    if let Some((span, how)) = &entry.note {
        let (number, _) = source.line_at(span.start);
        text.push_str(&format!("\nnote: {how} --> {}:{number}", source.file_name));
    }
    if let Some(help) = &entry.help {
        text.push_str("\nhelp: ");
        text.push_str(&printable(help));
    }
    text
}

/// What a message repeats of the file must not steer the terminal that shows it.
fn printable(text: &str) -> String {
    text.chars().map(|character| if is_printable(character) { character } else { ' ' }).collect()
}

/// Neither a control character nor one that turns the direction of what follows it.
fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn render_place(span: &Span, source: &Source<'_>) -> String {
    let (number, line) = source.line_at(span.start);
    let shown = ShownLine::new(source, &line, span);
    let column = 1 + source.text[line.start..span.start.clamp(line.start, line.end)].chars().count();
    let gutter = number.to_string();
    let margin = " ".repeat(gutter.len());
    format!(
        "\n{margin}--> {}:{number}:{column}\n{margin} |\n{gutter} | {}\n{margin} | {}{}",
        source.file_name,
        shown.text,
        " ".repeat(shown.caret.start),
        "^".repeat(shown.caret.len()),
    )
}

/// One source line made safe to print, with the caret's columns in it.
struct ShownLine {
    text: String,
    caret: Range<usize>,
}

impl ShownLine {
    fn new(source: &Source<'_>, line: &Span, span: &Span) -> Self {
        let hidden = source.hidden_in(line);
        let mut shown = String::new();
        let mut width = 0;
        let mut caret: Option<Range<usize>> = None;
        let mut in_secret = false;
        let window = window(source.text, line, span.start);
        for (index, character) in source.text[window.clone()].char_indices() {
            let offset = window.start + index;
            let is_hidden = hidden.iter().any(|secret| secret.contains(&offset));
            let begin = if is_hidden && in_secret { width - MASK.len() } else { width };
            match (is_hidden, in_secret) {
                (true, true) => {}
                (true, false) => shown.push_str(MASK),
                _ => shown.push(if is_printable(character) { character } else { ' ' }),
            }
            width = match (is_hidden, in_secret) {
                (true, true) => width,
                (true, false) => width + MASK.len(),
                _ => width + 1,
            };
            in_secret = is_hidden;
            if offset >= span.start && offset < span.end.max(span.start + 1) {
                caret = Some(caret.map_or(begin, |range| range.start)..width);
            }
        }
        Self { text: shown, caret: caret.unwrap_or(width..width + 1) }
    }
}

/// What stands for a secret, whatever its length.
const MASK: &str = "***";

/// The part of a line around `offset` that is shown, cut between characters.
fn window(text: &str, line: &Span, offset: usize) -> Span {
    if line.len() <= limits::REPORT_LINE {
        return line.clone();
    }
    let first = offset.min(line.end).saturating_sub(limits::REPORT_LINE / 4).max(line.start);
    let last = (first + limits::REPORT_LINE).min(line.end);
    let boundary = |offset: usize| (line.start..=offset).rev().find(|at| text.is_char_boundary(*at));
    boundary(first).unwrap_or(line.start)..boundary(last).unwrap_or(line.start)
}

/// Whether values of this key are never shown, misspelt or misplaced as it may be.
pub fn is_secret_key(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let marks = ["pass", "secret", "token", "auth", "users"];
    !matches!(name.as_str(), "password_file" | "secret_file")
        && (marks.iter().any(|mark| name.contains(mark))
            || (name.len() <= 16 && strsim::levenshtein(&name, "password") <= 3))
}

/// Where in a line the secret begins: after the `=` that follows a key which sounds like a secret.
/// Works on text that is not valid TOML; what it hides may be more than needed, never less.
fn secret_tail(line: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = line[from..].find('=') {
        let equals = from + found;
        let before = line[..equals].trim_end().trim_end_matches(['"', '\'']);
        let word =
            before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).next().unwrap_or("");
        if is_secret_key(word) {
            return Some(equals + 1);
        }
        from = equals + 1;
    }
    None
}

#[cfg(test)]
mod tests;
