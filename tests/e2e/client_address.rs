//! Who may connect, whom torii takes for the client, and what servers are told of it.

use std::net::IpAddr;

use crate::support::ports::free_address;
use crate::support::statistics::cell;
use crate::support::wire::Head;
use crate::support::{Client, Configuration, Origin, Torii, wait};

/// Addresses of loopback: all are this machine, and torii sees which one a client used.
const TRUSTED: &str = "127.0.0.1";
const STRANGER: &str = "127.0.0.77";

fn start_with(plan: Configuration) -> (Origin, Torii) {
    let origin = Origin::start("one");
    let torii = Torii::start(&plan.server(origin.address()));
    (origin, torii)
}

fn client_from(torii: &Torii, source: &str) -> Client {
    Client::connect_from(source.parse().unwrap(), torii.address())
}

/// Sends a GET with these field lines from an address; the head that reached the server, and who the
/// log says it was.
fn seen(plan: Configuration, source: &str, fields: &str) -> (Head, IpAddr) {
    let (origin, torii) = start_with(plan);
    let mut client = client_from(&torii, source);
    client.send(format!("GET /name HTTP/1.1\r\nHost: www.example.com:8080\r\n{fields}\r\n"));
    assert_eq!(client.response("GET").text(), "one");
    (origin.only("/name"), logged(&torii, "/name"))
}

/// Who the log says it was. As in HAProxy's lines, the port follows after a colon, without brackets.
fn logged(torii: &Torii, target: &str) -> IpAddr {
    let line = torii.log_of(target);
    line.client.rsplit_once(':').unwrap().0.parse().unwrap()
}

fn trusting() -> Configuration {
    Configuration::new()
        .listener("trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]")
        .backend("forwarded_for = true")
}

#[test]
fn the_list_of_a_trusted_proxy_names_the_client() {
    let list = "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 198.51.100.7, 10.1.1.1\r\n";
    let (head, logged) = seen(trusting(), TRUSTED, list);
    assert_eq!(logged.to_string(), "198.51.100.7");
    // What the client itself wrote is gone; ours comes last.
    assert_eq!(head.all("x-forwarded-for"), ["198.51.100.7, 10.1.1.1", "198.51.100.7"]);
}

#[test]
fn claims_of_a_stranger_are_removed() {
    let claims = "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n\
                  Forwarded: for=1.1.1.1\r\nX-Other: stays\r\n";
    let (head, logged) = seen(trusting(), STRANGER, claims);
    assert_eq!(logged.to_string(), STRANGER);
    assert_eq!(head.all("x-forwarded-for"), [STRANGER]);
    for name in ["x-forwarded-proto", "x-forwarded-port", "forwarded"] {
        assert_eq!(head.all(name), Vec::<String>::new(), "{name}");
    }
    assert_eq!(head.all("x-other"), ["stays"]);
}

#[test]
fn a_field_of_a_trusted_proxy_names_the_client() {
    let plan = || trusting().listener("client_address_header = \"True-Client-IP\"");
    let fields = "True-Client-IP: 2001:db8::7\r\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\r\n";
    let (head, logged) = seen(plan(), TRUSTED, fields);
    assert_eq!(logged.to_string(), "2001:db8::7");
    assert_eq!(head.all("x-forwarded-for"), ["1.1.1.1, 2.2.2.2", "2001:db8::7"]);
    assert_eq!(head.all("true-client-ip"), ["2001:db8::7"]);
    let (head, logged) = seen(plan(), STRANGER, fields);
    assert_eq!(logged.to_string(), STRANGER);
    assert_eq!(head.all("true-client-ip"), Vec::<String>::new());
    assert_eq!(head.all("x-forwarded-for"), [STRANGER]);
    let (_, logged) = seen(plan(), TRUSTED, "True-Client-IP: x\r\nX-Forwarded-For: 198.51.100.7\r\n");
    assert_eq!(logged.to_string(), "198.51.100.7", "the list, where the field is of no use");
}

#[test]
fn each_request_of_a_trusted_proxy_has_its_own_client() {
    let (origin, torii) = start_with(trusting());
    let mut proxy = client_from(&torii, TRUSTED);
    for (target, fields, expected) in [
        ("/name?a", "X-Forwarded-For: 198.51.100.7\r\n", "198.51.100.7"),
        ("/name?b", "X-Forwarded-For: 2001:db8::7\r\n", "2001:db8::7"),
        ("/name?c", "", TRUSTED),
        ("/name?d", "X-Forwarded-For: nonsense\r\n", TRUSTED),
    ] {
        proxy.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        assert_eq!(proxy.response("GET").text(), "one");
        assert_eq!(origin.only(target).all("x-forwarded-for").last().unwrap(), expected);
        assert_eq!(logged(&torii, target).to_string(), expected);
    }
    proxy.send("BAD\r\n\r\n");
    assert_eq!(proxy.response("GET").status, 400);
    let refused = torii.wait_for_log("the refusal", |line| line.status == 400);
    assert_eq!(refused.client, proxy.local_address().to_string(), "not the client of the request before");
}

#[test]
fn the_balance_by_source_follows_the_client() {
    let origins = [Origin::start("one"), Origin::start("two"), Origin::start("three")];
    let mut plan = trusting().balance("source");
    for origin in &origins {
        plan = plan.server(origin.address());
    }
    let torii = Torii::start(&plan);
    let mut names = std::collections::HashSet::new();
    for host in 0..24 {
        let server = || {
            let mut proxy = client_from(&torii, TRUSTED);
            proxy.send(format!(
                "GET /name HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.{host}.{}\r\n\r\n",
                host * 7 + 1
            ));
            proxy.response("GET").text()
        };
        let first = server();
        assert_eq!(server(), first, "a client keeps its server");
        names.insert(first);
    }
    assert!(names.len() > 1, "two dozen clients behind one proxy are spread: {names:?}");
}

