//! One line per rule: a small valid file, one change, and the error or warning that it must give.

#![allow(clippy::unwrap_used)]

mod addresses;
mod backends;
mod control;
mod ha;
mod headers;
mod mode;
mod routes;
mod stats;

use std::path::Path;

use crate::config::model::{Config, ControlCore, Driver, LogTarget};
use crate::config::{Report, parse};

const BASE: &str = r#"
[[listener]]
name = "front"
bind = ["127.0.0.1:80"]
backend = "web"
#listener

[[backend]]
name = "web"
#backend
[[backend.server]]
name = "web1"
address = "192.0.2.11:80"
cookie = "w01"
#server
[[backend.server]]
name = "web2"
address = "192.0.2.12:80"
cookie = "w02"

[backend.cookie]
name = "id"
#cookie

[backend.check]
#check

[stats]
bind = ["127.0.0.1:8222"]
#stats

[process]
#process
[control]
#control
[threads]
#threads
[io]
#io
[limits]
#limits
[timeouts]
#timeouts
[log]
#log
"#;

/// The base file with lines added below a table, or, for `old -> new`, with a replacement.
fn file(place: &str, change: &str) -> String {
    match place.strip_prefix("replace ") {
        Some(old) => {
            assert!(BASE.contains(old), "{old}");
            BASE.replacen(old, change, 1)
        }
        None => BASE.replacen(&format!("#{place}\n"), &format!("{change}\n"), 1),
    }
}

fn check(place: &str, change: &str) -> Result<Config, Report> {
    parse(&file(place, change), "t.toml", Path::new("/nonexistent"))
}

fn messages(entries: &[String]) -> Vec<&str> {
    entries.iter().map(|entry| entry.lines().next().unwrap().split_once(": ").unwrap().1).collect()
}

/// Every case must give exactly the one error, under the text that was written.
fn each_gives_one_error(cases: &[(&str, &str, &str)]) {
    for (place, change, expected) in cases {
        let report = check(place, change).expect_err(change);
        assert_eq!(messages(&report.errors), [*expected], "{change}\n{report}");
        assert!(report.errors[0].contains("\nhelp: "), "{report}");
    }
}

fn each_is_accepted(cases: &[(&str, &str)]) {
    for (place, change) in cases {
        let config = check(place, change).unwrap_or_else(|report| panic!("{change}\n{report}"));
        assert!(config.warnings.is_empty(), "{change}\n{}", config.warnings.join("\n"));
    }
}

