//! Whose word about a client is taken: the `trusted_proxies` of a listener.

use super::Networks;

/// The rule of one listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Proxies in front of this one. What anybody else says about clients is removed.
    pub proxies: Networks,
    /// The field in which they name the client; without it, X-Forwarded-For is followed.
    pub header: Option<Box<str>>,
}
