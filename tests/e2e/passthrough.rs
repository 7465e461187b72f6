//! TLS that passes through untouched, with the server chosen by the name in its ClientHello.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, channel};

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use crate::support::certificate::Certificate;
use crate::support::ports::free_address;
use crate::support::statistics::figure;
use crate::support::{Client, Configuration, RawServer, Torii, wait};

/// A server that reports what it hears first and answers with its name.
fn server(name: &'static str, length: usize) -> (RawServer, Receiver<Vec<u8>>) {
    let (sender, heard) = channel();
    let server = RawServer::start(move |mut stream| {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes)?;
        let _ = sender.send(bytes);
        stream.write_all(name.as_bytes())?;
        io::copy(&mut stream, &mut io::sink()).map(drop)
    });
    (server, heard)
}

/// A real ClientHello for this name, or for an address, which is no name to ask for.
fn client_hello(name: &str) -> Vec<u8> {
    let config = Certificate::for_names(&["any.test"]).any_client();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut bytes = Vec::new();
    ClientConnection::new(config, name).unwrap().write_tls(&mut bytes).unwrap();
    bytes
}

const ROUTES: &str = r#"
[[listener.route]]
sni = ["a.test", "*.a.test"]
backend = "first"
[[listener.route]]
sni = "b.test"
backend = "second"
"#;

fn routed(first: &RawServer, second: &RawServer, plan: Configuration) -> Torii {
    let backend = |name: &str, server: &RawServer| {
        let address = server.address();
        let server = format!("[[backend.server]]\nname = \"s\"\naddress = \"{address}\"\n");
        format!("[[backend]]\nname = \"{name}\"\nmode = \"tcp\"\n{server}")
    };
    let more = backend("first", first) + &backend("second", second);
    Torii::start(&plan.tcp().listener(ROUTES).more(&more))
}

#[test]
fn the_name_in_the_client_hello_chooses_the_backend_and_nothing_is_changed() {
    for (name, expected, backend) in [
        ("a.test", "first", "first"),
        ("WWW.a.TEST", "first", "first"),
        ("b.test", "second", "second"),
        ("www.b.test", "other", "web_backend"),
        ("192.0.2.1", "other", "web_backend"),
    ] {
        let hello = client_hello(name);
        let (first, heard_first) = server("first", hello.len());
        let (second, heard_second) = server("second", hello.len());
        let (other, heard_other) = server("other", hello.len());
        let torii = routed(&first, &second, Configuration::new().server(other.address()));
        let mut client = torii.client();
        client.send(&hello);
        assert_eq!(client.exactly(expected.len()), expected.as_bytes(), "{name}");
        let heard = match expected {
            "first" => heard_first,
            "second" => heard_second,
            _ => heard_other,
        };
        assert!(heard.recv_timeout(wait::DEADLINE).unwrap() == hello, "{name}: as it was sent");
        client.half_close();
        client.expect_close();
        let line = torii.wait_for_tcp_log(1).remove(0);
        assert_eq!((line.backend.as_str(), line.end.as_str()), (backend, "--"), "{name}");
    }
}

#[test]
fn a_client_hello_may_come_byte_by_byte_and_bring_more_behind_it() {
    let hello = client_hello("b.test");
    let behind = b"\x14\x03\x03\x00\x01\x01";
    let (first, _) = server("first", 1);
    let (second, heard) = server("second", hello.len() + behind.len());
    let torii = routed(&first, &second, Configuration::new().server(first.address()));
    for one_by_one in [true, false] {
        let mut client = torii.client();
        let all = [&hello[..], behind].concat();
        if one_by_one {
            all.iter().for_each(|&byte| client.send([byte]));
        } else {
            client.send(&all);
        }
        assert_eq!(client.exactly(6), b"second");
        assert!(heard.recv_timeout(wait::DEADLINE).unwrap() == all);
    }
}

