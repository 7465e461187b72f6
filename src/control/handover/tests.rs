//! Hand-overs of a whole node with real workers, sockets and clients; the election is played.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::*;
use crate::config;
use crate::control::node::Stopped;
use crate::control::start::start_telling;
use crate::ha::order::{AskedBack, Order, Requested, TakenBack, mailbox, requests};
use crate::ha::status::{PairState, PeerHealth, PublishedStatus};
use crate::ha::test_support::status;
use crate::ha::transport::dialogue::Ground;
use crate::ha::vrrp::{Checksum, Takeover, Version};
use crate::observe::log::Echo;

/// What the played election is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    HandOver { force: bool },
    StepAside,
    AskBack,
    TakeBack,
    Shutdown,
}

/// A node that serves, with an election that obeys a test.
struct Stage {
    address: SocketAddr,
    handover: Arc<Handover>,
    election: PublishedStatus,
    asked: Receiver<Asked>,
    /// How the next hand-over ends; until one is here it is under way.
    outcome: Sender<Result<HandedOver, Refusal>>,
    /// How asking the active node ends.
    answer: Sender<Result<AskedBack, Refusal>>,
    end: Option<oneshot::Sender<()>>,
    node: Option<JoinHandle<Stopped>>,
}

impl Stage {
    fn open(peer: PeerHealth) -> Self {
        let mut first = status();
        first.peers[0].health = peer;
        let election = PublishedStatus::new(first);
        let (orders, mut queue) = mailbox();
        let pair = PairHandle { status: election.clone(), orders };
        let (tell, asked) = channel();
        let (outcome, outcomes) = channel();
        let (answer, answers) = channel();
        std::thread::spawn(move || {
            while let Some(order) = queue.blocking_recv() {
                // A test that is over no longer listens.
                match order {
                    Order::HandOver { force, reply } => {
                        let _ = tell.send(Asked::HandOver { force });
                        let _ = reply.send(outcomes.recv().unwrap_or(Err(Refusal::Ended)));
                    }
                    Order::StepAside { reply, .. } => {
                        let _ = tell.send(Asked::StepAside);
                        let _ = reply.send(outcomes.recv().unwrap_or(Err(Refusal::Ended)));
                    }
                    Order::AskBack { reply } => {
                        let _ = tell.send(Asked::AskBack);
                        let _ = reply.send(answers.recv().unwrap_or(Err(Refusal::Ended)));
                    }
                    Order::TakeBack { reply } => {
                        let _ = tell.send(Asked::TakeBack);
                        let _ = reply.send(Ok(TakenBack::AtOnce));
                    }
                    Order::Errand(errand) => errand.0(),
                    Order::Shutdown { reply } => {
                        let _ = tell.send(Asked::Shutdown);
                        let _ = reply.send(());
                        return;
                    }
                }
            }
        });
        let (started, starting) = channel();
        let (end, ending) = oneshot::channel();
        let node = std::thread::spawn(move || {
            runtime().block_on(async {
                let node = start_telling(configuration(), Echo::Off, Some(pair)).unwrap();
                started.send(node.desk.handover.clone().unwrap()).unwrap();
                let end = async {
                    let _ = ending.await;
                };
                node.serve(end, std::future::pending()).await
            })
        });
        let handover: Arc<Handover> = starting.recv().unwrap();
        let address = handover.hush.addresses()[0];
        Self { address, handover, election, asked, outcome, answer, end: Some(end), node: Some(node) }
    }

    /// Begins a hand-over; its steps and its end come out.
    fn begin(&self, force: bool) -> (Receiver<String>, JoinHandle<Result<String, Refusal>>) {
        let (steps, seen) = channel();
        let handover = self.handover.clone();
        let tell = move |text| {
            let _ = steps.send(text);
        };
        (seen, std::thread::spawn(move || runtime().block_on(handover.hand_over(force, tell))))
    }

    fn client(&self) -> Client {
        Client(BufReader::new(TcpStream::connect(self.address).unwrap()))
    }

    fn terminate(&mut self) -> Stopped {
        self.end.take().unwrap().send(()).unwrap();
        self.node.take().unwrap().join().unwrap()
    }

