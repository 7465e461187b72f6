//! Two real threads on two hosts with a cable between them, in network namespaces of the test's own.

#![allow(clippy::unwrap_used)]

use std::io::Read;
use std::net::IpAddr;
use std::path::Path;
use std::thread::JoinHandle;

use socket2::{Domain, Protocol, Socket, Type};

use super::*;
use crate::config;
use crate::ha::handle::PairHandle;
use crate::ha::health::Draining;
use crate::ha::order::{AskedBack, RequestQueue, Requested, TakenBack, mailbox, requests};
use crate::ha::status::{PairState, PeerHealth};
use crate::ha::test_hosts::{Host, wait_until};
use crate::ha::transport::dialogue::Ground;
use crate::observe::log::{self, Echo, LogHandle, Names};
use crate::snapshot::build::{Room, build};
use crate::snapshot::publish::Published;

const SHARED: &str = "198.51.100.3";

/// The configuration of both nodes; `keys` are added to `[ha]`.
fn file(keys: &str) -> String {
    format!(
        r#"
[[listener]]
name = "front"
bind = ["{SHARED}:80"]
backend = "web"
[[backend]]
name = "web"
server = [{{ name = "s", address = "192.0.2.50:80" }}]
[ha]
interface = "eth0"
virtual_router_id = 10
addresses = ["{SHARED}/32"]
{keys}
[[ha.node]]
name = "a"
address = "192.0.2.11"
priority = 100
[[ha.node]]
name = "b"
address = "192.0.2.12"
priority = 99
"#
    )
}

const FAST: &str = "version = 3\nadvert_interval = \"20ms\"";

/// One node: its host, and what control has of it.
struct Node {
    host: Host,
    handle: PairHandle,
    draining: Draining,
    thread: Option<JoinHandle<()>>,
    log: Option<LogHandle>,
    lines: tempfile::NamedTempFile,
    requested: RequestQueue,
}

impl Node {
    fn start(host: Host, own: usize, text: &str) -> Self {
        let config = config::parse(text, "t.toml", Path::new("")).unwrap();
        let lines = tempfile::NamedTempFile::new().unwrap();
        let snapshot = Arc::new(build(&config, Room { clients: 10, server_connections: 10 }));
        let mut settings = config.log.clone();
        settings.target = config::model::LogTarget::File(lines.path().to_owned());
        let log = log::start(&settings, Echo::Off, Names::of(&snapshot), Vec::new()).unwrap();
        let ha = Arc::new(config.ha.unwrap());
        let draining = Draining::default();
        let published = Published::new(snapshot);
        let mut health = Health::new(&published, &[], Vec::new(), draining.clone(), ha.stall_limit);
        let status = PublishedStatus::new(first_status(&ha, own, &mut health));
        let (orders, queue) = mailbox();
        let (requests, requested) = requests();
        let handle = PairHandle { status: status.clone(), orders };
        let notices = log.notices();
        let thread = host.run(move || {
            let network = Network::open(ha.clone(), own).unwrap();
            let (orders, guard) = (queue, Keeper::without("a test is no program to run".into()));
            let outfit = Outfit {
                ha,
                own,
                network,
                guard,
                orders,
                requests,
                status,
                health,
                notices,
                notifier: None,
                core: None,
            };
            start().unwrap().begin(outfit)
        });
        Self { host, handle, draining, thread: Some(thread), log: Some(log), lines, requested }
    }

    fn state(&self) -> PairState {
        self.handle.status.latest().state
    }

    fn is(&self, state: PairState) -> bool {
        self.state() == state
    }

    fn has_address(&self) -> bool {
        self.host.ip("-o address show").contains(&format!(" {SHARED}/32 "))
    }

    fn problem(&self, words: &str) -> Option<String> {
        let status = self.handle.status.latest();
        let found = status.problems.iter().find(|problem| problem.what.contains(words));
        found.map(|problem| problem.remedy.clone())
    }

    fn order<T>(&self, order: impl AsyncFnOnce(&PairHandle) -> T) -> T {
        self::order(&self.handle, order)
    }

