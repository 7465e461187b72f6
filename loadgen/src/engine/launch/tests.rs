//! Tests of launching: who gets a connection that has become free.

#![allow(clippy::unwrap_used)]

use std::cmp::Reverse;
use std::net::TcpListener;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use crate::engine::queue::Due;
use crate::engine::run::Shared;
use crate::engine::worker::Worker;
use crate::engine::{Load, Plan, Stop, Think, Timeouts};
use crate::measure::{ErrorClass, Setup, start};
use crate::request::{Endpoint, Expectations, Mix, Shape as RequestShape, Target, TargetUrl};
use crate::schedule::{Rate, Schedule, Shape, Spacing, Step};
use crate::tls::ClientTls;

/// An open loop with one connection.
fn plan(listener: &TcpListener) -> Plan {
    let address = listener.local_addr().unwrap();
    let url: TargetUrl = format!("http://{address}/").parse().unwrap();
    let shape = Shape::Constant(Step { rate: Rate::per_second(1), duration_ns: 1_000_000_000 });
    Plan {
        load: Load::Open(Schedule { shape, spacing: Spacing::Even }),
        warm_up_ns: 0,
        threads: 1,
        pins: false,
        connections: 1,
        queue_max: 10,
        users: 1,
        jar: None,
        persistence: None,
        server_field: None,
        targets: vec![Target::new(&url, 0, &RequestShape::default())],
        mix: Mix::new(&[1]),
        endpoints: vec![Endpoint { name: "origin".into(), addresses: vec![address], secure: None }],
        expectations: Expectations::default(),
        timeouts: Timeouts {
            connect_ns: u64::MAX,
            tls_ns: u64::MAX,
            request_ns: u64::MAX,
            grace_ns: u64::MAX,
        },
        answers_per_connection: None,
        handshake_only: false,
        tls: ClientTls::default(),
        sources: Vec::new(),
        resets: false,
        spin_ns: 0,
    }
}

fn worker(plan: Plan) -> Worker {
    let (_collector, mut recorders) = start(Setup::default());
    let shared = Arc::new(Shared {
        stop: Arc::new(Stop::default()),
        cut_ns: AtomicU64::new(0),
        agreed: OnceLock::new(),
    });
    Worker::new(Arc::new(plan), 0, recorders.remove(0), None, shared, None).unwrap()
}

#[test]
fn places_that_have_to_wait_for_a_connection_do_not_hold_up_those_that_have_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut plan = plan(&listener);
    plan.load = Load::Closed { duration_ns: u64::MAX, think: Think::None };
    plan.connections = 3;
    let mut worker = worker(plan);
    worker.opening_max = 1;
    let launch = |worker: &mut Worker| {
        let now_ns = worker.clock.now_ns();
        assert!(worker.launch_due(now_ns));
    };
    launch(&mut worker);
    assert_eq!((worker.opening, worker.to_open.len()), (1, 2));
    // The first is connected; the next begins to be.
    while worker.opening == 1 {
        for index in 0..worker.reactor.wait(1_000_000_000).unwrap() {
            let ready = worker.reactor.event(index);
            worker.on_ready(ready, 0);
        }
    }
    launch(&mut worker);
    assert_eq!((worker.opening, worker.to_open.len()), (1, 1));
    // The first place's answer has come: it goes on although another still waits to open.
    let token = worker.seats[0].unwrap();
    let mut connection = worker.table.take(token).unwrap();
    connection.request = None;
    worker.table.put(token, connection);
    worker.turns.push(Reverse((0, 0)));
    let planned = worker.planned;
    launch(&mut worker);
    assert_eq!((worker.planned, worker.to_open.len()), (planned + 1, 1));
    assert!(worker.table.take(token).unwrap().request.is_some());
}

#[test]
fn what_waits_in_the_queue_is_not_overtaken_by_what_is_due_later() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut worker = worker(plan(&listener));
    let due = |at_ns| Due { planned_ns: at_ns, taken_ns: at_ns, target: 0, user: 0 };

    worker.place(due(1), 1);
    worker.place(due(2), 2);
    assert_eq!(worker.queue.len(), 1, "the only connection is taken");
    let token = worker.table.tokens()[0];
    let connection = worker.table.take(token).unwrap();
    worker.fail(token, connection, ErrorClass::ReadReset, 3, "it broke");

    worker.place(due(4), 4);
    let token = worker.table.tokens()[0];
    let carried = worker.table.take(token).unwrap().request.unwrap();
    assert_eq!(carried.planned_ns, 2);
    assert_eq!((worker.queue.len(), worker.queue.first(0).unwrap().planned_ns), (1, 4));
}
