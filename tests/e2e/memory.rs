//! Memory and descriptors: bounded while bodies of any size pass, given back when clients leave.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::bodies::{download, upload};
use crate::support::pattern::Pattern;
use crate::support::process::{Process, raise_descriptor_limit};
use crate::support::{Client, Configuration, Origin, Torii, wait};

const MIB: u64 = 1024 * 1024;

/// What a few active sessions may add: their leases, and the allocator's slack.
const GROWTH: u64 = 16 * MIB;

/// Bytes each way in the tests of huge bodies.
const HUGE: u64 = 1024 * MIB;

/// Runs `work` while another thread watches, and returns the most resident memory seen.
pub fn peak_during(process: Process, work: impl FnOnce()) -> u64 {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut peak = 0;
            while !done.load(Ordering::SeqCst) {
                peak = peak.max(process.resident());
                std::thread::sleep(Duration::from_millis(10));
            }
            peak
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        done.store(true, Ordering::SeqCst);
        let peak = watcher.join().unwrap();
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        peak
    })
}

/// A torii that has already served something, and what it needs at rest.
fn warm(plan: Configuration) -> (Origin, Torii, u64) {
    let origin = Origin::start("one");
    let torii = Torii::start(&plan.server(origin.address()));
    let mut client = torii.client();
    download(&mut client, "length", MIB);
    upload(&mut client, MIB);
    let baseline = torii.process().resident();
    assert!(baseline > 0, "VmRSS can be read");
    (origin, torii, baseline)
}

/// Panics if memory has grown by more than a few leases.
#[track_caller]
pub fn assert_flat(baseline: u64, peak: u64) {
    let (from, to) = (baseline / 1024, peak / 1024);
    assert!(peak <= baseline + GROWTH, "resident memory went from {from} KiB to {to} KiB");
}

#[test]
fn a_huge_download_needs_no_more_memory_than_a_small_one() {
    let (_origin, torii, baseline) = warm(Configuration::new());
    let peak = peak_during(torii.process(), || download(&mut torii.client(), "length", HUGE));
    assert_flat(baseline, peak);
}

#[test]
fn a_huge_upload_needs_no_more_memory_than_a_small_one() {
    let (_origin, torii, baseline) = warm(Configuration::new());
    let peak = peak_during(torii.process(), || upload(&mut torii.client(), HUGE));
    assert_flat(baseline, peak);
}

#[test]
fn a_slow_reader_holds_the_server_back_and_not_the_bytes() {
    let (origin, torii, baseline) = warm(Configuration::new());
    let length = 256 * MIB;
    let before = origin.sent();
    let mut client = Client::connect_with_receive_buffer(torii.address(), 16 * 1024);
    client.send(format!("GET /length/{length} HTTP/1.1\r\nHost: a\r\n\r\n"));
    origin.wait_for(&format!("/length/{length}"));
    let stuck = wait::until_steady(Duration::from_millis(500), || origin.sent() - before);
    assert!(stuck < 64 * MIB, "{stuck} bytes were taken from the server with nobody reading");
    assert_flat(baseline, torii.process().resident());
    let mut pattern = Pattern::new();
    let response = client.response_into("GET", &mut |piece| pattern.check(piece)).unwrap();
    assert!(!response.truncated);
    pattern.assert_whole(length);
}

#[test]
fn a_server_that_does_not_read_holds_the_client_back() {
    let (_origin, torii, baseline) = warm(Configuration::new());
    let client = torii.client();
    let mut writer = client.handle();
    writer.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let length = 256 * MIB;
    // The origin reads nothing of a pipelined request while its first one waits at the gate.
    write!(writer, "GET /gate HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    write!(writer, "POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n").unwrap();
    let mut pattern = Pattern::new();
    while pattern.position() < length && writer.write_all(pattern.next_piece(65_521)).is_ok() {}
    assert!(pattern.position() < 64 * MIB, "{} bytes were taken with nobody reading", pattern.position());
    assert_flat(baseline, torii.process().resident());
}

/// More idle clients than buffers: each was served, all stay connected, and there is still room.
#[test]
fn idle_clients_hold_no_buffer() {
    const CLIENTS: usize = 2_000;
    const BUFFERS: usize = 512;
    let limit = raise_descriptor_limit();
    assert!(limit > 3 * CLIENTS as u64, "this test needs {} descriptors, not {limit}", 3 * CLIENTS);
    let plan =
        Configuration::new().io(&format!("buffers_per_worker = {BUFFERS}")).timeout("keep_alive = \"10m\"");
    let (_origin, torii, baseline) = warm(plan);
    let mut clients: Vec<Client> = Vec::with_capacity(CLIENTS);
    for _ in 0..CLIENTS {
        let mut client = torii.client();
        assert_eq!(client.get("/name").text(), "one");
        clients.push(client);
    }
    // Leases of 18 KiB may all have been in use once; beyond them 4 KiB for each client.
    let bound = baseline + (BUFFERS * 18 * 1024 + CLIENTS * 4 * 1024) as u64 + 4 * MIB;
    wait::for_condition("idle clients to be parked", || torii.process().resident() <= bound);
    for client in clients.iter_mut().rev() {
        assert_eq!(client.get("/name").text(), "one", "a parked client is served again");
    }
}

/// One round of everything that can go wrong, many times over.
fn burst(torii: &Torii) {
    for round in 0..50_usize {
        torii.client().get("/length/1000");
        torii.client().post("/echo", &[1; 3000]);
        torii.client().get("/half-then-close");
        torii.client().get("/no-answer");
        torii.client().get("/close/100");
        let mut client = torii.client();
        client.send("GET /length/1000000 HTTP/1.1\r\nHost: a\r\n\r\n");
        client.reset();
        let mut client = torii.client();
        client.send("POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\nsome");
        client.reset();
        let mut client = torii.client();
        client.send(&b"GET /name HTTP/1.1\r\nHost: a\r\n\r\n"[..round % 30]);
        drop(client);
        let mut client = torii.client();
        client.send("BAD\r\n\r\n");
        drop(client);
    }
}

#[test]
fn descriptors_and_memory_return_after_a_burst_of_aborts() {
    let (origin, torii, _) = warm(Configuration::new().workers(2).timeout("keep_alive = \"1s\""));
    // At rest: no client, and the idle server connections counted apart.
    let own = || torii.process().descriptors().saturating_sub(origin.open_connections());
    let at_rest = wait::until_steady(Duration::from_millis(300), own);
    burst(&torii);
    wait::for_condition("descriptors to return", || own() <= at_rest);
    let memory = torii.process().resident();
    for _ in 0..3 {
        burst(&torii);
    }
    wait::for_condition("descriptors to return", || own() <= at_rest);
    wait::for_condition("memory to return", || torii.process().resident() <= memory + GROWTH / 2);
    assert_eq!(torii.client().get("/name").text(), "one");
}
