//! TLS of the client and of the bundled origin. rustls does all of it; here is how it is driven.

mod client;
mod config;
mod server;

pub use client::{ClientSession, Processed};
pub use config::{ClientTls, TlsError, Trust, Version};
pub use server::{ServerSession, server_config};
