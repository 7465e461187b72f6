//! Upgrades: what is forwarded of one, what a 101 has to be, and what happens with any other answer.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use crate::support::wire::{Head, Wire};
use crate::support::{Client, Configuration, RawServer, Torii};

pub const ASK: &str =
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo/1, h2c\r\n\r\n";
pub const GRANT: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo/1\r\n\r\n";

/// A server that answers every request with `answer`, and after a 101 echoes what comes.
pub struct Switching {
    pub server: RawServer,
    pub torii: Torii,
    heads: Arc<Mutex<Vec<Head>>>,
}

impl Switching {
    pub fn start(answer: &'static str, configuration: Configuration) -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        let server = RawServer::start(move |stream| serve(stream, answer, &seen));
        let torii = Torii::start(&configuration.server(server.address()));
        Self { server, torii, heads }
    }

    fn heads(&self) -> Vec<Head> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, answer: &str, seen: &Mutex<Vec<Head>>) -> io::Result<()> {
    let mut wire = Wire::new(stream);
    while let Some(head) = wire.read_head()? {
        let target = head.target();
        seen.lock().unwrap().push(head);
        if target == "/plain" || target.starts_with("/length") {
            wire.stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")?;
            continue;
        }
        wire.stream.write_all(answer.as_bytes())?;
        if answer.contains(" 101 ") {
            return echo(wire);
        }
    }
    Ok(())
}

fn echo(mut wire: Wire<TcpStream>) -> io::Result<()> {
    let early = wire.pending().to_vec();
    wire.stream.write_all(&early)?;
    let mut buffer = [0; 4096];
    loop {
        match wire.stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => wire.stream.write_all(&buffer[..count])?,
        }
    }
}

/// Opens a tunnel and echoes through it.
#[track_caller]
pub fn open<S: Read + Write>(client: &mut Client<S>) {
    client.send(ASK);
    let response = client.next_response("GET");
    assert_eq!(response.status, 101, "{}", response.head.text());
    client.send("hello");
    assert_eq!(client.exactly(5), b"hello");
}

#[test]
fn a_101_that_was_asked_for_opens_a_tunnel() {
    let world = Switching::start(GRANT, Configuration::new());
    let mut client = world.torii.client();
    client.send(ASK);
    let response = client.next_response("GET");
    assert_eq!(response.status, 101);
    assert_eq!(response.head.lines(), ["connection: Upgrade", "upgrade: echo/1"]);
    for text in ["a", "GET / HTTP/1.1\r\n\r\n", "\0\r\n\r\n"] {
        client.send(text);
        assert_eq!(client.exactly(text.len()), text.as_bytes());
    }
    let heads = world.heads();
    assert_eq!(heads.len(), 1, "nothing in the tunnel is a request: {heads:?}");
    assert_eq!(heads[0].lines(), ["Host: a", "connection: Upgrade", "upgrade: echo/1"]);
    client.half_close();
    client.expect_close();
    let line = world.torii.log_of("/chat");
    assert_eq!((line.status, line.end(), line.server.as_str()), (101, "--", "web1"));
    assert!(line.bytes > 21, "the bytes of the tunnel are counted: {}", line.bytes);
    assert_eq!(world.torii.log().len(), 1);
}

#[test]
fn bytes_sent_before_the_101_are_held_back_for_the_tunnel() {
    let world = Switching::start(GRANT, Configuration::new());
    let mut client = world.torii.client();
    let behind = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send([ASK, behind].concat());
    assert_eq!(client.next_response("GET").status, 101);
    assert_eq!(client.exactly(behind.len()), behind.as_bytes());
    assert_eq!(world.heads().len(), 1);
}