#[test]
fn refuses_wrong_types_and_ranges() {
    each_gives_one_error(&[
        ("listener", "max_connections = \"many\"", "`max_connections` must be a whole number, not a string"),
        ("listener", "max_connections = 0", "`max_connections` is out of range"),
        ("listener", "max_connections = -1", "`max_connections` is out of range"),
        ("listener", "max_connections = 99999999999999999999", "`max_connections` is out of range"),
        (
            "listener",
            "max_connections = 1.5",
            "`max_connections` must be a whole number, not a number with a fraction",
        ),
        (
            "listener",
            "max_connections = 60001",
            "`max_connections` is larger than the process's, which is 60000",
        ),
        ("replace [\"127.0.0.1:80\"]", "\"127.0.0.1:80\"", "`bind` must be a list of strings, not a string"),
        ("replace [\"127.0.0.1:80\"]", "[80]", "`bind` must be a list of strings, not a whole number"),
        ("replace [\"127.0.0.1:80\"]", "[]", "there is no address to listen on"),
        ("replace bind = [\"127.0.0.1:80\"]", "", "there is no address to listen on"),
        ("replace name = \"front\"", "", "[[listener]] has no `name`"),
        ("replace name = \"front\"", "name = 5", "`name` must be a string, not a whole number"),
        ("replace backend = \"web\"", "", "[[listener]] has no `backend`"),
        ("listener", "tls = true", "`tls` must be a table, not true or false"),
        ("backend", "forwarded_for = \"yes\"", "`forwarded_for` must be true or false, not a string"),
        ("backend", "balance = \"robin\"", "`balance` cannot be \"robin\""),
        ("server", "weight = 257", "`weight` is out of range"),
        ("server", "weight = -1", "`weight` is out of range"),
        ("server", "max_connections = 0", "`max_connections` is out of range"),
        ("io", "ring_entries = 128", "`ring_entries` is out of range"),
        ("io", "buffers_per_worker = 8", "`buffers_per_worker` is out of range"),
        ("io", "buffer_size = 16384", "`buffer_size` must be a size, not a whole number"),
        ("io", "buffer_size = \"16k\"", "the size \"16k\" has an unknown unit"),
        ("io", "buffer_size = \"2KiB\"", "`buffer_size` is out of range"),
        ("io", "driver = \"uring\"", "`driver` cannot be \"uring\""),
        ("limits", "request_headers = 1001", "`request_headers` is out of range"),
        (
            "limits",
            "request_head_size = \"32KiB\"",
            "`request_head_size` is larger than `io.buffer_size`, which is 16KiB",
        ),
        ("threads", "workers = 0", "`workers` is out of range"),
        ("threads", "workers = \"all\"", "`workers` cannot be \"all\""),
        (
            "threads",
            "control_core = true",
            "`control_core` must be a word or a whole number, not true or false",
        ),
        ("timeouts", "client = 30", "`client` must be a duration, not a whole number"),
        ("timeouts", "client = \"30\"", "the duration \"30\" has no unit"),
        ("timeouts", "client = \"0s\"", "`client` is out of range"),
        ("timeouts", "client_fin = \"0s\"", "`client_fin` is out of range"),
        ("limits", "request_body_size = 1000", "`request_body_size` must be a size, not a whole number"),
        ("limits", "minimum_body_rate = \"1025GiB\"", "`minimum_body_rate` is out of range"),
        ("limits", "requests_per_connection = 0", "`requests_per_connection` is out of range"),
        ("timeouts", "client = \"25d\"", "`client` is out of range"),
        (
            "process",
            "user = \"\"",
            "a user or group name cannot be empty or hold `:`, `/` or control characters",
        ),
        ("process", "group = \"torii\"", "`group` without `user` changes nothing"),
    ]);
}

/// E30: numbers and times that other readers hang on, wrap around or take for something else.
#[test]
fn hostile_numbers_and_times_are_errors() {
    let digits = format!("client = \"{}s\"", "9".repeat(100_000));
    for (place, change, expected) in [
        ("limits", "request_headers = 1e999999999", "`request_headers`"),
        ("limits", "requests_per_connection = 9223372036854775808", "`requests_per_connection`"),
        ("limits", "request_body_size = \"9223372036854775808GiB\"", "is too large"),
        ("limits", "request_body_size = \"-1B\"", "does not begin with a whole number"),
        ("timeouts", "client = \"-5s\"", "does not begin with a whole number"),
        ("timeouts", "client = \"9223372036854775808ms\"", "`client` is out of range"),
        ("timeouts", "client = \"99999999999999999999d\"", "is too large"),
        ("timeouts", "client = \"1e3s\"", "has an unknown unit"),
        ("timeouts", &digits, "is too large"),
    ] {
        let report = check(place, change).expect_err(expected);
        assert!(messages(&report.errors)[0].contains(expected), "{expected}\n{report}");
    }
}

