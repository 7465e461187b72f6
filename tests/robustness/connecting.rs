//! Servers that fail before a request reaches them: the client is told so in time, and the log says why.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::support::{Configuration, LogLine, Response, Torii};

/// What a GET, or a POST that must not be repeated, gets from this server.
#[track_caller]
fn ask(server: SocketAddr, request: &str) -> (Response, LogLine) {
    let plan = Configuration::new().timeout("connect = \"400ms\"").timeout("server = \"400ms\"");
    let torii = Torii::start(&plan.server(server));
    let mut client = torii.client();
    client.send(request);
    let response = client.response("GET");
    (response, torii.log_of("/ask"))
}

const GET: &str = "GET /ask HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST /ask HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd";

/// A server on a thread of its own; it ends with the test process.
fn server(serve: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(serve));
    address
}

#[test]
fn r20_a_server_that_resets_what_it_accepts_gives_502() {
    let address = server(|stream| {
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    for request in [GET, POST] {
        let (response, line) = ask(address, request);
        assert_eq!((response.status, line.end(), line.status), (502, "SH", 502));
        assert_eq!(line.retries, "0", "a fresh connection that fails is no keep-alive race");
    }
}

#[test]
fn r20_a_server_that_accepts_and_says_nothing_gives_504() {
    // Never accepted by the program: the kernel does it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (response, line) = ask(listener.local_addr().unwrap(), GET);
    assert_eq!((response.status, line.end()), (504, "sH"));
}

#[test]
fn r20_a_server_whose_queue_is_full_gives_503_at_the_connect_time_out() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let listener: TcpListener = socket.into();
    let address = listener.local_addr().unwrap();
    // The kernel drops further SYNs once its queue is full.
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queued.push(stream);
        assert!(queued.len() < 16, "the queue never fills");
    }
    let (response, line) = ask(address, GET);
    assert_eq!((response.status, line.end()), (503, "sC"));
}

/// What a server says before it was asked is no answer to anybody else's request.
#[test]
fn r18_a_server_that_speaks_first_gives_502() {
    for greeting in ["220 mail.example ESMTP\r\n", "SSH-2.0-OpenSSH_9.6\r\n", "\x15\x03\x03\x00\x02\x02\x28"]
    {
        let address = server(move |mut stream| {
            let _ = stream.write_all(greeting.as_bytes());
            let _ = stream.read(&mut [0; 4096]);
        });
        let (response, line) = ask(address, GET);
        assert_eq!(response.status, 502);
        assert!(matches!(line.end(), "PH" | "SH"), "{line:?}");
    }
}
