//! Error pages of the operator's own: for torii's answers, and for nothing a server says.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::{Configuration, Origin, Torii, ports};

struct Pages(TempDir);

impl Pages {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Lines that give a status this page.
    fn page(&self, status: u16, name: &str, body: &[u8]) -> String {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, body).unwrap();
        format!("[[listener.error_page]]\nstatus = {status}\nfile = \"{}\"\n", path.display())
    }
}

#[test]
fn a_page_replaces_the_built_in_one_with_the_type_of_its_name() {
    let pages = Pages::new();
    let plan = Configuration::new()
        .listener(&pages.page(503, "busy.json", b"{\"busy\": true}"))
        .listener(&pages.page(400, "bad.txt", b"bad"))
        .server(ports::free_address());
    let torii = Torii::start(&plan);
    let mut client = torii.client();
    let response = client.get("/x");
    assert_eq!(response.head.start_line(), "HTTP/1.1 503 Service Unavailable");
    assert_eq!(
        (response.head.get("content-type").as_deref(), response.text().as_str()),
        (Some("application/json"), "{\"busy\": true}")
    );
    assert_eq!(response.head.get("cache-control").as_deref(), Some("no-cache"));
    client.send("HEAD /y HTTP/1.1\r\nHost: a\r\n\r\n");
    let response = client.response("HEAD");
    assert_eq!(response.head.get("content-length").as_deref(), Some("14"));
    assert_eq!(client.get("/z").status, 503, "in step: HEAD got no body");
    let line = torii.log_of("/x");
    assert_eq!((line.end(), line.status), ("SC", 503));
    client.send("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    let response = client.response("GET");
    assert_eq!((response.status, response.text().as_str()), (400, "bad"));
    assert_eq!(response.head.get("connection").as_deref(), Some("close"));
    client.expect_close();
}

#[test]
fn a_page_larger_than_a_buffer_arrives_whole() {
    let pages = Pages::new();
    let body: Vec<u8> = (0..64 * 1024).map(|at| b'a' + (at % 23) as u8).collect();
    let plan = Configuration::new()
        .io("buffer_size = \"4KiB\"")
        .listener(&pages.page(403, "no.html", &body))
        .listener("[[listener.route]]\npath_prefix = \"/no\"\nstatus = 403")
        .server(Origin::start("one").address());
    let torii = Torii::start(&plan);
    let mut client = torii.client();
    for number in 0..3 {
        let response = client.get(&format!("/no?{number}"));
        assert_eq!((response.status, response.truncated), (403, false));
        assert!(response.body == body);
        let line = torii.log_of(&format!("/no?{number}"));
        assert_eq!(line.bytes, (response.head.0.len() + body.len()) as u64);
    }
}

#[test]
fn what_a_server_says_is_never_replaced() {
    let pages = Pages::new();
    let origin = Origin::start("one");
    let plan = Configuration::new().listener(&pages.page(503, "busy.html", b"busy")).server(origin.address());
    let torii = Torii::start(&plan);
    let response = torii.client().get("/status/503");
    assert_eq!((response.head.get("x-status").as_deref(), response.body.len()), (Some("503"), 0));
}

#[test]
fn an_empty_page_is_an_answer_too() {
    let pages = Pages::new();
    let plan = Configuration::new().listener(&pages.page(503, "none.txt", b"")).server(ports::free_address());
    let torii = Torii::start(&plan);
    let mut client = torii.client();
    let response = client.get("/x");
    assert_eq!((response.status, response.head.get("content-length").as_deref()), (503, Some("0")));
    assert_eq!(client.get("/y").status, 503);
}
