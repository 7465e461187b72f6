//! Two workers, two listeners, a required backend and another: every way not to serve.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::*;
use crate::config;
use crate::snapshot::build::{Room, build};

const FILE: &str = r#"
[[listener]]
name = "front"
bind = ["192.0.2.1:80", "192.0.2.1:81"]
backend = "web"
[[listener]]
name = "other"
bind = ["192.0.2.1:82"]
backend = "spare"
[[backend]]
name = "web"
required = true
check = {}
server = [{ name = "s1", address = "192.0.2.11:80" }, { name = "s2", address = "192.0.2.12:80", weight = 0 }]
[[backend]]
name = "spare"
check = {}
server = [{ name = "s1", address = "192.0.2.13:80" }]
"#;

const LIMIT: Duration = Duration::from_millis(200);

struct World {
    snapshot: Arc<Snapshot>,
    counters: Vec<Arc<WorkerCounters>>,
    draining: Draining,
    health: Health,
    now: Duration,
}

impl World {
    /// Not a worker has done anything yet.
    fn started() -> Self {
        let config = config::parse(FILE, "t.toml", Path::new("")).unwrap();
        let snapshot = Arc::new(build(&config, Room { clients: 10, server_connections: 10 }));
        let published = Published::new(snapshot.clone());
        let counters: Vec<_> = (0..2).map(|_| Arc::new(WorkerCounters::new(2, &[2, 1]))).collect();
        let draining = Draining::default();
        let health = Health::new(&published, &config.listeners, counters.clone(), draining.clone(), LIMIT);
        Self { snapshot, counters, draining, health, now: Duration::from_secs(7) }
    }

    fn serving() -> Self {
        let mut world = Self::started();
        for counters in &world.counters {
            counters.listeners[0].accepting.set(2);
            counters.listeners[1].accepting.set(1);
        }
        assert!(world.poll());
        world
    }

    /// Polls 20 ms later; every worker has ticked meanwhile.
    fn poll(&mut self) -> bool {
        let workers = self.counters.len();
        self.poll_with_beats_of(&(0..workers).collect::<Vec<_>>())
    }

    fn poll_with_beats_of(&mut self, workers: &[usize]) -> bool {
        self.now += Duration::from_millis(20);
        for &worker in workers {
            self.counters[worker].heartbeat.beat(self.now.as_millis() as u64);
        }
        self.health.poll(self.now)
    }

    #[track_caller]
    fn refuses_with(&mut self, words: &[&str]) {
        assert!(!self.health.serves());
        assert_eq!(self.health.words(), words);
        assert_eq!(self.health.priority(100, 2), 100);
        let sum = self.health.sum(100, 2);
        assert_eq!(sum[0], Contribution { what: "base priority".into(), points: 100 });
        assert!(sum[1..].iter().all(|line| line.points == 0) && sum.len() == 1 + words.len());
    }
}

#[test]
fn a_node_serves_once_every_worker_accepts_everywhere() {
    let mut world = World::started();
    assert!(!world.health.serves(), "nobody has looked yet");
    assert_eq!(world.health.priority(100, 2), 100);
    assert!(world.poll());
    assert!(!world.health.serves(), "nobody accepts yet");
    world.counters[0].listeners[0].accepting.set(2);
    world.counters[0].listeners[1].accepting.set(1);
    world.counters[1].listeners[0].accepting.set(1);
    world.counters[1].listeners[1].accepting.set(1);
    assert!(world.poll());
    world.refuses_with(&["listener \"front\" is not accepting in worker 1"]);
    world.counters[1].listeners[0].accepting.set(2);
    assert!(world.poll());
    assert!(world.health.serves());
    assert_eq!(world.health.priority(100, 2), 102);
    let sum = world.health.sum(100, 2);
    assert_eq!(sum.iter().map(|line| line.points).sum::<i16>(), 102);
    assert_eq!(sum[1].what, "serving");
    assert!(!world.poll(), "nothing has changed since");
}

#[test]
fn one_stalled_worker_costs_the_weight_until_it_has_recovered() {
    let mut world = World::serving();
    for _ in 0..9 {
        world.poll_with_beats_of(&[0]);
        assert!(world.health.serves());
    }
    assert!(world.poll_with_beats_of(&[0]));
    world.refuses_with(&["worker 1 has made no progress for 200 ms (stall_limit 200ms)"]);
    assert!(!world.poll_with_beats_of(&[0]), "the same reason, however long");
    assert!(world.poll());
    world.refuses_with(&["worker 1 has stalled and is watched for 200ms"]);
    let polls = (0..20).take_while(|_| !world.poll()).count();
    assert_eq!(polls, 8);
    assert!(world.health.serves());
}

#[test]
fn a_required_backend_needs_a_server_that_takes_new_clients() {
    let mut world = World::serving();
    world.snapshot.backends[1].servers[0].state.set_up(false);
    assert!(!world.poll(), "nobody requires it");
    world.snapshot.backends[0].servers[0].state.set_up(false);
    assert!(world.poll());
    world.refuses_with(&["backend \"web\" is required and has no usable server"]);
    world.snapshot.backends[0].servers[0].state.set_up(true);
    assert!(world.poll());
    assert!(world.health.serves());
}

#[test]
fn every_reason_is_told() {
    let mut world = World::serving();
    world.draining.begin();
    world.counters[0].listeners[1].accepting.set(0);
    world.snapshot.backends[0].servers[0].state.set_up(false);
    assert!(world.poll());
    world.refuses_with(&[
        "listener \"other\" is not accepting in worker 0",
        "backend \"web\" is required and has no usable server",
        "this node is draining",
    ]);
}

#[test]
fn a_priority_stays_between_1_and_254() {
    let world = World::serving();
    assert_eq!(world.health.priority(254, 2), 254);
    assert_eq!(world.health.priority(0, 0), 1);
}
