//! Routes: which backend gets a request, and what torii answers itself.

use std::fmt::Write as _;

use crate::support::{Client, Configuration, Origin, Torii, wait};

/// A torii with these routes; the listener's backend has the origin `default`, and `shop` and `api`
/// are backends of their own.
struct World {
    default: Origin,
    shop: Origin,
    torii: Torii,
}

fn start(routes: &str) -> World {
    start_with(Configuration::new(), routes)
}

fn start_with(plan: Configuration, routes: &str) -> World {
    let (default, shop) = (Origin::start("default"), Origin::start("shop"));
    let address = shop.address();
    let plan = plan.listener(routes).server(default.address()).more(&format!(
        "[[backend]]\nname = \"shop\"\n[[backend.server]]\nname = \"shop1\"\naddress = \"{address}\"\n"
    ));
    let torii = Torii::start(&plan);
    World { default, shop, torii }
}

fn route(text: &str) -> String {
    format!("[[listener.route]]\n{text}\n")
}

/// Who answers a request, written with `|` for each line end.
#[track_caller]
fn answered_by(client: &mut Client, request: &str) -> String {
    client.send(request.replace('|', "\r\n") + "\r\n\r\n");
    client.response("GET").text()
}

#[test]
fn a_host_has_its_own_backend() {
    let world = start(&route("host = [\"shop.example\", \"*.shop.example\"]\nbackend = \"shop\""));
    let mut client = world.torii.client();
    for (host, expected) in [
        ("shop.example", "shop"),
        ("SHOP.example:8080", "shop"),
        ("shop.example.", "shop"),
        ("a.b.shop.example", "shop"),
        ("www.example", "default"),
        ("notshop.example", "default"),
    ] {
        let request = format!("GET /name HTTP/1.1|Host: {host}");
        assert_eq!(answered_by(&mut client, &request), expected, "{host}");
    }
    assert_eq!(answered_by(&mut client, "GET http://shop.example/name HTTP/1.1|Host: shop.example"), "shop");
    let line = world.torii.wait_for_log("one at the shop", |line| line.backend == "shop");
    assert_eq!((line.server.as_str(), line.status), ("shop1", 200));
}

#[test]
fn a_path_prefix_has_its_own_backend_and_is_forwarded_as_it_came() {
    let world = start(&route("path_prefix = \"/name\"\nbackend = \"shop\""));
    let mut client = world.torii.client();
    for (path, expected) in [("/name", "shop"), ("/name?x", "shop"), ("/server.html", "default")] {
        assert_eq!(answered_by(&mut client, &format!("GET {path} HTTP/1.1|Host: a")), expected, "{path}");
    }
    client.get("/name/%2e%2e//b?c");
    assert_eq!(world.shop.only("/name/").target(), "/name/%2e%2e//b?c");
    for path in ["/names", "/%6eame", "//name"] {
        client.get(path);
        assert_eq!((world.default.seen(path).len(), world.shop.seen(path).len()), (1, 0), "{path}");
    }
}

#[test]
fn methods_can_be_told_apart() {
    let world = start(&route("method = [\"POST\", \"PUT\"]\nbackend = \"shop\""));
    let mut client = world.torii.client();
    assert_eq!(client.get("/name").text(), "default");
    assert_eq!(client.post("/name", b"body").text(), "shop");
    assert_eq!(answered_by(&mut client, "post /name HTTP/1.1|Host: a"), "default");
}

