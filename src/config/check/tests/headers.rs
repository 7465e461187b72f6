//! Header rules: what may be changed, and by what.

use super::*;
use crate::limits;

#[test]
fn refuses_what_frames_a_message_or_belongs_to_a_connection() {
    for name in
        ["Content-Length", "transfer-encoding", "Connection", "Upgrade", "TE", "Trailer", "Keep-Alive"]
    {
        for key in ["set = { \"NAME\" = \"x\" }", "add = { \"NAME\" = \"x\" }", "remove = [\"NAME\"]"] {
            let change = format!("[backend.response_headers]\n{}", key.replace("NAME", name));
            let report = check("backend", &change).expect_err(&change);
            let message = messages(&report.errors)[0];
            assert!(message.starts_with(&format!("no rule may change `{name}`: ")), "{report}");
        }
    }
    let report =
        check("listener", "[listener.request_headers]\nremove = \"Proxy-Authorization\"").unwrap_err();
    assert!(messages(&report.errors)[0].starts_with("no rule may change `Proxy-Authorization`"), "{report}");
}

#[test]
fn only_set_in_a_request_may_give_a_host() {
    each_is_accepted(&[("backend", "request_headers.set = { Host = \"in.example:80\" }")]);
    for change in ["request_headers.add = { Host = \"a\" }", "request_headers.remove = [\"host\"]"] {
        let report = check("backend", change).unwrap_err();
        assert!(messages(&report.errors)[0].starts_with("no rule may change `"), "{report}");
    }
    each_gives_one_error(&[("backend", "request_headers.set = { Host = \"a b\" }", "\"a b\" is not a host")]);
}

#[test]
fn refuses_names_and_values_that_no_head_can_carry() {
    let long = "x".repeat(limits::HEADER_RULES_SIZE);
    each_gives_one_error(&[
        ("listener", "request_headers.remove = [\"a b\"]", "`a b` is not the name of a header field"),
        ("listener", "request_headers.set = { \"\" = \"x\" }", "`` is not the name of a header field"),
        (
            "listener",
            "response_headers.set = { A = \"x\\r\\nB: y\" }",
            "\"x\\r\\nB: y\" cannot be the value of a header field",
        ),
        (
            "listener",
            "response_headers.add = { A = \"\u{e9}\" }",
            "\"\u{e9}\" cannot be the value of a header field",
        ),
        ("listener", "response_headers.add = { A = \" x\" }", "\" x\" cannot be the value of a header field"),
        ("listener", "response_headers.set = { A = \"1\", a = \"2\" }", "`a` is set twice"),
        (
            "listener",
            "response_headers.set = { A = 5 }",
            "`set` must be a table of strings, not a whole number",
        ),
        ("listener", "response_headers.set = \"A: 5\"", "`set` must be a table of strings, not a string"),
        (
            "listener",
            &format!("response_headers.set = {{ A = \"{long}\" }}"),
            "these rules add 1541 bytes to every message",
        ),
    ]);
    let many: Vec<String> = (0..=limits::HEADER_RULES).map(|number| format!("\"n{number}\"")).collect();
    let change = format!("response_headers.remove = [{}]", many.join(", "));
    each_gives_one_error(&[("listener", &change, "there are too many rules")]);
}

#[test]
fn rules_of_listener_and_backend_have_to_fit_together() {
    let half = "x".repeat(limits::HEADER_RULES_SIZE / 2);
    let rules = format!("response_headers.set = {{ A = \"{half}\" }}");
    each_is_accepted(&[("listener", &rules), ("backend", &rules)]);
    let text = file("listener", &rules).replacen("#backend\n", &format!("{rules}\n"), 1);
    let report = parse(&text, "t.toml", Path::new("")).unwrap_err();
    let expected = "the header rules of this listener and of backend `web` add 1546 bytes";
    assert_eq!(messages(&report.errors), [expected], "{report}");
}

#[test]
fn keeps_the_order_of_the_file() {
    let change =
        "response_headers.set = { Zebra = \"1\", Ant = \"2\" }\nresponse_headers.add = { Bee = \"\" }";
    let config = check("listener", change).unwrap();
    let rules = config.listeners[0].response_headers.as_ref().unwrap();
    assert_eq!(rules.lines(), b"Zebra: 1\r\nAnt: 2\r\nBee: \r\n");
    assert!(check("listener", "response_headers = {}").unwrap().listeners[0].response_headers.is_none());
}

#[test]
fn warns_of_an_expression_that_would_be_sent_as_it_stands() {
    let config = check("listener", "request_headers.set = { X-Real-IP = \"%[src]\" }").unwrap();
    assert!(config.warnings[0].contains("begins no expression here"), "{:?}", config.warnings);
}

#[test]
fn what_torii_says_of_the_client_is_said_once() {
    let set = "request_headers.set = { X-Forwarded-Proto = \"https\" }";
    each_is_accepted(&[("listener", set), ("backend", set), ("backend", "forwarded_proto = true")]);
    each_gives_one_error(&[(
        "backend",
        &format!("forwarded_proto = true\n{set}"),
        "X-Forwarded-Proto is said by a header rule and by `forwarded_proto` of backend `web`",
    )]);
    let text = file("listener", set).replacen("#backend\n", "forwarded_proto = true\n", 1);
    assert!(parse(&text, "t.toml", Path::new("")).is_err());
}
