//! What is asked for: weights, bodies, cookies, persistence, expectations, several places.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use torii_loadgen::engine::{Stop, Watch, run};
use torii_loadgen::measure::{Check, ErrorClass, NAMES_MAX, Second, SecondSink};
use torii_loadgen::origin::{AnswerShape, Delay};
use torii_loadgen::request::{Jar, PersistenceRule, Shape};

use crate::support::{MS, closed_loop, errors, finish, open_loop, origin, plan, plan_of, url};

fn named(name: &str) -> AnswerShape {
    AnswerShape { name: name.into(), cookie: Some("SRV".into()), ..AnswerShape::default() }
}

#[test]
fn urls_are_asked_for_by_their_weights() {
    let (first, second) = (origin(named("a"), Delay::None), origin(named("b"), Delay::None));
    let urls = [format!("3@{}x", url(&first)), format!("1@{}y", url(&second))];
    for (threads, connections) in [(1, 16), (2, 2)] {
        let mut plan = plan_of(&urls, &Shape::default(), open_loop(400, 500));
        (plan.threads, plan.connections) = (threads, connections);
        let totals = finish(plan).totals;
        let expected: BTreeMap<String, u64> = [("a".to_owned(), 150), ("b".to_owned(), 50)].into();
        assert_eq!(totals.servers, expected);
        assert_eq!(totals.targets, [(150, 0), (50, 0)]);
    }
}

#[test]
fn each_thread_of_a_closed_loop_asks_by_the_weights() {
    let (fast, slow) = (origin(named("a"), Delay::None), origin(named("b"), Delay::Fixed(20 * MS)));
    let mut plan = plan_of(&[url(&fast), url(&slow)], &Shape::default(), closed_loop(300));
    (plan.threads, plan.connections) = (2, 8);
    let totals = finish(plan).totals;
    let asked: Vec<u64> = totals.targets.iter().map(|(ok, not_ok)| ok + not_ok).collect();
    // One thread may be one request ahead in its sequence of two, the other as well.
    assert!(asked[0].abs_diff(asked[1]) <= 2 && asked[0] > 10, "{asked:?}");
}

#[test]
fn several_hosts_at_the_limit_keep_their_connections() {
    let (first, second) =
        (origin(named("a"), Delay::Fixed(5 * MS)), origin(named("b"), Delay::Fixed(5 * MS)));
    let urls = [url(&first), url(&second)];
    // Ten connections answer 2,000 a second at most.
    let mut saturated = plan_of(&urls, &Shape::default(), open_loop(4_000, 500));
    saturated.connections = 10;
    let counts = finish(saturated).totals.counts;
    assert_eq!(counts.ok, 2_000);
    assert!((10..=20).contains(&counts.connections_opened), "{counts:?}");
    let mut closed = plan_of(&urls, &Shape::default(), closed_loop(300));
    closed.connections = 10;
    let counts = finish(closed).totals.counts;
    assert!(counts.ok > 40 && counts.connections_opened <= 20, "a place keeps one to each host: {counts:?}");
}

#[test]
fn a_slow_host_does_not_keep_the_connections_of_a_fast_one() {
    let (slow, fast) = (origin(named("a"), Delay::Fixed(200 * MS)), origin(named("b"), Delay::None));
    let mut plan = plan_of(&[url(&slow), url(&fast)], &Shape::default(), open_loop(400, 1_000));
    (plan.connections, plan.timeouts.grace_ns) = (4, 0);
    let totals = finish(plan).totals;
    // Two connections answer ten a second of the slow one's two hundred.
    assert!(totals.targets[0].0 <= 20, "{:?}", totals.targets);
    // All but the last, if it was on its way when the run ended, and what the first turns cost.
    assert!(totals.targets[1].0 >= 150, "{:?}", totals.targets);
    assert!(totals.counts.connections_opened <= 10, "{:?}", totals.counts);
}

#[test]
fn a_host_without_a_connection_gets_one_at_the_limit() {
    let origins: Vec<_> = ["a", "b", "c"].map(|name| origin(named(name), Delay::Fixed(2 * MS))).into();
    let urls: Vec<String> = origins.iter().map(url).collect();
    let mut plan = plan_of(&urls, &Shape::default(), open_loop(600, 300));
    plan.connections = 2;
    let totals = finish(plan).totals;
    assert_eq!(totals.targets, [(60, 0); 3]);
}

