//! Interim responses (1xx) and answers that come before the request body has.

use crate::support::{Configuration, Origin, Torii, pattern};

fn start() -> (Origin, Torii) {
    let origin = Origin::start("one");
    let torii = Torii::start(&Configuration::new().server(origin.address()));
    (origin, torii)
}

#[test]
fn expect_100_continue_is_left_to_the_server() {
    let (origin, torii) = start();
    let mut client = torii.client();
    client
        .send("POST /continue HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 70000\r\n\r\n");
    let interim = client.next_response("POST");
    assert_eq!((interim.status, interim.head.start_line().as_str()), (100, "HTTP/1.1 100 Continue"));
    client.send(pattern::bytes(70_000));
    assert_eq!(client.response("POST").text(), "70000 right");
    assert_eq!(origin.only("/continue").get("expect").as_deref(), Some("100-continue"));
    assert_eq!(client.get("/name").text(), "one");
    assert_eq!(torii.log_of("/continue").status, 200, "the final status is logged, once");
}

#[test]
fn early_hints_are_forwarded_before_the_final_answer() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    for _ in 0..2 {
        client.send("GET /interim HTTP/1.1\r\nHost: a\r\n\r\n");
        let hints = client.next_response("GET");
        assert_eq!((hints.status, hints.body.len()), (103, 0));
        assert_eq!(hints.head.get("link").as_deref(), Some("</a.css>; rel=preload"));
        assert_eq!(hints.head.get("content-length"), None);
        assert_eq!(client.next_response("GET").text(), "one");
    }
}

#[test]
fn an_early_refusal_reaches_a_client_that_is_still_uploading() {
    let (origin, torii) = start();
    let mut client = torii.client();
    client.send("POST /early-413 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nfirst bytes");
    let response = client.response("POST");
    assert_eq!((response.status, response.text().as_str()), (413, "too large"));
    drop(client);
    assert_eq!(torii.client().get("/name").text(), "one");
    let connections: Vec<usize> = origin.seen("/").iter().map(|seen| seen.connection).collect::<Vec<usize>>();
    assert_ne!(connections[0], connections[1], "a connection with unsent body bytes is not reused");
}

#[test]
fn an_expectation_refused_by_the_server_is_passed_on() {
    let (_origin, torii) = start();
    let mut client = torii.client();
    client.send("POST /early-413 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    let response = client.next_response("POST");
    assert_eq!((response.status, response.text().as_str()), (413, "too large"));
    assert_eq!(torii.client().get("/name").text(), "one");
}
