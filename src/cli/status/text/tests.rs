//! The screen, whole, and its figures.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::control::status::{ConnectionStatus, LimitHit, LogStatus, NodeState, WorkerStatus};
use crate::ha::status::{Contribution, DiscardCount, PairState, PeerHealth, Problem};
use crate::ha::test_support;

fn server(name: &str, state: &str, up: bool) -> ServerStatus {
    ServerStatus {
        name: name.into(),
        address: "192.0.2.11:80".into(),
        state: state.into(),
        up,
        weight: 1,
        in_flight: 4,
        changed_ago_s: Some(7265),
        last_check: Some("L7OK/200".into()),
    }
}

fn worker(number: usize) -> WorkerStatus {
    WorkerStatus { number, core: number, heartbeat_ago_ms: 12 }
}

fn node() -> NodeStatus {
    NodeStatus {
        version: "1.2.3".into(),
        host: Some("haproxy01".into()),
        process_id: 4711,
        started_unix_ms: 1_700_000_000_000,
        uptime_ms: 273_721_000,
        state: NodeState::Serving,
        reasons: vec!["backend \"api\" has no usable server".into()],
        connections: ConnectionStatus {
            now: 1234,
            max: 5000,
            limit: Some(60_000),
            tunnels: 3,
            new_per_second: 120,
            requests_per_second: 4300,
        },
        workers: vec![worker(0), worker(1)],
        listeners: vec![ListenerStatus {
            name: "front_in".into(),
            bind: vec!["198.51.100.3:443".into()],
            mode: "http".into(),
            tls: true,
            state: "OPEN".into(),
            accepting: true,
            connections: 1234,
            connections_limit: Some(30_000),
            requests_total: 1_000_000,
        }],
        backends: vec![BackendStatus {
            name: "web".into(),
            mode: "http".into(),
            state: "UP".into(),
            required: false,
            usable_servers: 1,
            in_flight: 8,
            queued: 0,
            servers: vec![server("web1", "UP", true), server("webserver2", "DOWN 1/2", false)],
        }],
        log: LogStatus { written: 1_000_001, lost: 0 },
        limits_hit: vec![LimitHit { name: "Time-outs".into(), count: 17 }],
        pair: None,
    }
}

#[test]
fn shows_a_node_on_one_screen() {
    let expected = "\
torii 1.2.3 on haproxy01, process 4711, up 3d 4h
state         serving
  !           backend \"api\" has no usable server
connections   1,234 of 60,000 now, at most 5,000; 120 new and 4,300 requests a second; 3 are tunnels
workers       0 on core 0, alive 12 ms ago; 1 on core 1, alive 12 ms ago
log           1,000,001 lines, 0 lost
listener      front_in OPEN: http with TLS at 198.51.100.3:443; 1,234 of 30,000 connections, 1,000,000 requests since \
                    the start
backend       web UP: 1 of 2 servers usable, 8 requests in flight, 0 queued
                web1        UP        192.0.2.11:80  4 in flight, up for 2h 1m, last check L7OK/200
                webserver2  DOWN 1/2  192.0.2.11:80  4 in flight, down for 2h 1m, last check L7OK/200
counted       Time-outs: 17
";
    assert_eq!(screen(&node()), expected);
}

/// The screen without moments, which are in local time.
fn pair_screen(change: impl FnOnce(&mut crate::ha::status::PairStatus)) -> String {
    let mut node = node();
    (node.listeners, node.backends, node.limits_hit) = Default::default();
    let mut pair = test_support::status();
    change(&mut pair);
    node.pair = Some(pair);
    let screen = screen(&node);
    let lines = screen.lines().skip_while(|line| !line.starts_with("pair"));
    lines.map(|line| format!("{}\n", without_moments(line))).collect()
}

fn without_moments(line: &str) -> String {
    let words = line.split(' ').map(|word| match word.as_bytes() {
        [b'2', b'0', _, _, b'-', ..] => "DATE",
        [_, _, b':', _, _, b':', _, _, ..] => "TIME",
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn shows_a_pair_that_is_well() {
    let expected = "\
pair          haproxy01 (198.51.100.1) is ACTIVE since DATE TIME for 2h 1m
  addresses   198.51.100.3/32 on eth0: here
  priority    102 = 100 base + 2 serving
  peer        haproxy02 (198.51.100.2) standby, silent as a standby is, not known to be dead; \
                    last heard 2h 1m ago with priority 101
  adverts     VRRPv2 by unicast, router 10, each 1.0 s: 7,260 sent, 4 received
  timers      last 80 µs late, 99 of 100 at most 210 µs, worst 900 µs; real-time priority
  guard       alive
  history     DATE TIME  standby -> active: nobody better was heard for 3.609 s
";
    assert_eq!(pair_screen(|_| {}), expected);
}

#[test]
fn shows_what_is_wrong_with_a_pair_first() {
    let screen = pair_screen(|pair| {
        pair.state = PairState::Standby;
        pair.addresses_held = false;
        pair.handed_over = true;
        pair.priority = 100;
        pair.sum[1] =
            Contribution { what: "backend \"web\" is required and has no usable server".into(), points: 0 };
        pair.peers[0].health = PeerHealth::Dead("protocol unreachable".into());
        pair.peers[0].priority = Some(0);
        pair.peers[0].last_heard_ago_ms = Some(5_300);
        pair.adverts.discarded = vec![DiscardCount { reason: "wrong password".into(), count: 1200 }];
        pair.problems = vec![Problem {
            what: "198.51.100.2 sends another password".into(),
            remedy: "write the same auth_pass on both nodes".into(),
            count: 1200,
            last_unix_ms: 1_700_000_000_000,
        }];
    });
    let expected = "\
pair          haproxy01 (198.51.100.1) is STANDBY since DATE TIME for 2h 1m
  PROBLEM     198.51.100.2 sends another password (1,200 times, last DATE TIME
              -> write the same auth_pass on both nodes
  addresses   198.51.100.3/32 on eth0: not here
  priority    100 = 100 base
  !           backend \"web\" is required and has no usable server
  !           handed over by an operator: it stays standby until `torii failover --back`
  peer        haproxy02 (198.51.100.2) standby, dead: protocol unreachable; last heard 5.3 s ago giving the \
                    addresses up
";
    assert!(screen.starts_with(expected), "{screen}");
    assert!(screen.contains("  discarded   wrong password: 1,200\n"), "{screen}");
}

fn keys(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                found.push(key.clone());
                keys(value, found);
            }
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[test]
fn every_key_of_the_json_is_documented() {
    let mut pair = test_support::status();
    pair.peers[0].health = PeerHealth::Dead("silent".into());
    pair.adverts.discarded = vec![DiscardCount { reason: "wrong password".into(), count: 1 }];
    pair.problems =
        vec![Problem { what: "x".into(), remedy: "y".into(), count: 1, last_unix_ms: 1_700_000_000_000 }];
    let status = NodeStatus { pair: Some(pair), ..node() };
    let mut found = Vec::new();
    keys(&serde_json::to_value(status).unwrap(), &mut found);
    let docs =
        [include_str!("../../../../docs/operations.md"), include_str!("../../../../docs/pair.md")].concat();
    let missing: Vec<_> = found.iter().filter(|key| !docs.contains(&format!("`{key}`"))).collect();
    assert!(found.len() > 60 && missing.is_empty(), "{missing:?}");
}
