//! Real servers as processes, and what happens where they are not installed.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server's process, which ends with the test.
pub struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a program is there. Where everything is required, that it is not is a failure.
pub fn available(program: &str) -> bool {
    let folders = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let found = folders.split(':').any(|folder| Path::new(folder).join(program).is_file());
    if !found {
        assert!(std::env::var_os("TORII_TEST_REQUIRE_ALL").is_none(), "{program} is required and missing");
        println!("skipped: {program} is not installed");
    }
    found
}

/// A loopback address that nobody listens on.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Starts a server and waits until it accepts connections there.
pub fn start(command: &mut Command, address: SocketAddr) -> Peer {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let child = command.env("PATH", path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut peer = Peer(child);
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "the server does not listen");
        assert!(peer.0.try_wait().unwrap().is_none(), "the server has ended");
        std::thread::yield_now();
    }
    peer
}
