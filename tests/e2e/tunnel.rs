//! Life of a tunnel: half-closed, silent, slow, broken, drained; over TLS as without.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use crate::memory::{assert_flat, peak_during};
use crate::support::certificate::Certificate;
use crate::support::pattern::{self, Pattern};
use crate::support::ports::free_address;
use crate::support::statistics::figure;
use crate::support::wire::Wire;
use crate::support::{Client, Configuration, RawServer, Torii, wait};
use crate::upgrade::{ASK, GRANT, Switching, open};

/// A server that opens a tunnel, does what `serve` says with it and reports what came of that.
fn tunnel_to<T: Send + 'static>(
    configuration: Configuration,
    serve: impl Fn(TcpStream) -> io::Result<T> + Send + Sync + 'static,
) -> (Torii, RawServer, Receiver<io::Result<T>>) {
    let (sender, receiver) = channel();
    let server = RawServer::start(move |stream| {
        let mut wire = Wire::new(stream);
        if wire.read_head()?.is_some() {
            wire.stream.write_all(GRANT.as_bytes())?;
            let _ = sender.send(serve(wire.stream));
        }
        Ok(())
    });
    (Torii::start(&configuration.server(server.address())), server, receiver)
}

#[track_caller]
fn opened(torii: &Torii) -> Client {
    let mut client = torii.client();
    ask(&mut client);
    client
}

#[track_caller]
fn ask<S: Read + Write>(client: &mut Client<S>) {
    client.send(ASK);
    assert_eq!(client.next_response("GET").status, 101);
}

#[track_caller]
fn report<T>(receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(wait::DEADLINE).expect("the server's part to end")
}

fn read_all(mut stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    Ok(all)
}

#[test]
fn a_client_that_has_said_everything_still_hears_everything() {
    let (torii, _server, report_of) = tunnel_to(Configuration::new(), |mut stream| {
        let heard = read_all(&stream)?;
        // Only now, when the client has ended, is there something to say.
        stream.write_all(&pattern::bytes(300_000))?;
        Ok(heard)
    });
    let mut client = opened(&torii);
    client.send(pattern::bytes(200_000));
    client.half_close();
    assert!(report(&report_of).unwrap() == pattern::bytes(200_000));
    assert!(client.until_end().unwrap() == pattern::bytes(300_000));
    assert_eq!(torii.log_of("/chat").end(), "--");
}

#[test]
fn a_server_that_has_said_everything_still_hears_everything() {
    let (torii, _server, report_of) = tunnel_to(Configuration::new(), |mut stream| {
        stream.write_all(&pattern::bytes(300_000))?;
        stream.shutdown(Shutdown::Write)?;
        read_all(&stream)
    });
    let mut client = opened(&torii);
    assert!(client.until_end().unwrap() == pattern::bytes(300_000), "the end comes behind the last byte");
    client.send(pattern::bytes(200_000));
    client.half_close();
    assert!(report(&report_of).unwrap() == pattern::bytes(200_000));
    assert_eq!(torii.log_of("/chat").end(), "--");
}

#[test]
fn over_tls_the_end_is_a_close_notify_in_both_directions() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::for_names(&["a.test"]);
    certificate.write(folder.path(), "a.test");
    let plan = Configuration::new().tls(folder.path(), "1.3");
    let (torii, _server, report_of) = tunnel_to(plan, |mut stream| {
        let heard = read_all(&stream)?;
        stream.write_all(&pattern::bytes(300_000))?;
        Ok(heard)
    });
    let mut client = Client::connect_tls(torii.address(), "a.test", certificate.any_client()).unwrap();
    ask(&mut client);
    client.send(pattern::bytes(200_000));
    client.finish_writing();
    assert!(report(&report_of).unwrap() == pattern::bytes(200_000));
    // Without a close_notify this would be an error.
    assert!(client.until_end().unwrap() == pattern::bytes(300_000));
    assert_eq!(torii.log_of("/chat").end(), "--");
}

#[test]
fn a_silent_tunnel_ends_with_its_time_out() {
    let world = Switching::start(GRANT, Configuration::new().timeout("tunnel = \"300ms\""));
    let mut client = world.torii.client();
    open(&mut client);
    client.expect_close();
    let line = world.torii.log_of("/chat");
    assert_eq!((line.status, line.end()), (101, "cD"));
}

#[test]
fn bytes_in_one_direction_keep_a_tunnel_alive() {
    let limit = Duration::from_secs(2);
    let plan =
        Configuration::new().timeout("tunnel = \"2s\"").timeout("client = \"1s\"").timeout("server = \"1s\"");
    let (torii, _server, _) = tunnel_to(plan, |stream| read_all(&stream));
    let mut client = opened(&torii);
    let start = Instant::now();
    while start.elapsed() < limit + Duration::from_secs(1) {
        client.send("tick");
        assert!(client.stays_silent(Duration::from_millis(100)), "ended after {:?}", start.elapsed());
    }
    client.half_close();
    client.expect_close();
    assert_eq!(torii.log_of("/chat").end(), "--");
}

