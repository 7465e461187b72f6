//! The framing to the byte, and daemons that go away, come back or stop reading.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;

const LOCAL0: u8 = 16;

struct Sender {
    syslog: Syslog,
    time: LocalTime,
    counts: Counts,
}

impl Sender {
    fn new(target: Target) -> Self {
        let syslog = Syslog::new(target, LOCAL0);
        Self { syslog, time: LocalTime::default(), counts: Counts::default() }
    }

    fn send(&mut self, message: &[u8]) {
        self.syslog.send(Level::Info, 1_700_000_000_000, &mut self.time, message, &mut self.counts);
    }
}

fn expected(message: &str) -> String {
    let mut stamp = Vec::new();
    LocalTime::default().write_stamp(1_700_000_000_000, &mut stamp);
    format!("<134>{} torii[{}]: {message}\n", String::from_utf8(stamp).unwrap(), std::process::id())
}

#[test]
fn frames_a_line_as_rfc_3164_over_the_local_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let daemon = UnixDatagram::bind(&path).unwrap();
    let mut sender = Sender::new(Target::Local(path));
    sender.send(b"a line");
    let mut buffer = [0; 8192];
    let length = daemon.recv(&mut buffer).unwrap();
    assert_eq!(String::from_utf8_lossy(&buffer[..length]), expected("a line"));
    assert_eq!((sender.counts.written, sender.counts.dropped), (1, 0));
}

#[test]
fn frames_a_line_as_rfc_3164_over_udp() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(daemon) = UdpSocket::bind(address) else { continue };
        let mut sender = Sender::new(Target::Udp(daemon.local_addr().unwrap()));
        sender.send(b"a line");
        let mut buffer = [0; 8192];
        let length = daemon.recv(&mut buffer).unwrap();
        assert_eq!(String::from_utf8_lossy(&buffer[..length]), expected("a line"));
    }
}

#[test]
fn cuts_the_tail_and_keeps_the_line_feed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let daemon = UnixDatagram::bind(&path).unwrap();
    Sender::new(Target::Local(path)).send(&[b'x'; 3 * limits::LOG_LINE_SIZE]);
    let mut buffer = [0; 4 * limits::LOG_LINE_SIZE];
    let length = daemon.recv(&mut buffer).unwrap();
    assert_eq!(length, limits::LOG_LINE_SIZE);
    assert_eq!(&buffer[length - 2..length], b"x\n");
}

#[test]
fn finds_a_local_daemon_that_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let daemon = UnixDatagram::bind(&path).unwrap();
    let mut sender = Sender::new(Target::Local(path.clone()));
    sender.send(b"before");
    drop(daemon);
    sender.send(b"lost: nobody listens");
    std::fs::remove_file(&path).unwrap();
    sender.send(b"lost: no socket");
    assert_eq!((sender.counts.written, sender.counts.dropped), (1, 2));

    let daemon = UnixDatagram::bind(&path).unwrap();
    // The next attempt is due within limits::LOG_REOPEN.
    while sender.counts.written == 1 {
        sender.send(b"after");
        std::thread::yield_now();
    }
    let mut buffer = [0; 8192];
    let length = daemon.recv(&mut buffer).unwrap();
    assert_eq!(String::from_utf8_lossy(&buffer[..length]), expected("after"));
}

#[test]
fn replaces_a_local_socket_at_once_when_the_daemon_is_already_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let daemon = UnixDatagram::bind(&path).unwrap();
    let mut sender = Sender::new(Target::Local(path.clone()));
    drop(daemon);
    std::fs::remove_file(&path).unwrap();
    let _daemon = UnixDatagram::bind(&path).unwrap();
    sender.send(b"not lost");
    assert_eq!((sender.counts.written, sender.counts.dropped), (1, 0));
}

#[test]
fn counts_what_an_absent_udp_daemon_refused_and_goes_on_when_it_returns() {
    let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = daemon.local_addr().unwrap();
    let mut sender = Sender::new(Target::Udp(address));
    drop(daemon);
    while sender.counts.dropped == 0 {
        sender.send(b"lost");
    }
    let daemon = UdpSocket::bind(address).unwrap();
    sender.send(b"after");
    let mut buffer = [0; 8192];
    daemon.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let length = daemon.recv(&mut buffer).unwrap();
    assert_eq!(String::from_utf8_lossy(&buffer[..length]), expected("after"));
}

#[test]
fn drops_and_counts_while_the_daemon_does_not_read_and_sends_again_once_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let daemon = UnixDatagram::bind(&path).unwrap();
    let mut sender = Sender::new(Target::Local(path));
    while sender.counts.dropped < 100 {
        sender.send(&[b'x'; 1000]);
    }
    assert!(!sender.syslog.patient, "only the first line may be waited for");
    let held = sender.counts.written;
    let mut buffer = [0; 8192];
    for _ in 0..held {
        daemon.recv(&mut buffer).unwrap();
    }
    sender.send(b"again");
    assert_eq!(sender.counts.written, held + 1);
    assert!(sender.syslog.patient);
}