#[test]
fn accepts_the_ends_of_the_ranges() {
    each_is_accepted(&[
        ("server", "weight = 0"),
        ("server", "weight = 256"),
        ("io", "ring_entries = 0x8000\nbuffer_size = \"1MiB\"\ndriver = \"epoll\""),
        ("limits", "request_headers = 1_000\nrequest_head_size = \"16KiB\""),
        ("threads", "workers = 4\ncontrol_core = \"shared\""),
        ("timeouts", "client = \"24d\"\nconnect = \"1ms\""),
        ("timeouts", "client_fin = \"1s\"\nserver_fin = \"2s\""),
        ("limits", "request_body_size = \"0B\"\nminimum_body_rate = \"0B\"\nrequests_per_connection = 1"),
        ("process", "user = \"torii\"\ngroup = \"torii\""),
    ]);
    let config = check("threads", "workers = 4\ncontrol_core = 2").unwrap();
    assert_eq!((config.threads.workers, config.threads.control_core), (Some(4), ControlCore::Core(2)));
    assert_eq!(check("io", "driver = \"io_uring\"").unwrap().io.driver, Driver::IoUring);
    assert_eq!(check("io", "buffer_size = \"8KiB\"").unwrap().limits.request_head_size, 8192);
}

#[test]
fn names_the_nearest_key_or_lists_them() {
    let help = |place, change| check(place, change).unwrap_err().errors[0].lines().last().unwrap().to_owned();
    assert_eq!(help("listener", "max-connections = 1"), "help: did you mean `max_connections`?");
    assert_eq!(help("cookie", "max_idle = \"1s\""), "help: did you mean `maxidle`?");
    assert_eq!(help("timeouts", "keepalive = \"1s\""), "help: did you mean `keep_alive`?");
    assert_eq!(help("server", "adress = \"x\""), "help: did you mean `address`?");
    assert_eq!(help("process", "chroot = \"/\""), "help: [process] has `user` and `group`");
    assert_eq!(help("backend", "balance = \"roundrobbin\""), "help: did you mean \"roundrobin\"?");
    assert_eq!(help("log", "facility = \"local9\""), "help: did you mean \"local0\"?");
    assert_eq!(help("replace backend = \"web\"", "backend = \"wep\""), "help: did you mean \"web\"?");
    assert_eq!(
        help("replace backend = \"web\"", "backend = \"other\""),
        "help: add [[backend]] with `name = \"other\"`"
    );
}

#[test]
fn finds_every_unknown_key_in_one_run() {
    let text = BASE.replace('#', "unknown_");
    let text: String = text
        .lines()
        .map(|line| if line.starts_with("unknown_") { format!("{line} = 1\n") } else { format!("{line}\n") })
        .collect();
    let report = parse(&text, "t.toml", Path::new("")).unwrap_err();
    assert_eq!(report.errors.len(), 13, "{report}");
    assert!(messages(&report.errors).iter().all(|message| message.starts_with("unknown key `unknown_")));
}

#[test]
fn refuses_what_is_not_built_yet() {
    each_gives_one_error(&[
        ("backend", "balance = \"uri\"", "`balance = \"uri\"` is not supported yet"),
        ("backend", "balance = \"first\"", "`balance = \"first\"` is not supported yet"),
        ("cookie", "mode = \"prefix\"", "the cookie `mode = \"prefix\"` is not supported yet"),
        ("cookie", "dynamic = true", "the cookie option `dynamic` is not supported yet"),
        ("log", "format = \"json\"", "`format = \"json\"` is not supported yet"),
    ]);
    each_is_accepted(&[
        ("listener", "mode = \"http\""),
        ("cookie", "mode = \"insert\""),
        ("log", "format = \"haproxy\""),
    ]);
}

