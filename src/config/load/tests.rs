//! Whole files: what is accepted, and the exact text of what is refused.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::config::model::{
    Action, CheckKind, Checksum, ControlCore, Driver, HaNode, LogTarget, Takeover, Timeouts, Transport,
    Version,
};

/// The reference file of the documentation: every key there is.
const REFERENCE: &str = include_str!("../../../tests/data/torii.toml");

const SMALL: &str = r#"
[[listener]]
name = "front"
bind = ["127.0.0.1:80"]
backend = "web"

[[backend]]
name = "web"
[[backend.server]]
name = "web1"
address = "192.0.2.11:80"
"#;

fn check(text: &str) -> Result<Config, Report> {
    parse(text, "torii.toml", Path::new("/nonexistent"))
}

fn first_lines(entries: &[String]) -> Vec<&str> {
    entries.iter().map(|entry| entry.lines().next().unwrap_or("")).collect()
}

/// The reference file with a certificate that exists.
fn reference(certificate: &Path) -> String {
    REFERENCE.replace("/etc/ssl/private/www.example.com.pem", certificate.to_str().unwrap())
}

fn write_certificate(folder: &Path) -> std::path::PathBuf {
    let issued = rcgen::generate_simple_self_signed(vec!["www.example.com".to_owned()]).unwrap();
    let path = folder.join("site.pem");
    std::fs::write(&path, issued.cert.pem() + &issued.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    path
}

#[test]
fn accepts_the_reference_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = check(&reference(&write_certificate(folder.path()))).unwrap();
    let warning = "warning: version 2 sends 8 bytes of a password: the first 8 of `auth_pass` are sent and the \
                   last 1 cut, as keepalived cuts them";
    assert_eq!(first_lines(&config.warnings), [warning]);
    assert!(!config.warnings[0].contains("fowebpas"));
    assert_eq!((config.threads.workers, config.threads.control_core), (None, ControlCore::Auto));
    assert_eq!((config.io.driver, config.io.buffer_size), (Driver::Auto, 16_384));
    assert_eq!(config.log.target, LogTarget::SyslogLocal("/dev/log".into()));
    assert_eq!(config.log.facility, 16);
    let listener = &config.listeners[0];
    assert_eq!(listener.bind, ["198.51.100.3:443".parse().unwrap()]);
    assert_eq!((listener.max_connections, &listener.default), (Some(30_000), &Action::Backend(0)));
    assert!(listener.tls.is_some());
    let backend = &config.backends[0];
    assert!(backend.forwarding.as_ref().is_some_and(|forwarding| forwarding.address));
    let cookie = backend.cookie.as_ref().unwrap();
    assert!(cookie.indirect && cookie.nocache && cookie.preserve && cookie.httponly && cookie.secure);
    assert_eq!(cookie.maxidle, Some(Duration::from_secs(1800)));
    assert_eq!(cookie.maxlife, Some(Duration::from_secs(28_800)));
    let check = backend.check.as_ref().unwrap();
    let kind = CheckKind::Http {
        method: "GET".into(),
        target: "/server.html".into(),
        version: "HTTP/1.0".into(),
        host: None,
    };
    assert_eq!((&check.kind, check.rise, check.fall), (&kind, 2, 5));
    let cookies: Vec<_> = backend.servers.iter().map(|server| server.cookie.as_deref().unwrap()).collect();
    assert_eq!(cookies, ["w01", "w02", "w03"]);
    let stats = config.stats.as_ref().unwrap();
    assert_eq!((stats.path.as_str(), stats.users[0].name.as_str()), ("/stats", "USER"));
    assert!(stats.hide_version && stats.show_node && stats.tls.is_some());
    assert!(!format!("{config:?}").contains("PASSWORD"));
}

#[test]
fn reads_the_pair_of_the_reference_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = check(&reference(&write_certificate(folder.path()))).unwrap();
    let ha = config.ha.as_ref().unwrap();
    assert_eq!((ha.interface.as_str(), ha.virtual_router_id), ("eth0", 10));
    assert_eq!(ha.addresses, ["198.51.100.3/32".parse().unwrap()]);
    assert_eq!((ha.version, ha.advert_interval), (Version::V2, Duration::from_secs(1)));
    assert_eq!(ha.auth_pass.unwrap().0, *b"fowebpas");
    assert_eq!((ha.serving_weight, ha.preempt, ha.preempt_delay), (2, true, Duration::ZERO));
    assert!(matches!(ha.transport, Transport::Unicast));
    assert_eq!((ha.takeover, ha.checksum), (Takeover::Immediate, Checksum::PseudoHeader));
    assert_eq!((ha.drain, ha.stall_limit), (Duration::from_secs(3), Duration::from_secs(1)));
    assert_eq!((ha.announce_refresh, ha.notify.as_ref()), (Duration::ZERO, None));
    let node = |name: &str, address: &str, priority| HaNode {
        name: name.into(),
        address: address.parse().unwrap(),
        priority,
    };
    let nodes = [node("haproxy01", "198.51.100.1", 100), node("haproxy02", "198.51.100.2", 99)];
    assert_eq!(ha.nodes, nodes);
    assert!(!format!("{config:?}").contains("fowebpas"), "a password in Debug");
    assert!(!format!("{ha:?}").contains("102, 111"), "nor its bytes");
}

