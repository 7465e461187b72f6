//! Names of listeners, backends and servers: what they may hold, and that none is used twice.

use std::collections::HashMap;

use toml::Spanned;

use crate::config::reader::quoted;
use crate::config::report::{Findings, Span};
use crate::limits;

/// Names of one kind seen so far.
#[derive(Debug)]
pub struct UniqueNames<'f> {
    kind: &'static str,
    seen: HashMap<&'f str, Span>,
}

impl<'f> UniqueNames<'f> {
    /// `kind` is what errors call it, for example "listener".
    pub fn new(kind: &'static str) -> Self {
        Self { kind, seen: HashMap::new() }
    }

    /// Checks a name and takes it. HAProxy's characters: letters, digits, `-`, `_`, `.` and `:`.
    pub fn add(&mut self, name: &'f Spanned<String>, findings: &mut Findings) {
        let text = name.get_ref();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if text.is_empty() || text.len() > limits::NAME_LENGTH || !text.bytes().all(allowed) {
            let message = format!("{} is not a name for a {}", quoted(text), self.kind);
            let help = format!("use 1 to {} of A-Z a-z 0-9 `-` `_` `.` `:`", limits::NAME_LENGTH);
            findings.error(name.span(), message, help);
            return;
        }
        self.add_any(name, findings);
    }

    /// Takes a name whose characters are somebody else's to judge.
    pub fn add_any(&mut self, name: &'f Spanned<String>, findings: &mut Findings) {
        let text = name.get_ref();
        if self.seen.insert(text, name.span()).is_some() {
            let message = format!("a {} named {} stands above already", self.kind, quoted(text));
            findings.error(name.span(), message, format!("give each {} its own name", self.kind));
        }
    }
}
