//! D rows about what happens between two messages: pipelining, early answers, bodies nobody reads.

use crate::recorder::Step;
use crate::support::{Configuration, LogLine, Torii, ports, wait};
use crate::world::World;

const SMUGGLED: &str = "GET /SMUG HTTP/1.1\r\nHost: a\r\n\r\n";

fn post(target: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {target} HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
}

/// torii answers by itself before it has read the body: no byte of that is ever a request.
#[test]
fn d03_a_body_behind_our_own_answer_is_never_a_request() {
    let torii = Torii::start(&Configuration::new().server(ports::free_address()));
    let mut client = torii.client();
    client.send(post("/all-there", "", SMUGGLED));
    assert_eq!(client.response("POST").status, 503);
    client.send(post("/behind", "", SMUGGLED) + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((client.response("POST").status, client.response("GET").status), (503, 503));
    let whole = post("/in-two", "", SMUGGLED);
    let (first, second) = whole.split_at(whole.len() - SMUGGLED.len());
    client.send(first);
    assert_eq!(client.response("POST").status, 503);
    let _ = client.try_send(second);
    client.expect_close();
    let mut client = torii.client();
    client.send("POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1e\r\n");
    assert_eq!(client.response("POST").status, 503);
    let _ = client.try_send(SMUGGLED.to_owned() + "\r\n0\r\n\r\n");
    client.expect_close();
    let targets = || torii.log().iter().map(LogLine::clone).map(|line| line.request).collect::<Vec<_>>();
    let lines = wait::until_steady(std::time::Duration::from_millis(200), targets);
    let expected = ["POST /all-there", "POST /behind", "GET /next", "POST /in-two", "POST /chunks"];
    assert_eq!(lines, expected.map(|line| format!("{line} HTTP/1.1")));
}

/// A server that answers before it has the body: that connection is used for nothing else.
#[test]
fn d33_d37_d38_a_server_connection_that_lacks_body_is_not_used_again() {
    let world = World::start();
    let early = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly".to_vec();
    for (target, fields) in
        [("/length", "Content-Length: 31\r\n"), ("/chunked", "Transfer-Encoding: chunked\r\n")]
    {
        world.recorder.script(target, vec![Step::Send(early.clone()), Step::ReadBody]);
        let mut client = world.client();
        client.send(format!("POST {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        let answer = client.response("POST");
        assert_eq!((answer.status, answer.text().as_str()), (200, "early"));
        assert_eq!(answer.head.get("connection").as_deref(), Some("close"), "{target}");
        let _ = client.try_send(&SMUGGLED[..30]);
        client.expect_close();
        drop(client);
        world.settle(target, 1);
        let requests = world.recorder.requests();
        let place = requests.iter().position(|request| request.head.target() == target).unwrap();
        let used = requests[place].connection;
        assert!(requests[place + 1..].iter().all(|request| request.connection != used), "{target}");
    }
}

/// A server that has the whole body and answers early keeps its connection, and each gets its own answer.
#[test]
fn d33_requests_behind_a_body_get_their_own_answers() {
    let world = World::start();
    let mut client = world.client();
    let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
    let chunks = format!(
        "OPTIONS /te0 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n{SMUGGLED}\r\n0\r\n\r\n"
    );
    client.send([&post("/cl0", "", SMUGGLED), next, &chunks, next].concat());
    assert_eq!(client.response("POST").text(), "POST /cl0 31");
    assert_eq!(client.response("GET").text(), "GET /next 0");
    assert_eq!(client.response("OPTIONS").text(), "OPTIONS /te0 31");
    assert_eq!(client.response("GET").text(), "GET /next 0");
    drop(client);
    world.settle("D33", 4);
}

/// The client waits for 100 Continue and gets a final answer instead.
#[test]
fn d35_a_withheld_body_ends_both_connections() {
    let world = World::start();
    for (target, status) in [("/ok", 200), ("/failed", 417), ("/too-large", 413)] {
        let text = format!("HTTP/1.1 {status} Early\r\nContent-Length: 2\r\n\r\nno");
        world.recorder.script(target, vec![Step::Send(text.into_bytes()), Step::ReadBody]);
        let mut client = world.client();
        client.send(format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 31\r\n\r\n"
        ));
        let answer = client.response("POST");
        assert_eq!((answer.status, answer.text().as_str()), (status, "no"));
        assert_eq!(answer.head.get("connection").as_deref(), Some("close"), "{target}");
        let _ = client.try_send(&SMUGGLED[..30]);
        client.expect_close();
        drop(client);
        world.settle(target, 1);
        let requests = world.recorder.requests();
        let place = requests.iter().position(|request| request.head.target() == target).unwrap();
        let used = requests[place].connection;
        assert!(requests[place + 1..].iter().all(|request| request.connection != used), "{target}");
    }
}

#[test]
fn d35_the_servers_100_continue_reaches_the_client() {
    let world = World::start();
    world.recorder.script(
        "/go",
        vec![
            Step::Send(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
            Step::ReadBody,
            Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec()),
        ],
    );
    let mut client = world.client();
    client.send("POST /go HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 31\r\n\r\n");
    assert_eq!(client.next_response("POST").status, 100);
    client.send(SMUGGLED);
    assert_eq!(client.response("POST").text(), "ok");
    assert_eq!(client.get("/next").text(), "GET /next 0");
    drop(client);
    world.settle("D35", 2);
}

#[test]
fn d57_bytes_behind_the_last_request_are_dropped() {
    let world = World::start();
    for rest in ["garbage", SMUGGLED, "\r\n\r\n\0\0\0"] {
        let mut client = world.client();
        client.send(format!("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n{rest}"));
        assert_eq!(client.response("GET").text(), "GET /last 0");
        client.expect_close();
        drop(client);
        world.settle(rest, 1);
    }
}

#[test]
fn d80_pipelined_requests_are_answered_in_order() {
    let world = World::start();
    let all = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n\
        POST /second HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n\
        GET /third HTTP/1.1\r\nHost: a\r\n\r\n";
    for piece in [all.len(), 1, 7, 50] {
        let mut client = world.client();
        for part in all.as_bytes().chunks(piece) {
            client.send(part);
        }
        assert_eq!(client.response("GET").text(), "GET /first 0");
        assert_eq!(client.response("POST").text(), "POST /second 5");
        assert_eq!(client.response("GET").text(), "GET /third 0");
        drop(client);
        world.settle("D80", 3);
    }
}

#[test]
fn d81_a_malformed_second_request_leaves_the_first_its_answer() {
    let world = World::start();
    world.recorder.script(
        "/held",
        vec![
            Step::ReadBody,
            Step::Wait,
            Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nheld".to_vec()),
        ],
    );
    let mut client = world.client();
    client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    wait::for_condition("the request at the server", || world.recorder.count() > 1);
    client.send("GET /bad HTTP/1.1\r\nHost : a\r\n\r\n");
    client.send(SMUGGLED);
    world.recorder.open_gate();
    assert_eq!(client.response("GET").text(), "held");
    assert_eq!(client.response("GET").status, 400);
    client.expect_close();
    drop(client);
    let lines = world.settle("D81", 2);
    assert_eq!((lines[0].end(), lines[1].end()), ("--", "PR"));
}

#[test]
fn d82_a_client_that_has_said_everything_still_gets_its_answer() {
    let world = World::start();
    for request in ["GET /half HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), post("/half", "", "hello")] {
        let mut client = world.client();
        client.send(&request);
        client.half_close();
        let method = request.split(' ').next().unwrap();
        let length = if method == "POST" { 5 } else { 0 };
        assert_eq!(client.response(method).text(), format!("{method} /half {length}"));
        client.expect_close();
        drop(client);
        world.settle("D82", 1);
    }
}
