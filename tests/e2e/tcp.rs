//! tcp mode: bytes to a server and back, who is tried, what is logged, and what becomes of errors.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::channel;

use crate::memory::{assert_flat, peak_during};
use crate::support::certificate::Certificate;
use crate::support::pattern::{self, Pattern};
use crate::support::statistics::cell;
use crate::support::{Client, Configuration, Origin, RawServer, Torii, ports, wait};

/// A server that says its name at once, and then what it hears.
fn echo_server(name: &'static str) -> RawServer {
    RawServer::start(move |mut stream| {
        stream.write_all(name.as_bytes())?;
        io::copy(&mut stream.try_clone()?, &mut stream)?;
        stream.shutdown(Shutdown::Write)
    })
}

fn read_all(mut stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    Ok(all)
}

#[test]
fn a_server_that_speaks_first_is_heard_and_then_both_are() {
    let server = echo_server("hello");
    let torii = Torii::start(&Configuration::new().tcp().server(server.address()));
    let mut client = torii.client();
    assert_eq!(client.exactly(5), b"hello");
    for text in ["a", "GET / HTTP/1.1\r\n\r\n", "\0\u{ff}"] {
        client.send(text);
        assert_eq!(client.exactly(text.len()), text.as_bytes());
    }
    client.half_close();
    client.expect_close();
    let line = torii.wait_for_tcp_log(1).remove(0);
    assert_eq!((line.frontend.as_str(), line.backend.as_str()), ("front_in", "web_backend"));
    assert_eq!((line.server.as_str(), line.end.as_str(), line.retries.as_str()), ("web1", "--", "0"));
    assert_eq!(line.bytes, 5 + 1 + 18 + 3);
    assert!(line.timers.iter().all(|&timer| timer >= 0), "{line:?}");
}

#[test]
fn half_closed_connections_pass_in_both_directions() {
    let (sender, heard) = channel();
    let server = RawServer::start(move |mut stream| {
        stream.write_all(&pattern::bytes(300_000))?;
        stream.shutdown(Shutdown::Write)?;
        let _ = sender.send(read_all(&stream)?);
        Ok(())
    });
    let torii = Torii::start(&Configuration::new().tcp().server(server.address()));
    let mut client = torii.client();
    assert!(client.until_end().unwrap() == pattern::bytes(300_000));
    client.send(pattern::bytes(200_000));
    client.half_close();
    assert!(heard.recv_timeout(wait::DEADLINE).unwrap() == pattern::bytes(200_000));

    let server = RawServer::start(|mut stream| {
        let heard = read_all(&stream)?;
        stream.write_all(&heard)
    });
    let torii = Torii::start(&Configuration::new().tcp().server(server.address()));
    let mut client = torii.client();
    client.send(pattern::bytes(200_000));
    client.half_close();
    assert!(client.until_end().unwrap() == pattern::bytes(200_000));
    assert_eq!(torii.wait_for_tcp_log(1)[0].end, "--");
}

#[test]
fn tls_is_terminated_and_its_application_protocol_left_to_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::for_names(&["db.test"]);
    certificate.write(folder.path(), "db.test");
    let server = echo_server("hello");
    let torii = Torii::start(&Configuration::new().tcp().tls(folder.path(), "1.2").server(server.address()));
    for alpn in [Vec::new(), vec![b"postgresql".to_vec()]] {
        let mut config = (*certificate.any_client()).clone();
        config.alpn_protocols = alpn;
        let mut client = Client::connect_tls(torii.address(), "db.test", config.into()).unwrap();
        assert_eq!(client.exactly(5), b"hello");
        client.send("over TLS");
        assert_eq!(client.exactly(8), b"over TLS");
        client.finish_writing();
        assert!(client.until_end().unwrap().is_empty(), "a close_notify, and nothing else");
    }
    assert!(torii.wait_for_tcp_log(2).iter().all(|line| line.frontend == "front_in~" && line.end == "--"));
}

