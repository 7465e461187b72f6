//! What is wrong with a node, and whether it serves in spite of it.

use super::*;
use crate::ha::test_support;

fn backend(name: &str, usable_servers: u64) -> BackendStatus {
    BackendStatus {
        name: name.into(),
        mode: "http".into(),
        state: "UP".into(),
        required: false,
        usable_servers,
        in_flight: 0,
        queued: 0,
        servers: Vec::new(),
    }
}

fn node() -> NodeStatus {
    NodeStatus {
        version: "1".into(),
        host: None,
        process_id: 1,
        started_unix_ms: 0,
        uptime_ms: 0,
        state: NodeState::Serving,
        reasons: Vec::new(),
        connections: connections(&ProcessFigures::default()),
        workers: vec![WorkerStatus { number: 0, core: 0, heartbeat_ago_ms: 999 }],
        listeners: vec![ListenerStatus {
            name: "front".into(),
            bind: Vec::new(),
            mode: "http".into(),
            tls: false,
            state: "OPEN".into(),
            accepting: true,
            connections: 0,
            connections_limit: None,
            requests_total: 0,
        }],
        backends: vec![backend("web", 1), backend("api", 2)],
        log: LogStatus { written: 0, lost: 0 },
        limits_hit: Vec::new(),
        pair: None,
    }
}

/// What becomes of a good node after a change.
fn judged(change: impl FnOnce(&mut NodeStatus)) -> (NodeState, Vec<String>) {
    let mut node = node();
    change(&mut node);
    judge(&mut node, Duration::from_secs(1));
    (node.state, node.reasons)
}

#[test]
fn a_node_serves_unless_something_is_wrong() {
    assert_eq!(judged(|_| {}), (NodeState::Serving, Vec::new()));
    type Change = fn(&mut NodeStatus);
    let grave: [(Change, &str); 5] = [
        (|node| node.workers[0].heartbeat_ago_ms = 1_000, "worker 0 has made no progress for 1.0 s"),
        (|node| node.listeners[0].accepting = false, "listener \"front\" does not accept in every worker"),
        (
            |node| (node.backends[0].usable_servers, node.backends[0].required) = (0, true),
            "backend \"web\" has no usable server",
        ),
        (
            |node| {
                let mut pair = test_support::status();
                pair.state = PairState::Fault;
                pair.transitions[0].cause = "eth0 is down".into();
                node.pair = Some(pair);
            },
            "it takes no part in the pair: eth0 is down",
        ),
        (
            |node| {
                node.backends.truncate(1);
                node.backends[0].usable_servers = 0;
            },
            "backend \"web\" has no usable server",
        ),
    ];
    for (change, reason) in grave {
        assert_eq!(judged(change), (NodeState::NotServing, vec![reason.to_owned()]));
    }
}

#[test]
fn a_backend_of_several_may_be_down_while_the_node_serves() {
    let (state, reasons) = judged(|node| node.backends[1].usable_servers = 0);
    assert_eq!(state, NodeState::Serving);
    assert_eq!(reasons, ["backend \"api\" has no usable server"]);
}

#[test]
fn what_a_drain_brings_is_no_reason() {
    let draining = |node: &mut NodeStatus| {
        node.state = NodeState::Draining;
        node.listeners[0].accepting = false;
    };
    assert_eq!(judged(draining), (NodeState::Draining, Vec::new()));
}

#[test]
fn a_node_that_drains_stays_with_that() {
    let phase = Phase::default();
    assert_eq!(phase.state(), NodeState::Serving);
    phase.soften();
    assert_eq!(phase.state(), NodeState::Softened);
    phase.resume();
    assert_eq!(phase.state(), NodeState::Serving);
    phase.drain();
    phase.soften();
    phase.resume();
    assert_eq!(phase.state(), NodeState::Draining);
}
