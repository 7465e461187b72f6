//! Redirects of routes and listeners: where they lead, and what they never carry.

use crate::support::certificate::Certificate;
use crate::support::{Client, Configuration, Origin, Response, Torii};

fn to_https() -> Torii {
    let plan = Configuration::new().without_listener_backend();
    let plan = plan.listener("redirect = { to = \"https\", status = 301 }");
    // A file has to have a backend; nobody is sent there.
    Torii::start(&plan.server(Origin::start("unused").address()))
}

fn location(response: &Response) -> String {
    response.head.get("location").unwrap_or_default()
}

#[test]
fn a_listener_without_a_backend_sends_everybody_to_https() {
    let torii = to_https();
    let mut client = torii.client();
    for (host, expected) in
        [("www.example.com", "www.example.com"), ("a:80", "a"), ("a:8080", "a:8080"), ("[::1]:80", "[::1]")]
    {
        client.send(format!("GET /a%20b//c?d=\"e\"&f HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let response = client.response("GET");
        assert_eq!(response.head.start_line(), "HTTP/1.1 301 Moved Permanently");
        assert_eq!(location(&response), format!("https://{expected}/a%20b//c?d=\"e\"&f"));
        assert_eq!((response.head.get("content-length").as_deref(), response.body.len()), (Some("0"), 0));
        assert_eq!(response.head.get("connection"), None);
    }
    let line = torii.wait_for_log("a redirect", |line| line.status == 301);
    assert_eq!((line.backend.as_str(), line.server.as_str()), ("front_in", "<NOSRV>"));
    assert_eq!(line.flags, "LR--");
    assert!(line.bytes > 0 && line.timers[0] >= 0 && line.timers[1..4] == [-1, -1, -1], "{line:?}");
}

#[test]
fn a_redirect_follows_the_rules_of_the_connection() {
    let torii = to_https();
    let mut client = torii.client();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(location(&client.response("HEAD")), "https://a/");
    let response = client.response("GET");
    assert_eq!(
        (location(&response).as_str(), response.head.get("connection").as_deref()),
        ("https://a/2", Some("close"))
    );
    client.expect_close();
    let mut old = torii.client();
    old.send("GET http://h:80/x HTTP/1.0\r\n\r\n");
    assert_eq!(location(&old.response("GET")), "https://h/x");
    old.expect_close();
    let mut star = torii.client();
    star.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(location(&star.response("OPTIONS")), "https://a/");
}

#[test]
fn nothing_in_a_request_gets_out_of_the_location_field() {
    let torii = to_https();
    for request in [
        "GET /a\rLocation: http://evil HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rSet-Cookie: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: user@evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: evil.example/a\r\n\r\n",
        "GET http://evil.example/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    ] {
        let mut client = torii.client();
        client.send(request);
        let response = client.response("GET");
        assert_eq!((response.status, location(&response).as_str()), (400, ""), "{request:?}");
        client.expect_close();
    }
}

#[test]
fn a_target_of_any_length_is_kept_whole() {
    let long = "x".repeat(4_000);
    let rules = "response_headers.set = { X-Long = \"VALUE\" }".replace("VALUE", &"v".repeat(1_500));
    let plan = Configuration::new().without_listener_backend().io("buffer_size = \"4KiB\"");
    let plan = plan.listener("redirect = { to = \"https\", status = 308 }").listener(&rules);
    let torii = Torii::start(&plan.server(Origin::start("unused").address()));
    let mut client = torii.client();
    for number in 0..3 {
        client.send(format!("GET /{number}{long} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let response = client.response("GET");
        assert_eq!(location(&response), format!("https://a/{number}{long}"));
        assert_eq!(response.head.get("x-long").map(|value| value.len()), Some(1_500));
    }
}

#[test]
fn routes_redirect_to_origins_and_places() {
    let route = |text: &str| format!("[[listener.route]]\n{text}\n");
    let routes =
        route("host = \"example.com\"\nredirect = { to = \"https://www.example.com\", status = 308 }")
            + &route("path_prefix = \"/old\"\nredirect = { to = \"/new?from=old\", status = 303 }")
            + &route(
                "path_prefix = \"/away\"\nredirect = { to = \"http://other.example:81/\", status = 307 }",
            );
    let origin = Origin::start("one");
    let torii = Torii::start(&Configuration::new().listener(&routes).server(origin.address()));
    let mut client = torii.client();
    client.send("POST /a?b HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1\r\n\r\nx");
    let response = client.response("POST");
    assert_eq!((response.status, location(&response).as_str()), (308, "https://www.example.com/a?b"));
    assert_eq!(response.head.get("cache-control"), None);
    let response = client.get("/old/x?y");
    assert_eq!((response.status, location(&response).as_str()), (303, "/new?from=old"));
    assert_eq!(response.head.get("cache-control").as_deref(), Some("no-cache"));
    assert_eq!(location(&client.get("/away")), "http://other.example:81/");
    assert_eq!(client.get("/name").text(), "one");
}

#[test]
fn a_redirect_over_tls_leaves_what_follows_it_in_step() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::for_names(&["a.test"]);
    let file = certificate.write(folder.path(), "a.test");
    let routes = "[[listener.route]]\npath_prefix = \"/old\"\nredirect = { to = \"/new\" }\n";
    let origin = Origin::start("one");
    let plan = Configuration::new().listener(routes).server(origin.address());
    let torii = Torii::start(&plan.tls(&file, "1.2"));
    let mut client = Client::connect_tls(torii.address(), "a.test", certificate.any_client()).unwrap();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send([get("/old"), get("/name"), get("/old?2"), get("/name?2")].concat());
    assert_eq!(location(&client.response("GET")), "/new");
    assert_eq!(client.response("GET").text(), "one");
    assert_eq!(client.response("GET").status, 302);
    assert_eq!(client.response("GET").text(), "one");
}

#[test]
fn redirects_count_as_requests_of_their_connection() {
    let plan = Configuration::new().limit("requests_per_connection = 2");
    let plan = plan.listener("[[listener.route]]\npath_prefix = \"/old\"\nredirect = { to = \"/new\" }");
    let origin = Origin::start("one");
    let torii = Torii::start(&plan.server(origin.address()));
    let mut client = torii.client();
    client.send("GET /old HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
    for last in [false, true] {
        assert_eq!(client.response("GET").head.get("connection").as_deref(), last.then_some("close"));
    }
    client.expect_close();
}