#[test]
fn another_server_is_tried_when_one_refuses() {
    let server = echo_server("hello");
    let plan = Configuration::new().tcp();
    let plan = plan.server(ports::free_address()).server(ports::free_address()).server(server.address());
    let torii = Torii::start(&plan);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let mut client = torii.client();
        assert_eq!(client.exactly(5), b"hello");
        client.half_close();
        client.expect_close();
    }
    for line in torii.wait_for_tcp_log(3) {
        assert_eq!((line.server.as_str(), line.end.as_str()), ("web3", "--"));
        seen.push(line.retries);
    }
    assert!(seen.iter().any(|retries| retries == "+2"), "{seen:?}");
}

#[test]
fn a_client_bound_to_a_server_by_its_address_gets_another_when_that_refuses() {
    let server = echo_server("hello");
    for refused in 0..3 {
        let mut plan = Configuration::new().tcp().balance("source");
        for index in 0..3 {
            plan = plan.server(if index <= refused { ports::free_address() } else { server.address() });
        }
        let torii = Torii::start(&plan);
        let mut client = torii.client();
        if refused == 2 {
            client.expect_close();
            assert_eq!(torii.wait_for_tcp_log(1)[0].end, "SC");
        } else {
            assert_eq!(client.exactly(5), b"hello");
        }
    }
}

#[test]
fn without_a_server_the_connection_ends_without_an_answer() {
    let torii = Torii::start(&Configuration::new().tcp().server(ports::free_address()));
    torii.client().expect_close();
    let line = torii.wait_for_tcp_log(1).remove(0);
    assert_eq!((line.server.as_str(), line.end.as_str(), line.bytes), ("web1", "SC", 0));
    assert_eq!(line.timers[1], -1, "never connected");
}

#[test]
fn a_connection_waits_for_a_place_at_a_server() {
    let server = echo_server("hello");
    let page = ports::free_address();
    let plan = Configuration::new().tcp().server(server.address()).stats(page);
    let torii = Torii::start(&plan.server_line("max_connections = 1"));
    let mut first = torii.client();
    assert_eq!(first.exactly(5), b"hello");
    let mut second = torii.client();
    wait::for_condition("the second to wait", || cell(page, "BACKEND", "qcur") == "1");
    assert_eq!(server.accepted(), 1);
    first.half_close();
    first.expect_close();
    assert_eq!(second.exactly(5), b"hello");
    torii.wait_for_tcp_log(1);
    let cells = ["mode", "stot", "slim", "hrsp_1xx", "hrsp_other"].map(|column| cell(page, "web1", column));
    assert_eq!(cells, ["tcp", "1", "1", "0", "0"]);
    let cells = ["mode", "stot", "req_tot", "intercepted"].map(|column| cell(page, "FRONTEND", column));
    assert_eq!(cells, ["tcp", "2", "0", "0"]);
}

#[test]
fn a_connection_that_waits_too_long_ends_without_an_answer() {
    let server = echo_server("hello");
    let plan = Configuration::new().tcp().server(server.address()).timeout("queue = \"100ms\"");
    let torii = Torii::start(&plan.server_line("max_connections = 1"));
    let mut first = torii.client();
    assert_eq!(first.exactly(5), b"hello");
    torii.client().expect_close();
    assert_eq!(torii.wait_for_tcp_log(1)[0].end, "sQ");
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_server_that_checks_find_down_gets_no_connection() {
    let origin = Origin::start("one");
    let plan = Configuration::new().tcp().checked().server(ports::free_address()).server(origin.address());
    let torii = Torii::start(&plan);
    torii.wait_for_stderr("the server to go down", |line| line.contains("web1") && line.contains("DOWN"));
    for _ in 0..4 {
        let mut client = torii.client();
        assert_eq!(client.get("/name").text(), "one");
    }
    let lines = torii.wait_for_tcp_log(4);
    assert!(lines.iter().all(|line| line.server == "web2" && line.retries == "0"), "{lines:#?}");
}

#[test]
fn a_server_that_dies_in_mid_stream_is_seen_to() {
    let server = RawServer::start(|mut stream| {
        stream.write_all(&pattern::bytes(100_000))?;
        stream.read_exact(&mut [0; 4])?;
        socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO))
    });
    let torii = Torii::start(&Configuration::new().tcp().server(server.address()));
    let mut client = torii.client();
    assert!(client.exactly(100_000) == pattern::bytes(100_000));
    client.send("exit");
    assert_eq!(client.until_end().unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(torii.wait_for_tcp_log(1)[0].end, "SD");
}