#[test]
fn refuses_names_that_are_used_twice_or_unusable() {
    each_gives_one_error(&[
        ("replace \"web2\"", "\"web1\"", "a server named `web1` stands above already"),
        ("replace \"front\"", "\"\"", "`` is not a name for a listener"),
        ("replace name = \"web1\"", "name = \"web 1\"", "`web 1` is not a name for a server"),
        ("replace \"web2\"", "\"a\\u001bb\"", "`a\\u{1b}b` is not a name for a server"),
        ("replace backend = \"web\"", "backend = \"shop\"", "there is no backend named `shop`"),
        ("replace [\"127.0.0.1:80\"]", "[\"127.0.0.1:80\", \"127.0.0.1:80\"]", "127.0.0.1:80 is bound twice"),
        ("replace [\"127.0.0.1:8222\"]", "[\"127.0.0.1:80\"]", "127.0.0.1:80 is bound twice"),
        (
            "replace [[backend]]",
            "[[backend]]\nname = \"web\"\nserver = [{ name = \"s\", address = \"[::1]:80\" }]\n[[backend]]",
            "a backend named `web` stands above already",
        ),
        (
            "replace [[backend]]",
            "[[listener]]\nname = \"front\"\nbind = [\"[::1]:80\"]\nbackend = \"web\"\n[[backend]]",
            "a listener named `front` stands above already",
        ),
        ("replace [[backend]]", "[[backend]]\nname = \"empty\"\n[[backend]]", "this backend has no server"),
        ("replace [[listener]]", "[listener]", "`listener` must be a list of tables, not a table"),
    ]);
}

#[test]
fn refuses_addresses_that_are_not_ip_and_port() {
    let bind = "replace [\"127.0.0.1:80\"]";
    let server = "replace \"192.0.2.11:80\"";
    each_gives_one_error(&[
        (bind, "[\"*:80\"]", "\"*:80\" has no IP address"),
        (bind, "[\":80\"]", "\":80\" has no IP address"),
        (bind, "[\"127.0.0.1\"]", "\"127.0.0.1\" has no port"),
        (bind, "[\"[::1]\"]", "\"[::1]\" has no port"),
        (bind, "[\"127.0.0.1:0\"]", "the port cannot be 0"),
        (bind, "[\"127.0.0.1:65536\"]", "\"127.0.0.1:65536\" is not an IP address and a port"),
        (bind, "[\"127.0.0.1:http\"]", "\"127.0.0.1:http\" is not an IP address and a port"),
        (bind, "[\"\"]", "\"\" is not an IP address and a port"),
        (
            server,
            "\"web1:80\"",
            "\"web1:80\" has a host name where an IP address must stand; names are not resolved",
        ),
        (
            server,
            "\"localhost\"",
            "\"localhost\" has a host name where an IP address must stand; names are not resolved",
        ),
        (server, "\"0.0.0.0:80\"", "0.0.0.0 is not the address of one machine"),
        (server, "\"224.0.0.18:80\"", "224.0.0.18 is not the address of one machine"),
    ]);
    each_is_accepted(&[(bind, "[\"0.0.0.0:443\", \"[::]:443\"]"), (server, "\"[2001:db8::1]:8080\"")]);
}

#[test]
fn reads_every_log_target() {
    let target = |text: &str| check("log", &format!("target = \"{text}\"")).map(|config| config.log.target);
    assert_eq!(target("off").unwrap(), LogTarget::Off);
    assert_eq!(target("stdout").unwrap(), LogTarget::Stdout);
    assert_eq!(target("stderr").unwrap(), LogTarget::Stderr);
    assert_eq!(target("file:/var/log/t.log").unwrap(), LogTarget::File("/var/log/t.log".into()));
    assert_eq!(target("syslog:/dev/log").unwrap(), LogTarget::SyslogLocal("/dev/log".into()));
    assert_eq!(target("syslog:udp://[::1]:514").unwrap(), LogTarget::SyslogUdp("[::1]:514".parse().unwrap()));
    for (text, expected) in [
        ("", "the log cannot go to \"\""),
        ("/dev/log", "the log cannot go to \"/dev/log\""),
        ("file:", "the log cannot go to \"file:\""),
        ("syslog:tcp://127.0.0.1:514", "the log cannot go to \"syslog:tcp://127.0.0.1:514\""),
        ("syslog:udp://127.0.0.1", "\"127.0.0.1\" has no port"),
    ] {
        assert_eq!(messages(&target(text).unwrap_err().errors), [expected]);
    }
    assert_eq!(check("log", "facility = \"daemon\"").unwrap().log.facility, 3);
    assert_eq!(check("log", "facility = \"local7\"").unwrap().log.facility, 23);
}