#[test]
fn what_is_no_client_hello_is_closed_without_an_answer() {
    let (first, _) = server("first", 1);
    let torii = routed(&first, &first, Configuration::new().server(first.address()));
    let broken = {
        let mut hello = client_hello("a.test");
        hello[5] = 2;
        hello
    };
    // A handshake record that says it goes on for longer than is read.
    let endless = [&b"\x16\x03\x01\x40\x00\x01\x00\xff\xff"[..], &[0; 20_000]].concat();
    for (number, (what, bytes)) in [
        ("HTTP", b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".to_vec()),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        ("another message", broken),
        ("too large", endless),
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = torii.client();
        let _ = client.try_send(bytes);
        client.expect_close();
        let line = torii.wait_for_tcp_log(number + 1).remove(number);
        assert_eq!((line.end.as_str(), line.server.as_str()), ("PR", "<NOSRV>"), "{what}");
        assert_eq!((line.backend.as_str(), line.timers[0], line.timers[1]), ("front_in", -1, -1), "{what}");
    }
    assert_eq!(first.accepted(), 0, "no server saw any of it");
}

#[test]
fn a_client_hello_that_is_never_completed_ends_with_its_time() {
    let (first, _) = server("first", 1);
    let plan = Configuration::new().timeout("http_request = \"300ms\"").server(first.address());
    let torii = routed(&first, &first, plan);
    let hello = client_hello("a.test");
    let mut late = torii.client();
    late.send(&hello[..hello.len() - 1]);
    late.expect_close();
    assert_eq!(torii.wait_for_tcp_log(1)[0].end, "cR");
    let mut gone = torii.client();
    gone.send(&hello[..1]);
    gone.half_close();
    gone.expect_close();
    assert_eq!(torii.wait_for_tcp_log(2)[1].end, "CR");
    torii.client().expect_close();
    assert_eq!(torii.tcp_log().len(), 2, "a client that says nothing is not logged");
    assert_eq!(first.accepted(), 0);
}

#[test]
fn slow_client_hellos_hold_no_buffer() {
    let hello = client_hello("b.test");
    let (first, _) = server("first", 1);
    let (second, _) = server("second", hello.len());
    let page = free_address();
    // Room for eight sessions.
    let plan = Configuration::new().io("buffers_per_worker = 16").stats(page).server(first.address());
    let torii = routed(&first, &second, plan);
    let mut slow: Vec<Client> = (0..12).map(|_| torii.client()).collect();
    slow.iter_mut().for_each(|client| client.send(&hello[..100]));
    wait::for_condition("the slow to be set aside", || {
        figure(page, "Connections now") == 12 && { figure(page, "Buffers in use") == 0 }
    });
    let mut quick = torii.client();
    quick.send(&hello);
    assert_eq!(quick.exactly(6), b"second");
    for client in &mut slow {
        client.send(&hello[100..]);
        assert_eq!(client.exactly(6), b"second");
    }
}

#[test]
fn without_a_default_an_unknown_name_is_closed() {
    let (first, _) = server("first", 1);
    let plan = Configuration::new().without_listener_backend().server(first.address());
    let torii = routed(&first, &first, plan);
    let mut client = torii.client();
    client.send(client_hello("c.test"));
    client.expect_close();
    assert_eq!(torii.wait_for_tcp_log(1)[0].end, "PR");
    let mut client = torii.client();
    client.send(client_hello("b.test"));
    assert_eq!(client.exactly(5), b"first");
}

#[test]
fn a_proxy_header_may_come_before_the_client_hello() {
    let hello = client_hello("b.test");
    let (first, _) = server("first", 1);
    let (second, heard) = server("second", hello.len());
    let plan = Configuration::new().server(first.address());
    let plan = plan.listener("accept_proxy = true\ntrusted_proxies = [\"127.0.0.0/8\"]");
    let torii = routed(&first, &second, plan);
    let mut client = torii.client();
    client.send([b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n", &hello[..]].concat());
    assert_eq!(client.exactly(6), b"second");
    assert!(heard.recv_timeout(wait::DEADLINE).unwrap() == hello);
    client.half_close();
    client.expect_close();
    assert_eq!(torii.wait_for_tcp_log(1)[0].client, "192.0.2.7:4711");
}