#[test]
fn a_server_that_does_not_end_after_the_client_has_is_not_waited_for_forever() {
    let plan = Configuration::new().timeout("server = \"300ms\"");
    let done = Arc::new(Barrier::new(2));
    let end = done.clone();
    let (torii, _server, _) = tunnel_to(plan, move |stream| {
        read_all(&stream)?;
        end.wait();
        Ok(())
    });
    let mut client = opened(&torii);
    client.half_close();
    client.expect_close();
    assert_eq!(torii.log_of("/chat").end(), "sD");
    done.wait();
}

#[test]
fn a_client_that_does_not_end_after_the_server_has_is_not_waited_for_forever() {
    let plan = Configuration::new().timeout("client = \"300ms\"");
    let (torii, _server, _) = tunnel_to(plan, |stream| {
        stream.shutdown(Shutdown::Write)?;
        read_all(&stream)
    });
    let mut client = opened(&torii);
    client.expect_close();
    assert_eq!(torii.log_of("/chat").end(), "cD");
}

#[test]
fn a_reset_is_passed_on_as_one() {
    check_resets(Configuration::new());
}

/// A tunnel that either side breaks off, and one that both end in order.
pub fn check_resets(plan: Configuration) {
    let (torii, _server, report_of) = tunnel_to(plan.clone(), |stream| read_all(&stream));
    opened(&torii).reset();
    let heard = report(&report_of);
    assert_eq!(heard.unwrap_err().kind(), io::ErrorKind::ConnectionReset, "not an orderly end");
    assert_eq!(torii.log_of("/chat").end(), "CD");

    let (torii, _server, _) = tunnel_to(plan.clone(), |mut stream| {
        stream.read_exact(&mut [0; 4])?;
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))
    });
    let mut client = opened(&torii);
    client.send("exit");
    assert_eq!(client.until_end().unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(torii.log_of("/chat").end(), "SD");

    let world = Switching::start(GRANT, plan);
    let mut client = world.torii.client();
    open(&mut client);
    client.half_close();
    client.expect_close();
    assert_eq!(world.torii.log_of("/chat").end(), "--");
}

#[test]
fn silent_tunnels_hold_no_buffer() {
    // Room for eight sessions, and half again as many tunnels.
    let page = free_address();
    let plan = Configuration::new().io("buffers_per_worker = 16").stats(page);
    let world = Switching::start(GRANT, plan);
    let mut clients: Vec<Client> = (0..12)
        .map(|_| {
            let mut client = world.torii.client();
            open(&mut client);
            client
        })
        .collect();
    wait::for_condition("the last tunnel to fall silent", || figure(page, "Buffers in use") == 0);
    assert_eq!(figure(page, "Tunnels open"), 12);
    assert_eq!(world.torii.client().get("/plain").text(), "plain", "there is room for others");
    // All wake at once: four have to wait for the others to be silent again, and nothing is lost.
    for client in &mut clients {
        client.send("awake");
    }
    for client in &mut clients {
        assert_eq!(client.exactly(5), b"awake");
    }
    drop(clients);
    wait::for_condition("the tunnels to end", || figure(page, "Tunnels open") == 0);
}

#[test]
fn a_slow_reader_holds_the_writer_back_and_not_the_bytes() {
    const LENGTH: u64 = 256 * 1024 * 1024;
    let (torii, _server, _) = tunnel_to(Configuration::new(), |mut stream| {
        let mut pattern = Pattern::new();
        let mut left = LENGTH;
        while left > 0 {
            let piece = pattern.next_piece(left);
            stream.write_all(piece)?;
            left -= piece.len() as u64;
        }
        Ok(())
    });
    let mut client = opened(&torii);
    let baseline = torii.process().resident();
    let peak = peak_during(torii.process(), || {
        let mut pattern = Pattern::new();
        assert!(!client.stays_silent(Duration::from_millis(300)));
        client.each_piece_until_end(&mut |piece| pattern.check(piece)).unwrap();
        assert_eq!((pattern.position(), pattern.mismatch()), (LENGTH, None));
    });
    assert_flat(baseline, peak);
}

#[test]
fn a_drain_lets_a_tunnel_go_on_until_it_ends() {
    let mut world = Switching::start(GRANT, Configuration::new());
    let mut client = world.torii.client();
    open(&mut client);
    world.torii.terminate();
    world.torii.wait_for_stderr("the drain", |line| line.contains("drain"));
    client.send("still");
    assert_eq!(client.exactly(5), b"still");
    client.half_close();
    client.expect_close();
    assert!(world.torii.wait_for_exit().success());
    assert_eq!(world.torii.log_of("/chat").end(), "--");
}
