//! Header rules: what the configuration changes in the heads that pass.

use crate::support::{Configuration, Origin, Torii};

fn start(plan: Configuration) -> (Origin, Torii) {
    let origin = Origin::start("one");
    let torii = Torii::start(&plan.server(origin.address()));
    (origin, torii)
}

#[test]
fn request_fields_are_removed_set_and_added_in_this_order() {
    let (origin, torii) = start(Configuration::new().listener(
        "[listener.request_headers]\nremove = [\"X-Gone\"]\nset = { X-Set = \"new\" }\nadd = { X-Add = \"2\" }",
    ));
    let mut client = torii.client();
    client.send(
        "GET /name HTTP/1.1\r\nHost: a\r\nx-gone: 1\r\nX-SET: old\r\nX-Set: old\r\nX-Add: 1\r\n\
         X-Goner: 1\r\n\r\n",
    );
    assert_eq!(client.response("GET").text(), "one");
    let head = origin.only("/name");
    assert_eq!(head.lines(), ["Host: a", "X-Add: 1", "X-Goner: 1", "X-Set: new", "X-Add: 2"]);
}

#[test]
fn a_client_cannot_have_the_fields_of_rules_taken_out() {
    let (origin, torii) = start(Configuration::new().listener("request_headers.set = { X-Set = \"ours\" }"));
    let mut client = torii.client();
    client.send("GET /name HTTP/1.1\r\nHost: a\r\nConnection: X-Set\r\nX-Set: forged\r\n\r\n");
    assert_eq!(client.response("GET").text(), "one");
    assert_eq!(origin.only("/name").all("x-set"), ["ours"]);
}

#[test]
fn a_backend_sees_what_its_listener_did_and_comes_first_on_the_way_back() {
    let plan = Configuration::new()
        .listener("request_headers.set = { X-One = \"listener\", X-Two = \"listener\" }")
        .listener("response_headers.set = { X-Three = \"listener\" }")
        .backend("request_headers.set = { X-One = \"backend\" }\nrequest_headers.remove = \"X-Two\"")
        .backend("response_headers.set = { X-Three = \"backend\", X-Four = \"backend\" }")
        .backend("forwarded_for = true");
    let (origin, torii) = start(plan);
    let response = torii.client().get("/name");
    let lines = origin.only("/name").lines();
    assert_eq!(lines, ["Host: www.example.com", "X-One: backend", "x-forwarded-for: 127.0.0.1"]);
    assert_eq!(response.head.all("x-three"), ["listener"]);
    assert_eq!(response.head.all("x-four"), ["backend"]);
}

#[test]
fn the_host_that_a_server_sees_can_be_set_and_routes_look_at_the_clients() {
    let plan = Configuration::new()
        .backend("request_headers.set = { Host = \"inside.example:8080\" }")
        .listener("[[listener.route]]\nhost = \"inside.example\"\nstatus = 403");
    let (origin, torii) = start(plan);
    let mut client = torii.client();
    assert_eq!(client.get("/name").text(), "one");
    assert_eq!(origin.only("/name").all("host"), ["inside.example:8080"]);
    client.send("GET http://b/server.html HTTP/1.0\r\n\r\n");
    assert_eq!(client.response("GET").status, 200);
    assert_eq!(origin.only("/server.html").all("host"), ["inside.example:8080"]);
}

#[test]
fn response_fields_are_changed_in_what_servers_answer_and_not_in_interim_responses() {
    let plan = Configuration::new()
        .listener("[listener.response_headers]\nremove = [\"set-cookie\", \"Link\", \"x-mixed\"]")
        .listener("set = { Strict-Transport-Security = \"max-age=31536000\" }");
    let (_origin, torii) = start(plan);
    let mut client = torii.client();
    let head = client.get("/headers").head;
    assert_eq!(head.all("strict-transport-security"), ["max-age=31536000"]);
    assert_eq!((head.get("set-cookie"), head.get("x-mixed")), (None, None));
    assert_eq!(head.get("keep-alive").as_deref(), Some("timeout=5"));
    client.send("GET /interim HTTP/1.1\r\nHost: a\r\n\r\n");
    let interim = client.next_response("GET");
    assert_eq!(interim.status, 103);
    assert!(interim.head.get("link").is_some() && interim.head.get("strict-transport-security").is_none());
    assert_eq!(client.response("GET").head.all("strict-transport-security").len(), 1);
}

#[test]
fn toriis_own_answers_carry_no_response_rules_but_redirects_do() {
    let plan = Configuration::new()
        .listener("response_headers.set = { X-Rule = \"1\" }")
        .listener("[[listener.route]]\npath_prefix = \"/no\"\nstatus = 404")
        .listener("[[listener.route]]\npath_prefix = \"/old\"\nredirect = { to = \"/new\" }");
    let (_origin, torii) = start(plan);
    let mut client = torii.client();
    assert_eq!(client.get("/no").head.get("x-rule"), None);
    assert_eq!(client.get("/old").head.get("x-rule").as_deref(), Some("1"));
    assert_eq!(client.get("/name").head.get("x-rule").as_deref(), Some("1"));
}

#[test]
fn a_client_stays_on_its_server_where_no_cookie_is_forwarded() {
    let plan = Configuration::new()
        .persistent()
        .backend("request_headers.remove = \"Cookie\"\nresponse_headers.remove = \"Set-Cookie\"");
    let (one, two) = (Origin::start("one"), Origin::start("two"));
    let torii = Torii::start(&plan.server(one.address()).server(two.address()));
    let mut client = torii.client();
    let response = client.get("/headers");
    let cookies = response.head.all("set-cookie");
    let [cookie] = &cookies[..] else { panic!("torii's cookie alone: {cookies:?}") };
    let value = cookie.split(';').next().unwrap();
    let first = if one.seen("/headers").is_empty() { &two } else { &one };
    for number in 0..4 {
        client.send(format!("GET /name?{number} HTTP/1.1\r\nHost: a\r\nCookie: a=b; {value}\r\n\r\n"));
        assert_eq!(client.response("GET").status, 200);
    }
    let seen = first.seen("/name");
    assert_eq!(seen.len(), 4, "persistence read the cookie");
    assert!(seen.iter().all(|request| request.head.get("cookie").is_none()));
}

/// A head grows into the room before a buffer's data: all of what rules may add fits there.
#[test]
fn the_longest_rules_fit_the_smallest_buffer_with_everything_else() {
    let value = "v".repeat(700);
    let plan = Configuration::new()
        .io("buffer_size = \"4KiB\"")
        .persistent()
        .listener(&format!("request_headers.set = {{ X-One = \"{value}\" }}"))
        .listener(&format!("response_headers.set = {{ X-One = \"{value}\" }}"))
        .backend(&format!("request_headers.set = {{ X-Two = \"{value}\" }}"))
        .backend(&format!("response_headers.set = {{ X-Two = \"{value}\" }}"))
        .backend("forwarded_for = true");
    let (origin, torii) = start(plan);
    let mut client = torii.client();
    let large = "x".repeat(3_500);
    client.send(format!("GET /length/100000 HTTP/1.1\r\nHost: a\r\nX-Large: {large}\r\n\r\n"));
    let response = client.response("GET");
    assert_eq!((response.status, response.body.len()), (200, 100_000));
    assert_eq!(response.head.get("x-one").map(|value| value.len()), Some(700));
    assert!(response.head.get("set-cookie").is_some());
    let head = origin.only("/length");
    let lengths = ["x-large", "x-one", "x-two"].map(|name| head.get(name).map(|value| value.len()));
    assert_eq!(lengths, [Some(3_500), Some(700), Some(700)]);
}
