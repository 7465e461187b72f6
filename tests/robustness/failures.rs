//! Servers and clients that close, reset, hang or drip at each phase of an exchange: the other side
//! gets an answer or sees that something is missing, never a whole that is none, and the log says who.

use std::time::Duration;

use crate::recorder::Step;
use crate::support::{Client, Configuration, LogLine, Response, wait};
use crate::world::World;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";

/// Time-outs short enough to wait for. A server that drips stays within them byte by byte.
fn world() -> World {
    World::start_with(Configuration::new().timeout("server = \"500ms\"").timeout("client = \"500ms\""))
}

fn send(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// The only log line of a case.
#[track_caller]
fn only_line(world: &World, what: &str) -> LogLine {
    world.recorder.open_gate();
    world.settle(what, 1).remove(0)
}

#[derive(Debug, Clone, Copy)]
enum Failure {
    Close,
    Reset,
    Hang,
}

impl Failure {
    const ALL: [Self; 3] = [Self::Close, Self::Reset, Self::Hang];

    fn step(self) -> Step {
        match self {
            Self::Close => Step::Close,
            Self::Reset => Step::Reset,
            Self::Hang => Step::Wait,
        }
    }
}

/// Has the server fail after `steps`, in each way, under a GET; returns what the client saw and the log.
#[track_caller]
fn fail_after(steps: &[Step], mut check: impl FnMut(Failure, Response, LogLine)) {
    // The gate of one that hangs stays open once opened, so it comes last.
    let world = world();
    for failure in Failure::ALL {
        let steps = [&[Step::ReadBody], steps, &[failure.step(), Step::Close]].concat();
        world.recorder.script("/fail", steps);
        let mut client = world.client();
        let response = client.get("/fail");
        drop(client);
        if matches!(failure, Failure::Hang) {
            world.recorder.open_gate();
        }
        check(failure, response, world.settle(&format!("{failure:?}"), 1).remove(0));
    }
}

#[test]
fn c07_c08_a_server_that_fails_before_its_head_is_answered_for() {
    for steps in [vec![], vec![send("H")], vec![send("HTTP/1.1 200 OK\r\nContent-Len")]] {
        fail_after(&steps, |failure, response, line| {
            let (status, end) = match failure {
                Failure::Close | Failure::Reset => (502, "SH"),
                Failure::Hang => (504, "sH"),
            };
            assert_eq!(
                (response.status, response.truncated, line.end()),
                (status, false, end),
                "{failure:?}"
            );
            assert_eq!(line.status, i64::from(status));
        });
    }
}

#[test]
fn c07_c08_a_server_that_fails_in_its_body_is_seen_to_fail() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello";
    for text in [HEAD.to_owned(), format!("{HEAD}hello"), chunked.to_owned()] {
        fail_after(&[send(&text)], |failure, response, line| {
            let end = if matches!(failure, Failure::Hang) { "sD" } else { "SD" };
            assert_eq!((response.status, response.truncated), (200, true), "{failure:?} after {text:?}");
            assert_eq!((line.end(), line.status), (end, 200), "{failure:?} after {text:?}");
        });
    }
}

/// Without a length a close is the end; nothing else is, and a reset tells the client so.
#[test]
fn c08_a_server_that_hangs_in_a_body_without_length_is_seen_to_fail() {
    let world = world();
    let steps = vec![Step::ReadBody, send("HTTP/1.1 200 OK\r\n\r\nhello"), Step::Wait, Step::Close];
    world.recorder.script("/fail", steps);
    let mut client = world.client();
    client.send("GET /fail HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut bytes = Vec::new();
    let outcome = std::io::Read::read_to_end(&mut client.handle(), &mut bytes);
    assert_eq!(outcome.map_err(|error| error.kind()), Err(std::io::ErrorKind::ConnectionReset));
    assert!(bytes.ends_with(b"\r\n\r\nhello"), "{}", bytes.escape_ascii());
    drop(client);
    assert_eq!(only_line(&world, "hang").end(), "sD");
}

/// To a client of HTTP/1.0 the end of the connection ends a chunked body too.
#[test]
fn c07_a_cut_chunked_body_is_reset_towards_an_old_client() {
    let world = world();
    let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    world.recorder.script("/fail", vec![Step::ReadBody, send(text), Step::Wait, Step::Close]);
    let mut client = world.client();
    client.send("GET /fail HTTP/1.0\r\nHost: a\r\n\r\n");
    let mut bytes = Vec::new();
    let outcome = std::io::Read::read_to_end(&mut client.handle(), &mut bytes);
    assert_eq!(outcome.map_err(|error| error.kind()), Err(std::io::ErrorKind::ConnectionReset));
    drop(client);
    only_line(&world, "old client");
}

#[test]
fn c07_a_server_that_fails_after_its_body_has_answered() {
    fail_after(&[send(&format!("{HEAD}helloworld"))], |failure, response, line| {
        assert_eq!((response.text().as_str(), response.truncated), ("helloworld", false), "{failure:?}");
        assert_eq!((line.end(), line.status), ("--", 200), "{failure:?}");
    });
}

#[test]
fn r15_a_head_that_drips_gets_504_when_its_time_is_over() {
    let world = world();
    let drip = Step::Drip(
        format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(1000)).into_bytes(),
        Duration::from_millis(20),
    );
    world.recorder.script("/drip", vec![Step::ReadBody, drip]);
    let response = world.client().get("/drip");
    assert_eq!(response.status, 504);
    assert_eq!(only_line(&world, "drip").end(), "sH");
}

