//! Clients that want more than their share of time or buffers: slow, silent or many. Others are served
//! all the while, and nothing is left behind.

use std::time::Duration;

use crate::recorder::Step;
use crate::support::{Client, Configuration, wait};
use crate::world::World;

/// Clients of one kind at once; the tests of load run thousands.
const CLIENTS: usize = 150;

/// Buffers for eight busy connections, so that a few clients would hold all of them.
fn few_buffers() -> Configuration {
    Configuration::new().io("buffers_per_worker = 16")
}

/// A request of somebody who behaves, on a connection of its own.
fn served(world: &World) {
    assert_eq!(world.client().get("/served").text(), "GET /served 0");
}

/// Sends one more byte from each client, until torii has ended every connection or the answer is there.
/// Between the rounds somebody else is served; returns how often.
fn drip(world: &World, clients: &mut [Client], rest: Duration) -> usize {
    for round in 0.. {
        let mut silent = 0;
        for client in &mut *clients {
            silent +=
                usize::from(client.stays_silent(Duration::from_millis(1)) && client.try_send("x").is_ok());
        }
        if silent == 0 {
            return round;
        }
        served(world);
        std::thread::sleep(rest);
    }
    unreachable!("counting does not end")
}

#[test]
fn e01_slow_heads_hold_no_buffer_and_end_at_the_total_time() {
    let world = World::start_with(few_buffers().timeout("http_request = \"3s\""));
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| world.client()).collect();
    for client in &mut clients {
        client.send("GET /slow HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    }
    let others = drip(&world, &mut clients, Duration::from_millis(300));
    for client in &mut clients {
        let response = client.response("GET");
        assert_eq!(response.status, 408);
    }
    assert!(world.figure("Slow heads set aside") > CLIENTS as u64 / 2);
    drop(clients);
    let lines = world.settle("E01", CLIENTS + others);
    for line in lines.iter().filter(|line| line.status != 200) {
        assert_eq!((line.end(), line.request.as_str()), ("cR", "<BADREQ>"));
    }
}

#[test]
fn e01_a_head_in_pieces_is_one_request_however_long_the_pauses() {
    let world = World::start();
    let mut client = world.client();
    for piece in [
        "GET /pieces HT",
        "TP/1.1\r\nHo",
        "st: a\r\nX: 1\r",
        "\n\r",
        "\nGET /next HTTP/1.1\r\n",
        "Host: a\r\n\r\n",
    ] {
        let before = world.figure("Slow heads set aside");
        client.send(piece);
        if !piece.ends_with("\n\r\n") && !piece.starts_with('\n') {
            wait::for_condition("the piece to be set aside", || {
                world.figure("Slow heads set aside") > before
            });
            wait::for_condition("its buffer to be free", || world.figure("Buffers in use") == 0);
        }
    }
    assert_eq!(client.response("GET").text(), "GET /pieces 0");
    assert_eq!(client.response("GET").text(), "GET /next 0");
    drop(client);
    world.settle("E01 in pieces", 2);
}

#[test]
fn e02_clients_that_send_nothing_hold_no_buffer_and_are_closed() {
    let world = World::start_with(few_buffers().timeout("http_request = \"1s\""));
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| world.client()).collect();
    served(&world);
    assert_eq!(world.figure("Sessions that waited for a buffer"), 0);
    clients.iter_mut().for_each(Client::expect_close);
    world.settle("E02", 1);
}

/// The one test that waits out the patience of ten seconds.
#[test]
fn e03_bodies_that_only_drip_are_given_up() {
    let world = World::start();
    let mut clients: Vec<Client> = (0..20).map(|_| world.client()).collect();
    for client in &mut clients {
        client.send("POST /drip HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n");
    }
    let others = drip(&world, &mut clients, Duration::from_millis(500));
    for client in &mut clients {
        assert_eq!(client.response("POST").status, 408);
    }
    assert_eq!(world.figure("Bodies below minimum_body_rate"), 20);
    drop(clients);
    let lines = world.settle("E03", 20 + others);
    for line in lines.iter().filter(|line| line.status != 200) {
        assert_eq!((line.end(), line.status), ("cH", 408));
    }
}

