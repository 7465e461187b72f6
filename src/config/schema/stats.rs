//! `[stats]` and its users as written.

use std::fmt;

use toml::Spanned;

use super::listener::{NO_ADDRESS, Tls, read_tls};
use crate::config::reader::TableReader;
use crate::config::report::Span;

/// `[stats]`
#[derive(Debug)]
pub struct Stats {
    /// Header of the table.
    pub span: Span,
    /// Addresses.
    pub bind: Option<Spanned<Vec<Spanned<String>>>>,
    /// Path of the page.
    pub path: Option<Spanned<String>>,
    /// Who may look.
    pub users: Vec<User>,
    /// No version in the page.
    pub hide_version: Option<Spanned<bool>>,
    /// Host name in the page.
    pub show_node: Option<Spanned<bool>>,
    /// `[stats.tls]`
    pub tls: Option<Tls>,
}

/// One entry of `users`
#[derive(Debug)]
pub struct User {
    /// The entry.
    pub span: Span,
    /// User name.
    pub name: Option<Spanned<String>>,
    /// The password itself.
    pub password: Option<Spanned<Secret>>,
    /// SHA-256 of the password in hexadecimal.
    pub password_sha256: Option<Spanned<Secret>>,
    /// File that holds the password.
    pub password_file: Option<Spanned<String>>,
}

/// A string that `Debug` never shows.
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

pub(super) fn read_stats(table: &mut TableReader<'_, '_>) -> Stats {
    Stats {
        span: table.span(),
        bind: table.required_strings("bind", NO_ADDRESS, "127.0.0.1:8222"),
        path: table.string("path"),
        users: table.tables("users", "`users`", read_user),
        hide_version: table.boolean("hide_version"),
        show_node: table.boolean("show_node"),
        tls: table.table("tls", "[stats.tls]", read_tls),
    }
}

pub(super) fn read_user(table: &mut TableReader<'_, '_>) -> User {
    User {
        span: table.span(),
        name: table.required_string("name", "admin"),
        password: secret(table, "password"),
        password_sha256: secret(table, "password_sha256"),
        password_file: table.string("password_file"),
    }
}

/// A string that is never shown.
pub(super) fn secret(table: &mut TableReader<'_, '_>, key: &'static str) -> Option<Spanned<Secret>> {
    table.string(key).map(|text| Spanned::new(text.span(), Secret(text.into_inner())))
}
