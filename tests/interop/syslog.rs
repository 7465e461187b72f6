//! Access-log lines over UDP and over a local datagram socket, held against a real HAProxy's.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::origin::Origin;
use crate::peers;
use crate::proxies::{self, Kind, Proxy, Setup, Syslog};
use crate::world::World;

#[test]
fn lines_over_udp_have_haproxys_shape_for_the_same_requests() {
    let Some(world) = World::build(&["haproxy"]) else { return };
    let (haproxy, haproxy_log) = world.haproxy();
    let cases: [(&str, &[&str], bool); 8] = [
        ("/first?a=1", &[], false),
        ("/over-tls", &[], true),
        ("/head", &["--head"], false),
        ("/post", &["--data", "x=1"], false),
        ("/ten", &["--http1.0"], false),
        ("/known", &["--header", "Cookie: lbsessionid=w02"], false),
        ("/unknown", &["--header", "Cookie: lbsessionid=w09"], true),
        ("/escaped?q=%22%20#", &["--header", "User-Agent: \"{|}\""], false),
    ];
    for (path, arguments, tls) in cases {
        let ask = |proxy: &Proxy, log: &Syslog| {
            let url = if tls { proxy.tls_url(path) } else { proxy.url(path) };
            peers::curl(&[arguments, &[url.as_str()]].concat());
            log.wait_for(&[path.split(['?', '#']).next().unwrap()])
        };
        let (ours, theirs) = (ask(&world.proxy, &world.log), ask(&haproxy, &haproxy_log));
        assert_eq!(shape(&ours), shape(&theirs), "\nours:   {ours}theirs: {theirs}");
        assert_eq!(exact(&ours), exact(&theirs), "\nours:   {ours}theirs: {theirs}");
    }
}

#[test]
fn a_request_that_never_parsed_is_logged_as_by_haproxy() {
    let Some(world) = World::build(&["haproxy"]) else { return };
    let (haproxy, haproxy_log) = world.haproxy();
    let ask = |proxy: &Proxy, log: &Syslog| {
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.plain)).unwrap();
        stream.set_read_timeout(Some(peers::PATIENCE)).unwrap();
        stream.write_all(b"GET /bad HTTP/1.1\r\nHost : space before the colon\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.0 400 "), "{answer}");
        log.wait_for(&["<BADREQ>"])
    };
    let (ours, theirs) = (ask(&world.proxy, &world.log), ask(&haproxy, &haproxy_log));
    assert_eq!(shape(&ours), shape(&theirs), "\nours:   {ours}theirs: {theirs}");
    assert_eq!(exact(&ours), exact(&theirs), "\nours:   {ours}theirs: {theirs}");
}

#[test]
fn lines_go_to_a_local_datagram_socket() {
    let mut programs = vec!["nginx", "curl"];
    programs.extend((proxies::subject() == Kind::Haproxy).then_some("haproxy"));
    if !peers::available(&programs) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("localhost.pem");
    proxies::write_certificate(&certificate, &["localhost"]);
    let origins = Origin::start_three(folder.path());
    let log = Syslog::unix(&folder.path().join("log.sock"));
    let setup = Setup {
        folder: folder.path(),
        servers: origins.iter().map(Into::into).collect(),
        certificates: certificate,
        log: log.target.clone(),
    };
    let proxy = Proxy::start(proxies::subject(), &setup);
    assert_eq!(peers::curl(&[&proxy.url("/over-unix")]).status, 200);
    let line = log.wait_for(&["/over-unix"]);
    assert!(line.starts_with("<134>"), "local0.info: {line}");
    assert!(line.contains(" front_plain web_backend/web") && line.contains(" 200 "), "{line}");
}

/// A line with every number made 0, the month and the program's name made alike: what is left has to
/// be equal to the byte.
fn shape(line: &str) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut line = line.replacen("torii[", "haproxy[", 1);
    for month in MONTHS {
        line = line.replace(month, "Mon");
    }
    let mut shape = String::new();
    for character in line.chars() {
        let digit = character.is_ascii_digit();
        if !(digit && shape.ends_with('0')) {
            shape.push(if digit { '0' } else { character });
        }
    }
    shape
}

/// The fields whose values must be equal too: priority, frontend, backend, status, captures,
/// termination state, connection and queue counts, request line. Which server was chosen may differ.
fn exact(line: &str) -> Vec<String> {
    let priority = line[..line.find('>').expect("a priority") + 1].to_owned();
    let message = line.split_once("]: ").expect("a tag with a process id").1;
    let fields: Vec<&str> = message.splitn(12, ' ').collect();
    assert_eq!(fields.len(), 12, "{line}");
    let backend = fields[3].split('/').next().unwrap();
    let mut exact = vec![priority, fields[2].to_owned(), backend.to_owned()];
    exact.extend([5, 7, 8, 9, 10, 11].map(|index| fields[index].to_owned()));
    exact
}

#[test]
fn the_shape_of_a_line_ignores_numbers_only() {
    let line = "<134>Jul  4 04:01:52 haproxy[77]: 127.0.0.1:40 [04/Jul/2023:04:01:52.422] f b/web1 0/0/5/1/6 304 187 \
                - - --VU 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"\n";
    assert_eq!(shape(&line.replace("77", "123").replace("5/1", "10/99")), shape(line));
    assert_ne!(shape(&line.replace("--VU", "--VN")), shape(line));
    assert_ne!(shape(&line.replace("\"\n", "\"")), shape(line));
    assert_eq!(exact(line)[3..], ["304", "-", "-", "--VU", "1/1/0/0/0", "0/0 \"GET / HTTP/1.1\"\n"]);
}
