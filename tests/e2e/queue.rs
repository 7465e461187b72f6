//! Requests beyond a server's `max_connections` wait for a slot, each in its turn.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::ports::free_address;

use crate::support::statistics::cell;
use crate::support::{Client, Configuration, Origin, RawServer, Torii, wait};

/// Servers that take one request each, a first request that occupies one, and the page.
struct Full {
    origins: Vec<Origin>,
    torii: Torii,
    page: SocketAddr,
    occupants: Vec<Client>,
}

impl Full {
    /// Every server is busy until its gate opens.
    fn start(plan: Configuration, servers: usize) -> Self {
        let page = free_address();
        let origins: Vec<Origin> = (0..servers).map(|index| Origin::start(&format!("{index}"))).collect();
        let plan = plan.server_line("max_connections = 1").stats(page);
        let plan = origins.iter().fold(plan, |plan, origin| plan.server(origin.address()));
        let torii = Torii::start(&plan);
        let mut occupants = Vec::new();
        for _ in 0..servers {
            let mut client = torii.client();
            client.send("GET /gate?first HTTP/1.1\r\nHost: a\r\n\r\n");
            occupants.push(client);
        }
        origins.iter().for_each(|origin| origin.wait_for("/gate?first"));
        Self { origins, torii, page, occupants }
    }

    /// Sends a request and waits until it is the `place`th that waits at `service`.
    fn queue(&self, target: &str, cookie: &str, service: &str, place: usize) -> Client {
        let mut client = self.torii.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{cookie}\r\n"));
        wait::for_condition("the request to wait", || cell(self.page, service, "qcur") == place.to_string());
        client
    }

    fn waiting(&self) -> [String; 2] {
        [cell(self.page, "BACKEND", "qcur"), cell(self.page, "web1", "qcur")]
    }
}

#[test]
fn a_request_waits_for_a_slot_and_is_served_in_its_turn() {
    let mut full = Full::start(Configuration::new(), 1);
    let mut clients: Vec<Client> =
        (1..=3).map(|place| full.queue(&format!("/name?{place}"), "", "BACKEND", place)).collect();
    assert!(full.origins[0].seen("/name").is_empty(), "the server has one request");
    full.origins[0].open_gate();
    assert_eq!(full.occupants[0].response("GET").status, 200);
    for client in &mut clients {
        assert_eq!(client.response("GET").text(), "0");
    }
    let order: Vec<String> = full.origins[0].seen("/name").iter().map(|seen| seen.head.target()).collect();
    assert_eq!(order, ["/name?1", "/name?2", "/name?3"]);
    for (target, ahead) in [("/gate?first", 0), ("/name?1", 0), ("/name?2", 1), ("/name?3", 2)] {
        let line = full.torii.log_of(target);
        assert_eq!((line.flags.as_str(), line.queues), ("----", [0, ahead]), "{target}");
        assert!(line.timers[1] >= 0, "it was given a slot: {line:?}");
    }
    assert_eq!(full.waiting(), ["0", "0"]);
    assert_eq!(cell(full.page, "BACKEND", "qmax"), "3");
}

#[test]
fn a_request_that_its_cookie_directs_waits_for_its_own_server() {
    let full = Full::start(Configuration::new().persistent(), 2);
    let cookie = "Cookie: lbsessionid=w01\r\n";
    let mut directed = full.queue("/name?directed", cookie, "web1", 1);
    full.origins[1].open_gate();
    let mut free = full.torii.client();
    wait::for_condition("the other server to be free", || free.get("/name?free").text() == "1");
    assert_eq!(full.waiting(), ["0", "1"], "its server is still busy");
    full.origins[0].open_gate();
    assert_eq!(directed.response("GET").text(), "0");
    let line = full.torii.log_of("/name?directed");
    assert_eq!((line.end(), line.server.as_str(), line.queues), ("--", "web1", [0, 0]));
}

#[test]
fn a_request_that_waits_too_long_is_answered_503() {
    let full = Full::start(Configuration::new().timeout("queue = \"100ms\""), 1);
    let mut late = full.torii.client();
    let answer = late.get("/name?late");
    assert_eq!(answer.status, 503);
    let line = full.torii.log_of("/name?late");
    assert_eq!((line.end(), line.server.as_str(), line.status), ("sQ", "<NOSRV>", 503));
    assert!(full.origins[0].seen("/name").is_empty());
    assert_eq!(full.waiting(), ["0", "0"]);
    full.origins[0].open_gate();
    wait::for_condition("the slot to be free", || full.torii.client().get("/name?after").status == 200);
}

#[test]
fn slots_pass_from_one_worker_to_another() {
    let origin = Origin::start("one");
    let plan = Configuration::new().workers(2).server_line("max_connections = 2").server(origin.address());
    let torii = Torii::start(&plan);
    // The kernel spreads connections over the workers; each answer frees a slot for any of them.
    let mut clients: Vec<Client> = (0..40).map(|_| torii.client()).collect();
    for round in 0..5 {
        for client in &mut clients {
            client.send(format!("GET /name?{round} HTTP/1.1\r\nHost: a\r\n\r\n"));
        }
        for client in &mut clients {
            assert_eq!(client.response("GET").text(), "one");
        }
    }
}

/// A server whose health a test decides, and which answers nothing but checks.
fn silent_server(healthy: Arc<AtomicBool>) -> RawServer {
    RawServer::start(move |mut stream| {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes)?;
        if bytes[..count].starts_with(b"GET /server.html") && healthy.load(Ordering::SeqCst) {
            return stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
        }
        while stream.read(&mut bytes)? > 0 {}
        Ok(())
    })
}

#[test]
fn whoever_waits_when_the_last_server_goes_down_is_told_so() {
    let healthy = Arc::new(AtomicBool::new(true));
    let server = silent_server(healthy.clone());
    let page = free_address();
    let plan = Configuration::new().checked().server_line("max_connections = 1").stats(page);
    let torii = Torii::start(&plan.timeout("queue = \"1m\"").server(server.address()));
    let mut clients = [torii.client(), torii.client()];
    for (place, client) in clients.iter_mut().enumerate() {
        client.send(format!("GET /held?{place} HTTP/1.1\r\nHost: a\r\n\r\n"));

        wait::for_condition("one request at the server, the rest waiting", || {
            (cell(page, "web1", "scur"), cell(page, "BACKEND", "qcur")) == ("1".to_owned(), place.to_string())
        });
    }
    healthy.store(false, Ordering::SeqCst);
    assert_eq!(clients[1].response("GET").status, 503);
    let line = torii.log_of("/held?1");
    assert_eq!((line.end(), line.server.as_str(), line.queues), ("SC", "<NOSRV>", [0, 0]));
}