    /// Ends it, and returns its log.
    fn end(mut self) -> String {
        self.order(async |handle| handle.shut_down().await);
        self.thread.take().unwrap().join().unwrap();
        assert!(!self.has_address(), "an orderly end leaves no shared address");
        self.log.take().unwrap().stop();
        std::fs::read_to_string(self.lines.path()).unwrap()
    }
}

fn order<T>(handle: &PairHandle, order: impl AsyncFnOnce(&PairHandle) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(order(handle))
}

/// Two hosts with their own addresses.
fn hosts() -> Option<[Host; 2]> {
    let hosts = Host::pair()?;
    for (host, own) in hosts.iter().zip(["192.0.2.11", "192.0.2.12"]) {
        host.ip(&format!("address add {own}/24 dev eth0"));
    }
    Some(hosts)
}

/// A pair that has settled: `a` is active.
fn pair(keys: &str) -> Option<[Node; 2]> {
    let [a, b] = hosts()?;
    let [a, b] = [Node::start(a, 0, &file(keys)), Node::start(b, 1, &file(keys))];
    settled(&a, &b);
    Some([a, b])
}

/// Waits until one is active and the other is standby, and the address is where it belongs.
fn settled(active: &Node, standby: &Node) {
    wait_until("an active and a standby node", || {
        active.is(PairState::Active) && standby.is(PairState::Standby)
    });
    wait_until("the address's move", || active.has_address() && !standby.has_address());
}

#[test]
fn the_better_node_gets_the_address_and_gives_it_up_at_its_end() {
    let Some([a, b]) = pair(FAST) else { return };
    let log = a.end();
    // Why it is depends on who was ready first.
    assert!(log.contains("pair: a is now active for 198.51.100.3/32: "), "{log}");
    assert!(log.contains("pair: a takes no part any more: shut down"), "{log}");
    wait_until("the other node", || b.is(PairState::Active) && b.has_address());
    assert!(b.end().contains("pair: b is now active for 198.51.100.3/32: "));
}

#[test]
fn the_address_is_handed_over_and_taken_back() {
    let Some([a, b]) = pair(FAST) else { return };
    let outcome = a.order(async |handle| handle.hand_over(true).await);
    assert_eq!(outcome, Ok(HandedOver::TakenBy("b".into())));
    settled(&b, &a);
    assert!(a.handle.status.latest().handed_over);
    let refused = a.order(async |handle| handle.hand_over(true).await);
    assert_eq!(refused, Err(Refusal::NotActive(PairState::Standby)));
    // VRRP proper has no words to ask with.
    assert_eq!(a.order(async |handle| handle.ask_back().await), Ok(AskedBack::NobodyToAsk));
    assert_eq!(a.order(async |handle| handle.take_back().await), Ok(TakenBack::AtOnce));
    settled(&a, &b);
}

#[test]
fn a_hand_over_that_nobody_takes_ends_where_it_began() {
    let Some([a, _b]) = hosts() else { return };
    let a = Node::start(a, 0, &file(FAST));
    wait_until("the only node", || a.is(PairState::Active));
    wait_until("the other machine to say that nobody is there", || {
        matches!(a.handle.status.latest().peers[0].health, PeerHealth::Dead(_))
    });
    let refused = a.order(async |handle| handle.hand_over(false).await);
    assert!(matches!(refused, Err(Refusal::NoSuccessor(_))), "{refused:?}");
    let outcome = a.order(async |handle| handle.hand_over(true).await);
    assert_eq!(outcome, Ok(HandedOver::NobodyTookIt));
    assert!(a.is(PairState::Active) && a.has_address());
}

#[test]
fn an_errand_is_done_by_the_thread_that_has_the_rights() {
    let Some([a, _b]) = hosts() else { return };
    let a = Node::start(a, 0, &file(FAST));
    let name = || std::thread::current().name().map(str::to_owned);
    let done = a.order(async |handle| handle.with_rights(name).await);
    assert_eq!(done, Ok(Some("torii-ha".into())));
}

#[test]
fn a_node_that_does_not_serve_gives_the_address_away() {
    let Some([a, b]) = pair(FAST) else { return };
    a.draining.begin();
    settled(&b, &a);
    let status = a.handle.status.latest();
    assert_eq!((status.priority, status.serving), (100, false));
    assert!(status.sum.iter().any(|part| part.what.contains("draining")), "{:?}", status.sum);
}

