//! Limits hold, and what they hold back is served once there is room.

use std::time::Duration;

use crate::support::{Client, Configuration, Origin, Torii};

/// Long enough to notice an answer that should not be there; nothing depends on its length.
const QUIET: Duration = Duration::from_millis(300);

/// With `places` clients connected, the next one waits until one of them leaves.
fn assert_next_client_waits(plan: Configuration, places: usize) {
    let origin = Origin::start("one");
    let torii = Torii::start(&plan.server(origin.address()));
    let mut clients: Vec<Client> = (0..places).map(|_| torii.client()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/name").text(), "one");
    }
    let mut next = torii.client();
    next.send("GET /name?next HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(next.stays_silent(QUIET), "it should wait in the kernel's queue");
    assert!(origin.seen("/name?next").is_empty());
    assert_eq!(clients[0].get("/name").text(), "one", "those inside are served meanwhile");
    drop(clients.pop());
    assert_eq!(next.response("GET").text(), "one");
}

#[test]
fn the_process_limit_makes_the_next_client_wait() {
    assert_next_client_waits(Configuration::new().limit("max_connections = 3"), 3);
}

#[test]
fn the_process_limit_holds_over_several_workers() {
    let origin = Origin::start("one");
    let plan = Configuration::new().workers(2).limit("max_connections = 4").server(origin.address());
    let torii = Torii::start(&plan);
    for _ in 0..3 {
        let mut clients: Vec<Client> = (0..12).map(|_| torii.client()).collect();
        for client in &mut clients {
            client.send("GET /name HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        }
        for client in &mut clients {
            assert_eq!(client.response("GET").text(), "one");
        }
    }
}

#[test]
fn more_sessions_than_buffers_are_served_one_after_the_other() {
    let origin = Origin::start("one");
    let plan = Configuration::new().io("buffers_per_worker = 16").server(origin.address());
    let torii = Torii::start(&plan);
    let mut clients: Vec<Client> = (0..100).map(|_| torii.client()).collect();
    for client in &mut clients {
        client.send("GET /length/100000 HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let readers: Vec<_> = clients
        .into_iter()
        .map(|mut client| std::thread::spawn(move || client.response("GET").body.len()))
        .collect();
    for reader in readers {
        assert_eq!(reader.join().unwrap(), 100_000);
    }
}

#[test]
fn a_smaller_head_limit_is_obeyed() {
    let origin = Origin::start("one");
    let plan = Configuration::new()
        .limit("request_head_size = \"4KiB\"")
        .limit("request_headers = 10")
        .server(origin.address());
    let torii = Torii::start(&plan);
    let mut client = torii.client();
    client.send(format!("GET /name HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(5_000)));
    assert_eq!(client.response("GET").status, 431);
    let mut client = torii.client();
    client.send(format!("GET /name HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(10)));
    assert_eq!(client.response("GET").status, 431);
    assert_eq!(torii.client().get("/name").text(), "one");
}
