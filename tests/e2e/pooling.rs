//! Server connections are reused, and nothing of one exchange can reach another through them.

use crate::support::{Configuration, Origin, Torii, wait};

fn start() -> (Origin, Torii) {
    let origin = Origin::start("one");
    let torii = Torii::start(&Configuration::new().server(origin.address()));
    (origin, torii)
}

#[test]
fn a_server_connection_serves_many_clients_in_turn() {
    let (origin, torii) = start();
    for _ in 0..20 {
        let mut client = torii.client();
        client.send("GET /name HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(client.response("GET").text(), "one");
        client.expect_close();
    }
    assert_eq!((origin.connections(), origin.seen("/name").len()), (1, 20));
}

#[test]
fn a_server_connection_is_reused_after_every_kind_of_exchange() {
    let (origin, torii) = start();
    let mut client = torii.client();
    client.get("/length/100000");
    client.get("/chunked/100000");
    client.post("/echo", &[7; 50_000]);
    client.get("/status/304");
    client.send("HEAD /length/9 HTTP/1.1\r\nHost: a\r\n\r\n");
    client.response("HEAD");
    assert_eq!(client.get("/name").text(), "one");
    assert_eq!(origin.connections(), 1);
}

#[test]
fn concurrent_clients_get_connections_of_their_own() {
    let (origin, torii) = start();
    let mut clients: Vec<_> = (0..5).map(|_| torii.client()).collect();
    for client in &mut clients {
        client.send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    wait::for_condition("five requests at the server", || origin.seen("/gate").len() == 5);
    assert_eq!(origin.connections(), 5);
    origin.open_gate();
    for client in &mut clients {
        assert_eq!(client.response("GET").text(), "one");
    }
}

/// The keep-alive race made certain: the server closes as the second request arrives.
#[test]
fn a_get_that_meets_a_closing_connection_is_answered_by_a_fresh_one() {
    let (origin, torii) = start();
    let mut client = torii.client();
    assert_eq!(client.get("/name?first").text(), "one");
    origin.drop_reused(1);
    assert_eq!(client.get("/name?race").text(), "one");
    assert_eq!(origin.seen("/name?race").len(), 2, "sent, lost with the connection, sent once more");
    assert_eq!(origin.connections(), 2);
    assert_eq!(torii.log_of("/name?race").status, 200);
    let lines = torii.log_before_clean_get();
    let of_race = lines.iter().filter(|line| line.request.contains("?race")).count();
    assert_eq!(of_race, 1, "one request, one line");
}

#[test]
fn a_race_is_retried_on_a_fresh_connection_and_not_on_another_idle_one() {
    let (origin, torii) = start();
    let mut clients: Vec<_> = (0..4).map(|_| torii.client()).collect();
    for client in &mut clients {
        client.send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    wait::for_condition("four requests at the server", || origin.seen("/gate").len() == 4);
    origin.open_gate();
    clients.iter_mut().for_each(|client| drop(client.response("GET")));
    origin.drop_reused(4);
    assert_eq!(clients[0].get("/name?race").text(), "one");
    assert_eq!(origin.seen("/name?race").len(), 2);
}

/// A server may have acted on a request whose answer was lost, so a POST is never sent twice. The
/// client, which had kept its own connection, sees it close and may try again, as with HAProxy.
#[test]
fn a_post_is_not_sent_again_once_the_server_may_have_read_it() {
    let (origin, torii) = start();
    let mut client = torii.client();
    assert_eq!(client.get("/name?first").text(), "one");
    origin.drop_reused(1);
    client.send("POST /sink?once HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd");
    client.expect_close();
    assert_eq!(torii.client().get("/name").text(), "one");
    origin.only("/sink?once");
    let line = torii.log_of("/sink?once");
    assert_eq!((line.end(), line.status, line.bytes), ("SH", -1, 0));
}

/// The first request of a client's connection cannot be lost with a connection that others have used.
#[test]
fn a_first_request_that_cannot_be_repeated_gets_a_fresh_connection() {
    let (origin, torii) = start();
    assert_eq!(torii.client().get("/name").text(), "one");
    origin.drop_reused(1);
    let mut client = torii.client();
    assert_eq!(client.post("/sink", b"").text(), "0 right");
    assert_eq!(origin.connections(), 2);
}

#[test]
fn a_connection_that_the_server_closed_while_idle_is_not_used_again() {
    let (origin, torii) = start();
    let mut client = torii.client();
    for number in 0..5 {
        assert_eq!(client.get("/silent-close").text(), "one");
        wait::for_condition("the server to close", || origin.open_connections() == 0);
        let response = client.post(&format!("/sink?{number}"), b"");
        assert_eq!((response.status, response.text().as_str()), (200, "0 right"));
        origin.only(&format!("/sink?{number}"));
    }
}

#[test]
fn a_restarted_server_is_noticed_without_an_error() {
    let (origin, torii) = start();
    let mut client = torii.client();
    for _ in 0..5 {
        assert_eq!(client.get("/name").status, 200);
        origin.close_connections();
    }
    assert_eq!(client.get("/name").status, 200);
}

/// Response-queue poisoning: an unasked response must not become the next client's answer.
#[test]
fn bytes_on_an_idle_connection_never_reach_the_next_client() {
    let (origin, torii) = start();
    for round in 1..=5 {
        assert_eq!(torii.client().get("/poison").text(), "one");
        wait::for_condition("the unasked response to be written", || origin.poisoned() == round);
        assert_eq!(torii.client().get("/name").text(), "one");
    }
    assert!(origin.connections() >= 5, "each dirty connection was given up");
}

#[test]
fn bytes_beyond_the_length_of_a_response_are_dropped() {
    let (_origin, torii) = start();
    for _ in 0..5 {
        let mut client = torii.client();
        assert_eq!(client.get("/excess").text(), "hello");
        assert_eq!(client.get("/name").text(), "one");
    }
}

#[test]
fn a_connection_whose_body_was_cut_is_not_reused() {
    let (origin, torii) = start();
    let mut client = torii.client();
    client.send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
    origin.wait_for("/gate");
    client.reset();
    origin.open_gate();
    for _ in 0..3 {
        assert_eq!(torii.client().get("/length/7").body.len(), 7);
    }
}