#[test]
fn e04_a_client_that_does_not_read_pauses_its_server_and_is_given_up() {
    let world = World::start_with(Configuration::new().timeout("client = \"1s\""));
    let length = 16 << 20;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    let answer = [head.into_bytes(), vec![b'x'; length]].concat();
    world.recorder.script("/large", vec![Step::Send(answer)]);
    let mut clients: Vec<Client> =
        (0..10).map(|_| Client::connect_with_receive_buffer(world.torii.address(), 4096)).collect();
    for client in &mut clients {
        client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let lines = world.settle("E04", 10);
    assert!(lines.iter().all(|line| line.end() == "cD" && line.bytes < length as u64));
    for mut client in clients {
        let mut received = 0;
        let response = client.response_into("GET", &mut |piece| received += piece.len());
        assert!(response.is_err() || received < length, "the client can tell that it is not all");
    }
}

#[test]
fn clients_that_go_on_sending_after_a_refusal_hold_no_buffer() {
    let world = World::start_with(few_buffers());
    let mut clients: Vec<Client> = (0..40).map(|_| world.client()).collect();
    let waited = world.figure("Sessions that waited for a buffer");
    for client in &mut clients {
        client.send("NONSENSE\r\n\r\n");
        assert_eq!(client.response("GET").status, 400);
        // Neither reads the end nor ends: torii keeps the connection for a moment.
        let _ = client.try_send(vec![b'x'; 1000]);
    }
    served(&world);
    assert_eq!(world.figure("Sessions that waited for a buffer"), waited);
    drop(clients);
    world.settle("lingering", 41);
}

#[test]
fn e20_churn_leaves_nothing_behind() {
    let world = World::start_with(Configuration::new().workers(2));
    for round in 0..20 {
        let mut clients: Vec<Client> = (0..50).map(|_| world.client()).collect();
        for client in &mut clients {
            client.send("GET /churn HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        }
        for client in &mut clients {
            assert_eq!(client.response("GET").status, 200, "round {round}");
            client.expect_close();
        }
    }
    world.settle("E20", 1000);
}

#[test]
fn e29_slow_readers_of_the_statistics_page_do_not_disturb_traffic() {
    let world = World::start();
    let mut slow: Vec<Client> = (0..100).map(|_| Client::connect(world.statistics())).collect();
    for client in &mut slow {
        client.send("GET /stats HTTP/1.1\r\nHost: ");
    }
    for _ in 0..50 {
        served(&world);
    }
    drop(slow);
    world.settle("E29", 50);
}

/// More completions at once than the ring has entries: torii is stopped while they come in.
#[test]
fn more_completions_than_ring_entries_are_all_served() {
    let clients_max = 1200;
    assert!(
        crate::support::process::raise_descriptor_limit() > 3 * clients_max,
        "too few descriptors for this test"
    );
    let plan = Configuration::new().io("ring_entries = 256").io("buffers_per_worker = 4096");
    let world = World::start_with(plan.timeout("keep_alive = \"10m\"").timeout("http_request = \"10m\""));
    let mut clients: Vec<Client> = (0..clients_max).map(|_| world.client()).collect();
    for round in 0..3 {
        let all = || world.figure("Connections now") == clients_max;
        wait::for_condition("every client to be accepted", all);
        world.torii.process().signal(nix::sys::signal::Signal::SIGSTOP);
        for client in &mut clients {
            client.send(format!("GET /ring/{round} HTTP/1.1\r\nHost: a\r\n\r\n"));
        }
        world.torii.process().signal(nix::sys::signal::Signal::SIGCONT);
        for client in &mut clients {
            assert_eq!(client.response("GET").text(), format!("GET /ring/{round} 0"));
        }
    }
    drop(clients);
    world.settle("ring overflow", 3 * clients_max as usize);
}
