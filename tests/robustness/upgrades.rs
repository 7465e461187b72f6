//! Requests that ask for another protocol: while no server has switched, nothing but HTTP is spoken.

use crate::case::Case;
use crate::world::World;

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

fn request(method: &str, fields: &str, rest: &str) -> Vec<u8> {
    format!("{method} /chat HTTP/1.1\r\nHost: a\r\n{fields}\r\n{rest}").into_bytes()
}

#[test]
fn d39_what_follows_an_upgrade_that_was_not_granted_is_the_next_request() {
    let cases = ["GET", "OPTIONS", "DELETE", "POST", "PURGE"].map(|method| {
        Case::forwarded(&format!("D39 {method}"), &format!("{method} /chat"), request(method, UPGRADE, ""))
            .line("connection: Upgrade")
            .line("upgrade: websocket")
    });
    World::start().run(&cases);
}

#[test]
fn d40_an_upgrade_with_a_body_is_a_normal_message() {
    let bodies = [
        ("length", "Content-Length: 5\r\n", "hello"),
        ("chunked", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
    ];
    let cases = bodies.map(|(name, framing, body)| {
        let bytes = request("POST", &format!("{UPGRADE}{framing}"), body);
        Case::forwarded(&format!("D40 {name}"), "POST /chat", bytes)
            .body("hello")
            .without("upgrade")
            .without("connection")
    });
    World::start().run(&cases);
}

#[test]
fn d41_connect_is_refused_and_what_follows_is_nobodys() {
    let targets = ["a:443", "a:80", "127.0.0.1:22", "/", "http://a/", "*"];
    let cases = targets.map(|target| {
        let head = format!("CONNECT {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        Case::refused(&format!("D41 {target}"), 400, head)
    });
    World::start().run(&cases);
}

#[test]
fn d79_http_2_is_never_offered_to_a_server() {
    let plain = [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "Connection: Upgrade\r\nUpgrade: H2C\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: ,h2c,\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c, HTTP/2.0, TLS/1.0\r\n",
        "Upgrade: h2c\r\nConnection: close, Upgrade, keep-alive\r\n",
    ];
    let world = World::start();
    for fields in plain {
        let case = Case::forwarded(&format!("D79 {fields:?}"), "GET /chat", request("GET", fields, ""));
        let case = case.without("upgrade");
        world.run(&[if fields.contains("close") { case.and_closed() } else { case }]);
    }
    let split = "Connection: Upgrade\r\nUpgrade: h2c\r\nX: y\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n";
    world.run(&[Case::forwarded("D79 beside another", "GET /chat", request("GET", split, ""))
        .line("connection: Upgrade")
        .line("upgrade: websocket")]);
}
