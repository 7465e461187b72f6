//! Too few descriptors, ring entries refused, addresses taken: torii says so at start, or goes on with
//! what it has and recovers by itself.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::peers;
use crate::recorder::Step;
use crate::support::{Client, Configuration, Origin, Torii, ports, wait};
use crate::world::World;

const GET: &str = "GET /wanted HTTP/1.1\r\nHost: a\r\n\r\n";

/// Bytes of a whole answer that says so little.
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Clients can take no more descriptors than is their share: what checks, page and log need is there.
#[test]
fn e11_clients_cannot_take_the_descriptors_of_checks_and_page() {
    if !peers::available(&["prlimit"]) {
        return;
    }
    let plan = Configuration::new().checked_by_tcp().through(&["prlimit", "--nofile=160:160"]);
    let world = World::start_with(plan);
    let mut clients: Vec<Client> = (0..120).map(|_| world.client()).collect();
    clients.iter_mut().for_each(|client| client.send(GET));
    wait::for_condition("accepting to pause", || world.figure("Accepting paused at a connection limit") > 0);
    let inside = world.figure("Connections now");
    assert!((8..80).contains(&inside), "{inside} of 160 descriptors went to clients");
    for _ in 0..20 {
        assert_eq!(world.figure("Accept errors"), 0, "the page is served, and nothing is lacking");
    }
    assert_eq!(world.cell("web1", "chkfail"), 0, "checks go on");
    for mut client in clients {
        assert_eq!(client.response("GET").text(), "GET /wanted 0");
    }
    world.settle("E11", 120);
}

/// Sets the soft limit of a running process.
fn limit_descriptors(world: &World, soft: &str) {
    let process = world.torii.process().0.to_string();
    let status = Command::new("prlimit").args(["--pid", &process, &format!("--nofile={soft}:")]).status();
    assert!(status.unwrap().success());
}

/// Not one descriptor is to be had, for clients nor for servers; then there are some again.
#[test]
fn e11_emfile_is_counted_without_a_busy_loop_and_gone_by_itself() {
    if !peers::available(&["prlimit"]) {
        return;
    }
    for driver in ["auto", "epoll"] {
        let world = World::start_with(Configuration::new().driver(driver));
        world.recorder.script("/held", vec![Step::Wait, Step::Send(OK.to_vec()), Step::Close]);
        let mut holds_the_kept_connection = world.client();
        holds_the_kept_connection.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut inside = world.client();
        wait::for_condition("both to be accepted", || world.figure("Connections now") == 2);

        limit_descriptors(&world, "3");
        let start = Instant::now();
        let mut outside: Vec<Client> = (0..20).map(|_| world.client()).collect();
        outside.iter_mut().for_each(|client| client.send(GET));
        for _ in 0..3 {
            assert_eq!(inside.get("/no-descriptor").status, 503);
        }
        limit_descriptors(&world, "1000");
        // An accept that was under way before has its descriptor, but then none to a server.
        let refused =
            outside.iter_mut().filter_map(|client| (client.response("GET").status == 503).then_some(()));
        let refused = refused.count() as u64;
        assert!(refused <= 1, "{refused} clients were let in without a descriptor for a server");
        assert_eq!(inside.get("/wanted").text(), "GET /wanted 0");
        world.recorder.open_gate();
        assert_eq!(holds_the_kept_connection.response("GET").status, 200);

        let rests = start.elapsed().as_millis() as u64 / 10 + 2;
        let errors = world.figure("Accept errors");
        assert!((1..=rests).contains(&errors), "{errors} accept errors, at most {rests} with rests between");
        assert_eq!(world.figure("Requests without descriptor, port or memory for a server"), 3 + refused);
        drop((holds_the_kept_connection, inside, outside));
        let lines = world.settle("EMFILE", 1 + 3 + 20 + 1);
        let exhausted = lines.iter().filter(|line| (line.status, line.end()) == (503, "RC"));
        assert_eq!(exhausted.count() as u64, 3 + refused);
    }
}