#[test]
fn a_cable_that_is_pulled_and_put_back() {
    let Some([a, b]) = pair(FAST) else { return };
    a.host.ip("link set eth0 down");
    wait_until("the fault", || a.is(PairState::Fault));
    assert!(!a.has_address());
    // The cable has no carrier at its other end either.
    wait_until("the other end", || b.is(PairState::Fault));
    a.host.ip("link set eth0 up");
    settled(&a, &b);
    let log = a.end();
    assert!(log.contains("pair: a cannot take part: eth0 is down or has no carrier"), "{log}");
    assert!(log.contains("a is now standby: it can take part again"), "{log}");
}

#[test]
fn an_interface_that_gets_another_name_takes_no_address_along() {
    let Some([a, b]) = pair(FAST) else { return };
    // Linux renames an interface that is up since 6.2, and leaves its addresses on it.
    a.host.ip("link set eth0 name lan0");
    wait_until("the interface to be missed", || a.is(PairState::Fault) && !a.has_address());
    wait_until("the other node", || b.is(PairState::Active) && b.has_address());
}

#[test]
fn a_node_without_its_own_address_takes_no_part_until_it_is_back() {
    let Some([a, b]) = pair(FAST) else { return };
    a.host.ip("address delete 192.0.2.11/24 dev eth0");
    wait_until("the fault", || a.is(PairState::Fault));
    wait_until("the other node", || b.is(PairState::Active));
    a.host.ip("address add 192.0.2.11/24 dev eth0");
    settled(&a, &b);
}

#[test]
fn a_shared_address_that_somebody_removes_is_put_back_and_named() {
    let Some([a, _b]) = pair(FAST) else { return };
    a.host.ip(&format!("address delete {SHARED}/32 dev eth0"));
    wait_until("the address's return", || a.has_address());
    wait_until("the problem", || a.problem("somebody removed the shared address").is_some());
    assert!(a.is(PairState::Active));
}

/// Linux keeps IPv4 away from an interface whose packets are too short for it.
#[test]
fn an_address_that_cannot_be_added_is_named_and_tried_again_when_the_interface_changes() {
    let Some([a, _b]) = hosts() else { return };
    // The only kind of interface that is there on every machine and takes such a length.
    a.ip("link set lo down");
    a.ip("link set lo name short0");
    a.ip("link set short0 mtu 60 up");
    let a = Node::start(a, 0, &file(FAST).replace("\"eth0\"", "\"short0\""));
    wait_until("the problem", || a.problem("could not be added to short0").is_some());
    let refused = |a: &Node, times: &str| {
        let status = a.handle.status.latest();
        status.transitions.iter().any(|change| change.cause.contains(times))
    };
    wait_until("the first refusal", || {
        a.is(PairState::Fault) && refused(&a, "tried once, the next try begins in 5 s")
    });
    wait_until("the second", || {
        a.is(PairState::Fault) && refused(&a, "tried 2 times, the next try begins in 5 s")
    });
    a.host.ip("link set short0 mtu 1500");
    wait_until("the address", || a.is(PairState::Active) && a.has_address());
    wait_until("the problem's end", || a.problem("could not be added").is_none());
    let log = a.end();
    assert_eq!(log.matches("cannot take part: 198.51.100.3/32 cannot be added").count(), 2, "{log}");
}

#[test]
fn nodes_with_different_addresses_say_so() {
    let Some([a, b]) = hosts() else { return };
    let other =
        file(FAST).replace(&format!("[\"{SHARED}/32\"]"), &format!("[\"{SHARED}/32\", \"198.51.100.4/32\"]"));
    let [a, b] = [Node::start(a, 0, &file(FAST)), Node::start(b, 1, &other)];
    settled(&a, &b);
    wait_until("the problem", || b.problem("a advertises other shared addresses").is_some());
    let remedy = b.problem("a advertises other shared addresses").unwrap();
    assert!(remedy.contains("the same ha.addresses"), "{remedy}");
}

