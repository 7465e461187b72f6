//! Persistence by cookie, as HAProxy's `cookie lbsessionid insert nocache indirect preserve httponly
//! secure maxidle 30m maxlife 8h` does it, down to the log letters.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::wire::Head;
use crate::support::{Configuration, Origin, Torii, ports, wait};

const NAME: &str = "lbsessionid";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// UNIX time in units of four seconds, rounded up, as five base64 digits.
fn encode(seconds: i64) -> String {
    let value = (seconds + 3) >> 2;
    let digit = |place: i64| char::from(ALPHABET[(value >> (6 * place) & 63) as usize]);
    [4, 3, 2, 1, 0].map(digit).iter().collect()
}

fn decode(text: &str) -> i64 {
    assert_eq!(text.len(), 5, "a date is five characters: {text:?}");
    let digit = |byte| ALPHABET.iter().position(|&other| other == byte).expect("base64") as i64;
    text.bytes().fold(0, |value, byte| value << 6 | digit(byte)) << 2
}

/// A cookie value whose dates are this many seconds in the past.
fn cookie(id: &str, idle: i64, life: i64) -> String {
    format!("{id}|{}|{}", encode(now() - idle), encode(now() - life))
}

/// Id, last and first date of the one cookie that a response sets.
#[track_caller]
fn issued(head: &Head) -> (String, i64, i64) {
    let lines = head.all("set-cookie");
    assert_eq!(lines.len(), 1, "{}", head.text());
    let value = lines[0].strip_prefix("lbsessionid=").expect("the configured name");
    let value = value.strip_suffix("; path=/; HttpOnly; Secure").expect("the exact attributes");
    let parts: Vec<&str> = value.split('|').collect();
    let [id, last, first] = parts[..] else { panic!("{value:?} is not ID|LAST|FIRST") };
    (id.to_owned(), decode(last), decode(first))
}

struct Pair {
    servers: [Origin; 2],
    torii: Torii,
}

fn start() -> Pair {
    let servers = [Origin::start("one"), Origin::start("two")];
    let plan = servers.iter().fold(Configuration::new().persistent(), |plan, one| plan.server(one.address()));
    Pair { torii: Torii::start(&plan), servers }
}

impl Pair {
    /// GET with a Cookie field; returns the head, who answered, and the log's cookie letters.
    #[track_caller]
    fn get(&self, target: &str, cookie: &str) -> (Head, String, String) {
        let mut client = self.torii.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n"));
        let response = client.response("GET");
        let letters = self.torii.log_of(target).cookie().to_owned();
        (response.head.clone(), response.text(), letters)
    }

    /// Cookie field of the request to `target` as the server saw it.
    fn seen_cookie(&self, target: &str) -> Option<String> {
        let seen = self.servers.iter().flat_map(|server| server.seen(target)).next();
        seen.expect("the request reached a server").head.get("cookie")
    }
}

#[test]
fn a_new_client_gets_a_dated_cookie_of_its_server() {
    let pair = start();
    let before = now();
    let response = pair.torii.client().get("/name?etag");
    let (id, last, first) = issued(&response.head);
    assert_eq!(id, if response.text() == "one" { "w01" } else { "w02" });
    assert_eq!(last, first);
    assert!((before..=now() + 3).contains(&last), "dates are rounded up to four seconds");
    assert_eq!(response.head.all("cache-control"), ["private"], "the answer had a validator");
    let lines = response.head.lines();
    let place = lines.iter().position(|line| line.starts_with("set-cookie: ")).expect("lower case");
    assert_eq!(lines[place + 1], "cache-control: private");
    assert_eq!(pair.torii.log_of("/name?etag").flags, "--NI");
}

#[test]
fn no_cache_control_is_added_where_a_cache_would_not_store() {
    let pair = start();
    assert_eq!(pair.torii.client().get("/name").head.all("cache-control"), Vec::<String>::new());
    let posted = pair.torii.client().post("/name?etag", b"x").head;
    assert_eq!(issued(&posted).0.len(), 3);
    assert_eq!(posted.all("cache-control"), Vec::<String>::new());
}

#[test]
fn a_cookie_is_honoured_on_every_connection() {
    let pair = start();
    for number in 0..6 {
        let target = format!("/name?visit{number}");
        let (head, body, letters) = pair.get(&target, &format!("{NAME}={}", cookie("w02", 0, 0)));
        assert_eq!(body, "two");
        assert_eq!((head.all("set-cookie").len(), letters.as_str()), (0, "VN"));
    }
}

#[test]
fn requests_of_one_connection_follow_their_own_cookies() {
    let pair = start();
    let mut client = pair.torii.client();
    for (id, name) in [("w01", "one"), ("w02", "two"), ("w02", "two"), ("w01", "one")] {
        let value = cookie(id, 0, 0);
        client.send(format!("GET /name HTTP/1.1\r\nHost: a\r\nCookie: {NAME}={value}\r\n\r\n"));
        assert_eq!(client.response("GET").text(), name);
    }
}

