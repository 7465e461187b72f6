//! What needs a network of its own: ports used up, a full accept queue, clients that vanish.
//!
//! Each test runs in a thread with its own network namespace, in which only the loopback device exists.
//! Everything that the thread starts is in it: torii, the server, the clients. Needs root.

use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};

use crate::peers;
use crate::recorder::Step;
use crate::support::{Client, Configuration, wait};
use crate::world::World;

/// Runs a test in a network namespace; not at all where that is not possible.
fn isolated(test: impl FnOnce() + Send + 'static) {
    if !peers::available(&["ip"]) || !peers::privileged() {
        return;
    }
    let outcome = std::thread::spawn(|| {
        // In a container even root may lack the privilege; the first test of CI would tell.
        unshare(CloneFlags::CLONE_NEWNET).expect("root may make a network namespace");
        loopback("up");
        test();
    })
    .join();
    outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn loopback(state: &str) {
    let status = Command::new(peers::find("ip").unwrap()).args(["link", "set", "lo", state]).status();
    assert!(status.unwrap().success());
}

/// Sets a value of this namespace.
fn sysctl(name: &str, value: &str) {
    std::fs::write(format!("/proc/sys/net/{name}"), value).unwrap();
}

#[test]
fn e13_without_a_free_port_to_the_server_a_request_gets_503() {
    isolated(|| {
        let world = World::start();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
        world.recorder.script("/held", vec![Step::Wait, Step::Send(answer), Step::Close]);
        let mut clients: Vec<Client> = (0..8).map(|_| world.client()).collect();
        let usual = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
        sysctl("ipv4/ip_local_port_range", "61000 61001");
        for client in &mut clients {
            client.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        // One kept connection and two ports; the others are told at once, while those still wait.
        let mut told = 0;
        wait::for_condition("five to be told", || {
            told = world.torii.log().iter().filter(|line| line.end() == "RC").count();
            told == 5
        });
        sysctl("ipv4/ip_local_port_range", &usual);
        world.recorder.open_gate();
        let mut statuses: Vec<u16> = clients.iter_mut().map(|client| client.response("GET").status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 503, 503, 503, 503, 503]);
        assert_eq!(world.figure("Requests without descriptor, port or memory for a server"), 5);
        drop(clients);
        world.settle("E13", 8);
    });
}

#[test]
fn e14_an_accept_queue_that_overflows_loses_nobody_who_got_in() {
    isolated(|| {
        sysctl("core/somaxconn", "8");
        let world = World::start_with(Configuration::new().limit("max_connections = 1"));
        let mut inside = world.client();
        inside.send("GET /inside HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(inside.response("GET").status, 200);
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&world.torii.address(), Duration::from_millis(300))
        {
            queued.push(stream);
            assert!(queued.len() < 32, "the queue never fills");
        }
        assert!(queued.len() >= 8, "{} got into a queue of 8", queued.len());
        drop(inside);
        let count = queued.len();
        for stream in queued {
            let mut client = Client::adopt(stream);
            client.send("GET /queued HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            assert_eq!(client.response("GET").text(), "GET /queued 0");
        }
        world.settle("E14", 1 + count);
    });
}

/// Neither a FIN nor a reset ever comes from them: only torii's own time-outs end such connections.
#[test]
fn e21_clients_that_vanish_are_let_go() {
    isolated(|| {
        // The server is behind the same device, so that it falls silent too.
        let plan = ["http_request = \"2s\"", "keep_alive = \"2s\"", "client = \"2s\"", "server = \"2s\""];
        let plan = plan.iter().fold(Configuration::new(), |plan, line| plan.timeout(line));
        let world = World::start_with(plan);
        let large =
            [b"HTTP/1.1 200 OK\r\nContent-Length: 16000000\r\n\r\n", &[b'x'; 16_000_000][..]].concat();
        world.recorder.script("/large", vec![Step::Send(large)]);
        let at_rest = world.torii.process().descriptors();
        let mut clients: Vec<Client> = Vec::new();
        for kind in ["idle", "in a head", "in a body", "reading"] {
            for _ in 0..5 {
                let mut client = world.client();
                match kind {
                    "idle" => assert_eq!(client.get("/idle").status, 200),
                    "in a head" => client.send("GET /head HTTP/1.1\r\nHo"),
                    "in a body" => {
                        client.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nsome")
                    }
                    _ => client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n"),
                }
                clients.push(client);
            }
        }
        wait::for_condition("all requests to arrive", || world.recorder.count() >= 16);
        loopback("down");
        let gone = || world.torii.process().descriptors() <= at_rest;
        wait::for_condition("their descriptors to be free", gone);
        loopback("up");
        drop(clients);
        world.settle("E21", 20);
    });
}
