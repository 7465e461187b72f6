//! The algorithms of `balance`, over two workers.

use crate::support::ports::free_address;
use crate::support::statistics::cell;
use crate::support::{Client, Configuration, Origin, Torii, wait};

fn start(balance: &'static str) -> (Vec<Origin>, Torii) {
    let origins: Vec<Origin> = ["one", "two", "three"].into_iter().map(Origin::start).collect();
    let mut configuration = Configuration::new().balance(balance).workers(2).checked();
    for origin in &origins {
        configuration = configuration.server(origin.address());
    }
    (origins, Torii::start(&configuration))
}

/// The server that answers a new client.
fn served_by(torii: &Torii) -> String {
    torii.client().get("/name").text()
}

#[test]
fn leastconn_counts_the_requests_of_all_workers() {
    let (origins, torii) = start("leastconn");
    let waiting = || origins.iter().map(|origin| origin.seen("/gate").len()).collect::<Vec<_>>();
    let mut clients: Vec<Client> = Vec::new();
    for count in 1..=12 {
        let mut client = torii.client();
        client.send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
        clients.push(client);
        wait::for_condition("the request at a server", || waiting().iter().sum::<usize>() == count);
        let (least, most) = (waiting().into_iter().min(), waiting().into_iter().max());
        assert!(most.unwrap() - least.unwrap() <= 1, "{:?}", waiting());
    }
    origins[1].open_gate();
    let answered = || torii.log().iter().filter(|line| line.request.contains("/gate")).count();
    wait::for_condition("the second server's requests to end", || answered() == 4);
    assert!((0..6).all(|_| served_by(&torii) == "two"), "it is idle, and the others are not");
}

#[test]
fn source_keeps_a_client_on_its_server_and_moves_it_when_that_is_down() {
    let (origins, torii) = start("source");
    let home = served_by(&torii);
    assert!((0..12).all(|_| served_by(&torii) == home));
    let index = ["one", "two", "three"].iter().position(|name| *name == home).unwrap();
    origins[index].kill();
    wait::for_condition("another server takes over", || torii.client().get("/name").status == 200);
    let refuge = served_by(&torii);
    assert_ne!(refuge, home);
    assert!((0..12).all(|_| served_by(&torii) == refuge));
}

#[test]
fn source_waits_for_a_full_server_and_blocks_no_client_of_another() {
    let (origins, page) = ([Origin::start("one"), Origin::start("two")], free_address());
    let trusted = "trusted_proxies = [\"127.0.0.1\"]\nclient_address_header = \"Client\"";
    let plan = Configuration::new().balance("source").server_line("max_connections = 1").listener(trusted);
    let plan = origins.iter().fold(plan.stats(page), |plan, origin| plan.server(origin.address()));
    let torii = Torii::start(&plan);
    let ask = |target: &str, address: &str| {
        let mut client = torii.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\nClient: {address}\r\n\r\n"));
        client
    };
    let mut occupant = ask("/gate", "10.0.0.2");
    origins[0].wait_for("/gate");
    let mut waiting = ask("/name?waiting", "10.0.0.4");
    wait::for_condition("the request to wait at its server", || cell(page, "web1", "qcur") == "1");
    assert_eq!(ask("/name", "10.0.0.3").response("GET").text(), "two");
    assert!(origins[0].seen("/name").is_empty());
    origins[0].open_gate();
    assert_eq!(occupant.response("GET").text(), "one");
    assert_eq!(waiting.response("GET").text(), "one");
}

#[test]
fn random_gives_every_server_its_share() {
    let (origins, torii) = start("random");
    for _ in 0..90 {
        served_by(&torii);
    }
    for origin in &origins {
        assert!(origin.seen("/name").len() >= 10, "{} of 90", origin.seen("/name").len());
    }
}
