//! Tests of launching: who gets a connection that has become free.

#![allow(clippy::unwrap_used)]

use std::net::TcpListener;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crate::engine::run::Shared;
use crate::engine::worker::{Due, Worker};
use crate::engine::{Load, Plan, RunClock, Stop, Timeouts};
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

#[test]
fn what_waits_in_the_queue_is_not_overtaken_by_what_is_due_later() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (_collector, mut recorders) = start(Setup::default());
    let shared = Arc::new(Shared { stop: Arc::new(Stop::default()), agreed: OnceLock::new() });
    let (plan, clock) = (Arc::new(plan(&listener)), RunClock::new(Instant::now()));
    let mut worker = Worker::new(plan, 0, clock, recorders.remove(0), None, shared, None).unwrap();
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
    assert_eq!(worker.queue.iter().map(|due| due.planned_ns).collect::<Vec<_>>(), [4]);
}
