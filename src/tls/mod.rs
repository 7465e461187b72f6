//! TLS: sessions for the data path; certificates and their choice.

pub mod session;