#[test]
fn servers_are_told_how_and_where_the_client_came() {
    let plan = Configuration::new()
        .backend("forwarded_proto = true")
        .backend("forwarded_port = true")
        .backend("forwarded = true");
    let origin = Origin::start("one");
    let torii = Torii::start(&plan.server(origin.address()));
    let mut client = torii.client();
    client.send(
        "GET /name HTTP/1.1\r\nHost: www.example.com:8080\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-Port: 1\r\nForwarded: for=1.1.1.1\r\n\r\n",
    );
    assert_eq!(client.response("GET").text(), "one");
    let head = origin.only("/name");
    assert_eq!(head.all("x-forwarded-proto"), ["http"], "ours replaces what anybody can write");
    assert_eq!(head.all("x-forwarded-port"), [torii.address().port().to_string()]);
    assert_eq!(
        head.all("forwarded"),
        ["for=1.1.1.1", "proto=http;host=\"www.example.com:8080\";for=127.0.0.1"]
    );
    assert_eq!(head.all("x-forwarded-for"), Vec::<String>::new());
}

#[test]
fn what_a_trusted_proxy_says_of_protocol_and_port_stands() {
    let plan = trusting().backend("forwarded_proto = true").backend("forwarded_port = true");
    let (head, _) = seen(plan.clone(), TRUSTED, "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n");
    assert_eq!(
        (head.all("x-forwarded-proto"), head.all("x-forwarded-port")),
        (vec!["https".to_owned()], vec!["443".to_owned()])
    );
    let (head, _) = seen(plan, TRUSTED, "");
    assert_eq!(head.all("x-forwarded-proto"), ["http"], "it said nothing");
}

#[test]
fn clients_of_some_networks_are_not_named() {
    let plan = Configuration::new()
        .backend("forwarded_for = true")
        .backend("forwarded_for_except = [\"127.0.0.64/26\"]");
    let (head, _) = seen(plan.clone(), STRANGER, "");
    assert_eq!(head.all("x-forwarded-for"), Vec::<String>::new());
    let (head, _) = seen(plan, TRUSTED, "");
    assert_eq!(head.all("x-forwarded-for"), [TRUSTED]);
}

/// D42, D43: nominating a field in Connection takes the client's away, and never ours.
#[test]
fn nominated_fields_are_removed_and_ours_are_added_after() {
    let plan = Configuration::new()
        .backend("forwarded_for = true")
        .backend("forwarded_proto = true")
        .backend("forwarded_port = true")
        .backend("forwarded = true");
    let (head, _) = seen(
        plan,
        TRUSTED,
        "Connection: close, X-Forwarded-For, X-Real-Ip, x-forwarded-proto, Host, Cookie\r\n\
         Connection: Forwarded, X-Forwarded-Port\r\n\
         X-Forwarded-For: 1.1.1.1\r\nX-Real-Ip: 1.1.1.1\r\nCookie: a=b\r\nX-Kept: yes\r\n",
    );
    assert_eq!(head.all("x-forwarded-for"), [TRUSTED]);
    assert_eq!(head.all("x-forwarded-proto"), ["http"]);
    assert_eq!(head.all("x-forwarded-port").len(), 1);
    assert_eq!(head.all("forwarded").len(), 1);
    assert_eq!(head.all("x-real-ip"), Vec::<String>::new());
    assert_eq!(head.all("connection"), Vec::<String>::new(), "nothing is left that could name ours");
    assert_eq!(head.all("host"), ["www.example.com:8080"]);
    assert_eq!((head.all("cookie"), head.all("x-kept")), (vec!["a=b".to_owned()], vec!["yes".to_owned()]));
}

#[test]
fn a_connection_field_that_names_too_much_is_refused() {
    let (origin, torii) = start_with(Configuration::new());
    let mut client = torii.client();
    client.send(format!("GET /name HTTP/1.1\r\nHost: a\r\nConnection: {}\r\n\r\n", "a,".repeat(200)));
    assert_eq!(client.response("GET").status, 431);
    assert!(origin.seen("/name").is_empty());
}

/// Connects from an address: whether it is served.
fn is_served(torii: &Torii, source: &str) -> bool {
    let mut client = client_from(torii, source);
    let sent = client.try_send("GET /name HTTP/1.1\r\nHost: a\r\n\r\n");
    sent.is_ok() && client.try_response("GET").is_ok_and(|response| response.text() == "one")
}

#[test]
fn denied_and_not_allowed_clients_are_closed_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let denied = folder.path().join("denied.txt");
    std::fs::write(&denied, "# attackers\n127.0.0.77   # one\n\n2001:db8::/32 ; a network\n").unwrap();
    let page = free_address();
    let plan = Configuration::new()
        .stats(page)
        .listener("allow = [\"127.0.0.0/24\"]")
        .listener(&format!("deny = [\"127.0.0.66/32\", \"file:{}\"]", denied.display()));
    let (origin, torii) = start_with(plan);
    assert!(is_served(&torii, TRUSTED) && is_served(&torii, "127.0.0.78"));
    for source in [STRANGER, "127.0.0.66", "127.0.1.1"] {
        assert!(!is_served(&torii, source), "{source}");
    }
    assert_eq!(origin.seen("/name").len(), 2);
    assert_eq!(torii.log_before_clean_get().len(), 2, "no line for a connection that was not let in");
    wait::for_condition("3 in the column dcon", || cell(page, "FRONTEND", "dcon") == "3");
}