#[test]
fn r15_a_body_that_drips_is_waited_for() {
    let world = world();
    let drip = Step::Drip(vec![b'x'; 10], Duration::from_millis(100));
    world.recorder.script("/drip", vec![Step::ReadBody, send(HEAD), drip]);
    let response = world.client().get("/drip");
    assert_eq!((response.text().as_str(), response.truncated), ("xxxxxxxxxx", false));
    assert_eq!(only_line(&world, "drip").end(), "--");
}

const EARLY: &str =
    "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large";

/// A server that answers and closes with the body unread resets the connection: the answer counts.
#[test]
fn d38_c08_an_early_answer_is_relayed_though_its_server_closes() {
    let world = world();
    world.recorder.script("/early", vec![send(EARLY), Step::Close]);
    // More than the buffers of two kernels hold, so that the body is never all sent.
    for framing in ["Content-Length: 40000000", "Transfer-Encoding: chunked"] {
        for _ in 0..5 {
            let mut client = world.client();
            let mut sender = client.handle();
            let writer = std::thread::spawn({
                let head = format!("POST /early HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
                let is_chunked = framing.starts_with('T');
                move || {
                    let piece = [
                        if is_chunked { &b"2710\r\n"[..] } else { b"" },
                        &[b'x'; 10_000],
                        if is_chunked { b"\r\n" } else { b"" },
                    ]
                    .concat();
                    let _ = std::io::Write::write_all(&mut sender, head.as_bytes());
                    for _ in 0..4000 {
                        if std::io::Write::write_all(&mut sender, &piece).is_err() {
                            return;
                        }
                    }
                }
            });
            let response = client.response("POST");
            assert_eq!((response.status, response.text().as_str()), (413, "too large"));
            assert_eq!(response.head.get("connection").as_deref(), Some("close"));
            drop(client);
            writer.join().unwrap();
        }
    }
    for line in world.settle("early", 10) {
        assert_eq!((line.end(), line.status), ("--", 413));
    }
}

/// The body that its server did not wait for is no request, neither to the server nor to torii.
#[test]
fn d33_d37_what_follows_an_early_answer_is_never_a_request() {
    let world = world();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    world.recorder.script("/early", vec![send(answer), Step::Wait, Step::ReadBody]);
    let smuggled = "GET /SMUG HTTP/1.1\r\nHost: a\r\n\r\n";
    let bodies = [
        (
            format!("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", smuggled.len()),
            smuggled.to_owned(),
        ),
        (
            "OPTIONS /early HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            format!("{:x}\r\n{smuggled}\r\n0\r\n\r\n", smuggled.len()),
        ),
    ];
    for (head, body) in &bodies {
        let mut client = world.client();
        client.send(head);
        let response = client.response("POST");
        assert_eq!((response.status, response.text().as_str()), (200, "ok"));
        assert_eq!(response.head.get("connection").as_deref(), Some("close"));
        client.send(body);
        client.send(smuggled);
        assert!(client.is_closed());
    }
    world.recorder.open_gate();
    world.settle("early", 2);
    let requests = world.recorder.requests();
    let early: Vec<_> = requests.iter().filter(|one| one.head.target() == "/early").collect();
    assert!(
        early.iter().all(|one| one.body == smuggled.as_bytes()),
        "the body went where it belongs: {early:#?}"
    );
}

#[test]
fn c07_a_server_that_resets_in_mid_upload_is_answered_for() {
    let world = world();
    world.recorder.script("/fail", vec![Step::Reset]);
    let mut client = world.client();
    client.send("POST /fail HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome");
    assert_eq!(client.response("POST").status, 502);
    assert!(client.is_closed(), "the rest of the body was never read");
    drop(client);
    assert_eq!(only_line(&world, "mid-upload").end(), "SH");
}

#[test]
fn c08_a_server_that_stops_reading_in_mid_upload_gets_504() {
    let world = world();
    world.recorder.script("/fail", vec![Step::Wait, Step::Close]);
    let mut client = world.client();
    let mut sender = client.handle();
    let writer = std::thread::spawn(move || {
        let _ = std::io::Write::write_all(
            &mut sender,
            b"POST /fail HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n",
        );
        while std::io::Write::write_all(&mut sender, &[b'x'; 100_000]).is_ok() {}
    });
    assert_eq!(client.response("POST").status, 504);
    drop(client);
    writer.join().unwrap();
    assert_eq!(only_line(&world, "mid-upload").end(), "sH");
}

#[test]
fn d82_a_client_that_ended_its_side_gets_its_answers() {
    let world = world();
    world.recorder.script("/late", vec![Step::ReadBody, Step::Wait, send(&format!("{HEAD}helloworld"))]);
    let requests = "GET /one HTTP/1.1\r\nHost: a\r\n\r\n\
                    POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    let mut client = world.client();
    client.send(requests);
    client.half_close();
    assert_eq!(client.response("GET").text(), "GET /one 0");
    wait::for_condition("the second request", || {
        world.recorder.requests().iter().any(|one| one.complete && one.head.target() == "/late")
    });
    world.recorder.open_gate();
    assert_eq!(client.response("POST").text(), "helloworld");
    assert!(client.is_closed());
    let lines = world.settle("half-closed", 2);
    assert!(lines.iter().all(|line| line.end() == "--" && line.status == 200), "{lines:#?}");
}

#[test]
fn e22_a_client_that_ends_its_side_in_mid_body_gets_400() {
    for framing in ["Content-Length: 100\r\n\r\nsome", "Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n"] {
        let world = world();
        let mut client = world.client();
        client.send(format!("POST /cut HTTP/1.1\r\nHost: a\r\n{framing}"));
        wait::for_condition("the request", || world.recorder.count() > 1);
        client.half_close();
        assert_eq!(client.response("POST").status, 400);
        assert!(client.is_closed());
        drop(client);
        let line = only_line(&world, "mid-body");
        assert_eq!((line.end(), line.status), ("CH", 400));
        let request = world.recorder.requests().into_iter().find(|one| one.head.target() == "/cut");
        assert!(request.is_some_and(|request| !request.complete), "the server must not take it for whole");
    }
}

/// Resets the client's connection once `ready` holds; the only log line.
#[track_caller]
fn reset_when(world: &World, bytes: &str, ready: impl Fn() -> bool, what: &str) -> LogLine {
    let mut client = world.client();
    client.send(bytes);
    wait::for_condition(what, ready);
    client.reset();
    only_line(world, what)
}

#[test]
fn c07_a_client_that_resets_is_logged_in_its_phase() {
    let world = world();
    let arrived = |target: &'static str| {
        let recorder = &world.recorder;
        move || recorder.requests().iter().any(|one| one.head.target() == target)
    };
    let line = reset_when(
        &world,
        "GET /head HTTP/1.1\r\nHost: a\r\n",
        || world.figure("Buffers in use") > 0,
        "mid-head",
    );
    assert_eq!((line.end(), line.status), ("CR", 400));

    let line = reset_when(
        &world,
        "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
        arrived("/upload"),
        "mid-upload",
    );
    assert_eq!(line.end(), "CH");

    let body = "x".repeat(10_000_000);
    let large = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    world.recorder.script("/large", vec![Step::ReadBody, send(&large)]);
    let line =
        reset_when(&world, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", arrived("/large"), "mid-download");
    assert_eq!((line.end(), line.status), ("CD", 200));
}

#[test]
fn e04_a_client_that_reads_nothing_is_given_up() {
    let world = world();
    let body = "x".repeat(10_000_000);
    let large = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    world.recorder.script("/large", vec![Step::ReadBody, send(&large)]);
    let mut client = Client::connect_with_receive_buffer(world.torii.address(), 1024);
    client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    let line = only_line(&world, "no reader");
    assert_eq!((line.end(), line.status), ("cD", 200));
    drop(client);
}

/// Interim responses, too, are held by a client that reads nothing. They are large, so that the
/// buffers of the kernel cannot hold them.
#[test]
fn e04_a_client_that_takes_no_interim_response_is_given_up() {
    let plan = Configuration::new().timeout("server = \"20s\"").timeout("client = \"500ms\"");
    let plan = plan.io("buffer_size = \"1MiB\"").io("buffers_per_worker = 64");
    let world = World::start_with(plan.limit("request_head_size = \"1MiB\""));
    let interim = format!("HTTP/1.1 103 Early Hints\r\nX: {}\r\n\r\n", "x".repeat(1_000_000));
    world.recorder.script("/hints", vec![Step::ReadBody, send(&interim.repeat(16)), Step::Wait]);
    let mut client = Client::connect_with_receive_buffer(world.torii.address(), 1024);
    client.send("GET /hints HTTP/1.1\r\nHost: a\r\n\r\n");
    let line = world.settle("no reader of hints", 1).remove(0);
    assert_eq!((line.end(), line.status), ("cH", -1));
    drop(client);
}