#[test]
fn nodes_with_different_passwords_are_both_active_and_know_why() {
    let Some([a, b]) = hosts() else { return };
    let keys = |password: &str| format!("version = 2\nadvert_interval = \"1s\"\nauth_pass = \"{password}\"");
    let [a, b] = [("right", a, 0), ("wrong", b, 1)]
        .map(|(password, host, own)| Node::start(host, own, &file(&keys(password))));
    for node in [&a, &b] {
        wait_until("both to be active", || node.is(PairState::Active));
        wait_until("the problem", || node.problem("an advert with another password").is_some());
        assert!(node.problem("another password").unwrap().contains("the same auth_pass"));
    }
}

/// Keys of a pair over UDP, whose secret is in the file.
fn sealed() -> (String, tempfile::NamedTempFile) {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), [7; 32]).unwrap();
    let keys = format!("{FAST}\ntransport = \"udp\"\nsecret_file = \"{}\"", secret.path().display());
    (keys, secret)
}

#[test]
fn over_udp_the_active_node_is_asked_for_the_address_and_hands_it_over() {
    let (keys, _secret) = sealed();
    let Some([a, mut b]) = pair(&keys) else { return };
    let outcome = a.order(async |handle| handle.hand_over(true).await);
    assert_eq!(outcome, Ok(HandedOver::TakenBy("b".into())));
    settled(&b, &a);
    // What B's control does: nothing moves before.
    let handle = a.handle.clone();
    let asking = std::thread::spawn(move || order(&handle, async |handle| handle.ask_back().await));
    let requested = request(&mut b);
    assert_eq!(requested.by, "a");
    assert!(b.is(PairState::Active) && b.has_address());
    let outcome = b.order(async |handle| handle.step_aside(requested.from).await);
    assert_eq!(outcome, Ok(HandedOver::TakenBy("a".into())));
    let _ = requested.reply.send(Ok(()));
    assert_eq!(asking.join().unwrap(), Ok(AskedBack::HandedBack("b".into())));
    settled(&a, &b);
    wait_until("both to have forgotten it", || {
        [&a, &b].iter().all(|node| !node.handle.status.latest().handed_over)
    });
}

#[test]
fn an_active_node_that_cannot_hand_over_declines() {
    let (keys, _secret) = sealed();
    let Some([a, mut b]) = pair(&keys) else { return };
    assert!(a.order(async |handle| handle.hand_over(true).await).is_ok());
    settled(&b, &a);
    // Its control has gone.
    b.requested.close();
    let declined = Refusal::Declined { by: "b".into(), ground: Ground::Busy };
    assert_eq!(a.order(async |handle| handle.ask_back().await), Err(declined));
    settled(&b, &a);
    assert!(a.handle.status.latest().handed_over, "as before");
}

#[test]
fn what_is_handed_over_to_a_node_that_does_not_serve_stays_there() {
    let (keys, _secret) = sealed();
    let Some([a, b]) = pair(&keys) else { return };
    b.draining.begin();
    wait_until("a sign of ill health", || a.handle.status.latest().peers[0].health == PeerHealth::NotServing);
    assert!(a.order(async |handle| handle.hand_over(true).await).is_ok());
    settled(&b, &a);
    let changes = |node: &Node| node.handle.status.latest().transitions.len();
    let before = [&a, &b].map(changes);
    // It hears far more signs of life than it takes to be made an offer.
    let sent = b.handle.status.latest().adverts.sent;
    wait_until("many adverts", || b.handle.status.latest().adverts.sent > sent + 50);
    assert_eq!([&a, &b].map(changes), before);
    assert!(a.handle.status.latest().handed_over);
}

#[test]
fn a_node_that_cannot_have_the_address_says_so_instead_of_asking() {
    let (keys, _secret) = sealed();
    let Some([a, mut b]) = pair(&keys) else { return };
    assert!(a.order(async |handle| handle.hand_over(true).await).is_ok());
    settled(&b, &a);
    let handle = a.handle.clone();
    let asking = std::thread::spawn(move || order(&handle, async |handle| handle.ask_back().await));
    let _requested = request(&mut b);
    a.host.ip("link set eth0 down");
    let outcome = asking.join().unwrap();
    assert!(matches!(&outcome, Err(Refusal::CannotTake(why)) if why.contains("eth0")), "{outcome:?}");
    let outcome = a.order(async |handle| handle.take_back().await);
    assert!(matches!(outcome, Err(Refusal::CannotTake(_))), "{outcome:?}");
}

