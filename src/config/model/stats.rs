//! `[stats]`, checked.

use std::net::SocketAddr;

use super::Tls;

/// The statistics page.
#[derive(Debug, Clone)]
pub struct Stats {
    /// At least one address.
    pub bind: Vec<SocketAddr>,
    /// Path of the page, begins with `/`.
    pub path: String,
    /// Who may look; empty means everybody.
    pub users: Vec<User>,
    /// No version in the page.
    pub hide_version: bool,
    /// Host name in the page.
    pub show_node: bool,
    /// TLS of the page.
    pub tls: Option<Tls>,
}

/// One user of the statistics page. `Debug` never shows the secret.
#[derive(Clone)]
pub struct User {
    /// User name, without a colon.
    pub name: String,
    /// SHA-256 of the password.
    pub password_sha256: [u8; 32],
}

impl std::fmt::Debug for User {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}