/// Every connection to the server hangs: those beyond its limit are told when they have queued.
#[test]
fn e12_a_server_that_takes_no_connection_holds_no_more_than_its_limit() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let listener: TcpListener = socket.into();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queued.push(stream);
    }
    let plan = Configuration::new().server_line("max_connections = 5");
    let plan = plan.timeout("connect = \"10m\"").timeout("queue = \"20ms\"");
    let torii = Torii::start(&plan.server(address));
    let mut hanging: Vec<Client> = (0..5).map(|_| torii.client()).collect();
    hanging.iter_mut().for_each(|client| client.send(GET));
    let quick = || torii.client().get("/quick").status == 503;
    wait::for_condition("the limit to be reached", quick);
    for _ in 0..20 {
        assert_eq!(torii.client().get("/quick").status, 503);
    }
    assert!(hanging.iter_mut().all(|client| client.stays_silent(Duration::from_millis(1))));
    let others: Vec<_> = torii.log().into_iter().filter(|line| line.end() != "sQ").collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn e25_with_every_server_down_nothing_is_tried_twice() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let torii = Torii::start(&Configuration::new().server(closed));
    for _ in 0..200 {
        assert_eq!(torii.client().get("/nobody").status, 503);
    }
    wait::for_condition("every line", || torii.log().len() == 200);
    assert!(torii.log().iter().all(|line| line.end() == "SC" && line.retries == "0"));
}

#[test]
fn c12_too_few_descriptors_to_serve_anybody_are_told_at_start() {
    if !peers::available(&["prlimit"]) {
        return;
    }
    let origin = Origin::start("one");
    let plan = Configuration::new().server(origin.address()).through(&["prlimit", "--nofile=40:40"]);
    let mut torii = Torii::launch(&plan, ports::free_address());
    assert_eq!(torii.wait_for_exit().code(), Some(1));
    torii.wait_for_stderr("how many there are", |line| line.contains("only 40 file descriptors"));
    torii.wait_for_stderr("what to do", |line| line.contains("LimitNOFILE"));
}

#[test]
fn c12_fewer_connections_than_configured_are_told_at_start() {
    if !peers::available(&["prlimit"]) {
        return;
    }
    let origin = Origin::start("one");
    let plan = Configuration::new().limit("max_connections = 5000").server(origin.address());
    let torii = Torii::start(&plan.through(&["prlimit", "--nofile=1000:1000"]));
    torii.wait_for_stderr("the warning", |line| {
        line.contains("5000 connections take") && line.contains("at most 4")
    });
    assert_eq!(torii.client().get("/name").text(), "one");
}

/// A seccomp profile such as a container's, under which io_uring_setup fails.
#[test]
fn c12_without_io_uring_epoll_carries_the_traffic() {
    if !peers::available(&["python3"]) {
        return;
    }
    let origin = Origin::start("one");
    let wrapper = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/deny_io_uring.py");
    let plan =
        |driver| Configuration::new().driver(driver).server(origin.address()).through(&["python3", wrapper]);
    let torii = Torii::start(&plan("auto"));
    torii.wait_for_stderr("the driver", |line| line.contains("epoll"));
    torii.wait_for_stderr("the reason", |line| line.contains("io_uring cannot be used"));
    assert_eq!(torii.client().get("/name").text(), "one");

    let mut refused = Torii::launch(&plan("io_uring"), ports::free_address());
    assert_eq!(refused.wait_for_exit().code(), Some(1));
    refused.wait_for_stderr("what to do", |line| line.contains("io.driver = \"auto\""));
}

#[test]
fn c13_a_second_torii_on_the_same_address_does_not_start() {
    let origin = Origin::start("one");
    let plan = Configuration::new().workers(2).server(origin.address());
    let first = Torii::start(&plan);
    let mut second = Torii::launch(&plan, first.address());
    assert_eq!(second.wait_for_exit().code(), Some(1));
    second.wait_for_stderr("the address", |line| line.contains(&first.address().to_string()));
    for _ in 0..20 {
        assert_eq!(first.client().get("/name").text(), "one", "no connection went elsewhere");
    }
}
