//! `mode`: what has to agree, and what has no meaning in tcp mode.

use super::*;

const TCP: &str = r#"
[[listener]]
name = "front"
bind = ["127.0.0.1:5432"]
mode = "tcp"
backend = "db"
#listener

[[backend]]
name = "db"
mode = "tcp"
#backend
[[backend.server]]
name = "db1"
address = "192.0.2.11:5432"
"#;

fn tcp(place: &str, line: &str) -> Result<Config, Report> {
    parse(&TCP.replacen(&format!("#{place}\n"), &format!("{line}\n"), 1), "t.toml", Path::new("/nonexistent"))
}

#[test]
fn a_listener_and_its_backend_agree_on_the_mode() {
    assert!(tcp("listener", "").is_ok());
    for (listener, backend, said) in [
        ("mode = \"tcp\"", "", "in tcp mode, and the backend `db` in http mode"),
        ("", "mode = \"tcp\"", "in http mode, and the backend `db` in tcp mode"),
    ] {
        let text = TCP.replace("mode = \"tcp\"\nbackend", &format!("{listener}\nbackend"));
        let text = text.replace("mode = \"tcp\"\n#backend", &format!("{backend}\n#backend"));
        let report = parse(&text, "t.toml", Path::new("")).unwrap_err();
        assert_eq!(report.errors.len(), 1, "{report}");
        assert!(report.errors[0].contains(said), "{report}");
        assert!(report.errors[0].contains("^^^^"), "{report}");
    }
}

#[test]
fn what_reads_requests_is_refused_in_tcp_mode() {
    for (place, line) in [
        ("backend", "forwarded_for = true"),
        ("backend", "forwarded_proto = true"),
        ("backend", "forwarded_port = true"),
        ("backend", "forwarded = true"),
        ("backend", "cookie = { name = \"id\" }"),
        ("backend", "request_headers.remove = \"Via\""),
        ("backend", "response_headers.remove = \"Via\""),
        ("listener", "request_headers.remove = \"Via\""),
        ("listener", "response_headers.remove = \"Via\""),
        ("listener", "route = [{ host = \"a\", backend = \"db\" }]"),
        ("listener", "client_address_header = \"True-Client-IP\"\ntrusted_proxies = [\"192.0.2.0/24\"]"),
    ] {
        let report = tcp(place, line).unwrap_err();
        assert_eq!(report.errors.len(), 1, "{line}: {report}");
        assert!(report.errors[0].contains("needs `mode = \"http\"`"), "{report}");
    }
    for (place, line) in [
        ("backend", "forwarded_for = false"),
        ("backend", "balance = \"leastconn\"\nsend_proxy = \"v2\"\ncheck = { http = \"GET /\" }"),
        ("listener", "accept_proxy = true\ntrusted_proxies = [\"192.0.2.0/24\"]"),
    ] {
        assert!(tcp(place, line).is_ok(), "{line}");
    }
}

#[test]
fn routes_go_by_server_name_in_tcp_mode_and_by_nothing_else() {
    let route = |text: &str| format!("[[listener.route]]\n{text}");
    for (text, said) in [
        ("host = \"a\"\nbackend = \"db\"", "`host` needs `mode = \"http\"`"),
        ("path_prefix = \"/\"\nbackend = \"db\"", "`path_prefix` needs `mode = \"http\"`"),
        ("method = \"GET\"\nbackend = \"db\"", "`method` needs `mode = \"http\"`"),
        ("sni = \"a\"\nstatus = 403", "`status` needs `mode = \"http\"`"),
        ("sni = \"a\"\nredirect = { to = \"https\" }", "`redirect` needs `mode = \"http\"`"),
        ("sni = \"a:443\"\nbackend = \"db\"", "\"a:443\" is not a host to compare with"),
        ("sni = \"*.\"\nbackend = \"db\"", "\"*.\" is not a host to compare with"),
        ("sni = \"a\"", "this route does nothing"),
    ] {
        let report = tcp("listener", &route(text)).unwrap_err();
        assert_eq!(report.errors.len(), 1, "{text}: {report}");
        assert!(report.errors[0].contains(said), "{text}: {report}");
    }
    each_gives_one_error(&[(
        "listener",
        &route("sni = \"a\"\nbackend = \"web\""),
        "`sni` needs `mode = \"tcp\"`: here the name is read from the request",
    )]);
    let config = tcp("listener", &route("sni = [\"a\", \"*.b\"]\nbackend = \"db\"")).unwrap();
    assert_eq!((config.listeners[0].routes.len(), config.warnings.len()), (1, 0));
}

#[test]
fn a_route_by_server_name_that_can_never_match_is_warned_of() {
    let route = |name: &str| format!("[[listener.route]]\nsni = \"{name}\"\nbackend = \"db\"\n");
    let config = tcp("listener", &(route("*.b") + &route("a.b"))).unwrap();
    assert!(
        config.warnings.len() == 1 && config.warnings[0].contains("can never match"),
        "{:?}",
        config.warnings
    );
}

#[test]
fn with_routes_by_server_name_a_default_is_not_needed() {
    let text =
        TCP.replace("backend = \"db\"\n#listener", "[[listener.route]]\nsni = \"a\"\nbackend = \"db\"");
    assert!(parse(&text, "t.toml", Path::new("")).is_ok());
    let text = TCP.replace("backend = \"db\"\n#listener", "");
    assert!(parse(&text, "t.toml", Path::new("")).unwrap_err().errors[0].contains("has no `backend`"));
}
