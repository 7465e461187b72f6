//! Health checks from schedule to server state, against real sockets.

#![allow(clippy::unwrap_used)]
use std::sync::atomic::{AtomicU32, AtomicU64};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::balance::Balance;
use crate::config::model::{Mode, Timeouts};
use crate::snapshot::{Gauge, ServerState, TrafficLimits};

/// A backend named "web" of checked servers "web1", "web2"…, as configuration and as snapshot.
fn world(addresses: &[SocketAddr], kind: CheckKind, fall: u32) -> (Arc<Snapshot>, Vec<model::Backend>) {
    let timeouts = Timeouts::default();
    let gauge = || Arc::new(Gauge { current: AtomicU32::new(0), max: AtomicU32::new(0), limit: u32::MAX });
    let names = (1..).map(|number| format!("web{number}"));
    let settings = model::Backend {
        name: "web".into(),
        mode: Mode::Http,
        balance: Balance::RoundRobin,
        forwarding: None,
        request_headers: None,
        response_headers: None,
        cookie: None,
        check: Some(Check { kind, interval: Duration::from_millis(20), rise: 2, fall }),
        required: false,
        servers: names
            .zip(addresses)
            .map(|(name, address)| model::Server {
                name,
                address: *address,
                cookie: None,
                max_connections: None,
                weight: 100,
                send_proxy: None,
            })
            .collect(),
        timeouts,
    };
    let servers = settings.servers.iter().map(|server| Server {
        name: server.name.as_str().into(),
        address: server.address,
        cookie: None,
        send_proxy: None,
        state: Arc::new(ServerState::new(server.weight, u32::MAX)),
    });
    let backend = Backend {
        name: "web".into(),
        mode: Mode::Http,
        servers: servers.collect(),
        balance: Balance::default(),
        forwarding: None,
        cookie: None,
        timeouts,
        required: false,
        in_flight: gauge(),
        queue: Arc::new(Gauge::new(8)),
        epoch: Arc::new(AtomicU64::new(0)),
    };
    let snapshot = Snapshot {
        listeners: Vec::new(),
        backends: vec![backend],
        tells_port: false,
        process: gauge(),
        server_connections: gauge(),
        limits: TrafficLimits::default(),
    };
    (Arc::new(snapshot), vec![settings])
}

/// Starts the checks; what they tell arrives in order. They end with the runtime.
fn start(snapshot: &Arc<Snapshot>, settings: Vec<model::Backend>) -> UnboundedReceiver<(Level, String)> {
    let (sender, receiver) = unbounded_channel();
    let snapshot = Arc::clone(snapshot);
    tokio::spawn(async move {
        run(snapshot, &settings, move |level, text| sender.send((level, text)).unwrap_or_default()).await;
    });
    receiver
}

async fn next(receiver: &mut UnboundedReceiver<(Level, String)>) -> (Level, String) {
    tokio::time::timeout(Duration::from_secs(20), receiver.recv()).await.unwrap().unwrap()
}

/// A port that refuses connections until `listen` is called; nobody else can take it.
fn closed_port() -> (socket2::Socket, SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

#[tokio::test]
async fn a_dead_server_goes_down_and_comes_back() {
    let (socket, address) = closed_port();
    let (snapshot, settings) = world(&[address], CheckKind::Tcp, 3);
    let backend = &snapshot.backends[0];
    let state = Arc::clone(&backend.servers[0].state);
    let mut notices = start(&snapshot, settings);

    let (level, text) = next(&mut notices).await;
    assert_eq!(level, Level::Alert);
    assert!(text.starts_with(
        "Server web/web1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", \
         check duration: "
    ));
    assert!(text.ends_with(
        "ms. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
    ));
    assert_eq!(
        next(&mut notices).await,
        (Level::Emergency, "backend web has no server available!".to_string())
    );
    assert!(!state.is_up());
    assert_eq!(backend.epoch.load(Ordering::Acquire), 1);
    let report = state.report();
    assert_eq!((report.check_status, report.health, report.down_count), ("L4CON", 0, 1));
    assert!(report.checked && report.last_change_unix_ms > 0);

    socket.listen(128).unwrap();
    let (level, text) = next(&mut notices).await;
    assert_eq!(level, Level::Notice);
    assert!(
        text.starts_with("Server web/web1 is UP, reason: Layer4 check passed, check duration: "),
        "{text}"
    );
    assert!(state.is_up());
    assert_eq!(backend.epoch.load(Ordering::Acquire), 2);
    let report = state.report();
    assert_eq!((report.check_status, report.health, report.rise, report.fall), ("L4OK", 4, 2, 3));
}

#[tokio::test]
async fn a_server_with_a_wrong_status_leaves_the_others_alone() {
    let mut addresses = Vec::new();
    for answer in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 404 Not Found\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.read_u8().await.unwrap_or_default();
                stream.write_all(answer.as_bytes()).await.unwrap_or_default();
            }
        });
    }
    let kind = CheckKind::Http {
        method: "GET".into(),
        target: "/server.html".into(),
        version: "HTTP/1.0".into(),
        host: None,
    };
    let (snapshot, settings) = world(&addresses, kind, 5);
    snapshot.backends[0].servers[1].state.enter();
    let mut notices = start(&snapshot, settings);
    let (level, text) = next(&mut notices).await;
    assert_eq!(level, Level::Alert);
    assert!(text.starts_with(
        "Server web/web2 is DOWN, reason: Layer7 wrong status, code: 404, info: \"Not Found\", \
         check duration: "
    ));
    assert!(text.contains(" 1 active and 0 backup servers left. 1 sessions active,"), "{text}");
    assert!(snapshot.backends[0].servers[0].state.is_up());
    let report = snapshot.backends[0].servers[1].state.report();
    assert_eq!((report.check_status, report.check_code), ("L7STS", Some(404)));
}

#[tokio::test]
async fn without_checks_there_is_nothing_to_wait_for() {
    let (snapshot, mut settings) = world(&[closed_port().1], CheckKind::Tcp, 1);
    settings[0].check = None;
    run(Arc::clone(&snapshot), &settings, |_, _| unreachable!()).await;
    assert!(!snapshot.backends[0].servers[0].state.report().checked);
}