    fn set(&self, state: PairState) {
        let mut status = (*self.election.latest()).clone();
        status.state = state;
        self.election.publish(status);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let (Some(end), Some(node)) = (self.end.take(), self.node.take()) {
            // No hand-over is waited for.
            self.set(PairState::Standby);
            let _ = end.send(());
            let _ = node.join();
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// One listener at a "shared" address of loopback, whose requests a small server answers.
fn configuration() -> Config {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let text = format!(
        "[control]\nsocket = \"off\"\n[threads]\nworkers = 2\n[log]\ntarget = \"off\"\n\
         [[listener]]\nname = \"front\"\nbind = [\"127.0.0.1:0\"]\nbackend = \"web\"\n\
         [[backend]]\nname = \"web\"\n[[backend.server]]\nname = \"web1\"\naddress = \"{}\"\n",
        server.local_addr().unwrap()
    );
    std::thread::spawn(move || {
        for stream in server.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(&stream));
        }
    });
    let text = text.replace("127.0.0.1:0\"]", &format!("127.0.0.1:{}\"]", free_port()));
    let mut config = config::parse(&text, "t.toml", std::path::Path::new("")).unwrap();
    config.ha = Some(Ha {
        interface: "lo".into(),
        virtual_router_id: 10,
        addresses: vec!["127.0.0.1/32".parse().unwrap()],
        version: Version::V2,
        advert_interval: Duration::from_secs(1),
        auth_pass: None,
        serving_weight: 2,
        preempt: true,
        preempt_delay: Duration::ZERO,
        takeover: Takeover::Immediate,
        transport: config::model::Transport::Unicast,
        checksum: Checksum::PseudoHeader,
        // Long: the test decides when the connections are gone.
        drain: Duration::from_secs(60),
        stall_limit: Duration::from_secs(1),
        announce_refresh: Duration::ZERO,
        notify: None,
        nodes: Vec::new(),
    });
    config
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn answer(stream: &TcpStream) {
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(line)) = lines.next() {
        if line.is_empty()
            && (&mut &*stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err()
        {
            return;
        }
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Whether the answer leaves the connection open.
    fn answer(&mut self) -> bool {
        let mut keeps = true;
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line:?}");
        while line != "\r\n" {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            keeps &= !line.eq_ignore_ascii_case("connection: close\r\n");
        }
        let mut body = [0; 2];
        self.0.read_exact(&mut body).unwrap();
        assert_eq!(&body, b"ok");
        keeps
    }

    fn get(&mut self) -> bool {
        self.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        self.answer()
    }

    fn expect_close(&mut self) {
        assert_eq!(self.0.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn connections_are_finished_before_the_addresses_go() {
    let stage = Stage::open(PeerHealth::Serving);
    let mut idle = stage.client();
    assert!(idle.get(), "kept while nothing happens");
    let mut busy = stage.client();
    busy.send("GET / HTTP/1.1\r\n");
    let (steps, end) = stage.begin(false);
    assert!(steps.recv().unwrap().contains("open"));
    idle.expect_close();
    let mut late = stage.client();
    assert!(!late.get(), "still accepted, and ended with its answer");
    late.expect_close();
    assert!(stage.asked.try_recv().is_err(), "one is not finished yet");
    assert_eq!(stage.handover.hand_over_now(), Err(Refusal::Busy));
    busy.send("Host: a\r\n\r\n");
    assert!(!busy.answer());
    busy.expect_close();
    assert_eq!(stage.asked.recv().unwrap(), Asked::HandOver { force: false });
    stage.outcome.send(Ok(HandedOver::TakenBy("haproxy02".into()))).unwrap();
    let said = end.join().unwrap().unwrap();
    assert!(said.starts_with("198.51.100.3/32 is with haproxy02 now"), "{said}");
    assert!(stage.client().get(), "as before");
}

#[test]
fn no_connection_begins_while_the_addresses_go() {
    let stage = Stage::open(PeerHealth::Serving);
    let (_steps, end) = stage.begin(false);
    assert_eq!(stage.asked.recv().unwrap(), Asked::HandOver { force: false });
    let asking = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    asking.set_nonblocking(true).unwrap();
    let _ = asking.connect(&stage.address.into());
    assert!(asking.peer_addr().is_err(), "its first packet was dropped");
    stage.outcome.send(Ok(HandedOver::TakenBy("haproxy02".into()))).unwrap();
    end.join().unwrap().unwrap();
    // It asks again, and is served.
    asking.set_nonblocking(false).unwrap();
    let _ = asking.connect(&stage.address.into());
    let mut client = Client(BufReader::new(asking.into()));
    assert!(client.get());
}

#[test]
fn a_node_that_keeps_the_addresses_serves_on() {
    let stage = Stage::open(PeerHealth::Serving);
    let mut held = stage.client();
    held.send("GET / HTTP/1.1\r\n");
    let (steps, end) = stage.begin(false);
    steps.recv().unwrap();
    held.send("Host: a\r\n\r\n");
    assert!(!held.answer());
    stage.asked.recv().unwrap();
    // Nobody is heard for so long that clients are let in again.
    assert!(steps.iter().any(|step| step.contains("no other node was heard yet")));
    assert!(!stage.client().get());
    stage.outcome.send(Ok(HandedOver::NobodyTookIt)).unwrap();
    assert_eq!(end.join().unwrap(), Err(Refusal::NobodyTookIt));
    assert!(stage.client().get(), "as before");
}

#[test]
fn a_refusal_touches_no_connection() {
    let stage = Stage::open(PeerHealth::NotServing);
    let mut idle = stage.client();
    assert!(idle.get());
    let (_steps, end) = stage.begin(false);
    assert!(matches!(end.join().unwrap(), Err(Refusal::NoSuccessor(_))));
    assert!(idle.get(), "kept");
    drop(idle);
    let (_steps, end) = stage.begin(true);
    assert_eq!(stage.asked.recv().unwrap(), Asked::HandOver { force: true });
    stage.outcome.send(Ok(HandedOver::TakenBy("haproxy02".into()))).unwrap();
    assert!(end.join().unwrap().is_ok());
}

#[test]
fn what_was_handed_over_is_taken_back() {
    let stage = Stage::open(PeerHealth::Serving);
    let take_back = |force| runtime().block_on(stage.handover.take_back(force, |_| {}));
    let back = || take_back(false);
    assert_eq!(back(), Err(Refusal::NothingHandedOver));
    let mut status = (*stage.election.latest()).clone();
    (status.state, status.handed_over) = (PairState::Standby, true);
    stage.election.publish(status);
    stage.answer.send(Ok(AskedBack::HandedBack("haproxy02".into()))).unwrap();
    let said = back().unwrap();
    assert!(said.starts_with("198.51.100.3/32 is with this node again, after"), "{said}");
    assert!(said.ends_with("haproxy02 handed over as planned"), "{said}");
    assert_eq!(stage.asked.try_iter().collect::<Vec<_>>(), [Asked::AskBack]);
    stage.answer.send(Ok(AskedBack::Active("no active node was heard".into()))).unwrap();
    let said = back().unwrap();
    assert!(said.ends_with("it became active since, for another reason: no active node was heard"), "{said}");
    assert_eq!(stage.asked.try_iter().collect::<Vec<_>>(), [Asked::AskBack]);
    // Where nobody can be asked it is taken, and that is said.
    stage.answer.send(Ok(AskedBack::NobodyToAsk)).unwrap();
    let said = back().unwrap();
    assert!(said.contains("over VRRP the active node cannot be asked"), "{said}");
    assert!(said.contains("in flight there is cut"), "{said}");
    assert_eq!(stage.asked.try_iter().collect::<Vec<_>>(), [Asked::AskBack, Asked::TakeBack]);
    // Neither silence nor a refusal is a consent; an operator may insist.
    for refusal in [
        Refusal::Declined { by: "haproxy02".into(), ground: Ground::Busy },
        Refusal::NoAnswer { by: "haproxy02".into() },
    ] {
        assert!(refusal.help().unwrap().contains("torii failover --back --force"), "{refusal}");
        stage.answer.send(Err(refusal.clone())).unwrap();
        assert_eq!(back(), Err(refusal));
        assert_eq!(stage.asked.try_iter().collect::<Vec<_>>(), [Asked::AskBack], "nothing is taken");
    }
    let said = take_back(true).unwrap();
    assert!(said.contains("taken at once: as ordered") && said.contains("in flight there is cut"), "{said}");
    assert_eq!(stage.asked.try_iter().collect::<Vec<_>>(), [Asked::TakeBack]);
}

#[test]
fn a_node_that_is_asked_to_end_asks_no_more() {
    let mut stage = Stage::open(PeerHealth::Serving);
    let mut status = (*stage.election.latest()).clone();
    (status.state, status.handed_over) = (PairState::Standby, true);
    stage.election.publish(status);
    let handover = stage.handover.clone();
    let asking = std::thread::spawn(move || runtime().block_on(handover.take_back(false, |_| {})));
    assert_eq!(stage.asked.recv().unwrap(), Asked::AskBack);
    stage.end.take().unwrap().send(()).unwrap();
    assert_eq!(asking.join().unwrap(), Err(Refusal::CalledOff), "before any answer");
    // The played election still waits for one.
    stage.answer.send(Err(Refusal::Ended)).unwrap();
    assert_eq!(stage.node.take().unwrap().join().unwrap(), Stopped::Drained);
    assert_eq!(stage.asked.iter().collect::<Vec<_>>(), [Asked::Shutdown]);
}

fn asked_by_b(reply: oneshot::Sender<Result<(), Refusal>>) -> Requested {
    Requested { by: "haproxy02".into(), from: IpAddr::from([198, 51, 100, 2]), reply }
}

#[test]
fn what_nobody_asks_for_any_more_is_not_handed_over() {
    let stage = Stage::open(PeerHealth::Serving);
    let mut busy = stage.client();
    busy.send("GET / HTTP/1.1\r\n");
    while stage.handover.open() == 0 {
        std::thread::yield_now();
    }
    let (requests, requested) = requests();
    let (reply, answer) = oneshot::channel();
    requests.try_send(asked_by_b(reply)).unwrap();
    drop((requests, answer));
    runtime().block_on(stage.handover.serve_requests(requested));
    assert!(stage.asked.try_recv().is_err(), "the addresses stay");
    busy.send("Host: a\r\n\r\n");
    busy.answer();
    assert!(stage.client().get(), "as before");
}

#[test]
fn another_node_that_asks_gets_a_planned_hand_over() {
    let stage = Stage::open(PeerHealth::Serving);
    let mut idle = stage.client();
    assert!(idle.get());
    let (requests, requested) = requests();
    let (reply, answer) = oneshot::channel();
    requests.try_send(asked_by_b(reply)).unwrap();
    drop(requests);
    stage.outcome.send(Ok(HandedOver::TakenBy("haproxy02".into()))).unwrap();
    runtime().block_on(stage.handover.serve_requests(requested));
    idle.expect_close();
    assert_eq!(answer.blocking_recv(), Ok(Ok(())));
    assert_eq!(stage.asked.try_iter().collect::<Vec<_>>(), [Asked::StepAside]);
}

#[test]
fn an_active_node_that_ends_hands_over_first() {
    let mut stage = Stage::open(PeerHealth::NeverHeard);
    stage.outcome.send(Ok(HandedOver::TakenBy("haproxy02".into()))).unwrap();
    assert_eq!(stage.terminate(), Stopped::Drained);
    let asked: Vec<Asked> = stage.asked.iter().collect();
    assert_eq!(asked, [Asked::HandOver { force: true }, Asked::Shutdown]);
}

#[test]
fn an_active_node_without_a_successor_keeps_the_addresses_until_its_connections_are_finished() {
    let mut stage = Stage::open(PeerHealth::Dead("silent".into()));
    let mut busy = stage.client();
    busy.send("GET / HTTP/1.1\r\n");
    stage.end.take().unwrap().send(()).unwrap();
    while TcpStream::connect(stage.address).is_ok() {
        std::thread::yield_now();
    }
    assert!(stage.asked.try_recv().is_err(), "a request is still in flight");
    busy.send("Host: a\r\n\r\n");
    assert!(!busy.answer());
    assert_eq!(stage.asked.recv().unwrap(), Asked::Shutdown);
    assert_eq!(stage.node.take().unwrap().join().unwrap(), Stopped::Drained);
}

#[test]
fn a_standby_that_ends_leaves_the_election_at_once() {
    let mut stage = Stage::open(PeerHealth::Serving);
    stage.set(PairState::Standby);
    assert_eq!(stage.terminate(), Stopped::Drained);
    assert_eq!(stage.asked.iter().collect::<Vec<_>>(), [Asked::Shutdown]);
}

impl Handover {
    fn hand_over_now(&self) -> Result<String, Refusal> {
        runtime().block_on(self.hand_over(true, |_| {}))
    }
}