#[test]
fn a_silent_connection_ends_with_the_tunnel_time_out() {
    let server = echo_server("hello");
    let plan =
        Configuration::new().tcp().backend("timeouts = { tunnel = \"300ms\" }").server(server.address());
    let torii = Torii::start(&plan);
    let mut client = torii.client();
    assert_eq!(client.exactly(5), b"hello");
    client.expect_close();
    assert_eq!(torii.wait_for_tcp_log(1)[0].end, "cD");
}

#[test]
fn a_gibibyte_passes_in_both_directions_at_once_with_flat_memory() {
    const LENGTH: u64 = 1 << 30;
    let server = RawServer::start(|mut stream| {
        io::copy(&mut stream.try_clone()?, &mut stream)?;
        stream.shutdown(Shutdown::Write)
    });
    let torii = Torii::start(&Configuration::new().tcp().server(server.address()));
    let mut client = torii.client();
    client.send("warm");
    assert_eq!(client.exactly(4), b"warm");
    let baseline = torii.process().resident();
    let peak = peak_during(torii.process(), || {
        let mut writer = client.handle();
        let sending = std::thread::spawn(move || {
            let mut pattern = Pattern::new();
            while pattern.position() < LENGTH {
                writer.write_all(pattern.next_piece(LENGTH - pattern.position()))?;
            }
            writer.shutdown(Shutdown::Write)
        });
        let mut pattern = Pattern::new();
        client.each_piece_until_end(&mut |piece| pattern.check(piece)).unwrap();
        pattern.assert_whole(LENGTH);
        sending.join().unwrap().unwrap();
    });
    assert_flat(baseline, peak);
    let line = torii.wait_for_tcp_log(1).remove(0);
    assert_eq!((line.bytes, line.end.as_str()), (LENGTH + 4, "--"));
}

#[test]
fn silent_connections_hold_no_buffer() {
    let server = echo_server("hello");
    let plan = Configuration::new().tcp().io("buffers_per_worker = 16").server(server.address());
    let torii = Torii::start(&plan);
    let mut clients: Vec<Client> = (0..24).map(|_| torii.client()).collect();
    for _ in 0..2 {
        for client in &mut clients {
            assert_eq!(client.exactly(5), b"hello");
            client.send("hello");
        }
    }
}

#[test]
fn a_proxy_header_is_taken_and_another_is_sent() {
    let server = RawServer::start(|mut stream| {
        let heard = read_all(&stream)?;
        stream.write_all(&heard)
    });
    let plan =
        Configuration::new().tcp().listener("accept_proxy = true\ntrusted_proxies = [\"127.0.0.0/8\"]");
    let torii = Torii::start(&plan.backend("send_proxy = \"v1\"").server(server.address()));
    let mut client = torii.client();
    client.send("PROXY TCP4 192.0.2.7 192.0.2.1 4711 5432\r\npayload");
    client.half_close();
    assert_eq!(client.until_end().unwrap(), b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 5432\r\npayload");
    assert_eq!(torii.wait_for_tcp_log(1)[0].client, "192.0.2.7:4711");
}

#[test]
fn a_drain_waits_for_connections_to_end() {
    let server = echo_server("hello");
    let mut torii = Torii::start(&Configuration::new().tcp().server(server.address()));
    let mut client = torii.client();
    assert_eq!(client.exactly(5), b"hello");
    torii.terminate();
    torii.wait_for_stderr("the drain", |line| line.contains("drain"));
    client.send("still");
    assert_eq!(client.exactly(5), b"still");
    client.half_close();
    client.expect_close();
    assert!(torii.wait_for_exit().success());
    assert_eq!(torii.tcp_log()[0].end, "--");
}
