//! `[control]` as written.

use toml::Spanned;

use crate::config::reader::TableReader;

/// `[control]`
#[derive(Debug)]
pub struct Control {
    /// A path, or "off".
    pub socket: Option<Spanned<String>>,
}

pub(super) fn read_control(table: &mut TableReader<'_, '_>) -> Control {
    Control { socket: table.string("socket") }
}
