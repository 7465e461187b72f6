//! Persistence cookies issued by HAProxy, honoured here, and the other way round.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::peers::{self, Answer};
use crate::proxies::{Proxy, Syslog};
use crate::world::World;

#[test]
fn haproxy_and_torii_honour_each_others_cookies() {
    let Some(world) = World::build(&["haproxy"]) else { return };
    let (haproxy, haproxy_log) = world.haproxy();
    let subject = (&world.proxy, &world.log);
    for (issuer, (reader, log)) in [(&haproxy, subject), (&world.proxy, (&haproxy, &haproxy_log))] {
        for _ in 0..3 {
            let issued = peers::curl(&[&issuer.url("/server.html")]);
            let cookie = issued.field("set-cookie").expect("a new client gets a cookie");
            let pair = cookie.split(';').next().unwrap();
            let answer = visit(reader, pair);
            assert_eq!(answer.body, issued.body, "{pair} names the same server to both");
            log.wait_for(&[" --V", &format!("web_backend/{} ", issued.body)]);
        }
    }
}

#[test]
fn a_new_cookie_reads_like_haproxys_but_for_server_and_dates() {
    let Some(world) = World::build(&["haproxy"]) else { return };
    let (haproxy, _) = world.haproxy();
    let shape = |proxy: &Proxy| {
        let answer = peers::curl(&[&proxy.url("/server.html")]);
        let cookie = answer.field("set-cookie").expect("a new client gets a cookie").to_owned();
        let (value, attributes) = cookie.split_once("; ").unwrap();
        let parts: Vec<usize> = value.split('|').map(str::len).collect();
        (parts, attributes.to_owned(), answer.field("cache-control").map(str::to_owned))
    };
    assert_eq!(shape(&world.proxy), shape(&haproxy));
}

#[test]
fn a_dated_cookie_is_refreshed_as_by_haproxy() {
    let Some(world) = World::build(&["haproxy"]) else { return };
    let (haproxy, haproxy_log) = world.haproxy();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (idle, life) = (30 * 60, 8 * 3600);
    // (last use, first use, letters): both programs must agree on all of them.
    let cases = [
        (now - 60, now - 120, " --VU "),
        (now + 3600, now - 120, " --VN "),
        (now - idle - 60, now - idle - 120, " --EI "),
        (now - 60, now - life - 60, " --OI "),
    ];
    for (last, first, letters) in cases {
        let pair = format!("lbsessionid=w02|{}|{}", date(last), date(first));
        let ours = observe(&world.proxy, &world.log, &pair, letters);
        let theirs = observe(&haproxy, &haproxy_log, &pair, letters);
        assert_eq!(ours.is_some(), theirs.is_some(), "{letters}: both set a cookie or neither");
        for value in [ours, theirs].into_iter().flatten() {
            let parts: Vec<&str> = value.split('|').collect();
            assert_eq!(parts.len(), 3, "{value}");
            assert!(seconds(parts[1]) >= now, "{value} carries a new date");
            assert_eq!(parts[2] == date(first), letters == " --VU ", "{letters} {value}: the first date");
        }
    }
}

/// The cookie value that an answer sets, after its log line has shown these letters.
fn observe(proxy: &Proxy, log: &Syslog, pair: &str, letters: &str) -> Option<String> {
    let answer = visit(proxy, pair);
    assert_eq!(answer.status, 200);
    log.wait_for(&[letters]);
    let cookie = answer.field("set-cookie")?;
    Some(cookie.strip_prefix("lbsessionid=").unwrap().split(';').next().unwrap().to_owned())
}

fn visit(proxy: &Proxy, pair: &str) -> Answer {
    peers::curl(&["--header", &format!("Cookie: {pair}"), &proxy.url("/server.html")])
}

const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// A date in the cookie's form: units of four seconds, rounded up, five base64 digits, high first.
fn date(seconds: u64) -> String {
    let units = (seconds + 3) >> 2;
    [24, 18, 12, 6, 0].map(|shift| DIGITS.as_bytes()[(units >> shift & 63) as usize] as char).iter().collect()
}

/// The inverse of `date`, but for the rounding.
fn seconds(date: &str) -> u64 {
    date.chars().fold(0, |sum, digit| sum << 6 | DIGITS.find(digit).expect("a base64 digit") as u64) << 2
}
