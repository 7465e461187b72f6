//! `[backend.cookie]` as written.

use std::time::Duration;

use toml::Spanned;

use crate::config::reader::TableReader;
use crate::config::report::Span;
use crate::limits;

/// `[backend.cookie]`
#[derive(Debug)]
pub struct Cookie {
    /// Header of the table.
    pub span: Span,
    /// Cookie name.
    pub name: Option<Spanned<String>>,
    /// "insert", "rewrite" or "prefix".
    pub mode: Option<Spanned<&'static str>>,
    /// HAProxy: indirect.
    pub indirect: Option<Spanned<bool>>,
    /// HAProxy: nocache.
    pub nocache: Option<Spanned<bool>>,
    /// HAProxy: preserve.
    pub preserve: Option<Spanned<bool>>,
    /// HAProxy: postonly.
    pub postonly: Option<Spanned<bool>>,
    /// HAProxy: httponly.
    pub httponly: Option<Spanned<bool>>,
    /// HAProxy: secure.
    pub secure: Option<Spanned<bool>>,
    /// HAProxy: maxidle.
    pub maxidle: Option<Spanned<Duration>>,
    /// HAProxy: maxlife.
    pub maxlife: Option<Spanned<Duration>>,
    /// HAProxy: domain.
    pub domain: Vec<Spanned<String>>,
    /// HAProxy: attr.
    pub attr: Vec<Spanned<String>>,
}

pub(super) fn read_cookie(table: &mut TableReader<'_, '_>) -> Cookie {
    table.not_supported(
        "dynamic",
        "the cookie option `dynamic`",
        "remove the key and give each server a `cookie` value",
    );
    let age = Duration::from_secs(1)..=limits::COOKIE_AGE_MAX;
    Cookie {
        span: table.span(),
        name: table.required_string("name", "lbsessionid"),
        mode: table.word("mode", &["insert", "rewrite", "prefix"]),
        indirect: table.boolean("indirect"),
        nocache: table.boolean("nocache"),
        preserve: table.boolean("preserve"),
        postonly: table.boolean("postonly"),
        httponly: table.boolean("httponly"),
        secure: table.boolean("secure"),
        maxidle: table.duration("maxidle", *age.start(), *age.end()),
        maxlife: table.duration("maxlife", *age.start(), *age.end()),
        domain: table.string_or_strings("domain"),
        attr: table.string_or_strings("attr"),
    }
}