#[test]
fn the_cookie_is_stripped_from_what_the_server_sees() {
    let pair = start();
    let table = [
        ("lbsessionid=w01", None),
        ("a=1; lbsessionid=w01; b=2", Some("a=1; b=2")),
        ("a=1;lbsessionid=w01;b=2", Some("a=1; b=2")),
        ("lbsessionid=w01; a=1; lbsessionid=w02", Some("a=1")),
        ("a=\"x;y\"; lbsessionid=w01", Some("a=\"x;y\"")),
        ("lbsessionid=nobody; a=1", Some("a=1")),
        ("LBSESSIONID=w01; a=1", Some("LBSESSIONID=w01; a=1")),
        ("xlbsessionid=w01", Some("xlbsessionid=w01")),
    ];
    for (number, (sent, expected)) in table.into_iter().enumerate() {
        let target = format!("/name?strip{number}");
        pair.get(&target, sent);
        assert_eq!(pair.seen_cookie(&target).as_deref(), expected, "{sent}");
    }
}

#[test]
fn an_older_cookie_is_refreshed_and_keeps_its_first_date() {
    let pair = start();
    let value = cookie("w02", MINUTE, HOUR);
    let first_sent = decode(value.rsplit('|').next().unwrap());
    let (head, body, letters) = pair.get("/name?old", &format!("{NAME}={value}"));
    let (id, last, first) = issued(&head);
    assert_eq!((body.as_str(), id.as_str(), letters.as_str()), ("two", "w02", "VU"));
    assert_eq!(first, first_sent);
    assert!(last + 4 >= now());
}

#[test]
fn a_cookie_without_dates_is_accepted_and_dated() {
    let pair = start();
    for (number, value) in ["w02", "w02|####!", "w02|"].into_iter().enumerate() {
        let (head, body, letters) = pair.get(&format!("/name?undated{number}"), &format!("{NAME}={value}"));
        assert_eq!((body.as_str(), letters.as_str()), ("two", "VU"), "{value}");
        assert_eq!(issued(&head).0, "w02");
    }
}

#[test]
fn an_idle_or_too_old_cookie_is_balanced_again() {
    let pair = start();
    let idle = cookie("w01", 31 * MINUTE, HOUR);
    let old = cookie("w01", MINUTE, 8 * HOUR + MINUTE);
    let ahead = cookie("w01", -25 * HOUR, -25 * HOUR);
    for (number, (value, expected)) in [(idle, "EI"), (old, "OI"), (ahead, "OI")].into_iter().enumerate() {
        let (head, _, letters) = pair.get(&format!("/name?late{number}"), &format!("{NAME}={value}"));
        assert_eq!(letters, expected);
        let (_, last, first) = issued(&head);
        assert_eq!(last, first, "both dates begin again");
    }
}

#[test]
fn an_unknown_id_is_balanced() {
    let pair = start();
    for (number, id) in ["w99", "", "W01", "\"w01\""].into_iter().enumerate() {
        let (head, body, letters) = pair.get(&format!("/name?unknown{number}"), &format!("{NAME}={id}"));
        assert_eq!(letters, "II", "{id:?}");
        assert_eq!(issued(&head).0, if body == "one" { "w01" } else { "w02" });
    }
}

#[test]
fn a_cookie_that_the_server_sets_itself_is_preserved() {
    let pair = start();
    let head = pair.torii.client().get("/cookie").head;
    assert_eq!(head.all("set-cookie"), ["lbsessionid=mine; Path=/"]);
    assert_eq!(pair.torii.log_of("/cookie").cookie(), "NP");
}

#[test]
fn torii_s_own_answers_set_no_cookie() {
    let torii = Torii::start(&Configuration::new().persistent().server(ports::free_address()));
    let response = torii.client().get("/name");
    assert_eq!((response.status, response.head.all("set-cookie").len()), (503, 0));
    assert_eq!(torii.log_of("/name").flags, "SCNN");
}

/// Holders of a dead server's cookie move to another one, stay there, and find the way back.
#[test]
fn holders_of_a_dead_server_are_moved_with_a_new_cookie() {
    let servers = [Origin::start("one"), Origin::start("two")];
    let plan = servers
        .iter()
        .fold(Configuration::new().persistent().checked(), |plan, one| plan.server(one.address()));
    let torii = Torii::start(&plan);
    let value = format!("{NAME}={}", cookie("w02", 0, 0));
    let get = |target: &str| {
        let mut client = torii.client();
        client.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\nCookie: {value}\r\n\r\n"));
        client.response("GET")
    };
    assert_eq!(get("/name?before").text(), "two");
    let address: SocketAddr = servers[1].address();
    servers[1].kill();
    let mut number = 0;
    wait::for_condition("the holder of w02 to be served by web1", || {
        number += 1;
        get(&format!("/name?moved{number}")).text() == "one"
    });
    let moved = get("/name?moved");
    assert_eq!((moved.text().as_str(), issued(&moved.head).0.as_str()), ("one", "w01"));
    assert_eq!(torii.log_of("/name?moved").flags, "--DI");

    let _returned = Origin::start_on(address, "two again");
    wait::for_condition("the holder of w02 to come back", || {
        number += 1;
        get(&format!("/name?back{number}")).text() == "two again"
    });
    get("/name?home");
    assert_eq!(torii.log_of("/name?home").flags, "--VN");
}