#[test]
fn bodies_of_any_size_go_up_and_come_down_whole() {
    let shape = AnswerShape { size: 300_000, chunk: Some(10_000), ..AnswerShape::default() };
    let origin = origin(shape, Delay::None);
    let request = Shape { body: Some(vec![b'x'; 500_000]), ..Shape::default() };
    let mut plan = plan_of(&[url(&origin)], &request, open_loop(50, 400));
    plan.expectations.body_length = Some(300_000);
    let text: Vec<u8> = b"The quick brown fox jumps over the lazy dog.\n".repeat(6_667)[..300_000].to_vec();
    let mut digest = [0; 32];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &text).as_ref());
    plan.expectations.body_sha256 = Some(digest);
    plan.expectations.body_contains = Some(b"lazy dog".to_vec());
    let counts = finish(plan).totals.counts;
    assert_eq!((counts.ok, counts.body_bytes), (20, 20 * 300_000));
    assert!(counts.written_bytes > 20 * 500_000);
}

#[test]
fn broken_expectations_are_named() {
    let origin = origin(AnswerShape::default(), Delay::None);
    let broken = |change: fn(&mut torii_loadgen::request::Expectations), check| {
        let mut plan = plan(&url(&origin), open_loop(50, 100));
        change(&mut plan.expectations);
        let finished = finish(plan);
        assert_eq!(errors(&finished, ErrorClass::CheckFailed(check)), 5, "{check:?}");
        assert_eq!(finished.totals.counts.wrong, 5);
    };
    broken(|expect| expect.statuses = Some("204".parse().unwrap()), Check::Status);
    broken(|expect| expect.body_length = Some(63), Check::Length);
    broken(|expect| expect.body_contains = Some(b"no such text".to_vec()), Check::Body);
    broken(|expect| expect.field = Some(("X-Cache".into(), None)), Check::Header);
}

#[test]
fn users_keep_their_cookies_and_answers_their_server() {
    let origin = origin(named("a"), Delay::None);
    let mut plan = plan(&url(&origin), open_loop(400, 500));
    plan.threads = 2;
    plan.users = 10;
    plan.jar = Some(Jar::default());
    plan.persistence = Some(PersistenceRule { cookie: "SRV".into(), server_field: "X-Origin".into() });
    let finished = finish(plan);
    assert_eq!(finished.totals.counts.ok, 200, "{:?}", finished.totals.errors.entries());
}

/// A balancer that has lost its mind: it sends everybody from server to server and sets each one's
/// cookie once.
fn forgetful() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut turn = 0;
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            loop {
                let (mut line, mut has_cookie) = (String::new(), false);
                while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                    has_cookie |= line.starts_with("Cookie: SRV=");
                    line.clear();
                }
                if line.is_empty() {
                    break;
                }
                let name = if turn % 2 == 0 { "a" } else { "b" };
                turn += 1;
                let cookie = if has_cookie { String::new() } else { format!("Set-Cookie: SRV={name}\r\n") };
                let answer =
                    format!("HTTP/1.1 200 OK\r\nX-Origin: {name}\r\n{cookie}Content-Length: 0\r\n\r\n");
                if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    url
}

#[test]
fn an_answer_from_another_server_than_the_cookie_names_is_a_violation() {
    let mut plan = plan(&forgetful(), open_loop(100, 200));
    plan.connections = 1;
    plan.jar = Some(Jar::default());
    plan.persistence = Some(PersistenceRule { cookie: "SRV".into(), server_field: "X-Origin".into() });
    let finished = finish(plan);
    // The first answer sets the cookie of `a`; from then on every other one comes from `b`.
    assert_eq!(errors(&finished, ErrorClass::WrongServer), 10, "{:?}", finished.totals.errors.entries());
    assert_eq!(finished.totals.counts.ok, 10);
}

/// A balancer with a new server for each connection, up to `count` of them.
fn many_servers(count: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                line.clear();
            }
            let head = format!("HTTP/1.1 200 OK\r\nX-Origin: server-{}\r\n", number % count);
            let rest = "Connection: close\r\nContent-Length: 0\r\n\r\n";
            let _ = reader.get_mut().write_all([head.as_str(), rest].concat().as_bytes());
        }
    });
    url
}

