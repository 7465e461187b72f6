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

#[test]
fn a_connection_ends_in_order_after_its_last_request() {
    let origin = Origin::start("one");
    let plan = Configuration::new().limit("requests_per_connection = 3").server(origin.address());
    let torii = Torii::start(&plan);
    let mut client = torii.client();
    client.send("GET /name?any HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5));
    for last in [false, false, true] {
        let response = client.response("GET");
        assert_eq!(response.text(), "one");
        assert_eq!(response.head.get("connection").as_deref(), last.then_some("close"));
    }
    client.expect_close();
    assert_eq!(origin.seen("/name?any").len(), 3, "what follows the last request is not served");
}

#[test]
fn a_body_that_announces_too_much_gets_413_before_it_is_sent() {
    let origin = Origin::start("one");
    let plan = Configuration::new().limit("request_body_size = \"1KiB\"").server(origin.address());
    let torii = Torii::start(&plan);
    let too_large = [
        "POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 1025\r\n\r\n",
        "POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n",
        "POST /sink HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n",
    ];
    for request in too_large {
        let mut client = torii.client();
        client.send(request);
        let response = client.response("POST");
        assert_eq!(response.head.start_line(), "HTTP/1.1 413 Payload Too Large");
        assert_eq!(response.head.get("connection").as_deref(), Some("close"));
        client.expect_close();
    }
    assert!(origin.seen("/sink").is_empty(), "nothing of it reached a server");
    let lines = torii.log_before_clean_get();
    assert_eq!(lines.iter().map(|line| (line.status, line.end())).collect::<Vec<_>>(), [(413, "PR"); 3]);
    assert_eq!(torii.client().post("/echo", &[b'x'; 1024]).body.len(), 1024, "as much as is allowed");
}

#[test]
fn chunks_that_add_up_to_too_much_get_413() {
    let origin = Origin::start("one");
    let plan = Configuration::new().limit("request_body_size = \"1KiB\"").server(origin.address());
    let torii = Torii::start(&plan);
    let mut client = torii.client();
    let piece = format!("200\r\n{}\r\n", "x".repeat(512));
    client.send("POST /sink HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send(&piece);
    origin.wait_for("/sink");
    client.send(&piece);
    client.send("1\r\n");
    assert_eq!(client.response("POST").status, 413);
    client.expect_close();
    let line = torii.log_of("/sink");
    assert_eq!((line.status, line.end(), line.server.as_str()), (413, "PR", "web1"));
}
