//! E rows about requests: many, large or endless ones, and clients that do not read their answers.

use std::io::Write;
use std::time::Duration;

use crate::recorder::Step;
use crate::support::{Client, wait};
use crate::world::World;

const MIB: u64 = 1024 * 1024;

/// What a single client may make torii need beside its buffers.
const GROWTH: u64 = 8 * MIB;

/// Writes until torii takes no more; returns the bytes it took.
fn push(client: &Client, bytes: &[u8], limit: usize) -> usize {
    let mut writer = client.handle();
    writer.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut taken = 0;
    while taken < limit {
        match writer.write(bytes) {
            Ok(count) if count > 0 => taken += count,
            _ => break,
        }
    }
    taken
}

#[test]
fn e05_a_client_that_reads_nothing_gets_one_request_at_a_time() {
    let world = World::start();
    let body = vec![b'x'; 100_000];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    world.recorder.script("/large", vec![Step::ReadBody, Step::Send([head.into_bytes(), body].concat())]);
    let before = world.torii.process().resident();
    let client = Client::connect_with_receive_buffer(world.torii.address(), 4096);
    let requests = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1000);
    push(&client, requests.as_bytes(), requests.len());
    let seen = wait::until_steady(Duration::from_millis(300), || world.recorder.count());
    assert!(seen < 200, "{seen} of 1000 requests were carried out for a client that takes no answer");
    let grown = world.torii.process().resident().saturating_sub(before);
    assert!(grown < GROWTH, "memory grew by {grown}");
    client.reset();
    let lines = seen - 1;
    wait::for_condition("the log lines", || world.figure("Connections now") == 0);
    // One request may have reached the server between the look and the reset.
    let extra = world.recorder.count() - seen;
    world.settle("E05", lines + extra);
}

#[test]
fn e06_a_length_that_is_only_claimed_costs_nothing() {
    let world = World::start();
    let before = world.torii.process().resident();
    let claim = |length: u64| format!("POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    let clients: Vec<Client> = (0..50)
        .map(|_| {
            let mut client = world.client();
            client.send(claim(999_999_999_999));
            client
        })
        .collect();
    wait::for_condition("the requests at the server", || world.recorder.count() > 50);
    let grown = world.torii.process().resident().saturating_sub(before);
    assert!(grown < GROWTH, "memory grew by {grown}");
    clients.into_iter().for_each(Client::reset);
    world.settle("E06", 50);
}

#[test]
fn e07_refused_requests_of_a_client_that_does_not_read_end_the_connection() {
    let world = World::start();
    let before = world.torii.process().resident();
    for _ in 0..20 {
        let client = Client::connect_with_receive_buffer(world.torii.address(), 4096);
        push(&client, "BAD\r\n\r\n".repeat(10_000).as_bytes(), 1 << 20);
        drop(client);
    }
    let lines = world.settle("E07", 20);
    assert!(lines.iter().all(|line| line.status == 400 && line.end() == "PR"), "{lines:#?}");
    let grown = world.torii.process().resident().saturating_sub(before);
    assert!(grown < GROWTH, "memory grew by {grown}");
}

#[test]
fn e08_chunks_of_one_byte_are_carried_in_flat_memory() {
    const CHUNKS: usize = 200_000;
    let world = World::start();
    let before = world.torii.process().resident();
    let mut client = world.client();
    client.send("POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let piece = "1\r\nx\r\n".repeat(1000);
    for _ in 0..CHUNKS / 1000 {
        client.send(&piece);
    }
    let grown = world.torii.process().resident().saturating_sub(before);
    client.send("0\r\n\r\n");
    assert_eq!(client.response("POST").text(), format!("POST /post {CHUNKS}"));
    assert!(grown < GROWTH, "memory grew by {grown}");
    drop(client);
    world.settle("E08", 1);
}

#[test]
fn e09_large_heads_within_the_limits_are_served() {
    let world = World::start();
    let mut lines = 0;
    for times in [1, 2, 4] {
        let mut client = world.client();
        let cookie = format!("a={}; ", "b".repeat(12)).repeat(300 * times);
        let fields: String = (0..22 * times).map(|number| format!("X-{number}: y\r\n")).collect();
        let target = format!("/{}", "p".repeat(times * 1000));
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(client.response("GET").status, 200);
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {}\r\n\r\n", &cookie[..3800 * times]));
        assert_eq!(client.response("GET").status, 200);
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        assert_eq!(client.response("GET").status, 200);
        lines += 3;
    }
    world.settle("E09", lines);
}

/// Field names are never hashed; beyond the limit they are not even kept.
#[test]
fn e10_ten_thousand_field_names_are_refused() {
    let world = World::start();
    let fields: String = (0..10_000).map(|number| format!("A{number}: \r\n")).collect();
    let mut client = world.client();
    let _ = client.try_send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    assert_eq!(client.response("GET").status, 431);
    drop(client);
    world.settle("E10", 1);
    let cookies: String = (0..1500).map(|number| format!("c{number}=; ")).collect();
    let mut client = world.client();
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {cookies}\r\n\r\n"));
    assert_eq!(client.response("GET").status, 200);
    drop(client);
    world.settle("E10 cookies", 1);
}
