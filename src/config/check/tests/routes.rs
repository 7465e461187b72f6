//! Routes, redirects and error pages: what is accepted, refused, and warned of.

use super::*;
use crate::config::model::{Action, Redirect};
use crate::http::answer::Answer;
use crate::http::redirect::{RedirectStatus, RedirectTo};
use crate::limits;

fn route(text: &str) -> String {
    format!("[[listener.route]]\n{text}")
}

fn warnings(place: &str, change: &str) -> Vec<String> {
    check(place, change).unwrap_or_else(|report| panic!("{change}\n{report}")).warnings
}

#[test]
fn a_route_does_exactly_one_thing() {
    let cases = [
        ("host = \"a\"", "this route does nothing"),
        ("host = \"a\"\nbackend = \"web\"\nstatus = 403", "a route does one thing, and this is the second"),
        (
            "backend = \"web\"\nredirect = { to = \"https\" }",
            "a route does one thing, and this is the second",
        ),
        ("status = 403\nredirect = { to = \"https\" }", "a route does one thing, and this is the second"),
        ("backend = \"shop\"", "there is no backend named `shop`"),
        ("host = \"a\"\nstatus = 401", "a route cannot answer 401"),
        ("status = 99", "a route cannot answer 99"),
    ];
    for (text, expected) in cases {
        each_gives_one_error(&[("listener", &route(text), expected)]);
    }
    each_is_accepted(&[
        ("listener", &route("host = \"a\"\nbackend = \"web\"")),
        ("listener", &route("path_prefix = \"/old\"\nredirect = { to = \"/new\", status = 308 }")),
        ("listener", &route("method = [\"PUT\", \"DELETE\"]\nstatus = 403")),
    ]);
}

#[test]
fn conditions_are_of_a_form_that_requests_can_have() {
    let cases = [
        ("host = \"a:80\"", "\"a:80\" is not a host to compare with"),
        ("host = \"*\"", "\"*\" is not a host to compare with"),
        ("host = \"*.\"", "\"*.\" is not a host to compare with"),
        ("host = \"*a.b\"", "\"*a.b\" is not a host to compare with"),
        ("host = \"a.*\"", "\"a.*\" is not a host to compare with"),
        ("host = \"*..a\"", "\"*..a\" is not a host to compare with"),
        ("host = \"a.\"", "\"a.\" is not a host to compare with"),
        ("host = \"b\u{fc}cher.example\"", "\"b\u{fc}cher.example\" is not a host to compare with"),
        ("host = \"http://a\"", "\"http://a\" is not a host to compare with"),
        ("host = \"[::1]:80\"", "\"[::1]:80\" is not a host to compare with"),
        ("host = []", "`host` is an empty list"),
        ("host = [1]", "`host` must be a list of strings, not a whole number"),
        ("path_prefix = \"api\"", "a path begins with `/`"),
        ("path_prefix = \"/a?b\"", "a path ends before `?` and `#`"),
        ("path_prefix = \"/a b\"", "no request has such a path"),
        ("path_prefix = \"/\u{e9}\"", "no request has such a path"),
        ("method = \"get\"", "no client sends the method \"get\""),
        ("method = \"GET,HEAD\"", "\"GET,HEAD\" is not a method"),
        ("method = \"\"", "\"\" is not a method"),
    ];
    for (text, expected) in cases {
        each_gives_one_error(&[("listener", &route(&format!("{text}\nstatus = 403")), expected)]);
    }
    for text in ["host = [\"*.a-b.c_d\", \"[::1]\"]", "path_prefix = \"/%20/(~)\"", "method = \"PROPFIND\""] {
        each_is_accepted(&[("listener", &route(&format!("{text}\nstatus = 403")))]);
    }
}

#[test]
fn a_redirect_leads_somewhere_else() {
    let to = |text: &str| route(&format!("host = \"a\"\nredirect = {{ to = \"{text}\" }}"));
    for bad in [
        "",
        "http",
        "www.example.com",
        "//evil.example",
        "https://",
        "https://a b",
        "https://u@a",
        "https://a?x",
        "ftp://a",
        "/a b",
        "/a\\r\\nb",
        "/\u{e9}",
    ] {
        let report = check("listener", &to(bad)).expect_err(bad);
        assert!(messages(&report.errors)[0].starts_with("a redirect cannot lead to "), "{report}");
    }
    let place = |text: &str| match check("listener", &to(text)).unwrap().listeners[0].routes[0].action.clone()
    {
        Action::Redirect(Redirect { to, status: RedirectStatus::Found }) => to,
        other => panic!("{other:?}"),
    };
    assert_eq!(place("https"), RedirectTo::Https);
    assert_eq!(place("http://[::1]:8080"), RedirectTo::Origin("http://[::1]:8080".into()));
    assert_eq!(place("https://a/"), RedirectTo::Location("https://a/".into()));
    assert_eq!(place("/a?b#c"), RedirectTo::Location("/a?b#c".into()));
    each_gives_one_error(&[
        (
            "listener",
            &route("redirect = { to = \"https\", status = 304 }"),
            "304 is not the status of a redirect",
        ),
        ("listener", &route("redirect = { status = 301 }"), "[listener.route.redirect] has no `to`"),
        ("listener", &route("redirect = \"https\""), "`redirect` must be a table, not a string"),
        (
            "listener",
            &to(&format!("/{}", "x".repeat(limits::REDIRECT_SIZE))),
            &format!("a redirect cannot lead to \"/{}\"", "x".repeat(63)),
        ),
    ]);
}