#[test]
fn d39_without_a_101_what_follows_is_the_next_request() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno";
    let world = Switching::start(answer, Configuration::new());
    let mut client = world.torii.client();
    client.send([ASK, "GET /plain HTTP/1.1\r\nHost: a\r\n\r\n"].concat());
    assert_eq!(client.response("GET").text(), "no");
    assert_eq!(client.response("GET").text(), "plain");
    let targets: Vec<String> = world.heads().iter().map(Head::target).collect();
    assert_eq!(targets, ["/chat", "/plain"]);
    assert!(world.heads()[1].get("x-forwarded-for").is_none());
}

#[test]
fn d40_with_a_body_the_upgrade_is_taken_out_and_the_message_is_a_normal_one() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno";
    for (fields, body) in
        [("Content-Length: 5\r\n", "hello"), ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n")]
    {
        let world = Switching::start(answer, Configuration::new());
        let mut client = world.torii.client();
        let ask = ASK.replace("GET", "POST").replace("Host", &format!("{fields}Host"));
        client.send(ask + body);
        assert_eq!(client.response("POST").status, 200);
        let head = &world.heads()[0];
        assert!(head.get("upgrade").is_none() && head.get("connection").is_none(), "{}", head.text());
    }
}

#[test]
fn r11_a_101_that_was_not_asked_for_is_a_bad_gateway() {
    let asks = [
        ("no upgrade", "GET /chat HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        ("an Upgrade that Connection does not name", ASK.replace("Connection", "X-Connection")),
        ("only what is never offered", ASK.replace("echo/1, ", "")),
        ("HTTP/1.0", ASK.replace("HTTP/1.1", "HTTP/1.0")),
        ("a body", ASK.replace("Host", "Content-Length: 1\r\nHost") + "x"),
    ];
    for (name, ask) in asks {
        let world = Switching::start(GRANT, Configuration::new());
        let mut client = world.torii.client();
        client.send(&ask);
        assert_eq!(client.response("GET").status, 502, "{name}");
        assert_eq!(world.torii.log_of("/chat").end(), "PH", "{name}");
    }
}

#[test]
fn r11_a_101_that_grants_something_else_is_a_bad_gateway() {
    for grant in [
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo/1, h2c\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo/1\r\n\r\n",
        "HTTP/1.0 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo/1\r\n\r\n",
    ] {
        let world = Switching::start(grant, Configuration::new());
        let mut client = world.torii.client();
        client.send(ASK);
        assert_eq!(client.response("GET").status, 502, "{grant}");
    }
}

#[test]
fn the_connection_of_a_refused_101_is_never_used_again() {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n";
    let world = Switching::start(answer, Configuration::new());
    let mut client = world.torii.client();
    client.send(ASK);
    assert_eq!(client.response("GET").status, 502);
    assert_eq!(client.get("/plain").text(), "plain");
    assert_eq!(world.server.accepted(), 2);
}

#[test]
fn an_interim_response_may_come_before_the_101() {
    let answer = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\
                  Connection: upgrade\r\nUpgrade: ECHO/1\r\n\r\nfirst";
    let world = Switching::start(answer, Configuration::new());
    let mut client = world.torii.client();
    client.send(ASK);
    assert_eq!(client.next_response("GET").status, 103);
    assert_eq!(client.next_response("GET").status, 101);
    assert_eq!(client.exactly(5), b"first", "what the server says at once follows the 101");
}

#[test]
fn a_101_carries_the_persistence_cookie() {
    let world = Switching::start(GRANT, Configuration::new().persistent());
    let mut client = world.torii.client();
    client.send(ASK);
    let response = client.next_response("GET");
    let cookie = response.head.get("set-cookie").expect("a cookie for the next request");
    assert!(cookie.starts_with("lbsessionid=w01"), "{cookie}");
    client.half_close();
    client.expect_close();
    assert_eq!(world.torii.log_of("/chat").cookie(), "NI");
}

#[test]
fn an_upgrade_travels_over_a_server_connection_that_was_used_before() {
    let world = Switching::start(GRANT, Configuration::new());
    let mut client = world.torii.client();
    assert_eq!(client.get("/plain").text(), "plain");
    open(&mut client);
    assert_eq!(world.server.accepted(), 1);
}
