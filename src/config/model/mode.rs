//! What a listener and its backends speak.

/// `mode`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Requests and responses are read and forwarded one by one.
    #[default]
    Http,
    /// Bytes are relayed both ways and not looked at.
    Tcp,
}

impl Mode {
    /// As written in a configuration, and shown in the statistics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
        }
    }
}