#[test]
fn the_first_route_that_matches_wins_and_all_its_conditions_have_to_hold() {
    let routes = route("host = \"a\"\npath_prefix = \"/name\"\nmethod = \"GET\"\nbackend = \"shop\"")
        + &route("host = \"a\"\nstatus = 403")
        + &route("path_prefix = \"/\"\nbackend = \"shop\"");
    let world = start(&routes);
    let mut client = world.torii.client();
    assert_eq!(answered_by(&mut client, "GET /name HTTP/1.1|Host: a"), "shop");
    client.send("GET /server.html HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response("GET").status, 403);
    assert_eq!(answered_by(&mut client, "GET /name HTTP/1.1|Host: b"), "shop");
    assert!(world.default.seen("/").is_empty());
}

#[test]
fn a_thousand_routes_are_looked_at_in_order() {
    let mut routes = String::new();
    for number in 0..999 {
        let _ = write!(routes, "[[listener.route]]\nhost = \"h{number}.example\"\nstatus = 404\n");
    }
    let world = start(&(routes + &route("host = \"last.example\"\nbackend = \"shop\"")));
    let mut client = world.torii.client();
    assert_eq!(answered_by(&mut client, "GET /name HTTP/1.1|Host: last.example"), "shop");
    assert_eq!(answered_by(&mut client, "GET /name HTTP/1.1|Host: other.example"), "default");
}

#[test]
fn a_denied_request_reaches_no_server_and_leaves_the_connection_usable() {
    let stats = crate::support::ports::free_address();
    let world =
        start_with(Configuration::new().stats(stats), &route("path_prefix = \"/admin\"\nstatus = 403"));
    let mut client = world.torii.client();
    let response = client.get("/admin/x");
    assert_eq!(response.head.start_line(), "HTTP/1.1 403 Forbidden");
    assert_eq!(response.head.get("connection"), None);
    assert!(response.text().contains("<h1>403 Forbidden</h1>"), "{}", response.text());
    client.send("HEAD /admin HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response("HEAD").status, 403);
    assert_eq!(client.get("/name").text(), "default", "in step after an answer without a body");
    assert!(world.default.seen("/admin").is_empty());
    let line = world.torii.log_of("/admin/x");
    assert_eq!((line.backend.as_str(), line.server.as_str()), ("front_in", "<NOSRV>"));
    assert_eq!((line.flags.as_str(), line.status), ("PR--", 403));
    assert!(line.timers[0] >= 0 && line.timers[1..4] == [-1, -1, -1], "{line:?}");
    let csv = Client::connect(stats).get("/stats;csv").text();
    let frontend = csv.lines().find(|line| line.starts_with("front_in,FRONTEND,")).unwrap();
    assert_eq!(frontend.split(',').nth(10), Some("2"), "dreq: {csv}");
}

#[test]
fn a_route_can_answer_for_a_health_check_of_torii() {
    let world = start(&route("path_prefix = \"/up\"\nstatus = 200"));
    assert_eq!(world.torii.client().get("/up").status, 200);
    assert_eq!(world.torii.log_of("/up").flags, "LR--");
}

#[test]
fn requests_behind_one_that_is_answered_here_are_served() {
    let world = start(
        &(route("path_prefix = \"/no\"\nstatus = 404")
            + &route("path_prefix = \"/old\"\nredirect = { to = \"/new\" }")),
    );
    let mut client = world.torii.client();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    let whole_body = |path: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 22\r\n\r\nGET /name HTTP/1.1\r\n\r\n")
    };
    let chunks = "POST /no?2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                  3;x=y\r\nGET\r\n1;z\r\n \r\n0\r\nX: y\r\n\r\n";
    client.send([get("/no?1"), get("/name?1"), get("/old?1"), get("/name?2")].concat());
    let texts: Vec<_> = (0..4).map(|_| client.response("GET")).map(|one| (one.status, one.text())).collect();
    let statuses: Vec<u16> = texts.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [404, 200, 302, 200]);
    client.send(
        [whole_body("/no?3"), get("/name?3"), whole_body("/old?3"), chunks.into(), get("/name?4")].concat(),
    );
    let statuses: Vec<u16> = (0..5).map(|_| client.response("POST").status).collect();
    assert_eq!(statuses, [404, 200, 302, 404, 200], "a body that was there is passed over by its framing");
    assert_eq!(world.default.seen("/").len(), 4);
}

/// D03: what answers without the body must not take the body for a request.
#[test]
fn the_body_of_a_request_that_is_answered_here_is_never_taken_for_a_request() {
    let world = start(
        &(route("path_prefix = \"/no\"\nstatus = 404")
            + &route("path_prefix = \"/old\"\nredirect = { to = \"https\" }")),
    );
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for path in ["/no", "/old"] {
        for framing in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
            let mut client = world.torii.client();
            client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
            let response = client.response("POST");
            assert!([404, 302].contains(&response.status));
            assert_eq!(response.head.get("connection").as_deref(), Some("close"), "{path} {framing}");
            let _ = client.try_send(smuggled);
            client.expect_close();
        }
        let mut client = world.torii.client();
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabX{smuggled}"
        ));
        assert_eq!(client.response("POST").status, 400, "a malformed chunk that is there is found");
        client.expect_close();
    }
    assert_eq!(world.torii.client().get("/name").text(), "default");
    assert!(world.default.seen("/smuggled").is_empty() && world.shop.seen("/smuggled").is_empty());
}

#[test]
fn a_client_that_waits_for_100_gets_the_final_answer_at_once() {
    let world = start(&route("path_prefix = \"/no\"\nstatus = 403"));
    let mut client = world.torii.client();
    client.send("PUT /no HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    let response = client.next_response("PUT");
    assert_eq!((response.status, response.head.get("connection").as_deref()), (403, Some("close")));
}

#[test]
fn old_clients_keep_their_connections_as_they_ask() {
    let world = start(&route("path_prefix = \"/no\"\nstatus = 403"));
    let mut client = world.torii.client();
    client.send("GET /no HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let response = client.response("GET");
    assert_eq!((response.status, response.head.get("connection").as_deref()), (403, Some("keep-alive")));
    client.send("GET /no HTTP/1.0\r\n\r\n");
    assert_eq!(client.response("GET").status, 403);
    client.expect_close();
}

#[test]
fn every_worker_and_both_ends_of_the_list_route_alike() {
    let plan = Configuration::new().workers(2);
    let world = start_with(plan, &route("host = \"shop.example\"\nbackend = \"shop\""));
    for _ in 0..8 {
        let mut client = world.torii.client();
        assert_eq!(answered_by(&mut client, "GET /name HTTP/1.1|Host: shop.example"), "shop");
        assert_eq!(answered_by(&mut client, "GET /name HTTP/1.1|Host: a"), "default");
    }
    wait::for_condition("all of them in the log", || world.torii.log().len() == 16);
}
