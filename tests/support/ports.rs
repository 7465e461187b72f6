//! Free loopback ports for processes that must be told their port before they start.
//!
//! Ports are taken below the range that the kernel hands out to outgoing connections, so that no
//! connection of a parallel test can take a port between the look and the bind.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// First port of the range and its length; the kernel's own range begins at 32768.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A loopback address that nobody listens on. Each call gives another one within this process;
/// processes start at different places.
pub fn free_address() -> SocketAddr {
    let start = (std::process::id().wrapping_mul(7919) % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + (start + step) % COUNT;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}
