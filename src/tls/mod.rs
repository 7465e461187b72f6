//! TLS: certificates, choice by server name, and the `rustls` configuration of a listener.
//!
//! `config::check` loads certificates through [`certificates`] and keeps the result of
//! [`server_config`]; the data path drives it with [`session`], the statistics service with tokio.
//! [`client_hello`] reads a server name without terminating TLS.

pub mod certificates;
pub mod client_hello;
pub mod names;
pub mod resolver;
pub mod server_config;
pub mod session;

pub use certificates::{Certificate, CertificateError, Loaded};
pub use resolver::SniResolver;
pub use server_config::{MinVersion, server_config};