#[test]
fn a_small_file_takes_every_default() {
    let config = check(SMALL).unwrap();
    assert_eq!(config.limits.max_connections, None);
    assert_eq!(config.listeners[0].max_connections, None);
    assert_eq!(config.limits.request_body_size, u64::MAX);
    assert_eq!(config.limits.minimum_body_rate, limits::MINIMUM_BODY_RATE);
    assert_eq!(config.limits.requests_per_connection, limits::REQUESTS_PER_CONNECTION);
    assert_eq!(config.listeners[0].timeouts.client, limits::timeouts::CLIENT);
    assert_eq!(config.backends[0].servers[0].weight, 1);
    assert_eq!(config.backends[0].servers[0].max_connections, None);
    assert!(config.backends[0].forwarding.is_none());
    assert!(config.backends[0].check.is_none() && config.stats.is_none());
}

#[test]
fn the_tunnel_time_out_of_a_backend_wins_over_the_listeners_and_both_over_the_global_one() {
    for (global, listener, backend, seconds) in [
        ("", "", "", 3600),
        ("[timeouts]\ntunnel = \"7s\"\n", "", "", 7),
        ("[timeouts]\ntunnel = \"7s\"\n", "\ntimeouts = { tunnel = \"6s\" }", "", 6),
        ("[timeouts]\ntunnel = \"7s\"\n", "", "[backend.timeouts]\ntunnel = \"5s\"\n", 5),
        ("", "\ntimeouts = { tunnel = \"6s\" }", "[backend.timeouts]\ntunnel = \"8s\"\n", 8),
    ] {
        let text = format!("{global}{SMALL}{backend}");
        let config =
            check(&text.replace("backend = \"web\"", &format!("backend = \"web\"{listener}"))).unwrap();
        let limit = Timeouts::tunnel(&config.listeners[0].timeouts, &config.backends[0].timeouts);
        assert_eq!(limit, Duration::from_secs(seconds), "{global}{listener}{backend}");
    }
}

#[test]
fn inner_timeouts_win_over_outer_ones() {
    let text =
        format!("[timeouts]\nclient = \"7s\"\nserver = \"8s\"\n{SMALL}[backend.timeouts]\nserver = \"9s\"\n");
    let text = text.replace("backend = \"web\"", "backend = \"web\"\ntimeouts = { client = \"6s\" }");
    let config = check(&text).unwrap();
    assert_eq!(config.listeners[0].timeouts.client, Duration::from_secs(6));
    assert_eq!(config.backends[0].timeouts.client, Duration::from_secs(7));
    assert_eq!(config.listeners[0].timeouts.server, Duration::from_secs(8));
    assert_eq!(config.backends[0].timeouts.server, Duration::from_secs(9));
    assert_eq!(config.backends[0].timeouts.server_fin(), Duration::from_secs(9), "unless it is set");
}

#[test]
fn shows_an_error_with_its_line_caret_and_help() {
    let text = SMALL.replace("backend = \"web\"", "backend = \"web\"\nmax_conections = 30000");
    let expected = "error: unknown key `max_conections` in [[listener]]\n --> torii.toml:6:1\n  |\n\
        6 | max_conections = 30000\n  | ^^^^^^^^^^^^^^\nhelp: did you mean `max_connections`?\n";
    assert_eq!(check(&text).unwrap_err().to_string(), expected);
}

