//! TLS of the client and of the bundled origin. rustls does all of it; here is how it is driven.

mod client;
mod config;
mod explain;
mod server;

pub use client::{ClientSession, Processed};
pub use config::{ClientTls, TlsError, Trust, Version};
pub use explain::explain;
pub use server::{ServerSession, server_config};

/// Draws a first random number on this thread: gathering what it is made of takes some 40 ms, and no
/// handshake shall wait for it.
pub fn gather_randomness() {
    // Without random numbers the handshakes fail, and say so.
    let _ = aws_lc_rs::rand::fill(&mut [0; 32]);
}
