//! `[control]`, checked.

use std::path::PathBuf;

/// How commands reach a running torii.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The socket of `torii status` and `torii failover`; `None`: there is none.
    pub socket: Option<PathBuf>,
}