#[test]
fn a_listener_needs_a_backend_or_what_stands_for_it() {
    let without = "replace backend = \"web\"";
    each_gives_one_error(&[
        (without, "", "[[listener]] has no `backend`"),
        (without, "route = [{ host = \"a\", backend = \"web\" }]", "[[listener]] has no `backend`"),
        (
            "listener",
            "redirect = { to = \"https\" }",
            "a listener with `redirect` sends nobody to its `backend`",
        ),
    ]);
    let default = |change: &str| check(without, change).unwrap().listeners[0].default.clone();
    assert_eq!(
        default("redirect = { to = \"https\", status = 301 }"),
        Action::Redirect(Redirect { to: RedirectTo::Https, status: RedirectStatus::MovedPermanently })
    );
    assert_eq!(default("route = [{ status = 404 }]"), Action::Answer(Answer::NotFound));
}

#[test]
fn an_https_listener_is_not_redirected_to_itself() {
    let change = "tls = { certificates = [\"none.pem\"] }\nredirect = { to = \"https\" }";
    let report = check("replace backend = \"web\"", change).unwrap_err();
    let expected = "this listener speaks HTTPS already: the redirect would lead to itself for ever";
    assert!(messages(&report.errors).contains(&expected), "{report}");
}

#[test]
fn warns_of_a_route_that_can_never_match_and_names_both_lines() {
    let change = "[[listener.route]]\nhost = \"*.a\"\nbackend = \"web\"\n\
                  [[listener.route]]\nhost = \"b\"\nbackend = \"web\"\n\
                  [[listener.route]]\nhost = [\"x.a\", \"b\"]\npath_prefix = \"/\"\nstatus = 403\n\
                  [[listener.route]]\nhost = \"y.a\"\nmethod = \"GET\"\nstatus = 403";
    let warnings = warnings("listener", change);
    let [warning] = &warnings[..] else { panic!("{warnings:#?}") };
    assert!(warning.starts_with("warning: this route can never match"), "{warning}");
    assert!(warning.contains("--> t.toml:16:1\n"), "the line of the route: {warning}");
    assert!(
        warning.contains("\nnote: the earlier route takes every") && warning.contains("--> t.toml:6\n"),
        "{warning}"
    );
}

#[test]
fn warns_of_what_stands_behind_a_route_without_a_condition() {
    let warnings = warnings("listener", &route("status = 404"));
    let [warning] = &warnings[..] else { panic!("{warnings:#?}") };
    assert!(warning.starts_with("warning: this is never used"), "{warning}");
    assert!(warning.contains("backend = \"web\"") && warning.contains("--> t.toml:6\n"), "{warning}");
}

#[test]
fn bounds_the_routes_and_their_values() {
    let many = "[[listener.route]]\nhost = \"a\"\nstatus = 403\n".repeat(limits::ROUTES + 1);
    each_gives_one_error(&[("listener", &many, "this listener has too many routes")]);
    let hosts = "\"a\", ".repeat(limits::ROUTE_VALUES + 1);
    let route = route(&format!("host = [{hosts}]\nstatus = 403"));
    each_gives_one_error(&[("listener", &route, "this route has too many values in its conditions")]);
}

#[test]
fn an_error_page_is_small_readable_and_for_an_answer_of_toriis_own() {
    let folder = tempfile::tempdir().unwrap();
    let page = |name: &str, body: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, body).unwrap();
        path.display().to_string()
    };
    let entry =
        |status: u16, file: &str| format!("[[listener.error_page]]\nstatus = {status}\nfile = \"{file}\"\n");
    let largest = page("largest.html", &vec![b'x'; limits::ERROR_PAGE_SIZE]);
    let too_large = page("large.html", &vec![b'x'; limits::ERROR_PAGE_SIZE + 1]);
    let raw = page("raw.txt", b"HTTP/1.1 503 Busy\r\n\r\nbusy");
    let unknown = page("page.http", b"x");
    each_gives_one_error(&[
        ("listener", &entry(200 + 4, &largest), "torii never answers 204 itself"),
        ("listener", &entry(503, &too_large), "the page is larger than 64 KiB"),
        ("listener", &entry(503, &raw), "the page begins with a status line, as HAProxy's error files do"),
        (
            "listener",
            &entry(503, "/nonexistent.html"),
            "the page /nonexistent.html cannot be read: No such file or directory (os error 2)",
        ),
        (
            "listener",
            &(entry(503, &largest) + &entry(503, &largest)),
            "this listener has a page for 503 already",
        ),
        ("listener", "[[listener.error_page]]\nstatus = 503", "[[listener.error_page]] has no `file`"),
        (
            "listener",
            &format!("[[listener.error_page]]\nfile = \"{largest}\""),
            "[[listener.error_page]] has no `status`",
        ),
    ]);
    let report = check("listener", &entry(503, &unknown)).unwrap_err();
    assert!(messages(&report.errors)[0].contains("cannot be told from its name"), "{report}");
    let config = check("listener", &(entry(503, &largest) + &entry(400, &largest))).unwrap();
    let kept = config.listeners[0].error_pages.get(Answer::ServiceUnavailable).unwrap();
    assert_eq!((kept.body.len(), kept.content_type), (limits::ERROR_PAGE_SIZE, "text/html"));
}