#[test]
fn servers_past_those_that_are_told_apart_are_what_is_complained_of() {
    let mut plan = plan(&many_servers(NAMES_MAX + 50), closed_loop(600_000));
    plan.connections = 1;
    plan.jar = Some(Jar::default());
    plan.persistence = Some(PersistenceRule { cookie: "SRV".into(), server_field: "X-Origin".into() });
    // Ended by what is awaited: the last of the servers has answered.
    let stop = Arc::new(Stop::default());
    let watch = Watch { stop: stop.clone(), ..Watch::default() };
    let mut sink = StopAfter { answers: NAMES_MAX as u64 + 50, seen: 0, stop };
    let finished = run(plan, watch, &mut sink).unwrap();
    let entries = finished.totals.errors.entries();
    let of = |check| entries.iter().find(|entry| entry.class == ErrorClass::CheckFailed(check));
    assert!(of(Check::Header).is_none(), "every answer had its header: {entries:?}");
    let example = &of(Check::Servers).unwrap().first_example;
    assert!(example.contains("more servers") && example.contains("4096"), "{example}");
    assert_eq!(finished.totals.servers.len(), NAMES_MAX);
}

/// Ends a run after so many answers.
struct StopAfter {
    answers: u64,
    seen: u64,
    stop: Arc<Stop>,
}

impl SecondSink for StopAfter {
    fn second(&mut self, second: &Second) {
        self.seen += second.parts.counts.completed();
        if self.seen >= self.answers {
            self.stop.ask();
        }
    }
}

#[test]
fn as_many_users_as_servers_do_not_hide_that_nobody_is_remembered() {
    let mut plan = plan(&forgetful(), open_loop(200, 500));
    (plan.connections, plan.users) = (1, 4);
    plan.jar = Some(Jar::default());
    plan.persistence = Some(PersistenceRule { cookie: "SRV".into(), server_field: "X-Origin".into() });
    let finished = finish(plan);
    // Half of the hundred, as both servers take turns.
    let wrong = errors(&finished, ErrorClass::WrongServer);
    assert!((25..=75).contains(&wrong), "{wrong}: {:?}", finished.totals.errors.entries());
    assert_eq!(finished.totals.counts.persistence_users, 4);
}

#[test]
fn connections_end_when_asked_to() {
    let origin = origin(AnswerShape::default(), Delay::None);
    let mut plan = plan(&url(&origin), open_loop(200, 200));
    plan.connections = 1;
    plan.answers_per_connection = Some(8);
    let totals = finish(plan).totals;
    assert_eq!((totals.counts.ok, totals.counts.connections_opened), (40, 5));
    let shape = Shape { close: true, ..Shape::default() };
    let closing = plan_of(&[url(&origin)], &shape, open_loop(200, 200));
    let totals = finish(closing).totals;
    assert_eq!((totals.counts.ok, totals.counts.connections_opened), (40, 40));
}

#[test]
fn connections_come_from_the_addresses_that_are_listed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let seen = std::thread::spawn(move || {
        let mut peers = std::collections::BTreeSet::new();
        for _ in 0..6 {
            let (mut stream, peer) = listener.accept().unwrap();
            peers.insert(peer.ip().to_string());
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(b"HTTP/1.1 204 None\r\nConnection: close\r\n\r\n");
        }
        peers
    });
    let mut plan = plan(&url, open_loop(60, 100));
    plan.sources = ["127.0.0.2", "127.0.0.3", "127.0.0.4"].map(|address| address.parse().unwrap()).to_vec();
    assert_eq!(finish(plan).totals.counts.ok, 6);
    assert_eq!(seen.join().unwrap().into_iter().collect::<Vec<_>>(), ["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
}

#[test]
fn every_source_is_paired_with_every_address() {
    let listeners = ["127.0.0.1:0", "127.0.0.5:0"].map(|address| TcpListener::bind(address).unwrap());
    let addresses = listeners.each_ref().map(|listener| listener.local_addr().unwrap()).to_vec();
    let seen = listeners.map(|listener| {
        std::thread::spawn(move || {
            let mut peers = std::collections::BTreeSet::new();
            for _ in 0..4 {
                let (mut stream, peer) = listener.accept().unwrap();
                peers.insert(peer.ip().to_string());
                let _ = stream.read(&mut [0; 1000]);
                let _ = stream.write_all(b"HTTP/1.1 204 None\r\nConnection: close\r\n\r\n");
            }
            peers.into_iter().collect::<Vec<_>>()
        })
    });
    let mut plan = plan(&format!("http://{}/", addresses[0]), open_loop(80, 100));
    plan.endpoints[0].addresses = addresses;
    plan.sources = ["127.0.0.2", "127.0.0.3"].map(|address| address.parse().unwrap()).to_vec();
    assert_eq!(finish(plan).totals.counts.ok, 8);
    for peers in seen {
        assert_eq!(peers.join().unwrap(), ["127.0.0.2", "127.0.0.3"]);
    }
}