#[test]
fn shows_several_errors_by_their_place() {
    let text = SMALL.replace("192.0.2.11:80", "web1.example.com:80").replace("127.0.0.1:80", ":80");
    let expected = "\
error: \":80\" has no IP address
 --> torii.toml:4:9
  |
4 | bind = [\":80\"]
  |         ^^^^^
help: write \"0.0.0.0:80\" for every IPv4 address, \"[::]:80\" for every IPv6 address

error: \"web1.example.com:80\" has a host name where an IP address must stand; names are not resolved
  --> torii.toml:11:11
   |
11 | address = \"web1.example.com:80\"
   |           ^^^^^^^^^^^^^^^^^^^^^
help: write the IP address of web1.example.com, such as \"192.0.2.11:80\"
";
    assert_eq!(check(&text).unwrap_err().to_string(), expected);
}

#[test]
fn an_empty_file_says_what_is_missing() {
    let expected = "\
error: there is no listener, so nothing would be served
 --> torii.toml
help: add [[listener]] with `name`, `bind` and `backend`

error: there is no backend, so nothing would be served
 --> torii.toml
help: add [[backend]] with `name` and at least one [[backend.server]]
";
    assert_eq!(check("").unwrap_err().to_string(), expected);
}

#[test]
fn points_into_text_that_is_not_toml() {
    let expected = "\
error: this is not valid TOML: string values must be quoted, expected literal string
 --> torii.toml:2:11
  |
2 | connect = 5s
  |           ^^
help: put the value in double quotes
";
    assert_eq!(check("[timeouts]\nconnect = 5s\n").unwrap_err().to_string(), expected);
    let twice = check("[log]\n[log]\n").unwrap_err();
    assert_eq!(first_lines(&twice.errors), ["error: this is not valid TOML: duplicate key"]);
    for text in ["[", "a", "= 1", "[[listener]\n", "\u{0}", "a = \"", "a = [1,", "\u{feff}[log"] {
        assert!(!check(text).unwrap_err().errors.is_empty(), "{text:?}");
    }
}

#[test]
fn survives_every_prefix_of_the_reference_file() {
    for length in (0..REFERENCE.len()).filter(|length| REFERENCE.is_char_boundary(*length)) {
        let report = check(&REFERENCE[..length]).unwrap_err();
        assert!(
            !report.to_string().contains("fowebpass") && !report.to_string().contains("\"PASSWORD"),
            "{report}"
        );
    }
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    assert!(check(&format!("a = {}", "[".repeat(100_000))).is_err());
    assert!(check(&format!("a = {}", "{ a = ".repeat(100_000))).is_err());
    assert!(check(&format!("{} = 1", vec!["a"; 10_000].join("."))).is_err());
}

#[test]
fn never_shows_a_password() {
    let stats = "[stats]\nbind = [\"127.0.0.1:1\"]\n";
    let cases = [
        "users = [{ nam = \"u\", password = \"hunter2\" }]",
        "users = [{ name = \"u\", pasword = \"hunter2\" }]",
        "users = [{ name = \"u\", pw = \"hunter2\" }]",
        "users = [{ name = \"u\", password = \"\"\"\nhunter2\"\"\", password_sha256 = \"hunter2\" }]",
        "users = \"u:hunter2\"",
        "users = [\"u:hunter2\"]",
        "users = [{ name = \"u\", password = { x = \"hunter2\" } }]",
        "users = [{ name = \"u\", password = [\"hunter2\"] }]",
        "users = [{ name = \"u\", password_sha256 = \"hunter2\" }]",
        "users = [{ name = \"u\", password = hunter2 }]",
        "users = [{ name = \"u\", password = \"hunter2 }]",
        "users = [{ name = \"u\", password = \"\"\"\nhunter2",
        "auth = \"u:hunter2\"",
        "password = \"hunter2\"",
    ];
    for case in cases {
        let report = check(&format!("{SMALL}{stats}{case}\n")).unwrap_err();
        assert!(!report.to_string().contains("hunter2"), "{report}");
        assert!(!format!("{report:?}").contains("hunter2"));
    }
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let report = load(Path::new("/nonexistent/torii.toml")).unwrap_err();
    let expected = "\
error: the configuration cannot be read: No such file or directory (os error 2)
 --> /nonexistent/torii.toml
help: name an existing file: torii check FILE
";
    assert_eq!(report.to_string(), expected);
}

#[test]
fn bounds_the_file_and_takes_only_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("torii.toml");
    for (content, message) in [
        (vec![b'#'; limits::CONFIG_FILE_SIZE + 1], "error: the configuration is larger than 1048576 bytes"),
        (vec![b'#', 0xff], "error: the configuration is not UTF-8 text"),
    ] {
        std::fs::write(&path, content).unwrap();
        assert_eq!(first_lines(&load(&path).unwrap_err().errors), [message]);
    }
    assert!(
        load(folder.path()).unwrap_err().errors[0].starts_with("error: the configuration cannot be read")
    );
}

#[test]
fn relative_paths_begin_at_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    write_certificate(folder.path());
    let path = folder.path().join("torii.toml");
    let text =
        SMALL.replace("backend = \"web\"", "backend = \"web\"\ntls = { certificates = [\"site.pem\"] }");
    std::fs::write(&path, format!("[log]\ntarget = \"file:access.log\"\n{text}")).unwrap();
    let config = load(&path).unwrap();
    assert_eq!(config.log.target, LogTarget::File(folder.path().join("access.log")));
    assert_eq!(config.listeners[0].tls.as_ref().unwrap().certificates, [folder.path().join("site.pem")]);
    assert!(!folder.path().join("access.log").exists());
}

const GUIDE: &str = include_str!("../../../docs/configuration.md");

#[test]
fn the_guide_describes_every_key_of_the_reference_file() {
    for line in REFERENCE.lines().filter(|line| !line.starts_with(['#', '['])) {
        let Some((key, _)) = line.split_once(" = ") else { continue };
        assert!(
            GUIDE.contains(&format!("| `{key}` |")) || GUIDE.contains(&format!("`timeouts.{key}`")),
            "{key}"
        );
    }
}

#[test]
fn the_examples_of_the_guide_are_valid() {
    let examples: Vec<&str> =
        GUIDE.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(examples.len(), 3);
    let text = format!("{}cookie = \"w01\"\n{}{}", examples[0], examples[1], examples[2]);
    assert_eq!(check(&text).unwrap().warnings, Vec::<String>::new());
}

#[test]
fn the_example_of_the_page_on_routes_is_valid() {
    let page = include_str!("../../../docs/routing.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let config = check(example).unwrap();
    assert_eq!(config.warnings, Vec::<String>::new());
    assert_eq!(config.listeners[1].routes.len(), 3);
}