#[test]
fn silence_of_the_active_node_is_no_consent() {
    let (keys, _secret) = sealed();
    let Some([a, b]) = pair(&keys) else { return };
    assert!(a.order(async |handle| handle.hand_over(true).await).is_ok());
    settled(&b, &a);
    // A hears B, and B does not hear A: what A sends goes to a machine that is not there.
    a.host.ip("neighbour replace 192.0.2.12 lladdr 02:00:00:00:00:99 nud permanent dev eth0");
    let silent = Refusal::NoAnswer { by: "b".into() };
    assert_eq!(a.order(async |handle| handle.ask_back().await), Err(silent));
    settled(&b, &a);
    assert!(a.handle.status.latest().handed_over, "as before");
    assert_eq!(a.order(async |handle| handle.take_back().await), Ok(TakenBack::AtOnce));
}

#[test]
fn a_node_whose_kernel_refuses_the_address_does_not_say_that_it_has_it() {
    let (keys, _secret) = sealed();
    let Some([a, b]) = hosts() else { return };
    for command in ["link set lo down", "link set lo name short0", "link set short0 up"] {
        a.ip(command);
    }
    let a = Node::start(a, 0, &file(&keys).replace("\"eth0\"", "\"short0\""));
    let mut b = Node::start(b, 1, &file(&keys));
    settled(&a, &b);
    assert!(a.order(async |handle| handle.hand_over(true).await).is_ok());
    settled(&b, &a);
    a.host.ip("link set short0 mtu 60");
    let handle = a.handle.clone();
    let asking = std::thread::spawn(move || order(&handle, async |handle| handle.ask_back().await));
    let requested = request(&mut b);
    assert!(b.order(async |handle| handle.step_aside(requested.from).await).is_ok());
    let outcome = asking.join().unwrap();
    let why = "198.51.100.3/32 cannot be added";
    assert!(matches!(&outcome, Err(Refusal::CannotTake(because)) if because.starts_with(why)), "{outcome:?}");
    wait_until("the other node", || b.is(PairState::Active) && b.has_address());
}

/// Waits until another node asks for the address.
fn request(node: &mut Node) -> Requested {
    let mut requested = None;
    wait_until("the request", || {
        requested = requested.take().or_else(|| node.requested.try_recv().ok());
        requested.is_some()
    });
    requested.unwrap()
}

#[test]
fn over_udp_an_active_node_knows_that_its_standby_lives() {
    let (keys, _secret) = sealed();
    let Some([a, b]) = pair(&keys) else { return };
    let health = |node: &Node| node.handle.status.latest().peers[0].health.clone();
    wait_until("a sign of life", || health(&a) == PeerHealth::Serving);
    b.draining.begin();
    wait_until("a sign of ill health", || health(&a) == PeerHealth::NotServing);
    b.end();
    wait_until("a farewell", || matches!(health(&a), PeerHealth::Dead(_)));
}

/// Neighbours must not hear of the address before the former owner has been told to let go of it.
#[test]
fn an_advert_comes_before_the_announcement() {
    let Some([a, b]) = hosts() else { return };
    let heard = b.run(|| {
        let everything = Protocol::from(i32::from((libc::ETH_P_ALL as u16).to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(everything)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket
    });
    let _a = Node::start(a, 0, &file(FAST));
    let mut order = Vec::new();
    while !order.contains(&"announcement") {
        let mut frame = [0; 256];
        let length = (&heard).read(&mut frame).unwrap();
        let frame = &frame[..length];
        let own: IpAddr = SHARED.parse().unwrap();
        match (frame.get(12..14), frame.get(23)) {
            (Some([8, 0]), Some(112)) => order.push("advert"),
            (Some([8, 6]), _) if IpAddr::from([frame[28], frame[29], frame[30], frame[31]]) == own => {
                order.push("announcement");
            }
            _ => {}
        }
    }
    assert_eq!(order.first(), Some(&"advert"), "{order:?}");
}
