//! Start, signals, end: what the process says and how it leaves.

use nix::sys::signal::Signal;

use crate::support::{Client, Configuration, Origin, Torii, ports, wait};

#[test]
fn start_up_says_what_is_running() {
    let origin = Origin::start("one");
    let torii = Torii::start(&Configuration::new().workers(2).server(origin.address()));
    let text = torii.stderr_text();
    let lower = text.to_lowercase();
    let address = torii.address().to_string();
    for word in [env!("CARGO_PKG_VERSION"), "worker", "memory", "front_in", address.as_str()] {
        assert!(lower.contains(word), "no {word:?} in:\n{text}");
    }
    assert!(lower.contains("io_uring") || lower.contains("epoll"), "no driver in:\n{text}");
    let last = text.lines().last().unwrap_or_default();
    assert!(last.contains("ready"), "the summary ends with another line: {last}");
}

#[test]
fn the_driver_that_was_asked_for_is_named() {
    let origin = Origin::start("one");
    let torii = Torii::start(&Configuration::new().driver("epoll").server(origin.address()));
    torii.wait_for_stderr("the forced driver", |line| line.contains("epoll"));
}

#[test]
fn sigterm_finishes_what_is_in_flight_and_exits_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let origin = Origin::start("one");
        let mut torii = Torii::start(&Configuration::new().workers(2).server(origin.address()));
        let mut idle = torii.client();
        idle.get("/name");
        let mut busy = torii.client();
        busy.send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
        origin.wait_for("/gate");

        torii.process().signal(signal);
        wait::for_condition("new connections to be refused", || {
            Client::try_connect(torii.address()).is_err()
        });
        idle.expect_close();
        assert!(!torii.has_exited(), "a request is still in flight");

        origin.open_gate();
        let response = busy.response("GET");
        assert_eq!(response.text(), "one");
        busy.expect_close();
        assert_eq!(torii.wait_for_exit().code(), Some(0));
        let line = torii.log_of("/gate");
        assert_eq!((line.status, line.end()), (200, "--"), "its line was written before the end");
    }
}

/// Clients in the kernel's queue have been told that they are connected: they are served, and no more.
#[test]
fn sigterm_serves_those_who_wait_for_a_place() {
    for driver in ["auto", "epoll"] {
        let origin = Origin::start("one");
        let plan = Configuration::new().driver(driver).limit("max_connections = 1");
        let mut torii = Torii::start(&plan.server(origin.address()));
        let mut inside = torii.client();
        inside.send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
        origin.wait_for("/gate");
        let mut waiting: Vec<Client> = (0..5).map(|_| torii.client()).collect();
        for client in &mut waiting {
            client.send("GET /name HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        torii.terminate();
        torii.wait_for_stderr("the drain", |line| line.contains("draining"));
        origin.open_gate();
        for client in [&mut inside].into_iter().chain(&mut waiting) {
            let response = client.response("GET");
            assert_eq!(response.text(), "one");
            client.expect_close();
        }
        assert_eq!(torii.wait_for_exit().code(), Some(0));
        assert!(Client::try_connect(torii.address()).is_err());
    }
}

#[test]
fn a_second_sigterm_cuts_downloads_that_do_not_end() {
    let origin = Origin::start("one");
    let mut torii = Torii::start(&Configuration::new().workers(2).server(origin.address()));
    let mut clients: Vec<Client> = (0..50).map(|_| torii.client()).collect();
    for client in &mut clients {
        client.send("GET /half-then-stall HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    wait::for_condition("every download to begin", || origin.seen("/half-then-stall").len() == 50);
    torii.terminate();
    torii.wait_for_stderr("the drain", |line| line.contains("draining"));
    assert!(!torii.has_exited(), "downloads are under way");
    torii.terminate();
    assert_eq!(torii.wait_for_exit().code(), Some(0));
    for client in &mut clients {
        let cut = client.try_response("GET");
        assert!(cut.is_err() || cut.is_ok_and(|response| response.truncated), "the client can tell");
    }
    assert_eq!(torii.log().len(), 50, "one line for each");
}

#[test]
fn sigterm_lets_a_download_finish() {
    let origin = Origin::start("one");
    let mut torii = Torii::start(&Configuration::new().server(origin.address()));
    let mut client = torii.client();
    client.send("GET /length/30000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut received = 0_usize;
    let response = client.response_into("GET", &mut |piece| {
        if received == 0 {
            torii.terminate();
        }
        received += piece.len();
    });
    assert!(!response.unwrap().truncated);
    assert_eq!(received, 30_000_000);
    assert_eq!(torii.wait_for_exit().code(), Some(0));
}

#[test]
fn sigterm_without_any_client_exits_0() {
    let origin = Origin::start("one");
    let mut torii = Torii::start(&Configuration::new().workers(2).server(origin.address()));
    torii.terminate();
    assert_eq!(torii.wait_for_exit().code(), Some(0));
}

#[test]
fn sighup_is_answered_in_the_log_and_changes_nothing() {
    let origin = Origin::start("one");
    let torii = Torii::start(&Configuration::new().server(origin.address()));
    let mut client = torii.client();
    client.get("/name");
    torii.process().signal(Signal::SIGHUP);
    torii.wait_for_stderr("the answer to SIGHUP", |line| line.contains("not supported yet"));
    assert_eq!(client.get("/name").text(), "one");
}

#[test]
fn an_address_in_use_is_named_with_reason_and_advice() {
    let address = ports::free_address();
    let _holder = std::net::TcpListener::bind(address).unwrap();
    let origin = Origin::start("one");
    let mut torii = Torii::launch(&Configuration::new().server(origin.address()), address);
    assert_eq!(torii.wait_for_exit().code(), Some(1));
    let reason = torii.wait_for_stderr("the address", |line| line.contains(&address.to_string()));
    torii.wait_for_stderr("the reason", |line| line.to_lowercase().contains("in use"));
    let text = torii.stderr_text();
    let advice = ["stop", "choose", "change", "another", "ss -"];
    assert!(advice.iter().any(|word| text.contains(word)), "no advice beside {reason:?} in:\n{text}");
}

#[test]
fn a_file_with_an_unknown_key_does_not_start() {
    let origin = Origin::start("one");
    let plan = Configuration::new().limit("max_conections = 5").server(origin.address());
    let mut torii = Torii::launch(&plan, ports::free_address());
    assert_eq!(torii.wait_for_exit().code(), Some(1));
    torii.wait_for_stderr("the nearest key", |line| line.contains("max_connections"));
}

#[test]
fn a_key_that_is_not_built_yet_is_refused() {
    let origin = Origin::start("one");
    let plan = Configuration::new().balance("uri").server(origin.address());
    let mut torii = Torii::launch(&plan, ports::free_address());
    assert_eq!(torii.wait_for_exit().code(), Some(1));
    torii.wait_for_stderr("the refusal", |line| line.contains("not supported yet"));
}
